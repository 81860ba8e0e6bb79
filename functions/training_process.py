"""Run the nightly training in a process of its own, and wait for its end."""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from shared.errors import SheriffError

logger = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "training.pipeline")

GRACE_SECONDS = 10.0
"""The seconds that a training which is told to stop has to give its lease back."""

_LONGEST_LINE = 1 << 20
_SHOWN = 500  # characters of a line


class RetrainError(SheriffError):
    """The nightly training failed; the champion serves on."""


async def run_here(command: Sequence[str] = COMMAND) -> None:
    """Run the training in a process of its own, log what it says, and wait for its end.

    If the wait is cancelled, the process ends, too.

    Raises:
        RetrainError: its exit code is not 0.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=environment(os.environ, sys.path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        _, last = await asyncio.gather(_passed_on(process.stdout), _passed_on(process.stderr))
        code = await process.wait()
    finally:
        await _ended(process)
    if code:
        raise RetrainError(
            f"the nightly training failed (code {code}): {last or 'it said nothing'}; "
            "the champion serves on"
        )


def environment(environ: Mapping[str, str], path: Sequence[str]) -> dict[str, str]:
    """Return the environment of a process that can import all that this one can."""
    return {**environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, path)])}


async def _passed_on(lines: asyncio.StreamReader) -> str:
    """Log lines as they come; return the last line with any text."""
    last, line = "", b"\n"
    while line:
        try:
            line = await lines.readline()
        except ValueError:  # too long to be worth reading: skip it
            continue
        if text := line.decode(errors="replace").rstrip()[:_SHOWN]:
            logger.info("training: %s", text)
            last = text
    return last


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Make sure that a process has ended: ask it to, and after `GRACE_SECONDS` kill it."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
