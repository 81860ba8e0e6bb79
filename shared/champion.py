"""The pointer on the shelf: which bundle serves, and which ones served before it.

``models/champion.json`` is the truth of what serves. It is one small document that is replaced
whole, so a scorer sees the old champion or the new one and never half of either.
"""

from typing import Annotated, Literal

import msgspec

from shared.errors import BundleError, ConfigurationError
from shared.formats import FormatError, shortened, utc_time

CHAMPION, CHALLENGER = "champion.json", "challenger.json"
"""Pointers: to the bundle whose alerts count, and to one that scores beside it in silence."""

CHAMPION_COPY = "champion.copy.json"
"""The champion's pointer once more, written after it: for whoever finds the pointer gone or
unreadable and has nothing that serves yet."""

MOST_EARLIER = 20
"""Champions before this one that a pointer remembers."""

_MAXIMUM_BYTES = 64 * 1024

# One folder of the models container, and nothing else.
Version = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$(?!\n)")]
Sha256 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class Served(msgspec.Struct, frozen=True):
    """A bundle that served once."""

    version: Version
    sha256: Sha256


class Pointer(msgspec.Struct, frozen=True):
    """Which bundle serves, its SHA-256 as lower-case hex, and those before it, the latest first.

    ``moved_at`` (RFC 3339) says when the pointer was put there, ``moved_by`` who did it by hand
    (an identity's object id; on a machine of one's own a login name). ``withdrawn`` are versions
    that were rolled back: nothing but a hand points to them again. ``reference`` are the files of
    that container that lay there then (`shared.reference`); None in pointers of older releases.
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
    """Where a version's bundle lies in the container `MODELS`."""
    return f"{version}/bundle.json"


def card_path(version: str) -> str:
    """Where a version's card lies; it is written last, so a version with a card is whole."""
    return f"{version}/card.json"


def parse_pointer(data: bytes) -> Pointer:
    """Read a pointer.

    Raises:
        BundleError: it is none.
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
    """The pointer's file."""
    return msgspec.json.format(msgspec.json.encode(pointer), indent=2) + b"\n"


def promoted(
    before: Pointer | None,
    version: str,
    sha256: str,
    at: str,
    moved_by: str | None = None,
    reference: tuple[str, ...] | None = None,
) -> Pointer:
    """The pointer once a version serves; promoting the one that serves changes nothing."""
    if before is None:
        return Pointer(version, sha256, at, moved_by=moved_by, reference=reference)
    if (before.version, before.sha256) == (version, sha256):
        return before
    earlier = (Served(before.version, before.sha256), *before.earlier)
    withdrawn = tuple(one for one in before.withdrawn if one != version)
    return Pointer(version, sha256, at, earlier[:MOST_EARLIER], withdrawn, moved_by, reference)


def rolled_back(
    before: Pointer,
    at: str,
    moved_by: str | None = None,
    reference: tuple[str, ...] | None = None,
) -> Pointer:
    """The pointer once the champion before this one serves again, and this one is withdrawn.

    Raises:
        ConfigurationError: there was none before.
    """
    if not before.earlier:
        raise ConfigurationError(f"no bundle served before {before.version}: nothing to go back to")
    last, *older = before.earlier
    known = (one for one in before.withdrawn if one != last.version)
    withdrawn = (before.version, *known)[:MOST_EARLIER]
    return Pointer(last.version, last.sha256, at, tuple(older), withdrawn, moved_by, reference)
