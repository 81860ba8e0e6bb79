"""The tables of an evaluation: every figure has its place, and what is unknown is a dash."""

import pytest

from shared.policy import Policy
from training.evaluation.scorecard import ScenarioReport, report
from training.evaluation.tables import WIDTH, show_overview, show_scenario
from training.evaluation.trials import Sizes, run_trial
from training.simulation.scenarios import make_scenarios


@pytest.fixture(scope="module")
def without_fraud() -> ScenarioReport:
    sizes = Sizes(history=320, orders=60, seed=1, partitions=1)
    (scenario,) = make_scenarios(["no-fraud"], sizes.history, sizes.orders, sizes.seed)
    return report(run_trial(scenario, sizes, Policy()), Policy(), 1)


def test_a_scenario_shows_each_typology_and_its_incidents(
    without_fraud: ScenarioReport, capsys: pytest.CaptureFixture[str]
) -> None:
    show_scenario(without_fraud)
    printed = capsys.readouterr().out
    assert without_fraud.about in printed
    assert all(name in printed for name in ("added_item", "hidden_discount", "either"))
    assert "incidents: 0 for 0 episodes, 0 missed, 0 false" in printed


def test_the_overview_has_a_dash_for_what_cannot_be_measured_and_fits_its_width(
    without_fraud: ScenarioReport, capsys: pytest.CaptureFixture[str]
) -> None:
    show_overview([without_fraud])
    lines = capsys.readouterr().out.splitlines()
    (row,) = (line for line in lines if "no-fraud" in line)
    assert row.split()[1] == "-"
    assert max(len(line.rstrip()) for line in lines) <= WIDTH
