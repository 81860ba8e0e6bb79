"""The door to MLflow: runs, what they recorded, and the versions of registered models.

Nothing else imports MLflow, which takes seconds, and this does so inside its functions. Only the
client is used, never MLflow's global state, and only what every server has: models are saved as
files and uploaded, because Azure Machine Learning knows no "logged models" of MLflow 3.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from training.models import versions
from training.models.mlflow_adapter import MlflowAdapter, mlflow_client
from training.models.recording import Recording
from training.models.tracking import located, shortened, translated
from training.models.versions import RegisteredVersion

EXPERIMENT = "sheriff"
MODEL, RULES_MODEL = "sheriff", "sheriff-rules"
"""Registered models: with the classifier, and the tables and rules alone."""

_OF_MODELS = {"mlflow.experimentKind": "custom_model_development"}
"""Tag of an experiment: its page is that of trained models, not of language models."""

_log = logging.getLogger(__name__)


class Registry:
    """The runs and the registered models of one MLflow store or server.

    Every method raises `RegistryError` where MLflow fails.
    """

    def __init__(self, adapter: MlflowAdapter) -> None:
        """Take the door; `open` is the way in."""
        self._door = adapter

    @classmethod
    def open(cls, tracking_uri: str, experiment: str | None = None) -> Registry:
        """Connect, and make the experiment if it is not there.

        A ``sqlite:///`` store is made with its folder, and its artifacts lie beside it; a relative
        path is one from the working folder. MLflow's own ``MLFLOW_EXPERIMENT_NAME`` and
        ``MLFLOW_REGISTRY_URI`` count where they are set; otherwise the experiment is `EXPERIMENT`,
        and models are registered where runs are recorded.

        Raises:
            ConfigurationError: no store that Sheriff can use.
            RegistryUnreachableError: nobody answers there.
        """
        store = located(tracking_uri)
        with translated(store.uri):
            if store.folder is not None:
                store.folder.mkdir(parents=True, exist_ok=True)
            client = mlflow_client(store.uri)
            experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
            found = client.get_experiment_by_name(experiment)
            number = found.experiment_id if found else None
            number = number or client.create_experiment(experiment, store.artifacts, _OF_MODELS)
            return cls(MlflowAdapter(client, number))

    @contextmanager
    def run(self, version: str) -> Iterator[Recording]:
        """Record the run of a version; one that was begun goes on, so there is one a version.

        It ends FINISHED; or FAILED, with the tag ``error``, where the body raises.
        """
        recording = Recording(self._door, version, {"sheriff.version": version})
        with recording.until_the_end():
            yield recording

    def end_abandoned(self) -> None:
        """End the runs that are under way as KILLED: nobody else may be running now.

        One that goes on is under way again.
        """
        for run in self._door.under_way():
            self._door.end(run.info.run_id, "KILLED")

    def has_runs(self) -> bool:
        """Whether anything was ever recorded."""
        return self._door.has_runs()

    @property
    def page(self) -> str:
        """Where the runs are on MLflow's page, below its address."""
        return f"/#/experiments/{self._door.experiment}/runs?workflowType=machine_learning"

    def versions(self, name: str) -> list[RegisteredVersion]:
        """Every version of a registered model, the latest first; none where there is no model."""
        with translated():
            return versions.versions(self._door.client, name)

    def number_of(self, name: str, bundle_version: str) -> int | None:
        """The number under which a bundle is registered; None where it is not."""
        found = self._door.registered(name, bundle_version)
        return None if found is None else found[0]

    def bundle_version_of(self, name: str, number: int) -> str | None:
        """The bundle of a registered version; None where there is no such version."""
        with translated():
            return versions.bundle_version_of(self._door.client, name, number)

    def point(self, name: str, alias: str, number: int) -> None:
        """Make an alias (``champion``, ``challenger``) name a version, and no other."""
        with translated():
            versions.point(self._door.client, name, alias, number)

    def pointed(self, name: str, alias: str) -> int | None:
        """The version that an alias names; None where it names none."""
        with translated():
            return versions.pointed(self._door.client, name, alias)

    def clear(self, name: str, alias: str) -> None:
        """Make an alias name no version."""
        with translated():
            versions.clear(self._door.client, name, alias)

    def tag(self, name: str, number: int, **tags: str) -> None:
        """Set tags of a registered version."""
        with translated():
            for key, value in tags.items():
                self._door.client.set_model_version_tag(name, str(number), key, shortened(value))

    def repair(self, name: str, champion: str) -> bool:
        """Make the alias ``champion`` follow the pointer blob, which is the truth.

        Returns whether it had to. A champion that MLflow does not know is no error: it is logged.
        """
        number = self.number_of(name, champion)
        if number is None:
            _log.warning("MLflow has no version of %s for the champion %s", name, champion)
            return False
        if self.pointed(name, "champion") == number:
            return False
        self.point(name, "champion", number)
        return True
