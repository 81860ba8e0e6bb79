"""A simulated company refuses figures that make no sense."""

from dataclasses import replace
from datetime import date

import pytest

from shared.errors import ConfigurationError
from training.simulation.company import (
    Company,
    Drift,
    Generosity,
    HiddenDiscounts,
    Ladder,
    Promotion,
    Volume,
)

START = date(2025, 1, 1)


def test_a_company_refuses_figures_that_make_no_sense() -> None:
    with pytest.raises(ConfigurationError, match="opening hours"):
        Volume(opens=18, closes=8)
    with pytest.raises(ConfigurationError, match="seasons"):
        replace(Volume(), seasons=(1.0,))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Drift(Ladder(), START, 0),
        lambda: Promotion(("Gloves",), 10_000, START, 5),
        lambda: Promotion(("Gloves",), 500, START, 0),
        lambda: Generosity(0, Ladder()),
        lambda: Company(reps=1, generosity=Generosity(2, Ladder())),
    ],
)
def test_figures_that_make_no_sense_are_refused(make: "type[Company]") -> None:
    with pytest.raises(ConfigurationError):
        make()


def test_shares_of_a_ladder_without_any_are_even_and_others_sum_to_one() -> None:
    assert Ladder(steps_bp=(100, 200)).step_shares() == (0.5, 0.5)
    assert Ladder(steps_bp=(100, 200), shares=(1, 3)).step_shares() == (0.25, 0.75)
    with pytest.raises(ConfigurationError, match="1 ladder shares for 2 ladder steps"):
        Ladder(steps_bp=(100, 200), shares=(1,))


@pytest.mark.parametrize("days", [(0, 3), (5, 1)])
def test_an_episode_lasts_a_day_at_least_and_the_longest_is_no_shorter(
    days: tuple[int, int],
) -> None:
    with pytest.raises(ConfigurationError, match="episode days"):
        HiddenDiscounts(episode_days=days)


def test_a_discount_is_given_once_and_is_neither_nothing_nor_everything() -> None:
    for steps_bp in ((), (0,), (10_000,), (100, 100)):
        with pytest.raises(ConfigurationError, match="ladder"):
            Ladder(steps_bp=steps_bp)
