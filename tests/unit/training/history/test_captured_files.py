"""The files of a time are found by their names, and other folders are not listed."""

from datetime import UTC, date, datetime, timedelta

from shared.containers import ARCHIVE
from tests.unit.training.world import FakeBlobs, capture_name
from training.history.captured_files import list_captured

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def stored(*names: str) -> FakeBlobs:
    blobs = FakeBlobs()
    for name in names:
        blobs.put(ARCHIVE, name, b"")
    return blobs


def hours(*after_noon: int, partition: int = 0) -> list[str]:
    return [capture_name(NOON + timedelta(hours=hour), partition) for hour in after_noon]


def chosen(blobs: FakeBlobs, since: datetime, until: datetime) -> list[str]:
    return [file.name for file in list_captured(blobs, "orders", since, until).files]


def test_files_are_taken_from_the_window_on_that_reaches_beyond_the_time() -> None:
    first, second, third, late = names = hours(0, 1, 2, 9)
    blobs = stored(*names)
    half_past_one, two = NOON + timedelta(hours=1.5), NOON + timedelta(hours=2)
    assert chosen(blobs, half_past_one, two) == [second, third]
    assert chosen(blobs, NOON, two) == [first, second, third]
    assert chosen(blobs, NOON + timedelta(days=9), NOON + timedelta(days=10)) == [late]


def test_every_partition_has_a_window_that_reaches_beyond_the_time_however_old() -> None:
    old = capture_name(NOON - timedelta(days=400), 1)
    blobs = stored(*hours(0, 1), old)
    assert chosen(blobs, NOON, NOON + timedelta(hours=3)) == [old, *hours(0, 1)]


def test_the_days_name_all_their_files_also_those_that_are_not_chosen() -> None:
    blobs = stored(*hours(0, 1, 30))
    since = NOON + timedelta(hours=1)
    captured = list_captured(blobs, "orders", since, NOON + timedelta(hours=5))
    assert [file.name for file in captured.files] == hours(0, 1)[-2:]
    assert list(captured.days) == [date(2026, 3, 10)]
    assert [file.name for file in captured.days[date(2026, 3, 10)]] == hours(0, 1)


def test_folders_of_other_times_and_hubs_are_not_listed() -> None:
    years_ago = capture_name(NOON - timedelta(days=900))
    blobs = stored(*hours(0), years_ago, capture_name(NOON, hub="others"))
    assert chosen(blobs, NOON - timedelta(hours=1), NOON + timedelta(hours=1))[-1:] == hours(0)
    blobs.lists.clear()
    chosen(blobs, NOON + timedelta(hours=1), NOON + timedelta(hours=2))
    assert not any("others/0" in name for name in blobs.lists)
    assert not any(
        "2023/" in name.removeprefix(f"{ARCHIVE}/local/orders/0/") for name in blobs.lists
    )


def test_names_that_are_not_times_are_left_out() -> None:
    blobs = stored(*hours(0), "local/orders/0/2026/13/01/00/00/00.avro", "local/orders/0/notes.txt")
    assert chosen(blobs, NOON, NOON) == hours(0)
