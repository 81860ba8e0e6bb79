"""Where consumers start, who outranks whom, and where a key goes."""

import random
from pathlib import Path

import pytest
from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code

from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.frames import RefusedError
from infra.local.eventhubs.hubs import Hub, HubSpec, Partition, refuse_fewer_partitions
from infra.local.eventhubs.log import PartitionLog
from infra.local.eventhubs.messages import Message

BODY = amqp.described(frames.DATA, amqp.binary(b"x"))


class FakeConsumer:
    def __init__(self, epoch: int | None = None, group: str = "$default") -> None:
        self.epoch = epoch
        self.group = group
        self.reason: RefusedError | None = None

    def wake(self) -> None: ...

    def disconnect(self, reason: RefusedError) -> None:
        self.reason = reason


@pytest.fixture
def partition() -> Partition:
    return Partition("0", PartitionLog())


@pytest.fixture
def filled() -> Partition:
    """Three events at 1000, 2000 and 3000 ms."""
    log = PartitionLog()
    for time in (1000, 2000, 3000):
        log.append([Message(None, (), BODY)], time)
    return Partition("0", log)


def selector(kind: str, operator: str, value: object) -> str:
    return f"amqp.annotation.x-opt-{kind} {operator} '{value}'"


def test_keys_go_where_the_sdks_hash_sends_them() -> None:
    hub = Hub(HubSpec("orders", partitions=4), 0, None, 10)
    rng = random.Random(2)
    for _ in range(5000):
        key = "".join(chr(rng.randrange(32, 127)) for _ in range(rng.randrange(1, 64)))
        # The service takes the remainder's size; Python's % would floor it.
        assert hub.route(key).id == str(abs(generate_hash_code(key)) % 4), key


def test_without_a_key_partitions_take_turns() -> None:
    hub = Hub(HubSpec("orders", partitions=3), 0, None, 10)

    assert len({hub.route(None).id for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("kind", "operator", "value", "start"),
    [
        ("offset", ">", "-1", 0),
        ("offset", ">", "@latest", 3),
        ("sequence-number", ">", "0", 1),
        ("sequence-number", ">=", "0", 0),
        ("sequence-number", ">", "2", 3),
        ("sequence-number", ">=", "3", 3),
        ("enqueued-time", ">", "999", 0),
        ("enqueued-time", ">", "1000", 1),
        ("enqueued-time", ">=", "1000", 0),
        ("enqueued-time", ">", "99999", 3),
    ],
)
def test_a_filter_names_the_first_event(
    filled: Partition, kind: str, operator: str, value: str, start: int
) -> None:
    assert filled.start_sequence(selector(kind, operator, value)) == start


def test_an_offset_starts_at_or_after_its_event(filled: Partition) -> None:
    offset = filled.log.event(1).offset

    assert filled.start_sequence(selector("offset", ">", offset)) == 2
    assert filled.start_sequence(selector("offset", ">=", offset)) == 1


def test_without_a_filter_a_consumer_gets_everything(filled: Partition) -> None:
    assert filled.start_sequence(None) == 0


def test_a_place_beyond_the_end_is_refused(filled: Partition, partition: Partition) -> None:
    last = filled.log.event(2).offset
    for where, stale in [
        (filled, selector("offset", ">", last + 1)),
        (filled, selector("sequence-number", ">", 4)),
        (partition, selector("offset", ">", 0)),
        (partition, selector("sequence-number", ">", 7)),
    ]:
        with pytest.raises(RefusedError, match=r"is invalid\. The last") as refusal:
            where.start_sequence(stale)
        assert refusal.value.condition == "com.microsoft:argument-error"


def test_an_empty_partition_can_be_read_from_its_beginning(partition: Partition) -> None:
    for start in (selector("offset", ">", -1), selector("sequence-number", ">=", 0)):
        assert partition.start_sequence(start) == 0


@pytest.mark.parametrize(
    "unknown", ["price > 3", selector("offset", ">", "soon"), selector("publisher", "=", "x")]
)
def test_an_unknown_filter_is_refused(filled: Partition, unknown: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        filled.start_sequence(unknown)
    assert refusal.value.condition == "com.microsoft:argument-error"


@pytest.mark.parametrize("newest", [0, 1])
def test_of_two_epochs_the_higher_or_newest_wins(partition: Partition, newest: int) -> None:
    old, new = FakeConsumer(epoch=0), FakeConsumer(epoch=newest)
    partition.admit(old)

    partition.admit(new)

    assert old.reason is not None
    assert old.reason.condition == "amqp:link:stolen"
    assert new.reason is None


@pytest.mark.parametrize("lower", [0, None])
def test_a_lower_epoch_is_refused(partition: Partition, lower: int | None) -> None:
    reader = FakeConsumer(epoch=1)
    partition.admit(reader)

    with pytest.raises(RefusedError, match="higher epoch") as refusal:
        partition.admit(FakeConsumer(epoch=lower))

    assert refusal.value.condition == "amqp:link:stolen"
    assert reader.reason is None


def test_five_readers_without_an_epoch_are_the_most(partition: Partition) -> None:
    readers = [FakeConsumer() for _ in range(5)]
    for reader in readers:
        partition.admit(reader)

    with pytest.raises(RefusedError) as refusal:
        partition.admit(FakeConsumer())
    assert refusal.value.condition == "amqp:resource-limit-exceeded"
    partition.admit(FakeConsumer(group="audit"))
    partition.dismiss(readers[0])
    partition.admit(FakeConsumer())


def test_consumer_groups_do_not_compete(partition: Partition) -> None:
    first = FakeConsumer(epoch=5)
    partition.admit(first)

    partition.admit(FakeConsumer(epoch=0, group="audit"))

    assert first.reason is None


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("orders", HubSpec("orders", 4)),
        ("orders:2", HubSpec("orders", 2)),
        ("orders:2:a,b", HubSpec("orders", 2, ("a", "b"))),
        ("orders::a", HubSpec("orders", 4, ("a",))),
    ],
)
def test_a_hub_is_named_with_its_partitions_and_groups(text: str, spec: HubSpec) -> None:
    assert HubSpec.parse(text) == spec


@pytest.mark.parametrize("text", ["", "or/ders", "orders:0", "orders:33", "orders:x", "orders:4:/"])
def test_a_bad_hub_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a|must have"):
        HubSpec.parse(text)


def test_logs_of_more_partitions_than_asked_are_refused(tmp_path: Path) -> None:
    for name in ("orders.3.log", "orders.v2.9.log", "lock"):
        (tmp_path / name).touch()

    refuse_fewer_partitions(HubSpec("Orders", 4), tmp_path)
    with pytest.raises(ValueError, match="holds 4 partitions of orders, not 3"):
        refuse_fewer_partitions(HubSpec("orders", 3), tmp_path)


def test_a_refusal_names_the_epochs_of_both_or_says_that_there_is_none(
    partition: Partition,
) -> None:
    first, second = FakeConsumer(None), FakeConsumer(3)
    partition.admit(first)
    partition.admit(second)
    assert first.reason is not None
    assert "New receiver with epoch '3'" in str(first.reason)
    assert "current receiver without an epoch" in str(first.reason)
    with pytest.raises(RefusedError, match="a new receiver without an epoch cannot be created"):
        partition.admit(FakeConsumer(None))
    with pytest.raises(RefusedError, match="a new receiver with epoch '2' cannot be created"):
        partition.admit(FakeConsumer(2))
