"""The pointers: which bundle serves, which one challenges it, and which ones served before.

``models/champion.json`` decides what serves. It is one small document that is replaced as a whole,
so that a scorer sees either the old champion or the new one.
"""

from typing import Annotated, Literal

import msgspec

from shared.errors import BundleError, ConfigurationError
from shared.formats import FormatError, shortened, utc_time

CHAMPION, CHALLENGER = "champion.json", "challenger.json"
"""The pointers to the bundle whose alerts count, and to one that scores beside it in silence."""

CHAMPION_COPY = "champion.copy.json"
"""A copy of the champion's pointer, written after it. A process that starts reads the copy if the
pointer is gone or unreadable."""

MOST_EARLIER = 20
"""The number of earlier champions that a pointer remembers."""

_MAXIMUM_BYTES = 64 * 1024

# A version names one folder of the container of models.
Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$(?!\n)")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class Served(msgspec.Struct, frozen=True):
    """A bundle that has served."""

    version: Version
    sha256: Sha256


class Pointer(msgspec.Struct, frozen=True):
    """Which bundle serves, and what served before it.

    Attributes:
        version: the version of the bundle.
        sha256: of the bundle's file, as lower-case hex.
        moved_at: when the pointer was moved to it (RFC 3339).
        earlier: the champions before it, the latest first.
        withdrawn: versions that were rolled back. Only a person may point to them again.
        moved_by: who moved the pointer by hand: an identity's object id, or a login name on a
            developer's own machine. None where a night moved it.
        reference: the files that the container `REFERENCE` had at that time (`shared.reference`);
            None in pointers of older releases.
    """

    version: Version
    sha256: Sha256
    moved_at: str | None = None
    earlier: Annotated[tuple[Served, ...], msgspec.Meta(max_length=MOST_EARLIER)] = ()
    withdrawn: Annotated[tuple[Version, ...], msgspec.Meta(max_length=MOST_EARLIER)] = ()
    moved_by: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    reference: Annotated[tuple[str, ...], msgspec.Meta(max_length=20)] | None = None
    schema_version: Literal[1] = 1


def bundle_path(version: str) -> str:
    """Return the path of a version's bundle in the container `MODELS`."""
    return f"{version}/bundle.json"


def card_path(version: str) -> str:
    """Return the path of a version's card, which is written last, when all else is there."""
    return f"{version}/card.json"


def parse_pointer(data: bytes) -> Pointer:
    """Read a pointer.

    Raises:
        BundleError: the data is not a pointer.
    """
    if len(data) > _MAXIMUM_BYTES:
        raise BundleError(
            f"pointer is not readable: {len(data)} bytes, expected at most {_MAXIMUM_BYTES}"
        )
    try:
        pointer = msgspec.json.decode(data, type=Pointer)
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError is a ValueError
        raise BundleError(f"pointer is not readable: {error}") from error
    if pointer.moved_at is not None:
        _check_time(pointer.moved_at)
    return pointer


def _check_time(text: str) -> None:
    try:
        utc_time(text)
    except FormatError as error:
        message = f"moved_at is {shortened(text)}, expected {error.expected}"
        raise BundleError(f"pointer is not readable: {message}") from error


def encode_pointer(pointer: Pointer) -> bytes:
    """Return the file of a pointer."""
    return msgspec.json.format(msgspec.json.encode(pointer), indent=2) + b"\n"


def promoted(
    before: Pointer | None,
    version: str,
    sha256: str,
    at: str,
    moved_by: str | None = None,
    reference: tuple[str, ...] | None = None,
) -> Pointer:
    """Return the pointer that makes a version serve; where it serves already, nothing changes."""
    if before is None:
        return Pointer(version, sha256, at, moved_by=moved_by, reference=reference)
    if (before.version, before.sha256) == (version, sha256):
        return before
    earlier = (Served(before.version, before.sha256), *before.earlier)
    withdrawn = tuple(earlier for earlier in before.withdrawn if earlier != version)
    return Pointer(version, sha256, at, earlier[:MOST_EARLIER], withdrawn, moved_by, reference)


def rolled_back(
    before: Pointer,
    at: str,
    moved_by: str | None = None,
    reference: tuple[str, ...] | None = None,
) -> Pointer:
    """Return the pointer that withdraws the champion and makes the one before it serve again.

    Raises:
        ConfigurationError: no champion came before.
    """
    if not before.earlier:
        raise ConfigurationError(f"no bundle served before {before.version}: nothing to go back to")
    last, *older = before.earlier
    known = (version for version in before.withdrawn if version != last.version)
    withdrawn = (before.version, *known)[:MOST_EARLIER]
    return Pointer(last.version, last.sha256, at, tuple(older), withdrawn, moved_by, reference)
