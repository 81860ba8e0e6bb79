"""Finds MLflow's store, sets up its client and translates its errors, without importing MLflow."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import NoReturn

from shared.errors import ConfigurationError, SheriffError, TransientError

LONGEST = 500
"""The most characters of a parameter or tag that Azure Machine Learning takes."""

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    # Three attempts: they take seconds if no server listens, half a minute if none answers.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""Settings of MLflow; where the operator has set one, that one counts."""

_LIBRARIES = {"mlflow", "requests", "sqlalchemy", "alembic", "azure", "azureml", "databricks"}
"""The libraries whose errors MLflow's client may raise."""

_PASSWORD = re.compile(r"//[^/@\s]+@")
"""User and password in a URL, which an error's text must not show."""

_WORKSPACE = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+"
    r"/providers/Microsoft\.MachineLearningServices/workspaces/[^/?]+"
)
"""Part of an ``azureml://`` address, spelt as azureml-mlflow 1.62.0.post6 reads it."""

_PASSING = {"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED"}


class RegistryError(SheriffError):
    """MLflow refused. The night's record is not complete, and the champion serves on."""


class RegistryUnreachableError(RegistryError, TransientError):
    """MLflow cannot be reached or is overloaded. The same call may work next time."""


@dataclass(frozen=True, slots=True)
class Store:
    """The store in which MLflow keeps runs; ``folder`` holds a local one, None for a server."""

    uri: str
    folder: Path | None

    @property
    def artifacts(self) -> str | None:
        """Return where the files of runs go; None leaves it to the server."""
        return None if self.folder is None else (self.folder / "artifacts").as_uri()


def located(uri: str) -> Store:
    """Return the store of a tracking URI; a relative path starts at the working folder.

    Raises:
        ConfigurationError: it is neither a SQLite file nor a server, or its plug-in is missing.
    """
    scheme, _, rest = uri.partition(":")
    path = Path(rest.removeprefix("///")).absolute()
    if scheme == "sqlite" and rest.startswith("///") and path.name not in {"", ":memory:"}:
        return Store(f"sqlite:///{path}", path.parent)
    server = scheme.startswith("databricks") or rest.startswith("//")
    if not server or scheme in {"sqlite", "file"}:
        _refuse(uri, "expected sqlite:///path/mlflow.db or a server's URL")
    if scheme == "azureml" and not _WORKSPACE.search(rest):
        _refuse(uri, "expected azureml://HOST/mlflow/v1.0 and the resource id of a workspace")
    if scheme == "azureml" and not entry_points(group="mlflow.tracking_store", name=scheme):
        _refuse(uri, "which needs the package azureml-mlflow")
    return Store(uri, None)


def _refuse(uri: str, why: str) -> NoReturn:
    raise ConfigurationError(f"MLFLOW_TRACKING_URI is '{_PASSWORD.sub('//', uri)}', {why}")


@contextmanager
def translated(where: str = "") -> Iterator[None]:
    """Turn the errors of MLflow and its libraries into Sheriff's, of one line.

    Raises:
        RegistryUnreachableError: MLflow does not answer.
        RegistryError: MLflow refuses, or files cannot be written.
    """
    try:
        yield
    except Exception as error:
        if not (isinstance(error, OSError | ImportError) or _library_of(error) in _LIBRARIES):
            raise
        line = " ".join(_PASSWORD.sub("//", str(error)).split())
        place = f"MLflow at {_PASSWORD.sub('//', where)}" if where else "MLflow"
        if _passes(error):
            raise RegistryUnreachableError(f"{place} does not answer: {line}") from error
        raise RegistryError(f"{place}: {line}") from error


def _passes(error: BaseException | None) -> bool:
    """Return whether the network or an overloaded server caused an error."""
    if error is None:
        return False
    if getattr(error, "error_code", "") in _PASSING:
        return True
    of_the_net = isinstance(error, OSError) and _library_of(error) == "requests"
    return of_the_net or _passes(error.__cause__ or error.__context__)


def _library_of(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]


def shortened(text: str) -> str:
    """Cut a text to the length that every server takes; a cut text ends in an ellipsis."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
