"""How far back a history holds: all of it unless less is surely better."""

from datetime import date

from shared.catalogue import packaged_catalogue
from tests.unit.training.companies import simulated
from training.comparison.history_window import FEWEST, chosen_part, search
from training.simulation.company import Company, Drift, Ladder, Volume

CATALOGUE = packaged_catalogue()


def test_a_steady_company_is_learned_from_its_whole_history() -> None:
    orders = simulated(Company(), 9_000, 4)
    found = search(orders, CATALOGUE, 4)
    assert [candidate.share for candidate in found.candidates] == [1.0, 0.5]
    assert found.chosen.share == 1.0
    assert chosen_part(orders, found) == orders


def test_a_ladder_that_changed_is_learned_from_what_came_after() -> None:
    other = Ladder(steps_bp=(400, 900, 1_700), rate=0.3)
    changed = Drift(towards=other, first=date(2025, 2, 10), days=1)
    company = Company(volume=Volume(orders_per_day=120, yearly_growth=1.0), drift=changed)
    orders = simulated(company, 9_000, 4)  # 75 days, the change after 40 of them
    found = search(orders, CATALOGUE, 4)
    assert found.chosen.share == 0.5
    assert found.chosen.gain > found.chosen.error > 0
    assert len(chosen_part(orders, found)) == 4_500


def test_a_short_history_leaves_no_choice_and_costs_no_trial() -> None:
    orders = simulated(Company(), FEWEST, 4)
    found = search(orders, CATALOGUE, 1)
    assert found.candidates == (found.chosen,)
    assert found.chosen.log_likelihood is None
