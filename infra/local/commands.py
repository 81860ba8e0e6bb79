"""Ends the local commands cleanly: after a signal, a closed pipe or an error."""

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
CLOSED_PIPE = 141  # as if SIGPIPE had ended the command
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let the first SIGINT, SIGTERM or SIGHUP raise KeyboardInterrupt, and ignore later ones.

    So `finally` and `except BaseException` end what was started, and a second Ctrl-C does not cut
    that short. It takes a bounded time anyway.
    """

    def first(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - what signals call
        for ignored in _SIGNALS:
            signal.signal(ignored, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, first) for each in _SIGNALS}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def run(name: str, command: Callable[[], int], bad: int = 1) -> int:
    """Run a command and return its exit code; print one line on standard error if it fails.

    The code is ``bad`` for an error that a command may meet: a StackError, a SheriffError, an error
    of the system or of a store. It is 130 after an interrupt, and 141 if the reader has closed the
    pipe. A bug of ours keeps its traceback.
    """
    try:
        with interruptible():
            code = command()
            sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - an unknown error is raised again
        return _ended(name, error, bad)
    return code


def _ended(name: str, error: BaseException, bad: int) -> int:
    match error:
        case BaseExceptionGroup():  # of tasks that ran together, the first says why all ended
            return _ended(name, error.exceptions[0], bad)
        case KeyboardInterrupt():
            print(f"{name}: interrupted", file=sys.stderr)
            return INTERRUPTED
        case BrokenPipeError():
            # Nobody reads what is still buffered; the interpreter would complain when it ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return CLOSED_PIPE
        case StackError() | SheriffError() | OSError() | AzureError():
            print(f"{name}: {_said(error)}", file=sys.stderr)
            return bad
    raise error


def _said(error: BaseException) -> str:
    match error:
        case StackError():
            return printable(str(error), lines=True)  # it may hold the end of a log
        case OSError(strerror=str(why), filename=str(file)):
            return printable(f"{file}: {why}")
    return printable(str(error).partition("\n")[0]) or type(error).__name__


def port(text: str) -> int:
    """Parse an option that is a port; 0 takes any free port.

    >>> port("8081")
    8081

    Raises:
        argparse.ArgumentTypeError: it is no port.
    """
    if not (text.isascii() and text.isdigit()) or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a port, 0 to 65535")
    return int(text)
