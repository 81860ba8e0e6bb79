"""The record of all runs, and the versions of registered models, in one MLflow store or server."""

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
"""The registered models: whole bundles, and their tables and rules without the classifier."""

_OF_MODELS = {"mlflow.experimentKind": "custom_model_development"}
"""Tag of an experiment, so that MLflow shows the page of trained, not of language models."""

_log = logging.getLogger(__name__)


class Registry:
    """The runs and the registered models of one MLflow store or server.

    Every method raises `RegistryError` where MLflow fails.
    """

    def __init__(self, adapter: MlflowAdapter) -> None:
        """Take the adapter; `open` makes a registry."""
        self._adapter = adapter

    @classmethod
    def open(cls, tracking_uri: str, experiment: str | None = None) -> Registry:
        """Connect, and create the experiment if it is missing.

        A ``sqlite:///`` store is created with its folder, and its artifacts lie beside it. A
        relative path starts at the working folder. MLflow's own ``MLFLOW_EXPERIMENT_NAME`` and
        ``MLFLOW_REGISTRY_URI`` count if they are set. Otherwise the experiment is `EXPERIMENT`,
        and models are registered where runs are recorded.

        Raises:
            ConfigurationError: Sheriff cannot use a store of this kind.
            RegistryUnreachableError: the server does not answer.
        """
        store = located(tracking_uri)
        with translated(store.uri):
            if store.folder is not None:
                store.folder.mkdir(parents=True, exist_ok=True)
            client = mlflow_client(store.uri)
            experiment = experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
            known = client.get_experiment_by_name(experiment)
            number = known.experiment_id if known else None
            number = number or client.create_experiment(experiment, store.artifacts, _OF_MODELS)
            return cls(MlflowAdapter(client, number))

    @contextmanager
    def run(self, version: str) -> Iterator[Recording]:
        """Record the run of a version; a run that was begun is continued.

        It ends FINISHED, or FAILED with the tag ``error`` where the body raises.
        """
        recording = Recording(self._adapter, version, {"sheriff.version": version})
        with recording.until_the_end():
            yield recording

    def end_abandoned(self) -> None:
        """End every run that is under way as KILLED. Call this only while holding the lease.

        A run that is continued later is under way again.
        """
        for run in self._adapter.under_way():
            self._adapter.end(run.info.run_id, "KILLED")

    def has_runs(self) -> bool:
        """Return whether anything was ever recorded."""
        return self._adapter.has_runs()

    @property
    def page(self) -> str:
        """Return the path of the runs on MLflow's page, below its address."""
        return f"/#/experiments/{self._adapter.experiment}/runs?workflowType=machine_learning"

    def versions(self, name: str) -> list[RegisteredVersion]:
        """Return every version of a registered model, the latest first."""
        with translated():
            return versions.versions(self._adapter.client, name)

    def number_of(self, name: str, bundle_version: str) -> int | None:
        """Return the number under which a bundle is registered; None where it is not."""
        registered = self._adapter.registered(name, bundle_version)
        return None if registered is None else registered[0]

    def bundle_version_of(self, name: str, number: int) -> str | None:
        """Return the bundle of a registered version; None where there is no such version."""
        with translated():
            return versions.bundle_version_of(self._adapter.client, name, number)

    def point(self, name: str, alias: str, number: int) -> None:
        """Move an alias (``champion``, ``challenger``) to a version."""
        with translated():
            versions.point(self._adapter.client, name, alias, number)

    def pointed(self, name: str, alias: str) -> int | None:
        """Return the version that an alias names; None where it names no version."""
        with translated():
            return versions.pointed(self._adapter.client, name, alias)

    def clear(self, name: str, alias: str) -> None:
        """Remove an alias."""
        with translated():
            versions.clear(self._adapter.client, name, alias)

    def tag(self, name: str, number: int, **tags: str) -> None:
        """Set tags of a registered version."""
        with translated():
            for key, value in tags.items():
                self._adapter.client.set_model_version_tag(name, str(number), key, shortened(value))

    def repair(self, name: str, champion: str) -> bool:
        """Move the alias ``champion`` to the bundle that the pointer blob names.

        Return whether it had to be moved. A champion that MLflow does not know is logged, and is
        not an error.
        """
        number = self.number_of(name, champion)
        if number is None:
            _log.warning("MLflow has no version of %s for the champion %s", name, champion)
            return False
        if self.pointed(name, "champion") == number:
            return False
        self.point(name, "champion", number)
        return True
