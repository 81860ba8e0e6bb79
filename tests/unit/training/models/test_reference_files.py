"""Catalogue and policy: checked before they go up, what they replace is kept, none is made up."""

from collections.abc import Callable

import pytest

from shared.catalogue import packaged_catalogue
from shared.champion import CHAMPION, Pointer, encode_pointer
from shared.containers import MODELS, REFERENCE
from shared.errors import ConfigurationError, TransientError
from shared.reference import CATALOGUE, POLICY, previous
from tests.unit.training.world import FakeBlobs
from training.models import reference_files

HEADER = "product_id,name,category,subcategory,list_price,standard_cost,currency,valid_from\n"


def prices(price: int) -> bytes:
    return f"{HEADER}OWN-1,Own,a,b,{price},50,EUR,2020-01-01T00:00:00Z\n".encode()


def test_what_is_replaced_is_kept_and_again_is_as_good_as_once() -> None:
    blobs = FakeBlobs()
    for price in (1, 2, 3, 3):
        reference_files.publish(blobs, CATALOGUE, prices(price))
    assert blobs.content(REFERENCE, CATALOGUE) == prices(3)
    assert blobs.content(REFERENCE, previous(CATALOGUE)) == prices(2)


def test_what_must_not_serve_is_not_kept_in_the_place_of_what_may() -> None:
    blobs = FakeBlobs()
    for price in (1, 2):
        reference_files.publish(blobs, CATALOGUE, prices(price))
    blobs.put(REFERENCE, CATALOGUE, b"by somebody else, and broken")
    reference_files.publish(blobs, CATALOGUE, prices(3))
    assert blobs.content(REFERENCE, previous(CATALOGUE)) == prices(1)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        (CATALOGUE, b"\x7fELF\x02\x01"),
        (CATALOGUE, b""),
        (CATALOGUE, HEADER.encode()),
        (POLICY, b'{"alert_probability": 2}'),
        (POLICY, b"[" * 100_000),
    ],
)
def test_what_no_scorer_would_take_does_not_go_up(name: str, bad: bytes) -> None:
    blobs = FakeBlobs()
    with pytest.raises(ConfigurationError):
        reference_files.publish(blobs, name, bad)
    assert blobs.writes == []


def test_where_there_never_was_a_file_the_packaged_one_is_read() -> None:
    blobs = FakeBlobs()
    reference = reference_files.read(blobs)
    assert packaged_catalogue().currency.encode() in reference.catalogue_csv
    assert reference.policy.version == "packaged"


def by_what_is_kept(blobs: FakeBlobs, name: str) -> None:
    blobs.put(REFERENCE, previous(name), b"anything")


def by_the_pointer(blobs: FakeBlobs, name: str) -> None:
    pointer = Pointer("v1", "0" * 64, reference=(name,))
    blobs.put(MODELS, CHAMPION, encode_pointer(pointer))


@pytest.mark.parametrize("name", [CATALOGUE, POLICY])
@pytest.mark.parametrize("known", [by_what_is_kept, by_the_pointer])
def test_what_is_gone_is_an_error_and_nothing_packaged_stands_in(
    known: Callable[[FakeBlobs, str], None], name: str
) -> None:
    blobs = FakeBlobs()
    known(blobs, name)
    with pytest.raises(ConfigurationError, match=f"^{REFERENCE}/{name} was there and is gone"):
        reference_files.read(blobs)


def test_a_store_that_is_away_is_no_missing_file() -> None:
    blobs = FakeBlobs(failing={"read": TransientError("storage is gone")})
    with pytest.raises(TransientError):
        reference_files.read(blobs)
