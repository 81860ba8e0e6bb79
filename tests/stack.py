"""Stacks for tests: every part on a free port, all data in a folder of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from infra.local.stack import DEFAULT_PORTS, Stack

FREE_PORTS = dict.fromkeys(DEFAULT_PORTS, 0)


@contextmanager
def running_servers(folder: Path, **options: Any) -> Iterator[Stack]:
    """A stack with its servers up and no host yet; everything is down afterwards.

    Args:
        folder: keeps the data and the logs.
        options: as `infra.local.stack.Stack` takes them.
    """
    stack = Stack(folder, FREE_PORTS, **options)
    try:
        stack.start_servers()
        yield stack
    finally:
        stack.down()
