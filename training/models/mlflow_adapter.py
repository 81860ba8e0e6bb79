"""MLflow's client behind one class: the one place that imports MLflow.

MLflow takes seconds to import, so functions import it, and `--help` does not wait. Only the client
is used, never MLflow's global state, and only what every server has: models are saved as files and
uploaded, because Azure Machine Learning knows no "logged models" of MLflow 3.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as library_version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.models import versions
from training.models.tracking import ENVIRONMENT, shortened, translated

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, Run, RunTag

_SOURCE = {"mlflow.source.name": "training.pipeline"}
"""Tag of a run, which the page shows as its source."""

_THERE_ALREADY = {"RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS", "RESOURCE_CONFLICT"}

_BATCH = 100
"""Parameters, tags or metrics that a server takes at once."""


class MlflowAdapter:
    """MLflow's client for one experiment, which raises Sheriff's errors."""

    def __init__(self, client: MlflowClient, experiment: str) -> None:
        """Take MLflow's client and the id of the experiment."""
        self.client = client
        self.experiment = experiment

    def begin(self, name: str, tags: Mapping[str, str]) -> Run:
        """Start the oldest run that has these tags again, or a new run if no run has them."""
        asked = " and ".join(f"tags.`{tag}` = '{text}'" for tag, text in tags.items())
        with translated():
            begun = self.client.search_runs(
                [self.experiment], asked, max_results=1, order_by=["start_time ASC"]
            )
            if not begun:
                all_tags = {**tags, **_SOURCE}
                return self.client.create_run(self.experiment, tags=all_tags, run_name=name)
            self.client.update_run(begun[0].info.run_id, "RUNNING")
            return begun[0]

    def under_way(self) -> Sequence[Run]:
        with translated():
            return self.client.search_runs([self.experiment], "attributes.status = 'RUNNING'")

    def has_runs(self) -> bool:
        with translated():
            return bool(self.client.search_runs([self.experiment], max_results=1))

    def run(self, run_id: str) -> Run:
        with translated():
            return self.client.get_run(run_id)

    def end(self, run_id: str, status: str) -> None:
        with translated():
            self.client.set_terminated(run_id, status)

    def log_parameters(self, run_id: str, values: Mapping[str, str]) -> None:
        from mlflow.entities import Param  # noqa: PLC0415 - late, as everywhere in this file

        params = [Param(name, shortened(text)) for name, text in values.items()]  # type: ignore[no-untyped-call]
        self._log(run_id, params=params)

    def log_metrics(
        self, run_id: str, values: Mapping[str, float], step: int = 0, at: int | None = None
    ) -> None:
        """Log metrics at a time in milliseconds since 1970: now, if left out."""
        from mlflow.entities import Metric  # noqa: PLC0415

        time = int(datetime.now(UTC).timestamp() * 1000) if at is None else at
        self._log(run_id, [Metric(name, value, time, step) for name, value in values.items()])

    def log_tags(self, run_id: str, values: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag  # noqa: PLC0415

        tags = [RunTag(name, shortened(text)) for name, text in values.items()]  # type: ignore[no-untyped-call]
        self._log(run_id, tags=tags)

    def _log(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        with translated():
            for at in range(0, len(metrics) + len(params) + len(tags), _BATCH):
                part = slice(at, at + _BATCH)
                self.client.log_batch(run_id, metrics[part], params[part], tags[part])

    def untag(self, run_id: str, name: str) -> None:
        with translated():
            self.client.delete_tag(run_id, name)

    def upload(self, run_id: str, file: Path, folder: str) -> None:
        with translated():
            self.client.log_artifact(run_id, str(file), folder or None)

    def upload_all(self, run_id: str, files: Path, folder: str) -> None:
        with translated():
            self.client.log_artifacts(run_id, str(files), folder)

    def registered(self, name: str, bundle_version: str) -> tuple[int, str | None] | None:
        with translated():
            return versions.find(self.client, name, bundle_version)

    def register(self, name: str, run_id: str, folder: str, tags: Mapping[str, str]) -> int:
        """Register what a run keeps in an artifact folder, and return the version's number."""
        from mlflow.exceptions import MlflowException  # noqa: PLC0415

        with translated():
            try:
                self.client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code not in _THERE_ALREADY:
                    raise
            source = f"{self.client.get_run(run_id).info.artifact_uri}/{folder}"
            about = tags[versions.BUNDLE_VERSION]
            made = self.client.create_model_version(
                name, source, run_id, dict(tags), description=about
            )
        return int(made.version)

    def save(
        self, folder: Path, bundle: bytes, catalogue: bytes | None, example: Sequence[Any]
    ) -> Path:
        """Write a model's files, without MLflow's capture of the environment."""
        import pandas as pd  # noqa: PLC0415
        from mlflow import pyfunc  # noqa: PLC0415
        from mlflow.models import infer_signature  # noqa: PLC0415

        from training.models import pyfunc_model  # noqa: PLC0415

        pyfunc_model.write_files(folder / "bundle", bundle, catalogue)
        orders = pd.DataFrame({pyfunc_model.ORDER: [json.dumps(order) for order in example]})
        verdicts = pyfunc_model._load_pyfunc(str(folder / "bundle")).predict(orders)
        with translated():
            pyfunc.save_model(
                folder / "model",
                loader_module=pyfunc_model.__name__,
                data_path=str(folder / "bundle"),
                code_paths=pyfunc_model.write_code(folder / "code"),
                signature=infer_signature(orders, verdicts),
                input_example=orders,
                pip_requirements=[
                    f"{name}=={library_version(name)}" for name in pyfunc_model.LIBRARIES
                ],
            )
        return folder / "model"


def mlflow_client(uri: str) -> MlflowClient:
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    import mlflow  # noqa: PLC0415

    logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"].upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return mlflow.MlflowClient(uri, os.environ.get("MLFLOW_REGISTRY_URI") or uri)
