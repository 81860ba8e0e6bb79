"""A customer's data goes from wherever it is kept, that of others stays, and twice is as once."""

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from shared.containers import ARCHIVE
from shared.errors import ConfigurationError, TransientError
from tests.orders import order_body
from tests.unit.training.world import FakeBlobs, capture_file, capture_name
from training import erase as command
from training.erase import concerns, erase, report
from training.history.archive import read_archive, read_captured
from training.history.captured_files import list_captured
from training.history.day_files import DayFiles, day_path

DAY = datetime(2026, 3, 1, tzinfo=UTC)


def body(name: str, customer: str) -> bytes:
    return order_body(order_id=name, customer_id=customer, ordered_at=DAY.isoformat())


def letter(content: bytes) -> bytes:
    return json.dumps({"body": base64.b64encode(content).decode()}).encode()


@dataclass
class FakeAlerts:
    """`training.erase.Alerts`: customer and rep by alert id."""

    stored: dict[str, tuple[str, str]] = field(
        default_factory=lambda: {"a.0": ("ann", "rep-1"), "b.0": ("bo", "rep-1")}
    )

    def alerts_of(self, customer_id: str) -> list[tuple[str, str]]:
        return [(name, rep) for name, (who, rep) in self.stored.items() if who == customer_id]

    def delete_alert(self, alert_id: str, rep_id: str) -> None:
        assert self.stored.pop(alert_id)[1] == rep_id


@pytest.fixture
def blobs() -> FakeBlobs:
    made = FakeBlobs()
    made.put(ARCHIVE, capture_name(DAY, 0), capture_file([body("a", "ann"), body("b", "bo")]))
    made.put(ARCHIVE, capture_name(DAY, 1), capture_file([body("c", "bo")]))
    made.put(ARCHIVE, capture_name(DAY, 2), b"torn")
    made.put("dead-letters", "orders/0/1.json", letter(b'{"customer_id": "ann"'))
    made.put("dead-letters", "orders/0/2.json", letter(body("d", "bo")))
    made.put("dead-letters", "orders/0/3.json", b"?")
    made.put("training", "snapshots/x.parquet", b"everybody")
    made.put("training", "runs/v1.json", b"figures")
    made.put("models", "v1/bundle.json", b'{"by_name":{"ann":{}}}')
    made.put("models", "v2/bundle.json", b'{"by_name":{"annika":{}}}')
    return made


def kept(blobs: FakeBlobs) -> list[str]:
    found = read_archive(blobs, "orders", DAY, DAY + timedelta(days=1))
    return [order.order_id for order in found.orders]


def test_without_for_good_everything_is_counted_and_nothing_changed(blobs: FakeBlobs) -> None:
    before, alerts = dict(blobs.blobs), FakeAlerts()
    found = erase(blobs, alerts, "ann", for_good=False)
    assert (found.orders, found.files, found.dead_letters, found.alerts) == (1, 1, 1, 1)
    assert (found.snapshots, found.bundles) == (1, ("v1",))
    assert blobs.blobs == before
    assert len(alerts.stored) == 2


def test_for_good_the_customer_is_gone_and_everybody_else_is_there(blobs: FakeBlobs) -> None:
    alerts = FakeAlerts()
    erase(blobs, alerts, "ann", for_good=True)
    assert kept(blobs) == ["b", "c"]
    assert list(alerts.stored) == ["b.0"]
    names = {name for where, name in blobs.blobs if where in {"dead-letters", "training"}}
    assert names == {"orders/0/2.json", "orders/0/3.json", "runs/v1.json"}
    assert blobs.writes == [f"{ARCHIVE}/{capture_name(DAY, 0)}"]  # the only file to change


def test_again_is_as_good_as_once_and_a_failure_in_between_costs_nothing(blobs: FakeBlobs) -> None:
    blobs.failing["delete"] = TransientError("away")
    with pytest.raises(TransientError):
        erase(blobs, FakeAlerts(), "ann", for_good=True)
    del blobs.failing["delete"]
    erase(blobs, FakeAlerts(), "ann", for_good=True)
    again = erase(blobs, FakeAlerts({}), "ann", for_good=True)
    assert (again.orders, again.dead_letters, again.alerts, again.snapshots) == (0, 0, 0, 0)


def test_what_cannot_be_read_and_what_is_left_to_do_is_said(blobs: FakeBlobs) -> None:
    lines = list(report(erase(blobs, FakeAlerts(), "ann", for_good=False), for_good=False))
    torn = f"not readable, look at it by hand: {ARCHIVE}/{capture_name(DAY, 2)}"
    assert torn in lines
    assert "not readable, look at it by hand: dead-letters/orders/0/3.json" in lines
    assert any("bundle v1" in line for line in lines)
    assert lines[-1].startswith("nothing was changed")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (body("a", "ann"), True),
        (body("a", "annika"), False),
        (body("ann", "bo"), False),
        (b'{"customer_id": "ann"', True),  # no order: whatever contains the name
        (b'["ann"]', True),
        (b"", False),
    ],
)
def test_an_order_is_the_customers_by_its_field_and_garbage_by_the_name_in_it(
    content: bytes, found: bool
) -> None:
    assert concerns(content, "ann") is found


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--customer is empty"):
        command.main(["--customer", ""])


def test_the_files_of_a_customers_days_are_deleted_and_made_anew_without_the_orders() -> None:
    blobs, night = FakeBlobs(), DAY + timedelta(days=9)
    for number, customers in enumerate((["ann", "bo"], ["bo"])):
        at = DAY + timedelta(days=number)
        bodies = [body(f"{who}-{number}", who) for who in customers]
        blobs.put(ARCHIVE, capture_name(at), capture_file(bodies))
    captured = list_captured(blobs, "orders", DAY, night)
    read_captured(blobs, captured, DayFiles(blobs, "orders", night))
    first, second = (day_path("orders", (DAY + timedelta(days=n)).date()) for n in (0, 1))
    blobs.put("training", "days/orders/2026-02-02.parquet", b"nobody can read it")

    assert erase(blobs, FakeAlerts({}), "ann", for_good=False).days == 2
    assert ("training", first) in blobs.blobs
    assert erase(blobs, FakeAlerts({}), "ann", for_good=True).days == 2
    assert [name for where, name in blobs.blobs if where == "training"] == [second]
    again = list_captured(blobs, "orders", DAY, night)
    found = read_captured(blobs, again, DayFiles(blobs, "orders", night))
    assert [order.order_id for order in found.orders] == ["bo-0", "bo-1"]
    assert erase(blobs, FakeAlerts({}), "ann", for_good=False).days == 0
