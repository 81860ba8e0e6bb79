"""The evaluation: from the command to the figures, on little data."""

import json
from pathlib import Path

import msgspec
import pytest

from shared.policy import Policy
from training import evaluate
from training.comparison.metrics import Truth
from training.console import run
from training.evaluation.scorecard import report
from training.evaluation.tables import show_scenario
from training.evaluation.trials import Sizes, Trial, run_trial
from training.learning import weak_labels
from training.learning.additive import Choice
from training.simulation.scenarios import NAMES, make_scenarios

SMALL = Sizes(history=500, orders=400, seed=1, partitions=2)


@pytest.fixture(scope="module")
def trial() -> Trial:
    (scenario,) = make_scenarios(["many-runs"], SMALL.history, SMALL.orders, SMALL.seed)
    return run_trial(scenario, SMALL, Policy())


@pytest.mark.xdist_group("evaluate")
def test_every_order_of_the_stream_is_scored_once_and_none_of_the_history(trial: Trial) -> None:
    assert sorted(trial.rows.tolist()) == list(range(SMALL.orders))
    assert [trial.stream.ids[row] for row in trial.rows] == [s.order_id for s in trial.scores]
    assert set(trial.partition.tolist()) == {0, 1}
    assert trial.learned.bundle.trained_orders == SMALL.history


@pytest.mark.xdist_group("evaluate")
def test_planted_losses_add_up_to_what_the_frauds_took(trial: Trial) -> None:
    stream, drawn = trial.stream, trial.stream.drawn
    losses, truth = stream.losses_e4(), stream.truth()
    injected = [truth[order_id] for order_id in stream.ids]
    assert [Truth(bool(a), bool(h)) for a, h in zip(
        losses["added_item"], losses["hidden_discount"], strict=True
    )] == injected  # fmt: skip
    assert (losses["either"] == losses["added_item"] + losses["hidden_discount"]).all()
    only_hidden = drawn.hidden > 0
    before = drawn.charged_e4[only_hidden] / (1 - drawn.hidden[only_hidden] / 1e4)
    taken = before - drawn.charged_e4[only_hidden]
    assert losses["hidden_discount"][only_hidden] == pytest.approx(taken, abs=2)
    added = drawn.units.added
    prices = stream.prices.list_e4[drawn.units.product[added], 0]
    assert losses["added_item"].sum() == pytest.approx(
        (prices * drawn.units.discount[added] / 1e4).sum(), abs=int(added.sum())
    )


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
    clean = int((trial.stream.drawn.hidden == 0).sum())
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


@pytest.mark.xdist_group("evaluate")
def test_the_command_prints_and_writes_a_stream_without_fraud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "evaluation.json"
    evaluate.main([
        *("--scenario", "no-fraud", "--history", "320", "--orders", "60", "--json", str(path)),
    ])  # fmt: skip
    printed = capsys.readouterr().out
    assert "no-fraud: not one fraud in the stream" in printed
    assert "overview" in printed
    document = json.loads(path.read_bytes())
    assert document["schema_version"] == 1
    assert document["sizes"] == {"history": 320, "orders": 60, "seed": 1, "partitions": 4}
    (clean,) = document["scenarios"]
    assert clean["typologies"]["either"]["figures"]["frauds"] == 0
    assert clean["typologies"]["either"]["figures"]["recall"] is None
    assert clean["delay"]["episodes"] == clean["incidents"]["planted"] == 0
    assert clean["typologies"]["either"]["loss"]["planted"] == 0


@pytest.mark.parametrize(
    "flags",
    [
        ("--scenario", "moonlight"),
        ("--scenario",),
        ("--history", "0"),
        ("--orders", "-3"),
        ("--orders", "many"),
        ("--partitions", "0"),
        ("--seed", "-1"),
        ("--json", "no/such/folder/e.json"),
        ("--policy", "no-such-file.json"),
    ],
)
def test_bad_input_ends_in_one_line_and_code_two(
    flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        run(evaluate.main, list(flags))
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        evaluate.main(["--help"])
    assert end.value.code == 0
    shown = "".join(capsys.readouterr().out.split())
    assert all(name in shown for name in NAMES)
