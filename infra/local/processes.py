"""Child processes of the local stack: start them, find them again, stop them by their own pid.

A child is remembered by pid *and* start time, so a pid that the system has since given to another
process is never signalled. Nothing here knows what the children do.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

HOST = "127.0.0.1"
_ADDRESS = re.compile(r"://127\.0\.0\.1:(\d+)")
_LOG_TAIL_LINES = 15
# A child begins as a shell that waits for one line. If its parent dies first, the shell just ends.
_HELD = ["/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "sh"]


class StackError(Exception):
    """The stack cannot do what was asked; the message says why, perhaps with the end of a log."""


@dataclass(frozen=True)
class Child:
    """One running child; `started` is its start time in seconds since the epoch."""

    name: str
    pid: int
    started: float
    port: int
    log: Path
    handle: subprocess.Popen[bytes] | None = field(default=None, compare=False, repr=False)


def free_port() -> int:
    """Return a port that nobody listens on, and that a server can keep across restarts.

    It is below the range from which the system takes ports for outgoing connections. Otherwise a
    client that calls a stopped server could get that very port, and hold it.
    """
    for port in random.sample(range(20_000, 30_000), 100):
        with contextlib.suppress(StackError):
            require_free("", port)
            return port
    raise StackError("no free port between 20000 and 30000")


def require_free(name: str, port: int) -> None:
    """Raise StackError if something listens on `port` already; port 0 is always free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StackError(
                f"port {port}, wanted for {name}, is taken: stop what listens there, "
                f"or choose another with --ports {name}=PORT (0: any free port)"
            ) from error


def start(
    name: str,
    command: Sequence[str],
    log: Path,
    env: Mapping[str, str] | None = None,
    timeout: float = 60,
    record: Callable[[Child], None] | None = None,
) -> Child:
    """Start `command` and wait until its log shows the address it listens on.

    `env` is added to this process's environment; the child appends to `log`. It gets its own
    session, so that Ctrl-C in a terminal reaches only us. `record` gets the child before it runs,
    with port 0: so every child is on record, even if SIGKILL ends this process. An interrupt or an
    error ends the child again.

    Raises StackError with the end of the log if the child ends or stays silent for `timeout`
    seconds.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        offset = output.tell()
        handle = subprocess.Popen(
            [*_HELD, *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            start_new_session=True,
        )
    try:
        child = Child(name, handle.pid, psutil.Process(handle.pid).create_time(), 0, log, handle)
        if record:
            record(child)
        _release(handle)
        return replace(child, port=_await_address(name, handle, log, offset, timeout))
    except BaseException:
        handle.kill()
        handle.wait()
        raise


def _release(handle: subprocess.Popen[bytes]) -> None:
    assert handle.stdin is not None
    with contextlib.suppress(BrokenPipeError), handle.stdin as waiting:
        waiting.write(b"go\n")


def _await_address(
    name: str, handle: subprocess.Popen[bytes], log: Path, offset: int, timeout: float
) -> int:
    """Return the port in the first address that the log shows after `offset` bytes."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        ended = handle.poll() is not None  # before reading, so that no last line is missed
        said = log.read_bytes()[offset:].decode(errors="replace")
        if address := _ADDRESS.search(said):
            return int(address[1])
        if ended:
            raise StackError(f"{name} ended with code {handle.returncode}:\n{_tail(said, log)}")
        time.sleep(0.03)
    raise StackError(f"{name} was not ready after {timeout:.0f} s:\n{_tail(said, log)}")


def _tail(said: str, log: Path) -> str:
    lines = [f"  {line}" for line in said.splitlines()[-_LOG_TAIL_LINES:]] or [
        "  (it said nothing)"
    ]
    return "\n".join([*lines, f"  ({log})"])


def find(child: Child) -> psutil.Process | None:
    """Return the running process of `child`, or None if it has ended."""
    if child.handle is not None:
        child.handle.poll()  # reaps it, if it has ended
    try:
        process = psutil.Process(child.pid)
        same = abs(process.create_time() - child.started) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def stop(child: Child, grace: float) -> None:
    """Ask `child` to end (SIGTERM); kill it after `grace` seconds (SIGKILL)."""
    if process := find(child):
        process.terminate()
        if not _ends(child, grace):
            kill(child)


def kill(child: Child) -> None:
    """End `child` at once (SIGKILL), as a crash would, and wait until it is gone."""
    if process := find(child):
        process.kill()
        _ends(child, 10)


def _ends(child: Child, seconds: float) -> bool:
    """Return whether `child` ends within `seconds`.

    `psutil.Process.wait` would not do: it also waits until an adopted child's zombie is reaped.
    """
    deadline = time.monotonic() + seconds
    while find(child):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    if child.handle is not None:
        child.handle.wait()  # reaps it, if it has ended since the last look
    return True
