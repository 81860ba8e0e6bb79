"""The settings of the nightly run, read once from the environment; a wrong one is named."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.locality import is_local, missing, platform_sign, refuse_keys

DEFAULT_TRACKING_URI = "sqlite:///.sheriff/mlflow/mlflow.db"
"""Where runs are recorded on one machine unless ``MLFLOW_TRACKING_URI`` says otherwise."""


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The settings of a run; fields have the environment's names in lower case (docs/settings.md).

    Attributes:
        cosmos_key: an emulator's key; accepted only on the operator's own machine
            (`shared.locality`).
        blob_connection: an emulator's connection string; accepted only there, too. Exactly one
            of this and ``blob_account_url`` is set.
        azure_client_id: of a user-assigned managed identity.
        in_azure: the managed identity signs in; elsewhere the user who is signed in here does.
    """

    orders_hub: str
    cosmos_endpoint: str
    cosmos_key: str | None
    cosmos_database: str
    blob_connection: str | None
    blob_account_url: str | None
    azure_client_id: str | None
    in_azure: bool
    mlflow_tracking_uri: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "TrainingSettings":
        """Read and check every setting.

        Raises:
            ConfigurationError: names the setting that is missing or must not be set.
        """
        refuse_keys(environ, "COSMOS_KEY", "BLOB_CONNECTION")
        connection = _text(environ, "BLOB_CONNECTION")
        client_id = _text(environ, "AZURE_CLIENT_ID")
        return cls(
            orders_hub=_required(environ, "ORDERS_HUB"),
            cosmos_endpoint=_required(environ, "COSMOS_ENDPOINT"),
            cosmos_key=_text(environ, "COSMOS_KEY"),
            cosmos_database=_text(environ, "COSMOS_DATABASE") or "sheriff",
            blob_connection=connection,
            blob_account_url=None if connection else _required(environ, "BLOB_ACCOUNT_URL"),
            azure_client_id=client_id,
            in_azure=client_id is not None or platform_sign(environ) is not None,
            mlflow_tracking_uri=_tracking_uri(environ),
        )


def _text(environ: Mapping[str, str], name: str) -> str | None:
    return environ.get(name, "").strip() or None


def _required(environ: Mapping[str, str], name: str) -> str:
    value = _text(environ, name)
    if value is None:
        raise missing(environ, name)
    return value


def _tracking_uri(environ: Mapping[str, str]) -> str:
    """Return where runs are recorded: a local file only on the operator's own machine.

    In Azure the file would be lost with the app's instance.
    """
    if is_local(environ) and _text(environ, "MLFLOW_TRACKING_URI") is None:
        return DEFAULT_TRACKING_URI
    return _required(environ, "MLFLOW_TRACKING_URI")
