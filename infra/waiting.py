"""Waiting until something is as it should be, up to a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from shared.errors import SheriffError

_PAUSE_SECONDS = 0.5


class Broken(SheriffError):  # noqa: N818 - what was looked at is broken, not the look
    """A check has failed for good; the message says what it saw and what it expected."""


class NotYet(SheriffError):  # noqa: N818 - before the deadline it is no failure
    """A check did not pass yet, and may pass later."""


async def until(look: Callable[[], Awaitable[str]], seconds: float) -> str:
    """Look again and again until a look succeeds; return what it saw.

    Raises:
        Broken: no look succeeded in time, or none ever will; says what was seen last.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    seen = "no answer"
    while True:
        try:
            async with asyncio.timeout_at(end):
                return await look()
        except Broken:
            raise
        except TimeoutError as error:
            raise Broken(f"{seen} (for {seconds:g} s)") from error
        except (SheriffError, aiohttp.ClientError, OSError) as error:
            seen = one_line(error)
            if loop.time() + _PAUSE_SECONDS >= end:
                raise Broken(f"{seen} (for {seconds:g} s)") from error
        await asyncio.sleep(_PAUSE_SECONDS)


def one_line(error: BaseException) -> str:
    """Return what an error says, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__
