"""Whatever an order says goes through every copy of it, also what is added to orders one day."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.catalogue import packaged_catalogue
from shared.order import Order, OrderLine, parse_order
from training.comparison.fraud_injection import Percents, inject_frauds
from training.history import snapshot
from training.history.order_columns import OrderColumns
from training.history.revisions import LatestOrders, Shared
from training.history.snapshot import freeze, thaw
from training.rescore import body_of

PRODUCT = "AllPurposeBikeStand"


@dataclass(frozen=True, slots=True)
class WiderLine(OrderLine):
    """A line of a later release."""

    note: str | None = None


@dataclass(frozen=True, slots=True)
class Wider(Order):
    """An order of a later release, with one more field of every kind."""

    lines: tuple[WiderLine, ...]  # type: ignore[assignment]
    channel: str | None = None
    priority: int | None = None
    weight: float = 0.0
    gift: bool = False
    paid_at: datetime | None = None


ORDER = Order(
    order_id="o-1",
    revision=3,
    ordered_at=datetime(2026, 3, 1, 9, 30, 0, 125, tzinfo=UTC),
    rep_id="rep",
    customer_id="customer",
    lines=(OrderLine(PRODUCT, 2_345), OrderLine("HitchRack4Bike", 2)),
    charged_e4=1_234_500,
    list_e4=1_300_000,
    cost_e4=700_001,
    state="Ohio",
    currency="USD",
)
WIDER = Wider(
    **{field.name: getattr(ORDER, field.name) for field in fields(ORDER) if field.name != "lines"},
    lines=(WiderLine(PRODUCT, 2, "engraved"), WiderLine("HitchRack4Bike", 1)),
    channel="web",
    priority=7,
    weight=12.5,
    gift=True,
    paid_at=datetime(2026, 3, 2, tzinfo=UTC),
)


def compacted(order: Order) -> Order:
    return Shared().compact(order)


def latest(order: Order) -> Order:
    found = LatestOrders()
    found.add(replace(order, revision=0))
    found.add(order)
    return found.in_time_order()[0]


def sent_again(order: Order) -> Order:
    return parse_order(body_of(order))


@pytest.mark.parametrize("copy", [compacted, latest, sent_again])
def test_an_order_keeps_every_field_in_every_copy(copy: Callable[[Order], Order]) -> None:
    values = [getattr(ORDER, field.name) for field in fields(Order)]
    assert len(set(map(repr, values))) == len(values)  # a swapped pair shows
    assert None not in values
    assert copy(ORDER) == ORDER


@pytest.mark.parametrize("copy", [compacted, latest])
def test_a_field_that_is_added_to_orders_is_in_every_copy(copy: Callable[[Order], Order]) -> None:
    assert copy(WIDER) == WIDER


@pytest.mark.parametrize("order", [ORDER, WIDER, replace(WIDER, channel=None, paid_at=None)])
def test_an_order_comes_back_from_a_snapshot_with_every_field(
    order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "ORDERS", OrderColumns(type(order)))
    assert thaw(freeze(tmp_path / "s.parquet", [order, order]).path).orders == (order, order)


def test_a_field_that_is_added_to_lines_survives_a_injected_item() -> None:
    orders = [replace(WIDER, order_id=f"o-{number}") for number in range(400)]
    injected = inject_frauds(orders, packaged_catalogue(), Percents((1_000,), (100,)), 1, 1).rounds[
        0
    ]
    assert any(len(order.lines) > 2 for order in injected)
    for order in injected:
        assert isinstance(order, Wider)
        (engraved,) = (line for line in order.lines if line.product_id == PRODUCT)
        assert isinstance(engraved, WiderLine)
        assert engraved.note == "engraved"


def test_a_field_that_orders_never_had_is_not_sent_again_in_silence() -> None:
    @dataclass(frozen=True, slots=True)
    class Odd(Order):
        tags: frozenset[str] = frozenset({"a"})

    odd = Odd(**{field.name: getattr(ORDER, field.name) for field in fields(ORDER)})
    with pytest.raises(TypeError):
        body_of(odd)
