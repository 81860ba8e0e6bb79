"""The company's catalogue and policy: the names of their files, and whether a file should be there.

A missing file may never have been published; then the packaged one serves. Or it was deleted; then
the packaged one must not take its place. Three things tell these apart: publishing keeps the file
that it replaces (`previous`), a pointer lists the files that were there when it was moved, and a
bundle knows the products of the catalogue that it was learned with.
"""

from shared.catalogue import packaged_catalogue
from shared.champion import Pointer
from shared.model import ModelBundle

CATALOGUE, POLICY = "catalogue.csv", "policy.json"


def previous(name: str) -> str:
    """Return the name under which publishing keeps the file that it replaces.

    >>> previous("catalogue.csv")
    'catalogue.previous.csv'
    """
    stem, _, kind = name.rpartition(".")
    return f"{stem}.previous.{kind}"


def expected(pointer: Pointer | None, bundle: ModelBundle | None, name: str) -> bool:
    """Return whether a file should be there, going by the champion's pointer and bundle.

    The pointers of older releases do not list files. Then a catalogue should be there if most
    products of the bundle are not in the packaged catalogue.
    """
    if pointer is not None and pointer.reference is not None:
        return name in pointer.reference
    return name == CATALOGUE and bundle is not None and _of_another_catalogue(bundle)


def _of_another_catalogue(bundle: ModelBundle) -> bool:
    known = bundle.baskets.alone.keys() | bundle.baskets.companions.keys()
    packaged = {product.product_id for product in packaged_catalogue()}
    return len(known - packaged) > len(known & packaged)
