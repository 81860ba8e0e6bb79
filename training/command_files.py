"""What a command reads and writes, looked at before it reads or writes anything.

An output is a regular file or a new one, never a folder, a device or a pipe, and none of the files
that the command reads: by whatever path, symbolic or hard link it is named. What is refused here
has cost nothing and destroyed nothing.
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
    """Look at all files of a command.

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
    """Whether there is something to read.

    Raises:
        ConfigurationError: there is no such file, it is a folder, or it must not be read.
    """
    status = _status(path)
    if status is None:
        raise ConfigurationError(f"{path}: no such file")
    if stat.S_ISDIR(status.st_mode):
        raise ConfigurationError(f"{path} is a folder, expected a file")
    if not os.access(path, os.R_OK):
        raise ConfigurationError(f"{path} must not be read by this user")


def check_output(path: Path) -> None:
    """Whether a file may be written, or replaced.

    Raises:
        ConfigurationError: it is something else than a file, or its folder is missing or closed.
    """
    status = _status(path)
    if status is not None:
        kind = next((name for test, name in _KINDS if test(status.st_mode)), None)
        if kind is not None:
            raise ConfigurationError(f"{path} is {kind}, expected a file or a new name")
        if not os.access(path, os.W_OK):
            raise ConfigurationError(f"{path} must not be written by this user")
    folder = _resolved(path).parent
    if not folder.is_dir():
        raise ConfigurationError(f"{path}: no such folder as {folder}")
    _check_writable(folder)


def check_folder(path: Path) -> None:
    """Whether a folder may be written into, or made.

    Raises:
        ConfigurationError: it is a file, lies in one, or must not be written.
    """
    folder = _resolved(path)
    while _status(folder) is None:
        folder = folder.parent
    if not folder.is_dir():
        raise ConfigurationError(f"{folder} is a file, expected a folder")
    _check_writable(folder)


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{folder}: this user must not write into this folder")


def _status(path: Path) -> os.stat_result | None:
    """None where there is nothing."""
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigurationError(f"{path}: {why}") from error


def _resolved(path: Path) -> Path:
    """Where a file lies, or will lie, whatever links lead to it."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigurationError(f"{path}: it leads nowhere") from error


def _identity(path: Path) -> object:
    """The same for all names of a file."""
    status = _status(path)
    return _resolved(path) if status is None else (status.st_dev, status.st_ino)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` only when all of it was written.

    What a symbolic link leads to is replaced, and the link stays.

    Raises:
        ConfigurationError: as `check_output`.
    """
    check_output(path)
    target = _resolved(path)
    part = target.with_name(f".{target.name[:200]}.{token_hex(8)}.part")
    try:
        with part.open("xb") as file:  # nobody's file is written over
            yield file
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
