"""Reads and writes `stack.json`, which a command of the local stack leaves for the next one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from infra.local.processes import Child, StackError


@dataclass(frozen=True)
class Record:
    """Ports and children by name, and the settings that the stack was given."""

    ports: Mapping[str, int] = field(default_factory=dict)
    children: dict[str, Child] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)


class _Child(msgspec.Struct):
    pid: int
    started: float
    port: int


class _File(msgspec.Struct):
    ports: dict[str, int]
    children: dict[str, _Child]
    settings: dict[str, str] = {}


def read_record(file: Path, log: Callable[[str], Path]) -> Record:
    """Read the record, an empty one if there is no file yet; `log` names the log of a child.

    Raises StackError if the folder is no folder, or the file is damaged.
    """
    try:
        stored = msgspec.json.decode(file.read_bytes(), type=_File)
    except FileNotFoundError:
        return Record()
    except NotADirectoryError:
        raise StackError(f"{file.parent} is no folder: --state must name one") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StackError(
            f"{file} is damaged ({error}): end what it started by hand, then remove it"
        ) from None
    children = {
        name: Child(name, log=log(name), **msgspec.structs.asdict(child))
        for name, child in stored.children.items()
    }
    return Record(stored.ports, children, stored.settings)


def write_record(file: Path, record: Record) -> None:
    """Write the record whole or not at all: a stack killed meanwhile must find its children."""
    children = {
        name: _Child(child.pid, child.started, child.port)
        for name, child in record.children.items()
    }
    stored = _File(dict(record.ports), children, record.settings)
    fresh = file.with_suffix(".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(stored)))
    fresh.replace(file)
