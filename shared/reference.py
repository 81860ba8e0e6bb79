"""Catalogue and policy on the shelf: their names, and how one knows that a file was ever there.

A file that is missing may never have been there, and then the packaged one serves; or it is gone,
and then nothing packaged may stand in for it. Three things tell: publishing keeps the file that it
replaces (`previous`), a pointer says which files lay there when it was moved, and a bundle knows
the products of the catalogue that it was learned with.
"""

from shared.catalogue import packaged_catalogue
from shared.champion import Pointer
from shared.model import ModelBundle

CATALOGUE, POLICY = "catalogue.csv", "policy.json"


def previous(name: str) -> str:
    """Where the file that this one replaced is kept.

    >>> previous("catalogue.csv")
    'catalogue.previous.csv'
    """
    stem, _, kind = name.rpartition(".")
    return f"{stem}.previous.{kind}"


def expected(pointer: Pointer | None, bundle: ModelBundle | None, name: str) -> bool:
    """Whether a file of this name must be there, by the champion and the pointer to it.

    Pointers of older releases do not say; then a catalogue must be there if most of what the
    bundle knows is not in the packaged one.
    """
    if pointer is not None and pointer.reference is not None:
        return name in pointer.reference
    return name == CATALOGUE and bundle is not None and _of_another_catalogue(bundle)


def _of_another_catalogue(bundle: ModelBundle) -> bool:
    known = bundle.baskets.alone.keys() | bundle.baskets.companions.keys()
    packaged = {product.product_id for product in packaged_catalogue()}
    return len(known - packaged) > len(known & packaged)
