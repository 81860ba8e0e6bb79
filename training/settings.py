"""What an operator can set for the nightly run, read once and refused by name when wrong."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import ConfigurationError
from training.registry import DEFAULT_TRACKING_URI


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """The settings of a run, by the names of the environment in lower case (docs/settings.md).

    Exactly one of ``blob_connection`` and ``blob_account_url`` is set. A key or a connection
    string means an emulator or a developer's account; in Azure there is neither, and the run
    signs in with its managed identity (``azure_client_id`` where that is a user-assigned one).
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
        """Read every setting.

        Raises:
            ConfigurationError: names the setting that is missing or must not be set.
        """
        in_azure = _text(environ, "WEBSITE_INSTANCE_ID") is not None
        if in_azure:
            _refuse(environ, "COSMOS_KEY", "BLOB_CONNECTION")
        connection = _text(environ, "BLOB_CONNECTION")
        return cls(
            orders_hub=_required(environ, "ORDERS_HUB"),
            cosmos_endpoint=_required(environ, "COSMOS_ENDPOINT"),
            cosmos_key=_text(environ, "COSMOS_KEY"),
            cosmos_database=_text(environ, "COSMOS_DATABASE") or "sheriff",
            blob_connection=connection,
            blob_account_url=None if connection else _required(environ, "BLOB_ACCOUNT_URL"),
            azure_client_id=_text(environ, "AZURE_CLIENT_ID"),
            in_azure=in_azure,
            mlflow_tracking_uri=_text(environ, "MLFLOW_TRACKING_URI")
            or (_required(environ, "MLFLOW_TRACKING_URI") if in_azure else DEFAULT_TRACKING_URI),
        )


def _text(environ: Mapping[str, str], name: str) -> str | None:
    return environ.get(name, "").strip() or None


def _required(environ: Mapping[str, str], name: str) -> str:
    value = _text(environ, name)
    if value is None:
        raise ConfigurationError(f"{name} is not set")
    return value


def _refuse(environ: Mapping[str, str], *names: str) -> None:
    for name in names:
        if _text(environ, name) is not None:
            raise ConfigurationError(
                f"{name} is set: in Azure Sheriff signs in with its managed identity only"
            )
