"""The app's functions: azure-functions-runtime indexes them, the host's retry loop calls them."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import random
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

from azure_functions_runtime import handle_event
from azure_functions_runtime.bindings.datumdef import Datum
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.bindings.retrycontext import RpcException
from azure_functions_runtime.loader import index_function_app
from azure_functions_runtime.native_invocation import invocation_request_native
from azure_functions_runtime.utils.threadpool import start_threadpool_executor

from infra.local.host.config import Seconds
from infra.local.host.errors import HostError

log = logging.getLogger("host")

# The registry reads only these three members of the worker's protocol.
_PROTOCOL = SimpleNamespace(BindingInfo=SimpleNamespace(undefined=0, out=1, inout=2))


@dataclass(frozen=True)
class RetryPolicy:
    """The retry policy: how often to try a failed invocation again (-1: for ever), and when."""

    limit: int
    shortest: float
    longest: float
    exponential: bool

    @classmethod
    def of(cls, settings: Mapping[str, str]) -> Self:
        """Read the settings of the `retry` decorator; raise ValueError if one is malformed."""
        exponential = settings["strategy"] == "exponential_backoff"
        if exponential:
            shortest = Seconds.parse(settings["minimum_interval"])
            longest = Seconds.parse(settings["maximum_interval"])
        else:
            shortest = longest = Seconds.parse(settings["delay_interval"])
        return cls(int(settings["max_retry_count"]), shortest, longest, exponential)

    def delay(self, attempt: int, jitter: float) -> float:
        """Return the seconds to wait after failed attempt 0, 1, ...; `jitter` is a factor about 1.

        WebJobs 3.0.48 was seen to wait like this. First it waits the shortest time. Then it waits
        the shortest plus an amount that begins at the shortest and doubles each time, but never
        more than the longest.
        """
        if not self.exponential or attempt == 0:
            return self.shortest
        doublings = min(attempt - 1, 60)  # far past any maximum, and still a finite float
        return min(self.longest, self.shortest + self.shortest * 2.0**doublings * jitter)

    def allows(self, attempt: int) -> bool:
        """Return whether another attempt may follow failed attempt 0, 1, ..."""
        return self.limit < 0 or attempt < self.limit


@dataclass(frozen=True)
class Outcome:
    """The end of an invocation, after all its attempts.

    `final` is false if retries were broken off: the trigger must not count it as done.
    """

    succeeded: bool
    final: bool
    result: Datum | None
    error: str


class Function:
    """One function of the app: its trigger's properties, and a way to call it."""

    def __init__(self, name: str, key: str, trigger: Mapping[str, Any], retry: RetryPolicy | None):
        self.name, self.trigger, self.retry = name, trigger, retry
        self._key = key

    @property
    def kind(self) -> str:
        """Return the trigger's type: eventHubTrigger, timerTrigger, httpTrigger, ..."""
        return str(self.trigger["type"])

    async def invoke(
        self, value: Datum, metadata: Mapping[str, Datum], halt: asyncio.Event | None = None
    ) -> Outcome:
        """Call the function, and again as its retry policy says; each attempt is an invocation.

        Setting `halt` ends the wait between attempts, never an attempt.
        """
        halt = halt or asyncio.Event()
        attempt, failure = 0, None
        while True:
            outcome, failure = await self._attempt(value, metadata, attempt, failure)
            if outcome.succeeded or self.retry is None or not self.retry.allows(attempt):
                return outcome
            # Jitter keeps the partitions of a host from retrying in step.
            if await _set_within(halt, self.retry.delay(attempt, random.uniform(0.8, 1.2))):  # noqa: S311 - no secret
                return Outcome(False, False, None, outcome.error)
            attempt += 1

    async def _attempt(
        self,
        value: Datum,
        metadata: Mapping[str, Datum],
        attempt: int,
        failure: RpcException | None,
    ) -> tuple[Outcome, RpcException | None]:
        invocation, started = str(uuid.uuid4()), time.perf_counter()
        succeeded, result, _outputs, error, trace = await invocation_request_native(
            invocation,
            self._key,
            [(self.trigger["name"], value)],
            metadata,
            trace_parent=f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-01",
            retry_count=attempt,
            max_retry_count=self.retry.limit if self.retry else 0,
            retry_exception=failure,
        )
        milliseconds = 1000 * (time.perf_counter() - started)
        self._report(invocation, milliseconds, attempt, error, trace)
        failure = None if succeeded else RpcException("", trace or "", error or "")
        return Outcome(succeeded, True, result, error or ""), failure

    def _report(
        self,
        invocation: str,
        milliseconds: float,
        attempt: int,
        error: str | None,
        trace: str | None,
    ) -> None:
        if error is None:
            log.debug("%s succeeded in %.0f ms (%s)", self.name, milliseconds, invocation)
            return
        log.error("%s failed, attempt %d (%s): %s", self.name, attempt + 1, invocation, error)
        if attempt == 0:  # retries of a batch tend to fail alike: one traceback is enough
            log.error("%s", trace)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event`, at most `seconds`; return whether it was set."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def load_functions(app: Path) -> list[Function]:
    """Import `function_app.py` of folder `app` as the worker does; return its functions.

    The working directory and the import path become the app's. Disabled functions are left out.
    Raises HostError if the app cannot be imported, or if the runtime refuses a function.
    """
    if not (app / "function_app.py").is_file():
        raise HostError(f"{app / 'function_app.py'} is missing: this folder holds no function app")
    sys.path.insert(0, str(app))
    importlib.invalidate_caches()
    os.chdir(app)
    load_binding_registry()
    start_threadpool_executor()
    try:
        indexed = index_function_app(str(app / "function_app.py"))
        functions = [_function(entry) for entry in indexed]
    except Exception as error:  # an app's import may raise anything
        log.debug("indexing failed", exc_info=True)
        text = " ".join(str(error).split())
        raise HostError(f"the app cannot be indexed: {type(error).__name__}: {text}") from error
    return [function for function in functions if not _disabled(function.name)]


def _function(indexed: Any) -> Function:
    # Native invocations look in this registry of the runtime, and in no other.
    info = handle_event._functions.add_indexed_function(indexed, _PROTOCOL)
    trigger = indexed.get_trigger()
    settings = indexed.get_settings_dict("retry_policy")
    properties = {**trigger.get_dict_repr(), "name": trigger.name}
    retry = RetryPolicy.of(settings) if settings else None
    return Function(info.name, info.function_id, properties, retry)


def _disabled(name: str) -> bool:
    return os.environ.get(f"AzureWebJobs.{name}.Disabled", "").lower() in ("true", "1")
