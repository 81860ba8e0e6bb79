"""Fetches files of the archive in pieces, and is always a few pieces ahead of the decoder.

Several threads fetch, and the pieces come in the files' order. So what is read depends on nothing
but the files, and only a few pieces are in memory, however large the files are.
"""

import io
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from shared.containers import ARCHIVE
from shared.documents import Stored
from training.ports import Blobs

PIECE_BYTES = 8 << 20
"""The most bytes fetched at once; Capture's files have up to 500 MB, most of them far fewer."""

type _Waiting = deque[tuple[Stored, Future[bytes | None]]]


def fetched(
    blobs: Blobs, files: Iterable[Stored], threads: ThreadPoolExecutor, ahead: int
) -> Iterator[tuple[Stored, bytes]]:
    """Yield the pieces of all files, in order; at most ``ahead`` are being fetched or waiting.

    Raises:
        TransientError: the store failed.
    """
    waiting: _Waiting = deque()
    try:
        for file, start, length in _pieces(files):
            if len(waiting) == ahead:
                yield _next(waiting)
            waiting.append((file, threads.submit(_fetch, blobs, file, start, length)))
        while waiting:
            yield _next(waiting)
    finally:
        for _, work in waiting:
            work.cancel()


def _pieces(files: Iterable[Stored]) -> Iterator[tuple[Stored, int, int]]:
    """Yield file, start and length of each piece; an empty file is one empty piece."""
    for file in files:
        for start in range(0, max(file.size, 1), PIECE_BYTES):
            yield file, start, min(PIECE_BYTES, file.size - start)


def _next(waiting: _Waiting) -> tuple[Stored, bytes]:
    file, work = waiting.popleft()
    # A file that has gone since it was listed counts as an empty one, which is not Avro.
    return file, work.result() or b""


def _fetch(blobs: Blobs, file: Stored, start: int, length: int) -> bytes | None:
    return blobs.read_range(ARCHIVE, file.name, start, length) if length else b""


class Joined(io.RawIOBase):
    """Pieces as one file to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        """Take the pieces, which are read when they are needed."""
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer from the current piece; return the number of bytes, 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
