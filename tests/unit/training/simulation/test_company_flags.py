"""The flags of a command line describe a company, and every default is the company's own."""

from datetime import date

import pytest

from shared.errors import ConfigurationError
from training.console import ArgumentParser
from training.simulation.company import Company, Drift, Generosity, Ladder, Promotion
from training.simulation.company_flags import add_company_flags, company_from


def company(*arguments: str) -> Company:
    flags = ArgumentParser(prog="test")
    add_company_flags(flags)
    return company_from(flags.parse_args(list(arguments)))


def test_without_a_flag_the_company_is_the_default_one() -> None:
    assert company() == Company()


def test_percents_become_basis_points() -> None:
    changed = company("--ladder", "1,2.5", "--added-percents", "30", "--hidden-percent", "0.7")
    assert changed.ladder.steps_bp == (100, 250)
    assert changed.added.steps_bp == (3_000,)
    assert changed.hidden.percents_bp == (70,)


def test_a_drift_begins_with_the_stream_unless_it_is_told_when() -> None:
    flags = ("--start", "2025-03-01", "--drift-ladder", "4", "--drift-days", "9")
    towards = Ladder(steps_bp=(400,), rate=0.2)
    assert company(*flags).drift == Drift(towards, date(2025, 3, 1), 9)
    assert company(*flags, "--drift-start", "2025-04-02").drift == Drift(
        towards, date(2025, 4, 2), 9
    )


def test_generous_reps_and_promotions_are_there_only_if_asked_for() -> None:
    generous = company("--generous-reps", "2", "--generous-rate", "0.5")
    assert generous.generosity == Generosity(2, Ladder(rate=0.5))
    promoting = company("--promotion", "Gloves, Fenders", "--promotion-percent", "7.5")
    assert promoting.promotions == (
        Promotion(("Gloves", "Fenders"), 750, Company().volume.start, 21),
    )
    with pytest.raises(ConfigurationError, match="a promotion has one percent"):
        company("--promotion", "Gloves", "--promotion-percent", "5,6")


@pytest.mark.parametrize(("text", "days"), [("2", (2, 2)), ("1-5", (1, 5))])
def test_days_are_one_number_or_the_shortest_and_the_longest(
    text: str, days: tuple[int, int]
) -> None:
    assert company("--episode-days", text).hidden.episode_days == days
