"""Reads the model that serves when a night begins, which a challenger has to beat."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import msgspec

from shared.champion import Pointer
from shared.errors import BundleError
from shared.formats import utc_time
from shared.model import ModelBundle, packaged_bundle
from training.models.model_store import read_bundle, read_card, read_pointer
from training.ports import Blobs


@dataclass(frozen=True, slots=True)
class Champion:
    """The version that serves, and its bundle.

    Attributes:
        version: None where nothing was ever promoted.
        bundle: the packaged tables where nothing was ever promoted.
        until: the time of the last order that it learned from; None where that is not known.
    """

    version: str | None
    bundle: ModelBundle
    until: datetime | None

    @property
    def tables(self) -> "Champion":
        """The same champion without its classifier."""
        return Champion(self.version, tables_of(self.bundle), self.until)


def tables_of(bundle: ModelBundle) -> ModelBundle:
    """Return a bundle without its classifier."""
    return msgspec.structs.replace(bundle, classifier=None)


def read_champion(blobs: Blobs, say: Callable[[str], None]) -> Champion:
    """Read what serves.

    A champion whose bundle must not serve is replaced, for the comparison, by the bundle that
    scorers go back to. ``say`` tells people about it.

    Raises:
        BundleError: the pointer cannot be read, or is gone.
        TransientError: the store failed.
    """
    pointer, _ = read_pointer(blobs)
    if pointer is None:
        return Champion(None, packaged_bundle(), None)
    try:
        bundle = read_bundle(blobs, pointer.version, pointer.sha256)
        card = read_card(blobs, pointer.version)
    except BundleError as error:
        say(f"the champion {pointer.version} is broken: {error}")
        return Champion(pointer.version, _bundle_before(blobs, pointer), None)
    until = None if card is None else utc_time(card.data.last_ordered_at)
    return Champion(pointer.version, bundle, until)


def _bundle_before(blobs: Blobs, pointer: Pointer) -> ModelBundle:
    """Return the latest bundle before the champion that may serve, or the packaged tables.

    It is marked as degraded, so that every challenger that does no harm may take its place.
    """
    for served in pointer.earlier:
        with suppress(BundleError):
            bundle = read_bundle(blobs, served.version, served.sha256)
            return msgspec.structs.replace(bundle, degraded=True)
    return packaged_bundle()
