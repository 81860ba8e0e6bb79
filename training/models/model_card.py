"""A bundle's card: what the bundle was learned from and what it rests on."""

import platform
from importlib.metadata import version as library_version
from typing import Annotated, Literal

import msgspec

from shared.catalogue import Catalogue
from shared.champion import Sha256, Version
from shared.errors import BundleError
from shared.formats import time_text
from training.history.orders import OrderFile
from training.learning.learned import Learned

LIBRARIES = ("numpy", "msgspec")
"""The libraries that the learned tables depend on."""


class ModelCardData(msgspec.Struct, frozen=True):
    """The orders that a bundle was learned from.

    ``sha256`` is the hash of the file or snapshot that they came from. ``lines_refused`` counts
    what was not an order there, by code.
    """

    first_ordered_at: str
    last_ordered_at: str
    sha256: str
    lines_refused: dict[str, int] = {}
    orders_superseded: Annotated[int, msgspec.Meta(ge=0)] = 0
    catalogue_version: str = ""


class ModelCard(msgspec.Struct, frozen=True):
    """``models/{version}/card.json``: what a bundle was learned from and what it rests on.

    ``metrics`` are the counts of learning, ``packaged_defaults`` the tables that could not be
    learned, with the reason, ``libraries`` the versions it was made with.
    """

    version: Version
    bundle_sha256: Sha256
    data: ModelCardData
    metrics: dict[str, float] = {}
    packaged_defaults: dict[str, str] = {}
    libraries: dict[str, str] = {}
    schema_version: Literal[1] = 1


def make_card(learned: Learned, history: OrderFile, catalogue: Catalogue, sha256: str) -> ModelCard:
    """Return the card of a bundle whose file has this SHA-256."""
    names = LIBRARIES if learned.bundle.classifier is None else (*LIBRARIES, "scikit-learn")
    libraries = {name: library_version(name) for name in names}
    return ModelCard(
        version=learned.bundle.version,
        bundle_sha256=sha256,
        data=ModelCardData(
            first_ordered_at=time_text(history.first),
            last_ordered_at=time_text(history.last),
            sha256=history.sha256,
            lines_refused=history.refused,
            orders_superseded=history.superseded,
            catalogue_version=catalogue.version,
        ),
        metrics=learned.figures,
        packaged_defaults=learned.defaults,
        libraries={"python": platform.python_version(), **libraries},
    )


def encode_card(card: ModelCard) -> bytes:
    """Return the card's file."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"


def parse_card(data: bytes) -> ModelCard:
    """Read a card.

    Raises:
        BundleError: the data is not a card.
    """
    try:
        return msgspec.json.decode(data, type=ModelCard)
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError is a ValueError
        raise BundleError(f"not a card: {error}") from error
