"""The nightly run as it runs: in processes of its own, two at once, killed, and by its timer."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from azure.storage.blob import BlobClient, BlobLeaseClient

from infra.local.archive import archive_orders
from infra.local.processes import HOST
from infra.local.services import ROOT
from infra.local.stack import Stack
from shared.champion import CHAMPION
from shared.containers import TRAINING
from tests.e2e.company import COMPANY_FLAGS
from tests.e2e.flow import until
from tests.patience import PATIENCE
from tests.stack import running_servers
from training import simulate
from training.models import model_store
from training.models.registry import Registry
from training.ports import Blobs
from training.settings import TrainingSettings
from training.stores import opened


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Servers without a host. The tests share them: a night of one test learns from all before."""
    with running_servers(tmp_path_factory.mktemp("retraining")) as made:
        yield made


@dataclass
class Archive:
    """Orders of a stack's archive; `folder` is for files of its own."""

    stack: Stack
    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def add(self, orders: int) -> None:
        """Archive more orders, a month later than those before."""
        number = next(self.numbers)
        path, start = self.folder / "archived.jsonl", f"2026-{number + 1:02}-01"
        simulate.main([
            *("--orders", str(orders), "--seed", str(number), "--start", start),
            *("--out", str(path), "--truth", str(self.folder / "truth.csv"), *COMPANY_FLAGS),
        ])  # fmt: skip
        archive_orders(path, self.stack.settings(), namespace=f"n{number}")


@pytest.fixture(scope="module")
def archive(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """Enough orders for a first night, and for a while."""
    made = Archive(stack, tmp_path_factory.mktemp("archive"))
    made.add(1_500)
    return made


@pytest.fixture
def new_orders(stack: Stack, archive: Archive) -> None:
    """A champion serves, and since it was made some orders were archived."""
    if champion(stack.settings()) is None:
        completed(stack.settings())
    archive.add(100)


def pipeline(settings: Mapping[str, str]) -> subprocess.Popen[str]:
    """A run, as anybody may start it."""
    return subprocess.Popen(
        [sys.executable, "-m", "training.pipeline"],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def completed(settings: Mapping[str, str]) -> str:
    """What a run says that ends well."""
    run = pipeline(settings)
    said, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, said
    return said


@contextmanager
def stores(settings: Mapping[str, str]) -> Iterator[Blobs]:
    with opened(TrainingSettings.from_environ(settings)) as (blobs, _):
        yield blobs


def champion(settings: Mapping[str, str]) -> str | None:
    """The one champion, which is whole; None before the first."""
    with stores(settings) as blobs:
        pointer, _ = model_store.read_pointer(blobs, CHAMPION)
        if pointer is None:
            return None
        model_store.read_bundle(blobs, pointer.version, pointer.sha256)
        return pointer.version


def kill(run: subprocess.Popen[str], settings: Mapping[str, str]) -> None:
    """Kill a run, and let its lease run out, which takes half a minute by itself."""
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert run.stdout is not None
    run.stdout.close()
    blob = BlobClient.from_connection_string(settings["BLOB_CONNECTION"], TRAINING, "lease")
    with blob:
        BlobLeaseClient(blob).break_lease(lease_break_period=0)


def after(words: str) -> Callable[[subprocess.Popen[str]], None]:
    """Wait until a run has said something."""

    def wait(run: subprocess.Popen[str]) -> None:
        assert run.stdout is not None
        for line in run.stdout:
            if words in line:
                return
        pytest.fail(f"the run never said {words!r}")

    return wait


async def test_the_timer_trains_when_it_is_fired_by_hand(stack: Stack, archive: Archive) -> None:
    assert champion(stack.settings()) is None
    stack.up()
    url = f"http://{HOST}:{stack.port('host')}/admin/functions/retrain_nightly"
    request = urllib.request.Request(url, b"{}", {"Content-Type": "application/json"})
    answer = await asyncio.to_thread(urllib.request.urlopen, request, timeout=PATIENCE)
    assert answer.status == 202
    answer.close()

    async def promoted() -> str | None:
        return await asyncio.to_thread(champion, stack.settings())

    version = await until("the timer's run promotes", promoted, every=0.5)
    assert version
    stack.stop("host")


def test_of_two_runs_at_once_one_trains_and_the_other_leaves(
    stack: Stack, archive: Archive
) -> None:
    settings = stack.settings()
    archive.add(100)
    first = pipeline(settings)
    after("reading the archive")(first)
    said = completed(settings)
    assert said == "another run is at work: this one leaves\n"
    rest, _ = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0
    assert "serves" in rest
    assert champion(settings) is not None


@pytest.mark.usefixtures("new_orders")
def test_a_run_that_cannot_record_fails_in_one_line_and_the_champion_serves_on(
    stack: Stack,
) -> None:
    settings = stack.settings()
    before = champion(settings)
    run = pipeline({**settings, "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"})
    said, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 2
    assert said.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in said
    assert champion(settings) == before


@pytest.mark.usefixtures("new_orders")
def test_a_run_that_is_killed_anywhere_is_completed_by_the_next_one(stack: Stack) -> None:
    settings = stack.settings()
    record = Registry.open(settings["MLFLOW_TRACKING_URI"])
    before = len(record.versions("sheriff"))
    for words in ("reading the archive", "learning from", "judging", "decided"):
        run = pipeline(settings)
        after(words)(run)
        kill(run, settings)
        serving = champion(settings)
        assert serving is not None
    said = completed(settings)
    last = champion(settings)
    number = record.number_of("sheriff", str(last))
    assert record.pointed("sheriff", "champion") == number
    assert len(record.versions("sheriff")) == before + 1  # one night's, however often killed
    assert "serves" in said or "nothing new" in said
