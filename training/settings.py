"""The settings of the nightly run, read once from the environment; a wrong one is named."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.locality import is_local
from shared.stores.settings import BlobSettings, CosmosSettings, Identity, optional, required

DEFAULT_TRACKING_URI = "sqlite:///.sheriff/mlflow/mlflow.db"
"""The place where runs are recorded on one machine, unless ``MLFLOW_TRACKING_URI`` is set."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The settings of a run; fields have the environment's names in lower case (docs/settings.md).

    Those of the stores stand in `shared.stores.settings`.
    """

    orders_hub: str
    cosmos: CosmosSettings
    blobs: BlobSettings
    identity: Identity
    mlflow_tracking_uri: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "TrainingSettings":
        """Read and check every setting.

        Raises:
            ConfigurationError: names the setting that is missing or must not be set.
        """
        return cls(
            orders_hub=required(environ, "ORDERS_HUB"),
            cosmos=CosmosSettings.from_environ(environ),
            blobs=BlobSettings.from_environ(environ),
            identity=Identity.from_environ(environ),
            mlflow_tracking_uri=_tracking_uri(environ),
        )


def _tracking_uri(environ: Mapping[str, str]) -> str:
    """Return where runs are recorded: a local file only on the operator's own machine.

    In Azure the file would be lost with the app's instance.
    """
    if is_local(environ) and optional(environ, "MLFLOW_TRACKING_URI") is None:
        return DEFAULT_TRACKING_URI
    return required(environ, "MLFLOW_TRACKING_URI")
