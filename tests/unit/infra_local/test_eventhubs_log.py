"""The log of a partition: what is appended is there after a restart, whatever tore its end."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.log import Event, PartitionLog
from infra.local.eventhubs.messages import Message

NOW_MS = 1_750_000_000_000


def message(text: str) -> Message:
    return Message("key", (), amqp.described(frames.DATA, amqp.binary(text.encode())))


def fill(log: PartitionLog, *texts: str) -> None:
    log.append([message(text) for text in texts], NOW_MS)


def events(log: PartitionLog) -> list[Event]:
    return log.slice(log.first_sequence, log.next_sequence)


def test_events_are_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = PartitionLog(path)
    fill(log, "a", "b")
    fill(log, "c")
    before = events(log)
    log.close()

    again = PartitionLog(path)

    assert events(again) == before
    assert (again.next_sequence, again.end_offset) == (3, path.stat().st_size)
    again.close()


def test_a_torn_end_is_cut_wherever_it_was_torn_and_later_events_can_be_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "log"
    log = PartitionLog(path)
    fill(log, "whole")
    whole = path.stat().st_size
    fill(log, "torn")
    log.close()
    complete = path.read_bytes()

    for size in range(whole, len(complete)):
        path.write_bytes(complete[:size])
        torn = PartitionLog(path)
        fill(torn, "after")
        torn.close()
        healed = PartitionLog(path)
        assert [event.sequence for event in events(healed)] == [0, 1]
        assert events(healed)[1].wire.endswith(b"after")
        healed.close()


def test_zeroes_at_the_end_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = PartitionLog(path)
    fill(log, "a")
    log.close()
    path.write_bytes(path.read_bytes() + bytes(100))

    healed = PartitionLog(path)

    assert healed.next_sequence == 1
    assert path.stat().st_size == healed.end_offset
    healed.close()


def test_offsets_are_positions_and_never_equal_sequence_numbers_after_the_first() -> None:
    log = PartitionLog()
    fill(log, "a", "bb", "ccc")

    offsets = [event.offset for event in events(log)]

    assert offsets[0] == 0
    assert all(event.offset > event.sequence for event in events(log)[1:])
    assert log.find_offset(offsets[1]) == 1
    assert log.find_offset(offsets[1] + 1) == 2


def test_the_oldest_events_are_forgotten_and_the_numbers_go_on(tmp_path: Path) -> None:
    log = PartitionLog(tmp_path / "log", retain=8)
    for number in range(20):
        fill(log, str(number))

    kept = events(log)
    assert len(kept) <= 8
    assert kept[-1].sequence == 19
    assert log.first_sequence == kept[0].sequence
    log.close()
    again = PartitionLog(tmp_path / "log", retain=8)
    assert events(again) == kept
    again.close()


def test_a_clock_that_runs_back_does_not_take_the_events_with_it() -> None:
    log = PartitionLog()
    log.append([message("a")], NOW_MS)
    log.append([message("b")], NOW_MS - 5000)

    assert [event.enqueued_ms for event in events(log)] == [NOW_MS, NOW_MS]


def test_a_disk_that_takes_a_part_keeps_none_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = PartitionLog(tmp_path / "log")
    fill(log, "a")
    before = (tmp_path / "log").read_bytes()
    write = os.write

    with monkeypatch.context() as full:
        full.setattr("os.write", lambda file, content: write(file, content[:10]))
        with pytest.raises(OSError, match="no space"):
            fill(log, "b")

    assert (tmp_path / "log").read_bytes() == before
    fill(log, "c")
    assert [event.sequence for event in events(log)] == [0, 1]
    log.close()


@given(st.lists(st.integers(0, 50), min_size=1, max_size=20), st.integers(-1, 60))
def test_a_time_finds_the_first_event_at_or_after_it(steps: list[int], when: int) -> None:
    log = PartitionLog()
    times = [sum(steps[: number + 1]) for number in range(len(steps))]
    for time in times:
        log.append([message("x")], time)

    assert log.find_time(when) == sum(time < when for time in times)
