"""A trial is judged by every measure, with and without the classifier."""

import json

import msgspec
import pytest

from shared.policy import Policy
from training.evaluation.scorecard import report
from training.evaluation.tables import show_scenario
from training.evaluation.trials import Sizes, Trial, run_trial
from training.learning import weak_labels
from training.learning.additive import Choice
from training.simulation.scenarios import make_scenarios

SMALL = Sizes(history=500, orders=400, seed=1, partitions=2)


@pytest.fixture(scope="module")
def trial() -> Trial:
    (scenario,) = make_scenarios(["many-runs"], SMALL.history, SMALL.orders, SMALL.seed)
    return run_trial(scenario, SMALL, Policy())


@pytest.mark.xdist_group("evaluate")
def test_a_report_judges_every_order_by_every_measure(trial: Trial) -> None:
    judged = json.loads(msgspec.json.encode(report(trial, Policy(), seed=1)))
    assert set(judged) == {
        "name", "about", "target_average_precision", "typologies", "delay", "false_alarms",
        "incidents", "learned", "packaged_defaults", "dead_letters", "classifier",
    }  # fmt: skip
    assert list(judged["typologies"]) == ["added_item", "hidden_discount", "either"]
    for typology in judged["typologies"].values():
        figures = typology["figures"]
        assert set(typology) == {
            "figures", "by_size", "intervals", "reviews", "loss", "calibration",
        }  # fmt: skip
        assert figures["orders"] == SMALL.orders
        assert figures["orders"] == sum(band["orders"] for band in typology["by_size"])
        assert figures["orders"] == sum(one["orders"] for one in typology["calibration"]["bins"])
        low, high = typology["intervals"]["recall"]
        assert 0 <= low <= figures["recall"] <= high <= 1
    clean = int((trial.stream.drawn.hidden_bp == 0).sum())
    assert judged["false_alarms"]["clean_orders"] == clean
    assert judged["delay"]["episodes"] >= 2
    assert judged["classifier"] is None


@pytest.mark.xdist_group("evaluate")
def test_a_decided_scenario_is_judged_with_and_without_the_classifier(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # So little history would leave the tables as they are.
    monkeypatch.setattr(weak_labels, "choose", lambda *_: Choice(1.0, 1.0, gain=1.0, error=0.0))
    sizes = Sizes(history=3_000, orders=600, seed=1, partitions=2)
    (scenario,) = make_scenarios(["added-inside-decided"], sizes.history, sizes.orders, 1)
    trial = run_trial(scenario, sizes, Policy())
    assert trial.learned.figures["classifier_decisions"] >= 30
    assert trial.learned.bundle.classifier is not None
    assert trial.unaided is not None
    pairs = list(zip(trial.scores, trial.unaided, strict=True))
    assert all(with_it.order_id == without.order_id for with_it, without in pairs)
    assert any(with_it.p_added_item != without.p_added_item for with_it, without in pairs)
    assert all(one.p_hidden_discount == other.p_hidden_discount for one, other in pairs)
    judged = report(trial, Policy(), seed=1)
    assert judged.classifier is not None
    gain = judged.classifier["added_item"]
    assert gain.average_precision == judged.typologies["added_item"].figures.average_precision
    assert gain.average_precision is not None
    assert gain.without is not None
    assert gain.difference == gain.average_precision - gain.without
    assert gain.interval is not None
    low, high = gain.interval
    assert low <= gain.difference <= high
    assert judged.classifier["hidden_discount"].difference == 0
    show_scenario(judged)
    assert "AP with the classifier" in capsys.readouterr().out
