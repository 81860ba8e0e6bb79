"""The demo's nights: a first training, a night while orders flow, a worse model, a rollback."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from infra.local.archive import archive_orders
from infra.local.demo.company import Company, split
from infra.local.demo.telling import run, say
from infra.local.processes import HOST, StackError
from shared.containers import TRAINING
from shared.order import parse_order
from shared.reference import CATALOGUE, POLICY
from training.models import reference_files
from training.models.model_store import read_pointer
from training.nightly.results import read_result, report_path
from training.ports import Blobs
from training.settings import TrainingSettings
from training.simulate import send
from training.stores import opened

RATE = 60.0
"""Orders a second that flow while a night's training runs."""

PER_FILE = 100
"""Orders in one file of the archive. They are few, so that a policy in days cuts it to the day."""

PATIENCE_SECONDS = 300
"""The seconds that the demo waits for a night, or for the scorers to follow it."""

WORSE_DAYS = 14
"""Days of history that a careless policy learns from."""


@dataclass(frozen=True)
class Nights:
    """The steps that change the model on a running stack."""

    settings: Mapping[str, str]
    host_port: Callable[[], int]

    @contextmanager
    def _blobs(self) -> Iterator[Blobs]:
        with opened(TrainingSettings.from_environ(self.settings)) as (blobs, _):
            yield blobs

    def publish_catalogue(self, path: Path) -> None:
        """Put the company's prices where training and scorers look for them."""
        with self._blobs() as blobs:
            reference_files.publish(blobs, CATALOGUE, path.read_bytes())

    def archive(self, orders: Path, *, now: bool = False) -> None:
        """Put orders into the archive as Capture does when they arrive.

        ``now`` says that they came in a day ago, else each came when it was placed.
        """
        # File names are a second apart. Times of a day ago leave room, so that no file is in the
        # future.
        recently = datetime.now(UTC) - timedelta(days=1)
        count = archive_orders(
            orders, self.settings, now=recently if now else None, per_file=PER_FILE
        )
        say(f"{count:,} orders are in the archive")

    def train(self) -> None:
        """Run a night by hand."""
        run("training.pipeline", settings=self.settings)

    def fire(self) -> None:
        """Fire the timer through the host's admin route, as an operator would."""
        url = f"http://{HOST}:{self.host_port()}/admin/functions/retrain_nightly"
        say("the timer fires: POST /admin/functions/retrain_nightly")
        body = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(url, b"{}", body), timeout=30).close()

    def champion(self) -> str | None:
        """Return the version that serves, None if none does."""
        with self._blobs() as blobs:
            pointer, _ = read_pointer(blobs)
        return None if pointer is None else pointer.version

    def told(self, version: str) -> str:
        """Return why a version serves, in the words of the night that decided it."""
        with self._blobs() as blobs:
            result = read_result(blobs, version)
        return "" if result is None else " ".join(result.reasons)

    async def send_with_a_night(self, company: Company, sent: Callable[[int], None]) -> None:
        """Send the company's orders, and let a night run in the middle.

        Orders keep flowing while it trains. The last third follows once its model is promoted.
        """
        connection, hub = self.settings["EventHubConnection"], self.settings["ORDERS_HUB"]
        total = sum(1 for _ in company.orders.open("rb"))
        first, middle, last = split(
            company.orders, company.orders.parent, total // 3, 2 * total // 3
        )
        before = self.champion()
        count = await send(first, connection, hub)
        sent(count)
        await asyncio.to_thread(self.archive, company.history[1])
        await asyncio.to_thread(self.fire)
        async with asyncio.TaskGroup() as both:
            trickle = both.create_task(send(middle, connection, hub, RATE))
            promoted = both.create_task(self._changes(before))
        after = promoted.result()
        say(f"promoted while orders flow: {after}. {self.told(after)}")
        sent(count + trickle.result())
        sent(count + trickle.result() + await send(last, connection, hub))

    async def _changes(self, before: str | None) -> str:
        """Wait until another champion serves, and return its version."""
        async with _patience("no other model was promoted"):
            # The pointer is a blob: there is no event to wait for.
            while (now := await asyncio.to_thread(self.champion)) in {before, None}:  # noqa: ASYNC110
                await asyncio.sleep(0.5)
        assert now is not None
        return now

    def refuse(self, company: Company) -> None:
        """Change the policy carelessly: the next night's model is worse, and is refused."""
        last = parse_order(company.history[-1].read_bytes().splitlines()[-1]).ordered_at
        days = (datetime.now(UTC) - last + timedelta(days=WORSE_DAYS)).days
        say(f"a careless policy: learn from the last {WORSE_DAYS} days of the history only")
        policy = json.dumps({"history_days": days}).encode()
        with self._blobs() as blobs:
            reference_files.publish(blobs, POLICY, policy)
        self.train()
        with self._blobs() as blobs:
            reference_files.publish(blobs, POLICY, b"{}")  # the packaged thresholds again

    def roll_back(self) -> None:
        """Roll back to the previous champion, and wait until the scorers have followed."""
        run("training.promote", "--rollback", settings=self.settings)
        champion = self.champion()
        asyncio.run(self._followed(champion))
        say(f"the scorers have followed while warm: {champion} serves")

    async def _followed(self, champion: str | None) -> None:
        async with _patience(f"the scorers do not follow to {champion}"):
            while (await asyncio.to_thread(self._serving))["bundle_version"] != champion:  # noqa: ASYNC110
                await asyncio.sleep(0.5)

    def _serving(self) -> dict[str, Any]:
        url = f"http://{HOST}:{self.host_port()}/api/health"
        with urllib.request.urlopen(url, timeout=30) as answer:
            health: dict[str, Any] = json.load(answer)
            return health

    def report(self, version: str, path: Path) -> None:
        """Write the report of a version to a file."""
        with self._blobs() as blobs:
            report = blobs.read(TRAINING, report_path(version))
        if report is None:
            raise StackError(f"{version} has no report")
        path.write_bytes(report[0])


@asynccontextmanager
async def _patience(complaint: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except TimeoutError:
        raise StackError(f"{complaint}, after {PATIENCE_SECONDS} s; see the logs") from None
