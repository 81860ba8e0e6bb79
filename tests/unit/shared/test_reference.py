"""Whether the company's catalogue or policy should be there."""

import msgspec
import pytest

from shared.champion import Pointer
from shared.model import BasketTable, ModelBundle, packaged_bundle
from shared.reference import CATALOGUE, POLICY, expected, previous

OF_AN_OLDER_RELEASE = Pointer("v1", "0" * 64)


def knowing(*products: str) -> ModelBundle:
    """A bundle learned with a catalogue of these products."""
    baskets = BasketTable(10, {}, dict.fromkeys(products, 0.1))
    return msgspec.structs.replace(packaged_bundle(), baskets=baskets)


@pytest.mark.parametrize(
    ("name", "kept"),
    [(CATALOGUE, "catalogue.previous.csv"), (POLICY, "policy.previous.json")],
)
def test_the_file_before_is_kept_beside_it(name: str, kept: str) -> None:
    assert previous(name) == kept


def test_the_pointer_says_which_files_were_there() -> None:
    pointer = Pointer("v1", "0" * 64, reference=(POLICY,))
    assert expected(pointer, None, POLICY)
    assert not expected(pointer, knowing("OWN-1"), CATALOGUE)


def test_without_a_pointer_and_a_bundle_no_file_was_ever_there() -> None:
    assert not expected(None, None, CATALOGUE)
    assert not expected(None, None, POLICY)


@pytest.mark.parametrize(
    ("products", "own"),
    [(("OWN-1", "OWN-2", "CableLock"), True), (("OWN-1", "CableLock"), False), ((), False)],
)
def test_under_an_older_pointer_most_products_of_the_bundle_tell_whose_catalogue_it_knows(
    products: tuple[str, ...], own: bool
) -> None:
    assert expected(OF_AN_OLDER_RELEASE, knowing(*products), CATALOGUE) is own
    assert not expected(OF_AN_OLDER_RELEASE, knowing(*products), POLICY)
