"""One run of the real MLflow: what is recorded, and that recording it again doubles nothing."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.orders import order_fields
from tests.unit.training.models.mlflow_world import bundle_of, content, register, runs_of
from training.models.registry import Registry


def test_a_run_records_what_it_is_given(
    registry: Registry, client: MlflowClient, tmp_path: Path
) -> None:
    with registry.run("all") as run:
        run.parameters({"data.sha256": "ab" * 32, "champion": "c-1", "later_days": 14})
        run.metrics({"recall": 0.5, "nothing": None, "nan": float("nan"), "inf": float("inf")})
        run.tags({"outcome": "promoted"})
        run.artifact("report.html", b"<p>well</p>")
        run.artifact("plots/calibration.svg", b"<svg/>")
    (found,) = runs_of(client, "all")
    assert (found.info.status, found.info.run_name) == ("FINISHED", "all")
    assert found.data.params == {
        "data.sha256": "ab" * 32,
        "champion": "c-1",
        "later_days": "14",
    }
    assert found.data.metrics == {"recall": 0.5}
    assert found.data.tags["outcome"] == "promoted"
    assert content(client, run.run_id, "report.html", tmp_path) == b"<p>well</p>"
    assert content(client, run.run_id, "plots/calibration.svg", tmp_path) == b"<svg/>"


def test_a_run_goes_on_where_it_was_and_records_nothing_twice(
    registry: Registry, client: MlflowClient, tmp_path: Path
) -> None:
    for text in (b"first", b"second"):
        with registry.run("again") as run:
            run.parameters({"days": 14, "long": "x" * 2000})
            run.metrics({"recall": 0.5})
            run.metrics({"loss": 1.0}, step=1)
            run.metrics({"loss": 0.5}, step=2)
            run.artifact("report.html", text)
            with run.child("C=1") as child:
                child.metrics({"average_precision": 0.9})
    (found,) = runs_of(client, "again")
    assert "changed.long" not in found.data.tags
    assert len(client.get_metric_history(run.run_id, "recall")) == 1
    steps = [(m.step, m.value) for m in client.get_metric_history(run.run_id, "loss")]
    assert steps == [(1, 1.0), (2, 0.5)]
    assert content(client, run.run_id, "report.html", tmp_path) == b"second"
    asked = f"tags.`mlflow.parentRunId` = '{run.run_id}'"
    (nested,) = client.search_runs([found.info.experiment_id], asked)
    assert (nested.info.run_name, nested.data.metrics) == ("C=1", {"average_precision": 0.9})
    assert nested.info.run_id == child.run_id


def test_a_parameter_keeps_its_first_value_and_a_tag_says_what_it_is_now(
    registry: Registry, client: MlflowClient, caplog: pytest.LogCaptureFixture
) -> None:
    for days in (14, 7):
        with registry.run("changed") as run:
            run.parameters({"days": days})
    (found,) = runs_of(client, "changed")
    assert (found.data.params["days"], found.data.tags["changed.days"]) == ("14", "7")
    assert "days was 14, now 7" in caplog.text


def test_a_run_is_found_again_whatever_it_was_renamed_to(
    registry: Registry, client: MlflowClient
) -> None:
    with registry.run("renamed") as run:
        client.update_run(run.run_id, name="the good one")
    with registry.run("renamed") as again:
        assert again.run_id == run.run_id


def test_a_metric_that_differs_replaces_the_one_before(
    registry: Registry, client: MlflowClient
) -> None:
    for value in (0.5, 0.25):
        with registry.run("corrected") as run:
            run.metrics({"recall": value})
    assert runs_of(client, "corrected")[0].data.metrics == {"recall": 0.25}


def test_a_run_that_raises_has_failed_with_its_error_until_it_goes_well(
    registry: Registry, client: MlflowClient
) -> None:
    with pytest.raises(ValueError, match="too short"), registry.run("failed"):
        raise ValueError("the history is too short")
    (found,) = runs_of(client, "failed")
    assert found.info.status == "FAILED"
    assert found.data.tags["error"] == "ValueError: the history is too short"
    with registry.run("failed"):
        assert runs_of(client, "failed")[0].info.status == "RUNNING"
    (found,) = runs_of(client, "failed")
    assert (found.info.status, "error" in found.data.tags) == ("FINISHED", False)


def test_another_bundle_under_a_registered_version_is_said(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    number = register(registry, "same", "sheriff-same")
    with registry.run("same") as run:
        other = run.model("sheriff-same", bundle_of("other"), "same", [order_fields()])
    assert other == number
    assert "sheriff-same same was registered with SHA-256" in caplog.text
