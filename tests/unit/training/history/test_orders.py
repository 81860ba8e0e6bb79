"""A history as arrays: what was bought at which prices, and the gap to what was charged."""

from pathlib import Path

import pytest

from shared.catalogue import packaged_catalogue
from shared.errors import ConfigurationError
from tests.orders import an_order, order_body
from training.history.orders import price_history, read_history


def test_prices_sums_and_gaps_follow_from_the_catalogue() -> None:
    """At the packaged prices of 2016 a bike stand costs 159 and a hitch rack 120."""
    history = price_history((an_order(), an_order(charged_price=300)), packaged_catalogue())
    assert history.line_price_e4.tolist() == [1_590_000, 1_200_000] * 2
    assert history.units.tolist() == [3, 3]
    assert history.list_e4.tolist() == [3_990_000, 3_990_000]
    assert history.gap_e4.tolist() == [0, 990_000]
    units = history.unit_prices(history.units.nonzero()[0][:1], 3)
    assert units.tolist() == [[1_590_000, 1_200_000, 1_200_000]]


def test_orders_that_cannot_be_priced_are_left_out_and_without_any_other_refused() -> None:
    unknown = an_order(lines=[{"product_id": "never-sold", "quantity": 1}])
    foreign = an_order(currency="EUR")
    history = price_history((unknown, an_order(), foreign), packaged_catalogue())
    assert history.orders == (an_order(),)
    with pytest.raises(ConfigurationError, match="does not know the products of any order"):
        price_history((unknown, foreign), packaged_catalogue())


def test_a_file_is_sorted_by_time_and_counts_what_it_refused_and_superseded(
    tmp_path: Path,
) -> None:
    path = tmp_path / "orders.jsonl"
    late = order_body(order_id="late", ordered_at="2026-03-02T10:00:00Z")
    early = order_body(order_id="early", ordered_at="2026-03-01T10:00:00Z")
    higher = order_body(order_id="late", ordered_at="2026-03-02T10:00:00Z", revision=1)
    path.write_bytes(b"\n".join([late, early, b"no json", higher]))
    read = read_history(path)
    assert [(order.order_id, order.revision) for order in read.orders] == [
        ("early", 0),
        ("late", 1),
    ]
    assert (read.refused, read.superseded) == ({"not_json": 1}, 1)
    assert (read.first.day, read.last.day) == (1, 2)
