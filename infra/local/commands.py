"""How the local commands end: by a signal, by a reader that has seen enough, by an error."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from infra.local.processes import StackError
from shared.printable import printable

INTERRUPTED = 130
CLOSED_PIPE = 141  # as of a command that SIGPIPE ends
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first SIGINT, SIGTERM or SIGHUP raises KeyboardInterrupt; later ones do nothing.

    So whatever is started is ended again by `finally` and `except BaseException`, and a second
    Ctrl-C cannot cut that short: how long children may take to end is bounded anyway.
    """

    def first(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what signals call
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {one: signal.signal(one, first) for one in _SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def run(name: str, command: Callable[[], int], bad: int = 1) -> int:
    """Run a command; its exit code, and one line on standard error where it cannot be done.

    ``bad`` is the code of an error that is said in one line (StackError, OSError); 130 that of an
    interrupt, 141 of a reader that has closed the pipe.
    """
    try:
        with interruptible():
            code = command()
            sys.stdout.flush()
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered has no reader; the interpreter would complain of it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    except (StackError, OSError) as error:
        print(f"{name}: {_said(error)}", file=sys.stderr)
        return bad
    return code


def _said(error: StackError | OSError) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return printable(f"{error.filename}: {error.strerror}")
    return printable(str(error), lines=True)
