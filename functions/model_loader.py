"""Load the bundle, catalogue and policy that serve, and replace them while the process runs.

Every so often the loader asks for a newer version of each, by its ETag, while batches go on. Only
the very first look makes them wait. A bad file is refused, the log says so once, and the one before
it serves: in a warm process the one in memory; in a cold process the file that publishing kept, or
the bundles that the pointer names as earlier. If there is none, nothing is scored and the orders
wait. Packaged tables serve only where nothing was ever put there (`shared.reference`).

A bundle must score its golden orders as it did where it was trained. Anything that reading a file
raises refuses that file; only the store can be away.

A challenger may lie beside them: a bundle that scores in shadow (`functions.shadow`). If anything
is wrong with it, it does not score, and nothing else changes.
"""

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from functions.challenger import Challenger
from functions.known_files import KnownFiles, reason
from functions.metrics import MODEL_AGE, SHELF_FAILED
from functions.ports import Files, Telemetry
from functions.slots import Candidate, Slot
from functions.sources import Champion, ReferenceFile, Source, usable_catalogue, usable_policy
from functions.telemetry import SILENT
from shared.catalogue import Catalogue, packaged_catalogue
from shared.champion import CHAMPION
from shared.containers import MODELS, REFERENCE
from shared.errors import SheriffError, TransientError
from shared.formats import FormatError, time_text, utc_time
from shared.model import ModelBundle, packaged_bundle
from shared.policy import Policy
from shared.reference import CATALOGUE, POLICY
from shared.scoring import Scorer

logger = logging.getLogger(__name__)


@dataclass
class ModelLoader:
    """Knows what serves and what was refused. A process has one; many may ask it at once.

    Files are parsed on ``executor``. It must not be the one that scores, because the largest take
    longer than a batch may wait. Without ``shadow`` the loader looks for no challenger.
    """

    files: Files
    executor: Executor
    poll_seconds: float
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    shadow: bool = True
    telemetry: Telemetry = SILENT
    _scorer: Scorer | None = None
    _serving_since: datetime | None = None
    _looked: float = float("-inf")
    _look: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._known = KnownFiles(self.files, self.executor)
        self._champion, self._challenger = Champion(self._known), Challenger(self._known)
        self._bundle: Slot[ModelBundle] = self._slot(
            "bundle", f"{MODELS}/{CHAMPION}", self._champion, packaged_bundle
        )
        self._catalogue: Slot[Catalogue] = self._slot(
            "catalogue",
            f"{REFERENCE}/{CATALOGUE}",
            self._reference(CATALOGUE, usable_catalogue),
            packaged_catalogue,
        )
        self._policy: Slot[Policy] = self._slot(
            "policy", f"{REFERENCE}/{POLICY}", self._reference(POLICY, usable_policy), Policy
        )
        # The bundle first: its pointer says which of the other two must be there.
        self._slots: tuple[Slot[Any], ...] = (self._bundle, self._catalogue, self._policy)

    def _slot[T](
        self, table: str, path: str, source: Source[T], packaged: Callable[[], T]
    ) -> Slot[T]:
        return Slot(table, path, source, packaged, self.now, self.telemetry)

    def _reference[T](self, name: str, parse: Callable[[bytes], T]) -> ReferenceFile[T]:
        return ReferenceFile(self._known, name, parse, self._champion.expects)

    # --- for those who score -------------------------------------------------------------------

    async def scorer(self) -> Scorer:
        """Return the scorer that serves now; begin a look for a newer one when it is time to.

        While nothing serves, all callers wait for the same look.

        Raises:
            TransientError: nothing serves yet, because a file cannot be read, or was refused and
                there is none before it.
        """
        if self._scorer is None:
            return await self.refresh()
        if self.clock() - self._looked >= self.poll_seconds:
            self._looking()
        return self._scorer

    async def refresh(self) -> Scorer:
        """Look now, wait for it, and return the scorer that serves then.

        Raises: as `scorer`.
        """
        try:
            await asyncio.shield(self._looking())
        except SheriffError:
            raise
        except Exception as error:
            raise TransientError(
                f"the bundle that serves cannot be looked up: {reason(error)}"
            ) from error
        assert self._scorer is not None  # looking raises or finds one
        return self._scorer

    def challenger(self) -> Scorer | None:
        """Return the scorer that scores in shadow, if there is one."""
        return self._challenger.scorer

    def degraded(self) -> tuple[tuple[str, str], ...]:
        """Return which packaged tables serve instead of the company's own, each with the reason.

        A packaged policy counts only where the company's own was refused: many companies have none.
        """
        return tuple(self._degraded([slot.serving for slot in self._slots]))

    def _degraded(self, serving: Sequence[Candidate[Any] | None]) -> Iterator[tuple[str, str]]:
        """Yield what `degraded` returns where these values serve, in the order of the slots."""
        for slot, candidate in zip(self._slots, serving, strict=True):
            if candidate is None:
                continue
            if candidate.packaged and slot.refusals:
                yield slot.table, f"{slot.path} is refused, and none served before it"
            elif candidate.packaged and slot is not self._policy:
                yield slot.table, "none was ever published"
            elif slot is self._bundle and candidate.value.degraded:
                yield slot.table, "the published one was not learned from the company's orders"

    async def close(self) -> None:
        """End the look that is under way, if there is one."""
        if self._look is not None and not self._look.done():
            self._look.cancel()
            await asyncio.wait([self._look])

    # --- looking -------------------------------------------------------------------------------

    def _looking(self) -> asyncio.Task[None]:
        """Return the look that is under way, or begin one."""
        if self._look is None or self._look.done():
            self._looked = self.clock()
            # A context of its own: it outlives the batch that happened to begin it.
            self._look = asyncio.create_task(
                self._look_around(), name="model loader", context=contextvars.Context()
            )
            self._look.add_done_callback(self._ended)
        return self._look

    def _ended(self, look: asyncio.Task[None]) -> None:
        """Log how a look failed, whether or not anybody waits for it."""
        if look.cancelled():
            return
        error = look.exception()
        if error is None:
            return
        self.telemetry.measure(SHELF_FAILED, 1)
        if isinstance(error, SheriffError):
            logger.error("nothing serves: %s", error)
        else:
            logger.error("the look for what serves failed", exc_info=error)

    async def _look_around(self) -> None:
        changes: dict[Slot[Any], Candidate[Any]] = {}
        for slot in self._slots:
            candidate = await slot.next()
            if candidate is not None:
                changes[slot] = candidate
        changed = bool(changes) and await self._exchanged(changes)
        self._measure_age()
        if self.shadow:
            await self._challenger.look(
                self._bundle.value.version, self._challenger_scorer, changed=changed
            )
        self._known.forget(slot.value for slot in self._slots)

    async def _exchanged(self, changes: Mapping[Slot[Any], Candidate[Any]]) -> bool:
        """Let all changes serve at once; return whether a scorer can be made with them.

        Raises:
            TransientError: none can, and none serves.
        """
        candidates = [changes.get(slot) or slot.serving for slot in self._slots]
        try:
            bundle, catalogue, policy = [
                candidate.value for candidate in candidates if candidate is not None
            ]
            degraded = tuple(self._degraded(candidates))
            scorer = await self._make_scorer(bundle, catalogue, policy, degraded)
        except Exception as error:
            for slot, change in changes.items():
                slot.refuse(slot.path, f"no scorer can be made with it: {reason(error)}")
                slot.unfit = change.value
            if self._scorer is None:
                raise TransientError(f"no scorer can be made: {reason(error)}") from error
            return False
        if self._bundle in changes:
            self._serving_since = self.now()
        for slot, change in changes.items():
            slot.serving, slot.unfit = change, None
        self._scorer = scorer
        logger.info("serving %s", self.status())
        return True

    async def _make_scorer(
        self,
        bundle: ModelBundle,
        catalogue: Catalogue,
        policy: Policy,
        degraded: tuple[tuple[str, str], ...],
    ) -> Scorer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self.executor, Scorer, bundle, catalogue, policy, degraded
        )

    async def _challenger_scorer(self, bundle: ModelBundle) -> Scorer:
        """Make a scorer of another bundle, with the catalogue and policy that serve."""
        return await self._make_scorer(
            bundle, self._catalogue.value, self._policy.value, self.degraded()
        )

    def _measure_age(self) -> None:
        age = (self.now() - self._promoted()).total_seconds()
        self.telemetry.measure(MODEL_AGE, max(age, 0.0), self._bundle.value.version)

    def _promoted(self) -> datetime:
        """Return when the bundle was promoted; else when this process began to use it."""
        assert self._serving_since is not None
        with suppress(FormatError):
            moved = self._moved_at()
            return self._serving_since if moved is None else utc_time(moved)
        return self._serving_since

    def _moved_at(self) -> str | None:
        """Return when the pointer was moved to the bundle that serves, where that is known."""
        return self._champion.moved_at(self._bundle.value.version)

    # --- for operators -------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return what serves, by version, and all that was refused; null where nothing serves yet.

        ``promoted_at`` is when the pointer was moved to the bundle, ``serving_since`` when this
        process began to use it. A refusal names the version that serves instead.
        """
        refusals = self.refusals()
        bundle = None if self._scorer is None else self._scorer.bundle
        since, challenger = self._serving_since, self._challenger.scorer
        return {
            "bundle_version": bundle and bundle.version,
            "promoted_at": None if bundle is None else self._moved_at(),
            "serving_since": None if since is None else time_text(since),
            "trained_orders": bundle and bundle.trained_orders,
            "degraded": [{"table": table, "reason": why} for table, why in self.degraded()],
            "refused_classifier": bundle and bundle.refused_classifier,
            "catalogue_version": self._scorer and self._scorer.catalogue.version,
            "policy_version": self._scorer and self._scorer.policy.version,
            "refusals": refusals,
            "last_refusal": max(refusals, key=lambda refusal: refusal["since"], default=None),
            "challenger_version": challenger and challenger.bundle.version,
            "challenger_refusal": self._challenger.refusal,
        }

    def refusals(self) -> list[dict[str, Any]]:
        """Return what is refused now, why, since when, and the version that serves instead."""
        return [
            {
                "table": slot.table,
                "what": refusal.what,
                "why": refusal.why,
                "since": refusal.since,
                "serves": None if slot.serving is None else slot.serving.value.version,
            }
            for slot in self._slots
            for refusal in slot.refusals.values()
        ]
