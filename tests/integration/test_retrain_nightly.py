"""The nightly training on the local host, fired by hand as the service lets one do."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local import processes, resources, services
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]

STAND_IN = """
import json, os, pathlib, sys
import azure.functions, shared
if pathlib.Path("fail").exists():
    sys.exit("no orders in the archive")
seen = {"cwd": os.getcwd(), "hub": os.environ["ORDERS_HUB"], "shared": shared.__path__[0]}
print("learned from the stand-in")
pathlib.Path("seen.json").write_text(json.dumps(seen))
"""


class Trainer:
    """The app on a host of its own, with a stand-in for the training."""

    def __init__(self, folder: Path, blobs: str, name: str) -> None:
        self.app, self.log = folder / "app", folder / "host.log"
        (self.app / "training").mkdir(parents=True)
        (self.app / "training" / "__init__.py").touch()
        (self.app / "training" / "pipeline.py").write_text(STAND_IN)
        for part in ("function_app.py", "host.json", "functions", "shared"):
            (self.app / part).symlink_to(ROOT / part)
        resources.make_blob_containers(blobs)
        settings = {
            **services.app_settings({"azurite": 1, "eventhubs": 1, "cosmos": 1}),
            "AzureWebJobsStorage": blobs,
            "BLOB_CONNECTION": blobs,
            "ORDERS_HUB": name,
            "SHERIFF_ROLE": "trainer",
            "RETRAIN_SCHEDULE": "0 0 0 1 1 *",
            "AzureFunctionsWebHost__hostid": name,
        }
        service = services.host(0, self.app, settings)
        self.host = processes.start("host", service.command, self.log, service.environ)

    def fire(self) -> int:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.host.port}/admin/functions/retrain_nightly",
            data=b"{}",
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)

    def until_it_says(self, text: str) -> str:
        """The log, once another process has written a text into it."""
        deadline = time.monotonic() + PATIENCE
        while text not in (said := self.log.read_text()):
            assert time.monotonic() < deadline, said[-3000:]
            time.sleep(0.05)
        return said


@pytest.fixture
def trainer(tmp_path: Path, azurite: str, unique_name: str) -> Iterator[Trainer]:
    made = Trainer(tmp_path, azurite, unique_name)
    yield made
    processes.kill(made.host)


def test_the_training_runs_in_a_process_of_its_own_and_its_failure_is_clear(
    trainer: Trainer, unique_name: str
) -> None:
    ready = trainer.until_it_says("host on")
    assert "retrain_nightly (timerTrigger)" in ready
    assert "score_orders" not in ready
    assert trainer.fire() == 202
    trainer.until_it_says("training: learned from the stand-in")
    (trainer.app / "fail").touch()
    assert trainer.fire() == 202
    trainer.until_it_says(
        "RetrainError('the nightly training failed (code 1): no orders in the archive; "
        "the champion serves on')"
    )
    seen = json.loads((trainer.app / "seen.json").read_text())
    assert seen == {
        "cwd": str(trainer.app),
        "hub": unique_name,
        "shared": str(trainer.app / "shared"),
    }
