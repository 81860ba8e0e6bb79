"""Files come in pieces and in order, and only a few pieces are ahead of the reader."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.containers import ARCHIVE
from shared.errors import TransientError
from tests.unit.training.world import FakeBlobs
from training.history import file_pieces
from training.history.file_pieces import Joined, fetched

CONTENTS = {"a": b"0123456789", "b": b"", "c": b"xyz"}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_pieces, "PIECE_BYTES", 4)


@pytest.fixture
def blobs() -> FakeBlobs:
    stored = FakeBlobs()
    for name, content in CONTENTS.items():
        stored.put(ARCHIVE, name, content)
    return stored


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(3) as pool:
        yield pool


def test_pieces_come_in_the_order_of_the_files_and_an_empty_file_is_one_empty_piece(
    blobs: FakeBlobs, threads: ThreadPoolExecutor
) -> None:
    pieces = list(fetched(blobs, blobs.list(ARCHIVE), threads, 3))
    assert [(file.name, data) for file, data in pieces] == [
        ("a", b"0123"), ("a", b"4567"), ("a", b"89"), ("b", b""), ("c", b"xyz"),
    ]  # fmt: skip


def test_no_more_than_so_many_pieces_are_ahead_of_the_reader(
    blobs: FakeBlobs, threads: ThreadPoolExecutor
) -> None:
    pieces = fetched(blobs, blobs.list(ARCHIVE), threads, 2)
    for taken, _ in enumerate(pieces, start=1):
        assert len(blobs.reads) <= taken + 2


def test_a_store_that_fails_fails_the_reader(blobs: FakeBlobs, threads: ThreadPoolExecutor) -> None:
    blobs.failing["read_range"] = TransientError("away")
    with pytest.raises(TransientError, match="away"):
        list(fetched(blobs, blobs.list(ARCHIVE), threads, 2))


def test_pieces_read_as_one_file_whatever_is_asked_for_at_once() -> None:
    joined = Joined(iter([b"01", b"", b"2345", b"6"]))
    assert joined.read(3) == b"01"  # a piece ends here, and the file goes on
    assert joined.read() == b"23456"
    assert joined.read(1) == b""
