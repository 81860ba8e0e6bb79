"""Checks the files of a command before it reads or writes anything, and writes files whole.

An output must be a regular file or a new one. It must not be a file that the command reads, even
under another path or through a link. So a slip of the hand is refused before it destroys anything.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO

from shared.errors import ConfigurationError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def check_files(reads: Iterable[Path], writes: Iterable[Path]) -> None:
    """Check all files of a command.

    Raises:
        ConfigurationError: names the file that cannot be read or written, and why.
    """
    known: dict[object, str] = {}
    for path in reads:
        check_input(path)
        known[_identity(path)] = f"is the input {path}"
    for path in writes:
        check_output(path)
        identity = _identity(path)
        if identity in known:
            raise ConfigurationError(f"{path} {known[identity]}: expected a file of its own")
        known[identity] = f"is the output {path}, too"


def check_input(path: Path) -> None:
    """Raise unless this is a file that can be read.

    Raises:
        ConfigurationError: there is no such file, it is a folder, or this user may not read it.
    """
    status = _status(path)
    if status is None:
        raise ConfigurationError(f"{path}: no such file")
    if stat.S_ISDIR(status.st_mode):
        raise ConfigurationError(f"{path} is a folder, expected a file")
    if not os.access(path, os.R_OK):
        raise ConfigurationError(f"{path}: this user may not read this file")


def check_output(path: Path) -> None:
    """Raise unless this file can be written or replaced.

    Raises:
        ConfigurationError: it is not a regular file, or this user may not write it or its folder.
    """
    status = _status(path)
    if status is not None:
        kind = next((name for test, name in _KINDS if test(status.st_mode)), None)
        if kind is not None:
            raise ConfigurationError(f"{path} is {kind}, expected a file or a new name")
        if not os.access(path, os.W_OK):
            raise ConfigurationError(f"{path}: this user may not write this file")
    folder = _resolved(path).parent
    if not folder.is_dir():
        raise ConfigurationError(f"{path}: no such folder as {folder}")
    _check_writable(folder)


def check_folder(path: Path) -> None:
    """Raise unless this folder can be written into, or made.

    Raises:
        ConfigurationError: it is a file, or lies in one, or this user may not write into it.
    """
    folder = _resolved(path)
    while _status(folder) is None:
        folder = folder.parent
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file, expected a folder")
    _check_writable(folder)


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{folder}: this user may not write into this folder")


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a path; None where nothing is there."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"{path}: {why}") from error


def _resolved(path: Path) -> Path:
    """Return where a file lies or will lie, with all links followed."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(f"{path}: this link leads nowhere") from error


def _identity(path: Path) -> object:
    """Return a value that is the same for all names of a file."""
    status = _status(path)
    return _resolved(path) if status is None else (status.st_dev, status.st_ino)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` once all of it was written.

    A symbolic link stays, and the file that it leads to is replaced.

    Raises:
        ConfigurationError: as `check_output`.
    """
    check_output(path)
    target = _resolved(path)
    part = target.with_name(f".{target.name[:200]}.{token_hex(8)}.part")
    try:
        with part.open("xb") as file:  # never writes over another file
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
