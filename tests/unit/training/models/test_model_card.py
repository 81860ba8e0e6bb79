"""A card says what a bundle was learned from, and with which libraries."""

import platform
from importlib.metadata import version
from typing import Any

import msgspec
import pytest

from shared.catalogue import packaged_catalogue
from shared.errors import BundleError
from tests.bundles import a_bundle
from tests.orders import an_order
from tests.schemas import violations
from training.history.orders import OrderFile
from training.learning.learned import Learned
from training.models.model_card import ModelCard, encode_card, make_card, parse_card


def a_card() -> ModelCard:
    orders = tuple(
        an_order(order_id=f"o-{day}", ordered_at=f"2026-03-0{day}T10:00:00Z") for day in (1, 2, 5)
    )
    learned = Learned(a_bundle("v1"), {"orders": 3.0}, {"ladder": "too few orders"})
    history = OrderFile(orders, {"not_json": 2}, 4, "0" * 64)
    return make_card(learned, history, packaged_catalogue(), "1" * 64)


def test_a_card_names_the_data_the_defaults_and_the_libraries() -> None:
    card = a_card()
    assert (card.version, card.bundle_sha256) == ("v1", "1" * 64)
    assert (card.data.first_ordered_at, card.data.last_ordered_at) == (
        "2026-03-01T10:00:00.000000Z",
        "2026-03-05T10:00:00.000000Z",
    )
    assert (card.data.lines_refused, card.data.orders_superseded) == ({"not_json": 2}, 4)
    assert card.packaged_defaults == {"ladder": "too few orders"}
    names = ("numpy", "msgspec")
    libraries = {name: version(name) for name in names}
    assert card.libraries == {"python": platform.python_version(), **libraries}


def test_a_card_keeps_its_contract_and_is_read_back_as_it_was_written() -> None:
    encoded = encode_card(a_card())
    document: dict[str, Any] = msgspec.json.decode(encoded)
    assert violations("bundle-card", document) == []
    assert parse_card(encoded) == a_card()


@pytest.mark.parametrize("data", [b"", b"{}", b"[" * 100_000, b"\xff"])
def test_what_is_no_card_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="not a card"):
        parse_card(data)
