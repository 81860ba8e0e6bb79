"""The archive: each order once, whatever is repeated, revised, broken or read at the same time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.containers import ARCHIVE
from shared.errors import TransientError
from shared.order import parse_order
from tests.orders import order_body
from tests.unit.training.world import FakeBlobs, capture_file, capture_name
from training.history import archive, avro_files, file_pieces
from training.history.archive import Archived, read_archive

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 4, 1, tzinfo=UTC)


def body(number: int, revision: int = 0, charged: int = 399) -> bytes:
    at = (START + timedelta(minutes=number)).isoformat()
    return order_body(
        order_id=f"o-{number}", revision=revision, ordered_at=at, charged_price=charged
    )


def minute(number: int) -> datetime:
    return START + timedelta(minutes=number)


def archived(files: dict[str, bytes], since: datetime = START, workers: int = 4) -> Archived:
    blobs = FakeBlobs()
    for name, content in files.items():
        blobs.put(ARCHIVE, name, content)
    return read_archive(blobs, "orders", since, NOW, workers)


def ids(found: Archived) -> list[str]:
    return [order.order_id for order in found.orders]


def test_orders_of_all_partitions_and_namespaces_come_in_order_of_time() -> None:
    files = {
        capture_name(minute(1), 0): capture_file([body(1), body(4)]),
        capture_name(minute(2), 1): capture_file([body(2)]),
        capture_name(minute(0), 0, namespace="history"): capture_file([body(0), body(3)]),
        capture_name(minute(0), 0, hub="others"): capture_file([body(9)]),
        "local/orders/0/notes.txt": b"not a window",
        "local/orders/0/2026/13/01/00/00/00.avro": b"nor is this",
    }
    found = archived(files)
    assert ids(found) == ["o-0", "o-1", "o-2", "o-3", "o-4"]
    assert found.orders[1] == parse_order(body(1))
    assert found.records == 5
    assert found.bytes == sum(len(files[name]) for name in found.files)
    assert [name.split("/")[0] for name in found.files] == ["history", "local", "local"]


def test_the_highest_revision_wins_across_files_and_the_rest_is_counted() -> None:
    found = archived({
        capture_name(minute(0)): capture_file([body(1, revision=1), body(2)]),
        capture_name(minute(5)): capture_file([body(1, revision=2, charged=300), body(2)]),
        capture_name(minute(6)): capture_file([body(1, revision=1), body(1, revision=2)]),
    })  # fmt: skip
    assert [(o.order_id, o.revision, o.charged_e4) for o in found.orders] == [
        ("o-1", 2, 3_000_000), ("o-2", 0, 3_990_000),
    ]  # fmt: skip
    assert (found.duplicates, found.superseded) == (2, 2)
    assert found.records == len(found.orders) + found.duplicates + found.superseded


def test_of_two_orders_of_one_revision_the_one_captured_first_counts() -> None:
    late = capture_file([body(1, charged=200)])
    found = archived({
        capture_name(minute(9), 0): late,
        capture_name(minute(3), 1): capture_file([body(1, charged=100)]),
    })  # fmt: skip
    assert found.orders[0].charged_e4 == 1_000_000


def test_a_bad_record_is_counted_and_kept_with_its_place_and_the_rest_goes_on() -> None:
    secret = b'{"order_id": "o-7", "charged_price": "a secret of the customer"}'
    name = capture_name(minute(0))
    found = archived({
        name: capture_file([body(1), b"no json", None, secret, body(2)], first=40),
    })  # fmt: skip
    assert ids(found) == ["o-1", "o-2"]
    assert found.refused == {"not_json": 2, "missing_field": 1}
    assert [(bad.file, bad.sequence_number, bad.code) for bad in found.bad] == [
        (name, 41, "not_json"), (name, 42, "not_json"), (name, 43, "missing_field"),
    ]  # fmt: skip
    assert not any("secret" in bad.message for bad in found.bad)
    assert found.bad_files == ()


def test_bad_records_are_kept_up_to_a_bound_and_all_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (archive, avro_files):
        monkeypatch.setattr(module, "MOST_KEPT", 3)
    found = archived({capture_name(minute(0)): capture_file([b"x"] * 10)})
    assert (len(found.bad), found.refused) == (3, {"not_json": 10})


def test_a_file_that_breaks_off_is_named_and_what_came_before_is_read() -> None:
    whole = capture_file([body(number) for number in range(500)])
    torn, garbage, foreign = (capture_name(minute(n)) for n in (0, 1, 2))
    found = archived({
        torn: whole[: len(whole) * 3 // 4],
        garbage: b"Obj\x01 this was never Avro",
        foreign: b"",
        capture_name(minute(3)): capture_file([body(900)]),
    })  # fmt: skip
    assert found.bad_files == (torn, garbage, foreign)
    assert found.files[-1] == capture_name(minute(3))
    assert ids(found)[-1] == "o-900"
    assert 100 < len(found.orders) < 500


def test_orders_that_try_a_deployment_out_are_left_out_and_counted() -> None:
    smoke_order = order_body(order_id="smoke-1-fraud", rep_id="smoke-test")
    found = archived({capture_name(minute(0)): capture_file([body(1), smoke_order, body(2)])})
    assert ids(found) == ["o-1", "o-2"]
    assert (found.records, found.smoke_orders, found.refused) == (3, 1, {})


def test_an_archive_without_files_has_no_orders() -> None:
    found = archived({})
    assert (found.orders, found.files, found.bytes) == ((), (), 0)


def test_windows_that_begin_after_now_are_left_to_the_next_run() -> None:
    late = capture_name(NOW + timedelta(seconds=1))
    files = {late: capture_file([body(1)]), capture_name(NOW): capture_file([body(2)])}
    assert ids(archived(files)) == ["o-2"]


def test_a_store_that_fails_fails_the_reading() -> None:
    blobs = FakeBlobs(failing={"read_range": TransientError("away")})
    blobs.put(ARCHIVE, capture_name(minute(0)), capture_file([body(1)]))
    with pytest.raises(TransientError, match="away"):
        read_archive(blobs, "orders", START, NOW)


@settings(deadline=None)  # threads
@given(
    contents=st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 2)) | st.none(), max_size=4),
        max_size=6,
    ),
    workers=st.integers(1, 6),
    piece=st.integers(50, 2_000),
)
def test_what_is_read_depends_on_nothing_but_the_files(
    contents: list[list[tuple[int, int] | None]], workers: int, piece: int
) -> None:
    blobs = FakeBlobs()
    for number, content in enumerate(contents):
        bodies = [b"bad" if one is None else body(*one) for one in content]
        blobs.put(ARCHIVE, capture_name(minute(number), number % 3), capture_file(bodies))
    expected = read_archive(blobs, "orders", START, NOW, workers=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_pieces, "PIECE_BYTES", piece)
        assert read_archive(blobs, "orders", START, NOW, workers) == expected
    assert blobs.most_at_once <= workers
    counted = len(expected.orders) + expected.duplicates + expected.superseded
    assert expected.records == counted + sum(expected.refused.values())
