"""Read the settings from the environment; an error names the setting that is wrong."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from shared.errors import ConfigurationError
from shared.locality import is_local, missing, refuse_keys
from shared.stores.settings import BlobSettings, CosmosSettings, Identity

logger = logging.getLogger(__name__)

ROLES = ("scorer", "desk", "trainer", "all")
"""``scorer`` scores orders, ``desk`` answers over HTTP, ``trainer`` trains by night, ``all`` does
all of it in one app."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The app's own settings, by the names of the environment in lower case (docs/settings.md).

    Those of the stores stand in `shared.stores.settings`.
    """

    orders_hub: str
    orders_consumer_group: str
    cosmos: CosmosSettings
    blobs: BlobSettings
    identity: Identity
    scoring_deadline_seconds: float
    scoring_chunk_orders: int
    alert_writes_at_once: int
    shelf_poll_seconds: float
    stored_version: int
    shadow: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read every setting.

        Raises:
            ConfigurationError: names the setting, and what was expected.
        """
        read = _Reader(environ)
        refuse_keys(environ, "COSMOS_KEY", "BLOB_CONNECTION", "EventHubConnection")
        return cls(
            orders_hub=read.text("ORDERS_HUB"),
            orders_consumer_group=read.text("ORDERS_CONSUMER_GROUP", "$Default"),
            cosmos=CosmosSettings.from_environ(environ),
            blobs=BlobSettings.from_environ(environ),
            identity=Identity.from_environ(environ),
            scoring_deadline_seconds=read.number("SCORING_DEADLINE_SECONDS", 60, 1, 200),
            scoring_chunk_orders=int(read.number("SCORING_CHUNK_ORDERS", 50, 1, 1000, int)),
            alert_writes_at_once=int(read.number("ALERT_WRITES_AT_ONCE", 24, 1, 100, int)),
            shelf_poll_seconds=read.number("SHELF_POLL_SECONDS", 30, 0, 3600),
            stored_version=int(read.number("STORED_VERSION", 2, 1, 2, int)),
            shadow=read.switch("SHADOW_SCORING", default="on"),
        )


@dataclass(frozen=True, slots=True)
class JobSettings:
    """Azure resource ids of the job that trains what is too large for this machine.

    ``environ`` holds the settings that the job gets, because it runs the same program.
    """

    workspace: str
    compute: str
    environment: str
    environ: Mapping[str, str]

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "JobSettings | None":
        """Read the settings of an Azure Machine Learning job; return None if all are empty.

        Raises:
            ConfigurationError: only some are set, or one is not a resource id.
        """
        read = _Reader(environ)
        ids = {name: read.text(name, "") for name in _JOB_SETTINGS}
        missing = [name for name, value in ids.items() if not value]
        if len(missing) == len(ids):
            return None
        if missing:
            given = next(name for name, value in ids.items() if value)
            raise ConfigurationError(f"{missing[0]} is not set, but {given} is: all three or none")
        for name, value in ids.items():
            if not _RESOURCE.fullmatch(value):
                raise ConfigurationError(
                    f"{name} is {value!r}, expected a resource id, as "
                    "/subscriptions/.../resourceGroups/.../providers/..."
                )
        handed_on = {name: environ[name] for name in _HANDED_ON if environ.get(name)}
        workspace, compute, environment = ids.values()
        return cls(workspace, compute, environment, handed_on)


_JOB_SETTINGS = ("RETRAIN_JOB_WORKSPACE", "RETRAIN_JOB_COMPUTE", "RETRAIN_JOB_ENVIRONMENT")
_HANDED_ON = (
    "ORDERS_HUB",
    "BLOB_ACCOUNT_URL",
    "COSMOS_ENDPOINT",
    "COSMOS_DATABASE",
    "MLFLOW_TRACKING_URI",
    "AZURE_CLIENT_ID",
)
_RESOURCE = re.compile(r"/subscriptions/[\w-]+/resourceGroups/[\w().-]+/providers/[\w./-]*[\w.-]")


@dataclass(frozen=True, slots=True)
class SignIn:
    """Whether callers must be signed in, and whether the platform signs them in.

    They must, except on a developer's own machine.
    """

    required: bool
    on: bool

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "SignIn":
        """Read the settings; if they contradict each other, callers must be signed in."""
        try:
            local = is_local(environ)
        except ConfigurationError as error:
            logger.warning("callers must be signed in: %s", error)
            local = False
        on = environ.get("WEBSITE_AUTH_ENABLED", "").strip().lower() == "true"
        return cls(required=not local, on=on)


def role(environ: Mapping[str, str]) -> str:
    """Return the part of the app that this process runs: one of `ROLES`, by default all.

    Raises:
        ConfigurationError: SHERIFF_ROLE names no role.
    """
    name = environ.get("SHERIFF_ROLE", "all")
    if name not in ROLES:
        raise ConfigurationError(f"SHERIFF_ROLE is {name!r}, expected one of {', '.join(ROLES)}")
    return name


def telemetry_target(environ: Mapping[str, str]) -> Literal["off", "azure", "otlp"]:
    """Return where metrics and traces go, by the settings of the runtime and of OpenTelemetry.

    The runtime's own exporter wins, because two would send everything twice.
    """
    if environ.get("PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY", "").strip().lower() in _TRUE:
        return "azure"
    return "otlp" if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip() else "off"


_TRUE = {"1", "true", "t", "yes", "y"}  # as the runtime reads it


@dataclass(frozen=True, slots=True)
class _Reader:
    environ: Mapping[str, str]

    def text(self, name: str, default: str | None = None) -> str:
        value = self.environ.get(name, "").strip() or default
        if value is None:
            raise missing(self.environ, name)
        return value

    def number(
        self,
        name: str,
        default: float,
        least: float,
        most: float,
        kind: Callable[[str], float] = float,
    ) -> float:
        text = self.text(name, str(default))
        try:
            value = kind(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            what = "a whole number" if kind is int else "a number"
            raise ConfigurationError(f"{name} is {text!r}, expected {what} {least} to {most}")
        return value

    def switch(self, name: str, default: str) -> bool:
        text = self.text(name, default)
        if text not in {"on", "off"}:
            raise ConfigurationError(f"{name} is {text!r}, expected on or off")
        return text == "on"
