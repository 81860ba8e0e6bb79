"""Records one MLflow run. Recording the same again doubles nothing."""

from __future__ import annotations

import hashlib
import logging
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from shared.errors import SheriffError
from training.models.mlflow_adapter import MlflowAdapter
from training.models.versions import BUNDLE_SHA256, BUNDLE_VERSION

_ERROR = "error"
"""Tag of a run that failed: why."""

_log = logging.getLogger(__name__)


class Recording:
    """A run that is under way.

    Every method raises `RegistryError` where MLflow fails.
    """

    def __init__(self, adapter: MlflowAdapter, name: str, tags: Mapping[str, str]) -> None:
        """Begin the run that has these tags, or go on with it if it was begun."""
        self._adapter = adapter
        run = adapter.begin(name, tags)
        self.run_id: str = run.info.run_id
        self._started_at: int = run.info.start_time
        if _ERROR in run.data.tags:
            adapter.untag(self.run_id, _ERROR)

    def parameters(self, values: Mapping[str, object]) -> None:
        """Record parameters, as text.

        MLflow never replaces a parameter. Where a continued run has another value, the new value
        goes to the tag ``changed.{name}``, and the log says so.
        """
        texts = {name: str(value) for name, value in values.items()}
        before = self._adapter.run(self.run_id).data.params
        new = {name: text for name, text in texts.items() if name not in before}
        self._adapter.log_parameters(self.run_id, new)
        changed = {name: text for name, text in texts.items() if _differs(before.get(name), text)}
        for name, text in changed.items():
            _log.warning("run %s: %s was %s, now %s", self.run_id, name, before[name], text)
        self.tags({f"changed.{name}": text for name, text in changed.items()})

    def metrics(self, values: Mapping[str, float | None], step: int | None = None) -> None:
        """Record metrics; None, NaN and infinities are left out.

        Without a step a later value replaces an earlier one; with steps the values are a curve.
        """
        known = {k: float(v) for k, v in values.items() if v is not None and math.isfinite(v)}
        if step is not None:  # at the run's own time, a point recorded twice is one point
            self._adapter.log_metrics(self.run_id, known, step, self._started_at)
            return
        before = self._adapter.run(self.run_id).data.metrics
        new = {name: value for name, value in known.items() if before.get(name) != value}
        self._adapter.log_metrics(self.run_id, new)

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags; ``mlflow.note.content`` is the run's description, in Markdown."""
        self._adapter.log_tags(self.run_id, values)

    def artifact(self, name: str, data: bytes) -> None:
        """Keep a file (``report.html``, ``plots/roc.svg``); a file of that name is replaced."""
        folder, _, file = name.rpartition("/")
        with tempfile.TemporaryDirectory() as temporary:
            path = Path(temporary, file)
            path.write_bytes(data)
            self._adapter.upload(self.run_id, path, folder)

    @contextmanager
    def child(self, name: str) -> Iterator[Recording]:
        """Record a run within this one; a run of that name that was begun is continued."""
        tags = {"mlflow.parentRunId": self.run_id, "sheriff.child": name}
        recording = Recording(self._adapter, name, tags)
        with recording.until_the_end():
            yield recording

    def model(
        self,
        name: str,
        bundle: bytes,
        version: str,
        example: Sequence[dict[str, Any]],
        catalogue: bytes | None = None,
    ) -> int:
        """Keep a bundle as a model that MLflow can load, register it, and return its number.

        A bundle version is registered once; the next time its number is returned. The log says so
        if the bundle is not the same as then.

        Args:
            name: of the registered model, which is created if it is missing.
            bundle: the bundle's file.
            version: of the bundle.
            example: at least one order as producers send it: the input example, from which MLflow
                infers the signature.
            catalogue: prices (CSV) to keep beside the bundle; the packaged ones if left out.

        Raises:
            BundleError, OrderError, ConfigurationError: bundle, example or catalogue are bad.
        """
        sha256 = hashlib.sha256(bundle).hexdigest()
        registered = self._adapter.registered(name, version)
        if registered is not None:
            number, before = registered
            if before != sha256:
                _log.warning("%s %s was registered with SHA-256 %s", name, version, before)
            return number
        with tempfile.TemporaryDirectory() as temporary:
            model = self._adapter.save(Path(temporary), bundle, catalogue, example)
            self._adapter.upload_all(self.run_id, model, f"models/{name}")
        # MLflow creates the version together with its tags, so it never lacks them.
        tags = {BUNDLE_VERSION: version, BUNDLE_SHA256: sha256}
        return self._adapter.register(name, self.run_id, f"models/{name}", tags)

    @contextmanager
    def until_the_end(self) -> Iterator[None]:
        """End the run FINISHED, or FAILED with the error as a tag where the body raises."""
        try:
            yield
        except BaseException as error:
            with suppress(SheriffError):  # the error that ended the run matters more
                self.tags({_ERROR: f"{type(error).__name__}: {error}"})
                self._adapter.end(self.run_id, "FAILED")
            raise
        self._adapter.end(self.run_id, "FINISHED")


def _differs(before: str | None, now: str) -> bool:
    """Return whether a recorded parameter has another value now; long values were cut short."""
    return before is not None and before != now and not now.startswith(before.removesuffix("…"))
