"""The bundle, catalogue and policy that serve now, exchanged while the process runs.

Each is asked for by its ETag every so often, between batches. A bad one is refused, said once,
and the one before it serves on, also when the file goes away; where none was ever put there, the
packaged one does. A bundle must say of its golden orders what it said where it was trained.

Beside them may lie a challenger, a bundle that scores in shadow (`functions.shadow`). Whatever is
wrong with it, it only does not score.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from functions.metrics import MODEL_AGE
from functions.ports import Files, NotThereError, Telemetry
from functions.telemetry import SILENT
from shared.catalogue import Catalogue, packaged_catalogue
from shared.champion import (
    CHALLENGER,
    CHAMPION,
    MODELS,
    Pointer,
    bundle_path,
    parse_pointer,
)
from shared.errors import BundleError, ConfigurationError, SheriffError, TransientError
from shared.golden import check_golden
from shared.model import ModelBundle, decode_bundle, packaged_bundle
from shared.notation import NotationError, time_text, utc_time
from shared.policy import Policy, parse_policy
from shared.scoring import Scorer

logger = logging.getLogger(__name__)

REFERENCE = "reference"  # a container
CATALOGUE = "catalogue.csv"
POLICY = "policy.json"


@dataclass
class _Item[T]:
    """One thing on the shelf: where it lies, how it is read, and the one that serves."""

    container: str
    name: str
    packaged: Callable[[], T]
    serving: T | None = None
    version: str | None = None  # of the file behind it; None while the packaged one serves

    @property
    def path(self) -> str:
        return f"{self.container}/{self.name}"


@dataclass(frozen=True, slots=True)
class _Bundle:
    """A bundle as it was put on the shelf: ``moved_at`` is the pointer's; None where packaged."""

    bundle: ModelBundle
    moved_at: str | None = None


@dataclass
class Shelf:
    """What serves, and what was refused. One a process; `scorer` may be called by many at once.

    Bundles and catalogues are read on ``executor``, because that can take longer than a batch.
    Without ``shadow`` no challenger is looked for.
    """

    files: Files
    executor: Executor
    poll_seconds: float
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    shadow: bool = True
    telemetry: Telemetry = SILENT
    last_refusal: dict[str, str] | None = None
    _scorer: Scorer | None = None
    _serving_since: datetime | None = None
    _challenger: Scorer | None = None
    _challenger_refusal: str | None = None
    _looked: float = float("-inf")
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _champion: _Item[_Bundle] = field(
        default_factory=lambda: _Item(MODELS, CHAMPION, lambda: _Bundle(packaged_bundle()))
    )
    _beside: _Item[_Bundle | None] = field(
        default_factory=lambda: _Item(MODELS, CHALLENGER, lambda: None)
    )
    _catalogue: _Item[Catalogue] = field(
        default_factory=lambda: _Item(REFERENCE, CATALOGUE, packaged_catalogue)
    )
    _policy: _Item[Policy] = field(default_factory=lambda: _Item(REFERENCE, POLICY, Policy))

    async def scorer(self) -> Scorer:
        """The scorer that serves now; looks for a newer one when it is time to.

        Raises:
            TransientError: nothing serves yet, and what should cannot be read.
        """
        async with self._looking:
            if self._scorer is None or self.clock() - self._looked >= self.poll_seconds:
                await self._look()
                self._looked = self.clock()
            assert self._scorer is not None  # looking raises or finds one
            return self._scorer

    def challenger(self) -> Scorer | None:
        """The scorer that is to score in shadow, beside the one that `scorer` gave last."""
        return self._challenger

    async def _look(self) -> None:
        readers = (
            (self._champion, self._read_bundle),
            (self._catalogue, self._parsed(Catalogue.from_csv)),
            (self._policy, self._parsed(parse_policy)),
        )
        changed = [await self._refresh(item, read) for item, read in readers]
        if self._scorer is None or any(changed):
            if self._scorer is None or changed[0]:
                self._serving_since = self.now()
            self._scorer = await self._made(self._champion)
            logger.info("serving %s", self.status())
        self._measure_age()
        if self.shadow:
            try:
                await self._look_beside(any(changed))
            except Exception:  # whatever a challenger does, the champion serves
                self._challenger = None
                logger.exception("%s does not score in shadow", CHALLENGER)

    def _measure_age(self) -> None:
        assert self._scorer is not None
        age = (self.now() - self._promoted()).total_seconds()
        self.telemetry.measure(MODEL_AGE, max(age, 0.0), self._scorer.bundle.version)

    def _promoted(self) -> datetime:
        """When what serves was promoted; where its pointer does not say, when it was taken up."""
        assert self._champion.serving is not None
        assert self._serving_since is not None
        moved = self._champion.serving.moved_at
        with suppress(NotationError):
            return self._serving_since if moved is None else utc_time(moved)
        return self._serving_since

    async def _look_beside(self, changed: bool) -> None:
        """Exchange the challenger, made anew where what serves has ``changed``."""
        changed |= await self._refresh_beside()
        if not changed:
            return
        found, champion = self._beside.serving, self._champion.serving
        assert champion is not None
        if found is None or found.bundle.version == champion.bundle.version:
            self._challenger = None
            return
        self._challenger = await self._made(self._beside)
        logger.info("in shadow: %s", found.bundle.version)

    async def _refresh_beside(self) -> bool:
        """Read the challenger if there is a new one; a bad one is no longer the one before it."""
        item, why = self._beside, None
        try:
            found = await self.files.read(item.container, item.name, item.version)
            if found is None:
                return False
            item.serving, item.version = await self._read_bundle(found[0]), found[1]
        except NotThereError:
            item.serving = item.version = None
        except TransientError as error:
            logger.warning("%s cannot be read: %s", item.name, error)
            return False
        except SheriffError as error:
            item.serving, item.version, why = None, None, str(error)
        self._note_beside(why)
        return True

    def _note_beside(self, why: str | None) -> None:
        if why is not None and why != self._challenger_refusal:
            logger.error("%s is refused and does not score in shadow: %s", CHALLENGER, why)
        self._challenger_refusal = why

    async def _made(self, item: _Item[Any]) -> Scorer:
        """A scorer with an item's bundle and the catalogue and policy that serve."""
        catalogue, policy = self._catalogue.serving, self._policy.serving
        assert item.serving is not None  # each was refreshed, which leaves none empty
        assert catalogue is not None
        assert policy is not None
        loop = asyncio.get_running_loop()
        bundle: ModelBundle = item.serving.bundle
        return await loop.run_in_executor(self.executor, Scorer, bundle, catalogue, policy)

    async def _refresh(self, item: _Item[Any], read: Callable[[bytes], Any]) -> bool:
        """Exchange one item if there is a new, good one; whether it was exchanged."""
        try:
            found = await self.files.read(item.container, item.name, item.version)
            if found is not None:
                item.serving, item.version = await read(found[0]), found[1]
            self._forgive(item)
        except NotThereError:
            if item.version is not None:
                self._refuse(item, "it was there and is gone")
            found = None
        except TransientError as error:
            if item.serving is None:
                raise
            logger.warning("%s cannot be read, the last one serves on: %s", item.name, error)
            found = None
        except (BundleError, ConfigurationError) as error:
            self._refuse(item, str(error))
            found = None
        if item.serving is None:
            item.serving = item.packaged()
            return True
        return found is not None

    def _refuse(self, item: _Item[Any], why: str) -> None:
        known = self.last_refusal
        if known is None or (known["what"], known["why"]) != (item.path, why):
            logger.error("%s is refused, the last one serves on: %s", item.path, why)
            self.last_refusal = {"what": item.path, "why": why, "at": time_text(self.now())}

    def _forgive(self, item: _Item[Any]) -> None:
        if self.last_refusal is not None and self.last_refusal["what"] == item.path:
            self.last_refusal = None

    def _parsed[T](self, parse: Callable[[bytes], T]) -> Callable[[bytes], Any]:
        async def read(data: bytes) -> T:
            return await asyncio.get_running_loop().run_in_executor(self.executor, parse, data)

        return read

    async def _read_bundle(self, pointer: bytes) -> _Bundle:
        target = parse_pointer(pointer)
        try:
            found = await self.files.read(MODELS, bundle_path(target.version))
        except NotThereError as error:
            raise BundleError(f"pointer names {error}, which is not there") from error
        assert found is not None  # no version was known
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, _checked, found[0], target)

    def status(self) -> dict[str, Any]:
        """What serves, by version; only once `scorer` has returned.

        ``promoted_at`` is when the pointer was put there, ``serving_since`` when this process took
        the bundle up.
        """
        assert self._scorer is not None
        assert self._champion.serving is not None
        assert self._serving_since is not None
        scorer, challenger = self._scorer, self._challenger
        return {
            "bundle_version": scorer.bundle.version,
            "promoted_at": self._champion.serving.moved_at,
            "serving_since": time_text(self._serving_since),
            "trained_orders": scorer.bundle.trained_orders,
            "degraded": scorer.bundle.degraded,
            "refused_classifier": scorer.bundle.refused_classifier,
            "catalogue_version": scorer.catalogue.version,
            "policy_version": scorer.policy.version,
            "last_refusal": self.last_refusal,
            "challenger_version": None if challenger is None else challenger.bundle.version,
            "challenger_refusal": self._challenger_refusal,
        }


def _checked(data: bytes, target: Pointer) -> _Bundle:
    """The bundle that a pointer names, if it is the one, of its version, and says what it should.

    Raises:
        BundleError: it is not.
    """
    bundle = decode_bundle(data, target.sha256)
    if bundle.version != target.version:
        raise BundleError(f"pointer names {target.version}, its bundle is {bundle.version}")
    check_golden(bundle)
    return _Bundle(bundle, target.moved_at)
