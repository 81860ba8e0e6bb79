"""How the local commands end: by a signal, by a reader that has seen enough, by an error."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from azure.core.exceptions import AzureError

from infra.local.processes import StackError
from shared.errors import SheriffError
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

    ``bad`` is the code of an error that the command could have met with (a StackError or
    SheriffError, the system's, a store's); 130 that of an interrupt, 141 of a reader that has
    closed the pipe. A fault of ours keeps its traceback.
    """
    try:
        with interruptible():
            code = command()
            sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - what is not known is raised again
        return _ended(name, error, bad)
    return code


def _ended(name: str, error: BaseException, bad: int) -> int:
    match error:
        case BaseExceptionGroup():  # tasks at the same time: one of them says why all ended
            return _ended(name, error.exceptions[0], bad)
        case KeyboardInterrupt():
            print(f"{name}: interrupted", file=sys.stderr)
            return INTERRUPTED
        case BrokenPipeError():
            # What is still buffered has no reader; the interpreter would complain at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return CLOSED_PIPE
        case StackError() | SheriffError() | OSError() | AzureError():
            print(f"{name}: {_said(error)}", file=sys.stderr)
            return bad
    raise error


def _said(error: BaseException) -> str:
    match error:
        case StackError():
            return printable(str(error), lines=True)  # with the end of a log, where there is one
        case OSError(strerror=str(why), filename=str(file)):
            return printable(f"{file}: {why}")
    return printable(str(error).partition("\n")[0]) or type(error).__name__


def port(text: str) -> int:
    """An option that is a port; 0 is any free one.

    >>> port("8081")
    8081

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a port, 0 to 65535")
    return int(text)
