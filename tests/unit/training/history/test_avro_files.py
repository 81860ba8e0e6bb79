"""Capture's Avro files: each event is an order, a smoke order or refused, and none is lost."""

import io

import fastavro
import pytest

from shared.documents import Stored
from shared.errors import ConfigurationError, TransientError
from tests.orders import order_body
from tests.unit.training.world import capture_file
from training.history.avro_files import read_file, without
from training.history.day_files import Part
from training.history.revisions import Shared

FILE = Stored("local/orders/0/2026/03/01/00/00/00.avro", 1_000, "v1")


def read(content: bytes) -> Part:
    return read_file(FILE, io.BytesIO(content), Shared())  # type: ignore[arg-type]


def test_every_event_is_counted_as_what_it_is() -> None:
    smoke = order_body(order_id="smoke-1", rep_id="smoke-test")
    part = read(capture_file([order_body(), smoke, b"no json", None], first=7))
    assert [order.order_id for order in part.orders] == ["o-1"]
    assert (part.read.records, part.read.orders, part.read.smoke_orders) == (4, 1, 1)
    assert part.read.refused == {"not_json": 2}
    assert [bad.sequence_number for bad in part.read.bad] == [9, 10]
    assert not part.read.broken
    assert part.read.is_of(FILE)


def test_what_came_before_a_break_is_kept_and_the_file_is_called_broken() -> None:
    whole = capture_file([order_body(order_id=f"o-{number}") for number in range(500)])
    part = read(whole[: len(whole) * 3 // 4])
    assert part.read.broken
    assert 0 < len(part.orders) < 500


def test_a_store_that_fails_does_not_make_a_file_broken() -> None:
    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise TransientError("away")

    with pytest.raises(TransientError, match="away"):
        read_file(FILE, Failing(), Shared())


def test_a_file_keeps_its_other_events_as_they_were() -> None:
    original = capture_file([b"one", None, b"three"], first=7)
    rest, dropped = without(original, lambda body: body == b"three")
    assert dropped == 1
    assert (
        list(fastavro.reader(io.BytesIO(rest))) == list(fastavro.reader(io.BytesIO(original)))[:2]
    )
    assert without(rest, lambda body: body == b"three")[1] == 0
    assert without(rest, lambda body: True)[1] == 2


def test_what_is_not_avro_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not a file of the archive"):
        without(b"never Avro", lambda body: True)
