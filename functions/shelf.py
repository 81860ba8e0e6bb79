"""The bundle, catalogue and policy that serve now, exchanged while the process runs.

Each is asked for by its ETag every so often, between batches. A bad one is refused, said once,
and the one before it serves on; where none was ever put there, the packaged one does.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from functions.ports import Files, NotThereError
from shared.catalogue import Catalogue, packaged_catalogue
from shared.champion import CHAMPION, MODELS, bundle_path, parse_pointer
from shared.errors import BundleError, ConfigurationError, TransientError
from shared.model import ModelBundle, decode_bundle, packaged_bundle
from shared.notation import time_text
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


@dataclass
class Shelf:
    """What serves, and what was refused. One a process; `scorer` may be called by many at once.

    Bundles and catalogues are read on ``executor``, because that can take longer than a batch.
    """

    files: Files
    executor: Executor
    poll_seconds: float
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    last_refusal: dict[str, str] | None = None
    _scorer: Scorer | None = None
    _looked: float = float("-inf")
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _bundle: _Item[ModelBundle] = field(
        default_factory=lambda: _Item(MODELS, CHAMPION, packaged_bundle)
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

    async def _look(self) -> None:
        readers = (
            (self._bundle, self._read_bundle),
            (self._catalogue, self._parsed(Catalogue.from_csv)),
            (self._policy, self._parsed(parse_policy)),
        )
        changed = [await self._refresh(item, read) for item, read in readers]
        if self._scorer is None or any(changed):
            loop = asyncio.get_running_loop()
            self._scorer = await loop.run_in_executor(self.executor, self._made)
            logger.info("serving %s", self.status())

    def _made(self) -> Scorer:
        bundle, catalogue, policy = (
            self._bundle.serving, self._catalogue.serving, self._policy.serving
        )  # fmt: skip
        assert bundle is not None  # each was refreshed, which leaves none empty
        assert catalogue is not None
        assert policy is not None
        return Scorer(bundle, catalogue, policy)

    async def _refresh(self, item: _Item[Any], read: Callable[[bytes], Any]) -> bool:
        """Exchange one item if there is a new, good one; whether it was exchanged."""
        try:
            found = await self.files.read(item.container, item.name, item.version)
            if found is not None:
                item.serving, item.version = await read(found[0]), found[1]
                self._forgive(item)
        except NotThereError:
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

    async def _read_bundle(self, pointer: bytes) -> ModelBundle:
        target = parse_pointer(pointer)
        try:
            found = await self.files.read(MODELS, bundle_path(target.version))
        except NotThereError as error:
            raise BundleError(f"pointer names {error}, which is not there") from error
        assert found is not None  # no version was known
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, decode_bundle, found[0], target.sha256)

    def status(self) -> dict[str, Any]:
        """What serves, by version; only once `scorer` has returned."""
        assert self._scorer is not None
        scorer = self._scorer
        return {
            "bundle_version": scorer.bundle.version,
            "trained_orders": scorer.bundle.trained_orders,
            "degraded": scorer.bundle.degraded,
            "refused_classifier": scorer.bundle.refused_classifier,
            "catalogue_version": scorer.catalogue.version,
            "policy_version": scorer.policy.version,
            "last_refusal": self.last_refusal,
        }
