"""Read the bundle, catalogue and policy that should serve, and the ones that served before."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from functions.known_files import KnownFiles, RefusedFileError
from shared.catalogue import Catalogue, packaged_catalogue
from shared.champion import CHAMPION, CHAMPION_COPY, Pointer, Served, bundle_path, parse_pointer
from shared.containers import MODELS, REFERENCE
from shared.errors import BundleError, NotThereError
from shared.golden import check_golden
from shared.model import ModelBundle, decode_bundle, packaged_bundle
from shared.policy import Policy, parse_policy
from shared.reference import expected, previous
from shared.scoring import Scorer


class Source[T](Protocol):
    """Reads one thing that serves; each method raises TransientError while the store is away."""

    async def current(self) -> T:
        """Return what should serve.

        Raises:
            NotThereError: there is nothing.
            RefusedFileError: it must not serve.
        """

    async def before(self) -> Sequence[Callable[[], Awaitable[T]]]:
        """Return functions that read the ones before, the latest first; they raise as `current`."""

    async def was_there(self) -> bool:
        """Return whether there was ever one; asked if there is none now."""


@dataclass
class ReferenceFile[T]:
    """The catalogue or the policy. Publishing a new file keeps the one that it replaces."""

    known: KnownFiles
    name: str
    parse: Callable[[bytes], T]
    expected: Callable[[str], bool]

    async def current(self) -> T:
        return await self.known.value(REFERENCE, self.name, self.parse)

    async def before(self) -> Sequence[Callable[[], Awaitable[T]]]:
        return [partial(self.known.value, REFERENCE, previous(self.name), self.parse)]

    async def was_there(self) -> bool:
        if self.expected(self.name):
            return True
        return await self.known.there(REFERENCE, previous(self.name))


@dataclass
class Champion:
    """The bundle that the pointer names, and the earlier bundles that it names.

    ``pointer`` and ``bundle`` are the latest that could be read.
    """

    known: KnownFiles
    pointer: Pointer | None = None
    bundle: ModelBundle | None = None
    _readable: bool = False

    def moved_at(self, version: str) -> str | None:
        """Return when the pointer was moved to this version, where that is known."""
        pointer = self.pointer
        return pointer.moved_at if pointer is not None and pointer.version == version else None

    def expects(self, name: str) -> bool:
        """Return whether a reference file of this name must be there."""
        return expected(self.pointer, self.bundle, name)

    async def current(self) -> ModelBundle:
        self._readable = False
        self.pointer = await self.known.value(MODELS, CHAMPION, parse_pointer)
        self._readable = True
        return await self._promoted(self.pointer)

    async def before(self) -> Sequence[Callable[[], Awaitable[ModelBundle]]]:
        if self._readable:
            assert self.pointer is not None  # it was read
            return self._earlier(self.pointer)
        try:
            copy = await self.known.value(MODELS, CHAMPION_COPY, parse_pointer)
        except (NotThereError, RefusedFileError):
            return []
        self.pointer = copy
        return [partial(self._promoted, copy), *self._earlier(copy)]

    async def was_there(self) -> bool:
        return await self.known.there(MODELS, CHAMPION_COPY)

    def _earlier(self, pointer: Pointer) -> list[Callable[[], Awaitable[ModelBundle]]]:
        return [partial(self._read, served) for served in pointer.earlier]

    async def _promoted(self, pointer: Pointer) -> ModelBundle:
        return await self._read(Served(pointer.version, pointer.sha256))

    async def _read(self, served: Served) -> ModelBundle:
        self.bundle = await read_bundle(self.known, served)
        return self.bundle


async def read_bundle(known: KnownFiles, served: Served) -> ModelBundle:
    """Read a bundle that may serve.

    Raises:
        RefusedFileError: it is not there, or must not serve.
        TransientError: the store cannot be read now.
    """
    path = bundle_path(served.version)
    check = partial(_checked, served=served)
    try:
        return await known.value(MODELS, path, check, served.sha256)
    except NotThereError as error:
        what = f"{MODELS}/{path}"
        raise RefusedFileError(what, f"pointer names {what}, which is not there") from error


def _checked(data: bytes, served: Served) -> ModelBundle:
    """Return the bundle that a pointer names, once its hash, version and golden orders are right.

    Raises:
        BundleError: one of them is not.
    """
    bundle = decode_bundle(data, served.sha256)
    if bundle.version != served.version:
        raise BundleError(f"pointer names {served.version}, its bundle is {bundle.version}")
    check_golden(bundle)
    return bundle


def usable_catalogue(data: bytes) -> Catalogue:
    """Return a catalogue that orders can be scored with; what it raises says what is wrong."""
    catalogue = Catalogue.from_csv(data)
    Scorer(packaged_bundle(), catalogue, Policy())
    return catalogue


def usable_policy(data: bytes) -> Policy:
    """Return a policy that orders can be scored with; what it raises says what is wrong."""
    policy = parse_policy(data)
    Scorer(packaged_bundle(), packaged_catalogue(), policy)
    return policy
