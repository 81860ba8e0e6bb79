"""The model store: bundles with their cards, and the pointer that says which bundle serves.

Every step can be repeated. A bundle is written before its card, the card before any pointer to it,
and a pointer moves only from the state it was read in. So a process may die anywhere: there is one
champion, and it is whole.
"""

from datetime import datetime

from shared.champion import (
    CHALLENGER,
    CHAMPION,
    CHAMPION_COPY,
    Pointer,
    bundle_path,
    card_path,
    encode_pointer,
    parse_pointer,
    promoted,
    rolled_back,
)
from shared.containers import MODELS, REFERENCE
from shared.errors import BundleError, ConfigurationError, WriteConflict
from shared.formats import time_text
from shared.golden import check_golden
from shared.model import ModelBundle, decode_bundle
from shared.reference import CATALOGUE, POLICY
from training.models.model_card import ModelCard, parse_card
from training.ports import Blobs


class Moved(ConfigurationError):  # noqa: N818 - not a failure: somebody else was first
    """The pointer has moved since the decision was made."""


def read_pointer(blobs: Blobs, name: str = CHAMPION) -> tuple[Pointer | None, str | None]:
    """Read a pointer and its ETag; both None where nothing was ever pointed to.

    Raises:
        BundleError: it is not readable, or gone.
    """
    blob = blobs.read(MODELS, name)
    if blob is not None:
        return parse_pointer(blob[0]), blob[1]
    if name == CHAMPION and blobs.read(MODELS, CHAMPION_COPY) is not None:
        raise BundleError(
            f"{MODELS}/{CHAMPION} was there and is gone: promote a version by hand "
            "(training.promote --version)"
        )
    return None, None


def publish(blobs: Blobs, version: str, bundle: bytes, card: bytes) -> None:
    """Write a version's bundle, then its card. Doing it again changes nothing.

    Raises:
        WriteConflict: the version is there with another bundle, and whole.
    """
    try:
        blobs.write(MODELS, bundle_path(version), bundle, None)
    except WriteConflict:
        there = blobs.read(MODELS, bundle_path(version))
        whole = blobs.read(MODELS, card_path(version)) is not None
        if whole and there is not None and there[0] != bundle:
            raise
        # A run that died wrote only half of it. No pointer can name it, for its card is missing.
        blobs.write(MODELS, bundle_path(version), bundle, None, replace=True)
    blobs.write(MODELS, card_path(version), card, None, replace=True)


def read_card(blobs: Blobs, version: str) -> ModelCard | None:
    """Read a version's card; None where the version is not there, or only half of it.

    Raises:
        BundleError: it is not readable.
    """
    blob = blobs.read(MODELS, card_path(version))
    if blob is None:
        return None
    try:
        return parse_card(blob[0])
    except BundleError as error:
        raise BundleError(f"{card_path(version)}: {error}") from error


def read_bundle(blobs: Blobs, version: str, sha256: str) -> ModelBundle:
    """Read a version's bundle, and check it as a scorer would: hash, form, golden orders.

    Raises:
        BundleError: it is not there, or must not serve.
    """
    return check_bundle(read_encoded(blobs, version), sha256)


def read_encoded(blobs: Blobs, version: str) -> bytes:
    """Read the file of a version's bundle as it is.

    Raises:
        BundleError: it is not there.
    """
    blob = blobs.read(MODELS, bundle_path(version))
    if blob is None:
        raise BundleError(f"{bundle_path(version)} is not there")
    return blob[0]


def check_bundle(encoded: bytes, sha256: str) -> ModelBundle:
    """Decode a bundle's file, and check it as a scorer would: hash, form, golden orders.

    Raises:
        BundleError: it must not serve.
    """
    bundle = decode_bundle(encoded, sha256)
    check_golden(bundle)
    return bundle


def promote(
    blobs: Blobs,
    version: str,
    at: datetime,
    over: str | None,
    *,
    by_hand: bool,
    moved_by: str | None = None,
) -> Pointer:
    """Point to a version that is whole, and return the pointer.

    Args:
        over: the champion that the decision was made against (None: there was no champion);
            ignored ``by_hand``.
        by_hand: a person decided, so that also a version that was rolled back may serve again.
        moved_by: who that person is.

    Raises:
        BundleError: the version is not whole, or must not serve.
        Moved: another champion serves by now, or the version was rolled back.
    """
    card = read_card(blobs, version)
    if card is None:
        raise BundleError(f"{version} is missing or incomplete in the model store")
    read_bundle(blobs, version, card.bundle_sha256)
    before, etag = _replaceable(blobs) if by_hand else read_pointer(blobs)
    if before is not None and before.version == version:
        keep_copy(blobs, before)
        return before
    if not by_hand:
        _check_unmoved(before, version, over)
    after = promoted(
        before, version, card.bundle_sha256, time_text(at), moved_by, _reference(blobs)
    )
    return _move(blobs, after, etag)


def roll_back(blobs: Blobs, at: datetime, moved_by: str | None = None) -> Pointer:
    """Check the champion before this one, point to it, and return the pointer.

    Raises:
        ConfigurationError: no champion served before this one.
        BundleError: the one before must not serve.
        Moved: somebody else has moved the pointer meanwhile.
    """
    before, etag = read_pointer(blobs)
    if before is None:
        raise ConfigurationError("no bundle serves: nothing to go back from")
    after = rolled_back(before, time_text(at), moved_by, _reference(blobs))
    read_bundle(blobs, after.version, after.sha256)
    return _move(blobs, after, etag)


def challenge(blobs: Blobs, version: str | None, at: datetime) -> None:
    """Let a version score in shadow; with None no version does.

    Raises:
        BundleError: the version is not whole.
    """
    if version is None:
        blobs.delete(MODELS, CHALLENGER)
        return
    card = read_card(blobs, version)
    if card is None:
        raise BundleError(f"{version} is missing or incomplete in the model store")
    pointer = Pointer(version, card.bundle_sha256, time_text(at))
    blobs.write(MODELS, CHALLENGER, encode_pointer(pointer), None, replace=True)


def keep_copy(blobs: Blobs, pointer: Pointer) -> None:
    """Copy the champion's pointer, for scorers that start and cannot read the pointer itself."""
    kept, data = blobs.read(MODELS, CHAMPION_COPY), encode_pointer(pointer)
    if kept is None or kept[0] != data:
        blobs.write(MODELS, CHAMPION_COPY, data, None, replace=True)


def _reference(blobs: Blobs) -> tuple[str, ...]:
    """Return the files of the container `REFERENCE` that serve now."""
    there = {stored.name for stored in blobs.list(REFERENCE)}
    return tuple(name for name in (CATALOGUE, POLICY) if name in there)


def _replaceable(blobs: Blobs) -> tuple[Pointer | None, str | None]:
    """Read the pointer; an unreadable one counts as missing, so that a promotion replaces it."""
    try:
        return read_pointer(blobs)
    except BundleError:
        blob = blobs.read(MODELS, CHAMPION)
        return None, None if blob is None else blob[1]


def _check_unmoved(before: Pointer | None, version: str, over: str | None) -> None:
    serving = None if before is None else before.version
    if serving != over:
        raise Moved(f"{serving} serves by now; {version} was judged against {over}")
    if before is not None and version in before.withdrawn:
        raise Moved(f"{version} was rolled back: only a hand promotes it again")


def _move(blobs: Blobs, after: Pointer, etag: str | None) -> Pointer:
    try:
        blobs.write(MODELS, CHAMPION, encode_pointer(after), etag)
    except WriteConflict as error:
        raise Moved("the pointer was moved by somebody else at the same time") from error
    keep_copy(blobs, after)
    return after
