"""Hidden discounts: which, how many orders they touch, and how long they last."""

import pytest

from shared.catalogue import packaged_catalogue
from shared.model import packaged_bundle
from tests.unit.training.companies import simulated
from training.history.orders import price_history
from training.learning.groundwork import lay_groundwork
from training.learning.hidden_tables import HiddenTables, learn_hidden
from training.simulation.company import Company, HiddenDiscounts


def tables(hidden: HiddenDiscounts, orders: int) -> HiddenTables:
    history = simulated(Company(hidden=hidden), orders, 51)
    return learn_hidden(lay_groundwork(price_history(tuple(history), packaged_catalogue())))


@pytest.mark.parametrize("days", [1, 4])
def test_episodes_of_a_hidden_discount_are_as_long_as_they_were(days: int) -> None:
    learned = tables(HiddenDiscounts(episodes=5, episode_days=(days, days)), 9_000)
    assert learned.episodes == 5
    assert learned.days.value == pytest.approx(days, abs=0.3)
    assert learned.days.reason == ""
    assert [step.discount_bp for step in learned.percents.value] == [100]
    assert learned.rate == learned.share > 0
    assert learned.unseen_share == pytest.approx(1 / 6)


def test_without_an_episode_the_packaged_tables_stand_in_at_a_rate_that_is_not_nothing() -> None:
    learned = tables(HiddenDiscounts(episodes=0), 1_500)
    packaged = packaged_bundle()
    assert (learned.episodes, learned.share, learned.unseen_share) == (0, 0.0, 0.5)
    assert learned.percents.value == packaged.hidden
    assert "chance explains" in learned.percents.reason
    assert learned.days == (packaged.hidden_episode_days, "0 runs seen, fewer than 3")
    assert learned.rate == pytest.approx(0.5 * 3 / 10.5, rel=0.05)  # half of 3 days in 10.5
    assert not learned.lost.any()


def test_one_episode_is_too_few_to_say_how_long_they_last() -> None:
    learned = tables(HiddenDiscounts(episodes=1, percents_bp=(80,), episode_days=(2, 2)), 1_500)
    assert [step.discount_bp for step in learned.percents.value] == [80]
    assert learned.days.reason == "1 runs seen, fewer than 3"
    assert learned.share == pytest.approx(2 / 11.5, rel=0.3)
