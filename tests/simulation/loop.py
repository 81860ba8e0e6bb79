"""The event loop: virtual time, and an order of events that the seed alone decides.

The one file that knows simloop.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor, Future
from typing import Any

from simloop import SimLoop


def run[T](
    seed: int, main: Callable[[], Coroutine[Any, Any, T]], *, traced: bool = False
) -> tuple[T, str]:
    """The result of a coroutine, and, where ``traced``, the digest of every step to there.

    Raises:
        RuntimeError: everything waits for something that will never come.
    """
    loop = SimLoop(seed)
    loop.set_exception_handler(_heard)
    task = loop.create_task(main())
    task.add_done_callback(lambda _: loop.stop())
    loop.run_forever()
    digest = loop.trace_hash() if traced else ""
    loop.close()
    if not task.done():
        raise RuntimeError("nothing is left to run, and the simulation is not over")
    return task.result(), digest


def start(place: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Run work in a place; all that it starts runs there too, and ends with it (`crash`)."""
    return _loop().net.host(place).create_task(work)


def crash(place: str) -> None:
    """Cancel all that runs in a place."""
    with contextlib.suppress(ValueError):  # it has crashed before
        _loop().net.host(place).crash()


def now() -> float:
    """Seconds of virtual time since the simulation began."""
    return _loop().time()


def soon(act: Callable[[], object]) -> None:
    """Do something as a step of its own."""
    _loop().call_soon(act)


async def sleep(seconds: float) -> None:
    """Let virtual time pass, which costs none."""
    await asyncio.sleep(seconds)


def _loop() -> SimLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, SimLoop)
    return loop


def _heard(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A task of a dead process ends as it likes; every other one's outcome is asked for."""


class Inline(Executor):
    """Computes where it is asked to; the loop has one thread, and so has the simulation."""

    def submit[**P, T](self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The outcome of a call, which is over."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - as any executor
            future.set_exception(error)
        return future
