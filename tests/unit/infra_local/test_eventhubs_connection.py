"""What the emulator answers when a client attaches a link: frame by frame."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.eventhubs import amqp, frames, management
from infra.local.eventhubs.amqp import Value
from infra.local.eventhubs.connection import Connection
from infra.local.eventhubs.frames import Limits
from infra.local.eventhubs.hubs import Hub, HubSpec
from infra.local.eventhubs.messages import Message

EVENT = Message(None, (), amqp.described(frames.DATA, amqp.binary(b"x")))
_SOURCE, _TARGET, _MODE, _SIZE = 5, 6, 3, 10


class FakeTransport(asyncio.Transport):
    """A transport that keeps what the emulator writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()

    def write(self, data: Any) -> None:
        self.written += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Do nothing: there is room for everything."""

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        """Do nothing: what was written stays readable."""


class FakeClient:
    """A client of one hub with two partitions and one event in the first."""

    def __init__(self) -> None:
        self.hub = Hub(HubSpec("orders", 2), 0, None, 10)
        self.hub.partitions[0].log.append([EVENT], 1_000)
        self.wire = FakeTransport()
        self.connection = Connection({"orders": self.hub}, Limits(), set())
        self.connection.connection_made(self.wire)
        self._send(frames.OPEN, amqp.string("client"))
        self._send(frames.BEGIN, amqp.NULL, amqp.uint(0), amqp.uint(9), amqp.uint(9))
        self.answers()

    def _send(self, code: int, *fields: bytes) -> None:
        self.connection.data_received(frames.frame(0, code, *fields))

    def attach(
        self, address: str, *, reads: bool, mode: bytes = amqp.NULL, end: bytes = amqp.NULL
    ) -> list[tuple[int, list[Value]]]:
        """Attach a link, ``end`` being the filter of what is read; what is answered."""
        ours = amqp.described(0x28, amqp.amqp_list(amqp.string(address), *[amqp.NULL] * 6, end))
        theirs = amqp.described(0x29, amqp.amqp_list(amqp.string("here")))
        source, target = (ours, theirs) if reads else (theirs, ours)
        role = amqp.TRUE if reads else amqp.FALSE
        self._send(
            frames.ATTACH, amqp.string(f"to {address}"), amqp.uint(0), role, mode, amqp.NULL,
            source, target,
        )  # fmt: skip
        return self.answers()

    def answers(self) -> list[tuple[int, list[Value]]]:
        found = [frames.take_performative(one.body)[:2] for one in self._frames()]
        return [(code, fields) for code, fields in found]

    def _frames(self) -> Iterator[frames.Frame]:
        yield from frames.take_frames(self.wire.written, 1 << 21)


@pytest.fixture
async def client() -> FakeClient:
    return FakeClient()


READ = "orders/ConsumerGroups/$Default/Partitions/0"


def beyond() -> bytes:
    text = amqp.string("amqp.annotation.x-opt-offset > '123456'")
    name = amqp.symbol("apache.org:selector-filter:string")
    return amqp.amqp_map([(name, text)])


@pytest.mark.parametrize(
    ("address", "reads", "condition", "said"),
    [
        ("nothing", False, "amqp:not-found", "'nothing' could not be found"),
        ("orders/Partitions/7", False, "com.microsoft:argument-out-of-range", "'7' is invalid"),
        (
            "orders/ConsumerGroups/nobody/Partitions/0", True, "amqp:not-found",
            "nobody' could not be found",
        ),
        ("orders/ConsumerGroups/$Default/Partitions/7", True,
         "com.microsoft:argument-out-of-range", "'7' is invalid"),
    ],
)  # fmt: skip
async def test_a_refused_link_is_attached_without_this_end_and_detached_with_the_reason(
    client: FakeClient, address: str, reads: bool, condition: str, said: str
) -> None:
    (attached, answer), (detached, gone), *more = client.attach(address, reads=reads)
    assert (attached, detached, more) == (frames.ATTACH, frames.DETACH, [])
    ours, theirs = (_SOURCE, _TARGET) if reads else (_TARGET, _SOURCE)
    assert answer[ours] is None
    assert answer[theirs] is not None
    assert gone[1] is True
    assert isinstance(gone[2], list)
    assert gone[2][0] == condition
    assert said in str(gone[2][1])


async def test_a_place_beyond_the_end_of_the_log_is_refused_before_anything_is_read(
    client: FakeClient,
) -> None:
    (_, answer), (_, gone) = client.attach(READ, reads=True, end=beyond())
    assert answer[_SOURCE] is None
    assert "The last offset in the system is '0'" in str(gone[2])


@pytest.mark.parametrize("mode", [0, 1, 2])
async def test_a_senders_settle_mode_is_its_own(client: FakeClient, mode: int) -> None:
    (code, answer), *more = client.attach("orders", reads=False, mode=amqp.ubyte(mode))
    assert (code, answer[_MODE]) == (frames.ATTACH, mode)
    assert [one for one, _ in more] == [frames.FLOW]  # credit, and only after the attach


async def test_a_senders_settle_mode_is_mixed_unless_it_says(client: FakeClient) -> None:
    [(_, answer), _] = client.attach("orders", reads=False)
    assert answer[_MODE] == 2
    assert answer[_SIZE] == 1 << 20


async def test_what_goes_out_is_settled_and_has_no_largest_size(client: FakeClient) -> None:
    [(code, answer)] = client.attach(READ, reads=True, mode=amqp.ubyte(0))
    assert (code, answer[_MODE], answer[_SIZE]) == (frames.ATTACH, 1, 0)
    assert answer[_SOURCE] is not None


def hub(folder: Path, now_ms: int, name: str = "orders") -> Hub:
    made = Hub(HubSpec(name, 1), now_ms, folder, 10)
    made.close()
    return made


def test_a_hub_keeps_the_time_it_was_made_at_and_one_made_anew_has_another(tmp_path: Path) -> None:
    assert hub(tmp_path, 1_000).created_ms == 1_000
    assert hub(tmp_path, 9_000).created_ms == 1_000
    assert hub(tmp_path, 9_000, "other").created_ms == 9_000
    (tmp_path / "orders.0.log").unlink()
    assert hub(tmp_path, 20_000).created_ms == 20_000
    assert hub(tmp_path, 30_000).created_ms == 20_000
    assert hub(tmp_path, 30_000, "other").created_ms == 9_000


def test_logs_of_an_earlier_version_are_as_old_as_the_oldest_of_them(tmp_path: Path) -> None:
    hub(tmp_path, 1_000)
    (tmp_path / "orders.created").unlink()
    before = (tmp_path / "orders.0.log").stat().st_mtime
    assert hub(tmp_path, 99).created_ms == int(before * 1000)
    assert hub(tmp_path, 99).created_ms == int(before * 1000)


@pytest.mark.parametrize("text", ["", "soon", "-5", "1" * 40, "\u0661"])
def test_a_created_time_that_cannot_be_read_is_one_clear_error(tmp_path: Path, text: str) -> None:
    hub(tmp_path, 1_000)
    (tmp_path / "orders.created").write_text(text)
    with pytest.raises(ValueError, match="expected milliseconds since 1970"):
        hub(tmp_path, 2_000)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"type": "com.microsoft:partition", "name": "orders", "partition": "77"},
         "'orders/Partitions/77'"),
        ({"type": "com.microsoft:partition", "name": "nothing", "partition": "0"}, "'nothing'"),
        ({"type": "com.microsoft:eventhub", "name": "nothing"}, "'nothing'"),
    ],
)  # fmt: skip
def test_who_asks_about_what_is_not_there_hears_the_name_of_that(
    asked: dict[Value, Value], said: str
) -> None:
    status, text, _ = management.describe({"orders": Hub(HubSpec("orders", 2), 0, None, 9)}, asked)
    assert (status, text) == (404, f"The messaging entity {said} could not be found.")
