"""A night reads the windows that are new, and learns from what reading all of them would give."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.containers import ARCHIVE, TRAINING
from shared.documents import Stored
from shared.errors import TransientError
from tests.orders import order_body
from tests.unit.training.world import FakeBlobs, capture_file, capture_name
from training.history import day_files
from training.history.archive import Archived, read_archive, read_captured
from training.history.captured_files import Captured, list_captured
from training.history.day_files import DayFiles, FileRead, Part, day_path, decode_day, encode_day

START = datetime(2026, 2, 25, tzinfo=UTC)
NOW = START + timedelta(days=20, hours=2)


def body(number: int, revision: int = 0, rep: str = "ann") -> bytes:
    at = (START + timedelta(minutes=number)).isoformat()
    return order_body(order_id=f"o-{number}", revision=revision, rep_id=rep, ordered_at=at)


def night(blobs: FakeBlobs, since: datetime = START, now: datetime = NOW) -> Archived:
    """What a night reads, with the files of days."""
    captured = list_captured(blobs, "orders", since, now)
    return read_captured(blobs, captured, DayFiles(blobs, "orders", now))


def everything(blobs: FakeBlobs, since: datetime, now: datetime) -> Archived:
    """The same by listing the whole archive and reading every window."""
    by_folder: dict[str, list[tuple[datetime, Stored]]] = defaultdict(list)
    for file in FakeBlobs(blobs=dict(blobs.blobs)).list(ARCHIVE):
        folder, began = file.name[: -len("/2026/02/25/00/00/00.avro")], file.name[-24:-5]
        at = datetime.strptime(began, "%Y/%m/%d/%H/%M/%S").replace(tzinfo=UTC)
        if folder.split("/")[1].casefold() == "orders" and at <= now:
            by_folder[folder].append((at, file))
    chosen: list[tuple[datetime, Stored]] = []
    for files in by_folder.values():
        files.sort(key=lambda one: one[0])
        chosen += files[-(sum(at >= since for at, _ in files) + 1) :]
    files = tuple(file for _, file in sorted(chosen, key=lambda one: (one[0], one[1].name)))
    return read_captured(FakeBlobs(blobs=dict(blobs.blobs)), Captured(files, by_day(files)), None)


def by_day(files: Iterable[Stored]) -> dict[date, tuple[Stored, ...]]:
    found: dict[date, tuple[Stored, ...]] = {}
    for file in files:
        day = datetime.strptime(file.name[-24:-14], "%Y/%m/%d").date()  # noqa: DTZ007 - a day
        found[day] = (*found.get(day, ()), file)
    return found


EVENT = st.one_of(
    st.builds(body, st.integers(0, 6), st.integers(0, 2), st.sampled_from(["ann", "bo"])),
    st.just(b"no order"),
    st.just(order_body(order_id="smoke", rep_id="smoke-test")),
)
WHERE = st.tuples(st.integers(0, 20), st.integers(0, 3), st.sampled_from(["0", "1", "x"]))
CHANGE = st.tuples(WHERE, st.none() | st.binary(max_size=3) | st.lists(EVENT, max_size=4))
NIGHT = st.tuples(st.lists(CHANGE, max_size=6), st.integers(-3, 19), st.integers(0, 3))


def changed(blobs: FakeBlobs, change: tuple[tuple[int, int, str], object]) -> None:
    """A window comes, late or not, is written anew, or is erased (None)."""
    (day, hour, partition), content = change
    at = START + timedelta(days=day, hours=hour)
    namespace, hub = ("old", "Orders") if partition == "x" else ("local", "orders")
    name = capture_name(at, len(partition), hub, namespace)
    if content is None:
        blobs.delete(ARCHIVE, name)
    else:
        data = content if isinstance(content, bytes) else capture_file(content)  # type: ignore[arg-type]
        blobs.write(ARCHIVE, name, data, None, replace=True)


@settings(deadline=None)  # threads
@given(st.lists(NIGHT, max_size=5))
def test_whatever_comes_late_or_is_erased_a_night_reads_what_reading_everything_gives(
    nights: list[tuple[list[tuple[tuple[int, int, str], object]], int, int]],
) -> None:
    blobs = FakeBlobs()
    for changes, first, later in nights:
        for change in changes:
            changed(blobs, change)
        since, now = START + timedelta(days=first, hours=1), NOW + timedelta(days=later)
        assert night(blobs, since, now) == everything(blobs, since, now)
        assert read_archive(blobs, "orders", since, now) == everything(blobs, since, now)


def archive_of(days_count: int, windows: int, partitions: int = 2) -> FakeBlobs:
    """An archive of whole days."""
    blobs = FakeBlobs()
    for number in range(days_count * windows):
        at = START + timedelta(days=number // windows, minutes=5 * (number % windows))
        for partition in range(partitions):
            content = capture_file([body(number * partitions + partition)])
            blobs.put(ARCHIVE, capture_name(at, partition), content)
    return blobs


def asked(blobs: FakeBlobs) -> tuple[list[str], list[str]]:
    """The windows and the days that were read since this was asked last."""
    windows = [name for name in blobs.reads if name.endswith(".avro")]
    kept = [name for name in blobs.reads if name.startswith("days/")]
    blobs.reads.clear()
    return windows, kept


def test_a_second_night_reads_only_what_is_new_and_lists_days_not_windows() -> None:
    windows, partitions = 12, 2
    blobs = archive_of(20, windows, partitions)
    night(blobs)
    assert len(asked(blobs)[0]) == 20 * windows * partitions
    blobs.lists.clear()
    blobs.writes.clear()
    later = NOW + timedelta(days=1)
    night(blobs, START, later)
    read, kept = asked(blobs)
    assert len(read) == windows * partitions  # of the last day, which was still open
    assert {name.split("/", 3)[3][:10] for name in read} == {"2026/03/16"}
    assert len(kept) == 19
    # Namespaces, hubs, partitions, days kept; for each partition its years, months, the days of
    # two months, each day with windows, and a look back for a window before all of them.
    assert len(blobs.lists) <= 4 + partitions * (1 + 1 + 2 + 20 + 3)
    assert blobs.lists.count(f"{ARCHIVE}/") == 1
    assert blobs.writes == [f"{TRAINING}/{day_path('orders', date(2026, 3, 16))}"]
    night(blobs, START, later)
    assert asked(blobs)[0] == []


def test_days_that_are_still_open_are_read_from_the_archive() -> None:
    blobs = archive_of(20, 3)
    now = START + timedelta(days=19, hours=5)
    night(blobs, now=now)
    kept = [name for where, name in blobs.blobs if where == TRAINING]
    assert day_path("orders", (now - timedelta(days=2)).date()) in kept
    assert day_path("orders", (now - timedelta(days=1)).date()) not in kept
    asked(blobs)
    night(blobs, now=now)
    days_read = {name.split("/", 3)[3][:10] for name in asked(blobs)[0]}
    assert days_read == {"2026/03/15", "2026/03/16"}


def test_a_late_window_is_the_only_one_that_is_read_and_its_day_is_kept_anew() -> None:
    blobs = archive_of(5, 4)
    night(blobs)
    asked(blobs)
    late = capture_name(START + timedelta(days=2, hours=7))
    blobs.put(ARCHIVE, late, capture_file([body(900)]))
    blobs.writes.clear()
    assert "o-900" in {order.order_id for order in night(blobs).orders}
    assert asked(blobs)[0] == [late]
    assert blobs.writes == [f"{TRAINING}/{day_path('orders', date(2026, 2, 27))}"]


def test_what_was_erased_from_the_archive_is_in_no_file_of_a_day_after_the_next_night() -> None:
    blobs = archive_of(5, 2, 1)
    night(blobs)
    gone = capture_name(START + timedelta(days=1))
    blobs.delete(ARCHIVE, gone)
    asked(blobs)
    found = night(blobs)
    assert asked(blobs)[0] == []
    assert "o-2" not in {order.order_id for order in found.orders}
    parts = decode_day(blobs.content(TRAINING, day_path("orders", date(2026, 2, 26))))
    assert parts is not None
    assert [order.order_id for part in parts for order in part.orders] == ["o-3"]
    blobs.delete(ARCHIVE, capture_name(START + timedelta(days=1, minutes=5)))  # all of the day
    night(blobs)
    assert (TRAINING, day_path("orders", date(2026, 2, 26))) not in blobs.blobs


def test_files_of_days_before_the_history_are_deleted() -> None:
    blobs = archive_of(10, 2)
    night(blobs)
    night(blobs, START + timedelta(days=5, hours=12))
    kept = sorted(name for where, name in blobs.blobs if where == TRAINING)
    assert kept[0] == day_path("orders", date(2026, 3, 2))
    assert len(kept) == 5


@pytest.mark.parametrize("damage", [b"", b"PAR1 garbage PAR1", None])
def test_a_file_of_a_day_that_cannot_be_used_is_made_anew(
    damage: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = archive_of(4, 2)
    expected = night(blobs)
    asked(blobs)
    name = day_path("orders", START.date())
    if damage is None:  # of another release
        monkeypatch.setattr(day_files, "reader_digest", lambda: b"another")
        blobs.put(TRAINING, name, encode_day([]))
        monkeypatch.undo()
    else:
        blobs.put(TRAINING, name, damage)
    assert night(blobs) == expected
    assert len(asked(blobs)[0]) == 4
    assert decode_day(blobs.content(TRAINING, name))


def test_a_night_that_dies_between_two_days_is_taken_up_where_it_stopped() -> None:
    blobs = archive_of(6, 2)
    blobs.failing["write"] = TransientError("away")
    with pytest.raises(TransientError):
        night(blobs)
    del blobs.failing["write"]
    assert night(blobs) == everything(blobs, START, NOW)


def test_equal_parts_are_equal_bytes_and_come_back_equal() -> None:
    blobs = archive_of(1, 3)
    night(blobs)
    data = blobs.content(TRAINING, day_path("orders", START.date()))
    parts = decode_day(data)
    assert parts is not None
    assert all(isinstance(part, Part) for part in parts)
    assert encode_day(parts) == data
    assert decode_day(encode_day(parts)) == parts


def test_only_folders_of_the_time_asked_for_are_looked_into() -> None:
    blobs = archive_of(2, 2, 1)
    for name in ("orders/0/2019/01/01/00/00/00.avro", "orders/0/2026/13/01/00/00/00.avro",
                 "orders/0/notes/x", "others/0/2026/03/01/00/00/00.avro"):  # fmt: skip
        blobs.put(ARCHIVE, f"local/{name}", capture_file([]))
    blobs.lists.clear()
    found = list_captured(blobs, "orders", START, NOW)
    assert "local/orders/0/2019/01/01/00/00/00.avro" in {file.name for file in found.files}
    late = START + timedelta(minutes=1)  # a window before it is in its day: no look further back
    blobs.lists.clear()
    list_captured(blobs, "orders", late, NOW)
    assert not [name for name in blobs.lists if "2019" in name or "others/" in name]


def test_the_count_of_smoke_orders_keeps_its_stored_name() -> None:
    read = FileRead("a.avro", 10, "1", 2, 3, 1, {}, broken=False, bad=())
    assert msgspec.to_builtins(read)["marked"] == 1
