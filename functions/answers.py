"""What the HTTP API answers: a status and a JSON body for each request, whatever carries it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol

from functions.alert_query import AlertQuery, QueryError, parse_query
from functions.condition import Conditions
from functions.progress import Watch
from functions.watching import told
from shared.errors import SheriffError

logger = logging.getLogger(__name__)


class AlertReader(Protocol):
    """Reads alerts; raises TransientError where the store cannot be read."""

    async def find(self, query: AlertQuery) -> list[dict[str, Any]]:
        """At most one alert more than the query's limit, newest first."""

    async def latest(self) -> str | None:
        """When the latest alert was made; None while there is none."""


class ServingReader(Protocol):
    """Says which bundle, catalogue and policy serve."""

    async def scorer(self) -> object:
        """Look for newer ones; TransientError when what serves cannot be known."""

    def status(self) -> dict[str, Any]:
        """What serves, once `scorer` has returned."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and what to send as JSON: a problem (RFC 9457) from 400 on, health excepted."""

    status: int
    body: dict[str, Any]
    content_type: str = "application/json"


def problem(status: HTTPStatus, detail: str, **members: Any) -> Answer:
    """An error as a problem detail (RFC 9457)."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value} | members
    return Answer(status.value, body | {"detail": detail}, "application/problem+json")


async def list_alerts(alerts: AlertReader, parameters: Mapping[str, str]) -> Answer:
    """One page of alerts, newest first, and the cursor of the next page (null on the last)."""
    try:
        query = parse_query(parameters)
    except QueryError as error:
        return problem(HTTPStatus.BAD_REQUEST, str(error), parameter=error.parameter)
    return Answer(HTTPStatus.OK, query.page(await alerts.find(query)))


@dataclass(frozen=True, slots=True)
class Condition:
    """What a scorer tells of itself beside what serves; the trigger's hub as it was seen last."""

    here: Conditions
    hub: Callable[[], Awaitable[Watch | None]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


UNSEEN = timedelta(minutes=15)
"""A look at the hub that is older than this says that nobody looks any more."""


async def health(
    alerts: AlertReader,
    serving: ServingReader | None,
    role: str,
    release: Mapping[str, Any] | None = None,
    condition: Condition | None = None,
) -> Answer:
    """Whether the stores can be read, what serves, and what is wrong; open to anyone.

    ``ok`` and ``degraded`` are 200: it answers and scores, and where it is degraded ``problems``
    says by how much less than it should. ``unavailable`` is 503: it cannot read or cannot score.

    ``serving`` and ``condition`` are None where a part of the app neither needs a model nor reads
    the hub, and may not; ``release`` is what was deployed, where that is known.
    """
    body: dict[str, Any] = {"status": "ok", "role": role}
    if release is not None:
        body["release"] = dict(release)
    problems: list[str] = []
    try:
        body["latest_alert_at"] = await alerts.latest()
        if serving is not None:
            try:
                await serving.scorer()
            finally:  # what was refused is said above all where nothing serves for it
                body |= _public(serving.status())
            problems += _refused(body)
        if condition is not None:
            problems += await _conditions(condition, body)
    except SheriffError as error:
        # The cause is for the operator's log: this answer is open to anyone.
        logger.warning("not healthy: %s", error)
        body["status"] = "unavailable"
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, body)
    if problems:
        body |= {"status": "degraded", "problems": problems}
    return Answer(HTTPStatus.OK, body)


def _public(status: Mapping[str, Any]) -> dict[str, Any]:
    """What the shelf says of itself, without the values that a file was refused for: they may be
    prices, and the log has them."""
    public = dict(status)
    if status.get("refusals"):
        public["refusals"] = [_hidden(one) for one in status["refusals"]]
    if status.get("last_refusal") is not None:
        public["last_refusal"] = _hidden(status["last_refusal"])
    return public


def _hidden(refusal: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_value(value) if name == "why" else value for name, value in refusal.items()
    }


def _without_value(why: str) -> str:
    """A sentence of the form *field is value, expected this* without its value.

    >>> _without_value("catalogue line 2: list_price is '17.123456', expected at most 4 decimals")
    'catalogue line 2: list_price: expected at most 4 decimals'
    """
    said, found, expected = why.rpartition(", expected ")
    field, is_, _ = said.partition(" is ")
    return f"{field}: expected {expected}" if found and is_ else why


def _refused(body: Mapping[str, Any]) -> list[str]:
    """What should serve and does not, by what the shelf says of itself."""
    known = [body.get("last_refusal"), *(body.get("refusals") or ())]
    refused = [str(one.get("what")) for one in known if isinstance(one, Mapping)]
    found = [f"{what} is refused" for what in dict.fromkeys(refused)]
    if body.get("refused_classifier"):
        found.append("the classifier of the model that serves is refused")
    return found


async def _conditions(condition: Condition, body: dict[str, Any]) -> list[str]:
    body |= condition.here.document()
    found = [f"the fuse holds partition {one} back" for one in body["fuses"]]
    watch = await condition.hub()
    body["hub"] = None if watch is None else told(watch)
    if watch is None:
        if condition.now() - condition.here.begun > UNSEEN:
            found.append("nobody looks at the hub")
        return found
    if watch.made_anew is not None:
        found.append("the hub was made anew while checkpoints stayed: docs/operations.md")
    found += [f"partition {one} stands still" for one in watch.stalled]
    if condition.now() - watch.seen_at > UNSEEN:
        found.append("nobody looks at the hub any more")
    return found


@dataclass
class Remembered:
    """An answer that is good for some seconds: whoever asks meanwhile costs nothing.

    While it is being made, others wait for it rather than make it again.
    """

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _answer: Answer | None = None
    _made_at: float = 0.0
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer as it is known, or made now; what ``make`` raises is remembered by nobody."""
        async with self._making:
            if self._answer is None or self.clock() - self._made_at >= self.seconds:
                self._answer = await make()
                self._made_at = self.clock()
            return self._answer


async def guarded(answer: Callable[[], Awaitable[Answer]]) -> Answer:
    """The answer, or a problem in its place: 503 for what may pass, 500 for what should not be."""
    try:
        return await answer()
    except SheriffError as error:
        logger.warning("cannot answer: %s", error)
        return problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "the alerts cannot be read now; try again later"
        )
    except Exception:
        logger.exception("cannot answer")
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "this should not have happened")
