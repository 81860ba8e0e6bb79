"""Do a zip's own packages open what the templates set? With the zip alone, and no network.

The settings are those of the committed snapshots (`infra/environments`), so an address of a kind
that no package of the zip can open is found before it is deployed.
"""

import json
import time
from collections.abc import Mapping
from typing import NamedTuple

from infra.checks.unpacked import Tree
from infra.package import ROOT

_KNOWN_LATER = {
    "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000000",
    "BLOB_ACCOUNT_URL": "https://account.blob.core.windows.net",
}
"""Stand-ins for what Azure works out while it deploys; such settings of the host are left out."""

_ALONE = """
import asyncio, os, socket, sys
sys.path[:0] = sys.argv[1:3]
def refused(*_, **__):
    raise OSError("there is no network here")
socket.socket.connect = socket.getaddrinfo = refused
"""

_OPEN = {
    "scorer": """
from functions import wiring
async def main():
    wiring.scoring_context(), wiring.watcher()
asyncio.run(main())
""",
    "desk": """
from functions import wiring
async def main():
    wiring.alerts()
asyncio.run(main())
""",
    "trainer": """
from functions import wiring
from training.models.mlflow_adapter import mlflow_client
from training.settings import TrainingSettings
from training.models.tracking import located
async def main():
    wiring.retraining()
asyncio.run(main())
uri = located(TrainingSettings.from_environ(os.environ).mlflow_tracking_uri).uri
client = mlflow_client(uri)
client._get_registry_client()  # MLflow's own client makes it at its first call
if uri.startswith("azureml:"):
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    get_artifact_repository(uri + "/experiments/e/runs/r/artifacts", uri, uri)
""",
}
"""What each role opens before it reads or writes a first byte."""


class Opened(NamedTuple):
    """How it went: what was wrong (None: nothing), and the seconds of the whole process."""

    wrong: str | None
    seconds: float


def settings(environment: str, role: str) -> dict[str, str]:
    """What the templates set for a role's app in an environment (``dev``, ``test``, ``prod``)."""
    file = ROOT / "infra" / "environments" / f"{environment}.snapshot.json"
    for resource in json.loads(file.read_text(encoding="utf-8"))["predictedResources"]:
        if resource["type"] == "Microsoft.Web/sites":
            said = resource["properties"]["siteConfig"]["appSettings"]
            given = {one["name"]: str(one["value"]) for one in said}
            if given["SHERIFF_ROLE"] == role:
                known = {name: value for name, value in given.items() if value[:1] != "["}
                later = {name: _KNOWN_LATER[name] for name in _KNOWN_LATER.keys() & given.keys()}
                return later | known
    raise LookupError(f"{file.name}: there is no app of the role {role}")


def opened(tree: Tree, role: str, given: Mapping[str, str]) -> Opened:
    """Open with the zip's own packages, in a process of its own, what a role's settings name."""
    started = time.perf_counter()
    done = tree.run(_ALONE + _OPEN[role], given)
    seconds = time.perf_counter() - started
    if done.returncode == 0:
        return Opened(None, seconds)
    return Opened((done.stderr.strip() or "it says nothing").splitlines()[-1], seconds)
