"""Answer the HTTP API's requests with a status and a JSON body; `alerts_api` sends them."""

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
    """Reads alerts; each method raises TransientError while the store cannot be read."""

    async def find(self, query: AlertQuery) -> list[dict[str, Any]]:
        """Return the alerts, newest first: at most one more than the query's limit."""

    async def latest(self) -> str | None:
        """Return when the latest alert was made; None before the first alert."""


class ServingReader(Protocol):
    """Knows which bundle, catalogue and policy serve."""

    async def scorer(self) -> object:
        """Look for newer ones; raise TransientError where nothing can serve."""

    def status(self) -> dict[str, Any]:
        """Return what serves, once `scorer` has returned."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON to send. From 400 on it is a problem (RFC 9457), except for health."""

    status: int
    body: dict[str, Any]
    content_type: str = "application/json"


def problem(status: HTTPStatus, detail: str, **members: Any) -> Answer:
    """Return an error as a problem detail (RFC 9457)."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value} | members
    return Answer(status.value, body | {"detail": detail}, "application/problem+json")


async def list_alerts(alerts: AlertReader, parameters: Mapping[str, str]) -> Answer:
    """Return a page of alerts, newest first, and the cursor of the next page (null on the last)."""
    try:
        query = parse_query(parameters)
    except QueryError as error:
        return problem(HTTPStatus.BAD_REQUEST, str(error), parameter=error.parameter)
    return Answer(HTTPStatus.OK, query.page(await alerts.find(query)))


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition of a process that scores, and the last look at the hub."""

    here: Conditions
    hub: Callable[[], Awaitable[Watch | None]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


UNSEEN = timedelta(minutes=15)
"""If the last look at the hub is older than this, nobody looks any more."""


async def health(
    alerts: AlertReader,
    serving: ServingReader | None,
    role: str,
    release: Mapping[str, Any] | None = None,
    condition: Condition | None = None,
) -> Answer:
    """Answer whether the stores can be read, what serves, and what is wrong.

    Anyone may ask. ``ok`` and ``degraded`` are 200: the app answers and scores; if it is degraded,
    ``problems`` names what is wrong. ``unavailable`` is 503: the app cannot read or cannot score.

    Args:
        alerts: the alerts.
        serving: what serves; None: this part of the app may read no model.
        role: the part of the app that answers.
        release: what was deployed, where that is known.
        condition: how the process is doing; None: this part of the app may not read the hub.
    """
    body: dict[str, Any] = {"status": "ok", "role": role}
    if release is not None:
        body["release"] = dict(release)
    try:
        body["latest_alert_at"] = await alerts.latest()
        problems = await _serving_problems(serving, body) if serving is not None else []
        if condition is not None:
            problems += await _condition_problems(condition, body)
    except SheriffError as error:
        # The cause is for the operator's log: this answer is open to anyone.
        logger.warning("not healthy: %s", error)
        body["status"] = "unavailable"
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, body)
    if problems:
        body |= {"status": "degraded", "problems": problems}
    return Answer(HTTPStatus.OK, body)


async def _serving_problems(serving: ServingReader, body: dict[str, Any]) -> list[str]:
    """Add what serves to the body; return what is wrong with it."""
    try:
        await serving.scorer()
    finally:  # refusals matter most where they leave nothing to serve
        body |= _public(serving.status())
    return _refused(body)


def _public(status: Mapping[str, Any]) -> dict[str, Any]:
    """Return the status without the values for which files were refused.

    The values may be prices. The operator finds them in the log.
    """
    public = dict(status)
    if status.get("refusals"):
        public["refusals"] = [_hidden(refusal) for refusal in status["refusals"]]
    if status.get("last_refusal") is not None:
        public["last_refusal"] = _hidden(status["last_refusal"])
    return public


def _hidden(refusal: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_value(value) if name == "why" else value for name, value in refusal.items()
    }


def _without_value(why: str) -> str:
    """Return a sentence of the form *field is value, expected this* without the value.

    >>> _without_value("catalogue line 2: list_price is '17.123456', expected at most 4 decimals")
    'catalogue line 2: list_price: expected at most 4 decimals'
    """
    said, expects, expected = why.rpartition(", expected ")
    field, is_, _ = said.partition(" is ")
    return f"{field}: expected {expected}" if expects and is_ else why


def _refused(body: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each file that should serve and was refused."""
    refusals = [body.get("last_refusal"), *(body.get("refusals") or ())]
    refused = [str(refusal.get("what")) for refusal in refusals if isinstance(refusal, Mapping)]
    problems = [f"{what} is refused" for what in dict.fromkeys(refused)]
    if body.get("refused_classifier"):
        problems.append("the classifier of the model that serves is refused")
    return problems


async def _condition_problems(condition: Condition, body: dict[str, Any]) -> list[str]:
    """Add the process's condition and the hub to the body; return what is wrong with them."""
    body |= condition.here.document()
    problems = [f"the fuse holds partition {partition} back" for partition in body["fuses"]]
    watch = await condition.hub()
    body["hub"] = None if watch is None else told(watch)
    if watch is None:
        if condition.now() - condition.here.begun > UNSEEN:
            problems.append("nobody looks at the hub")
        return problems
    if watch.made_anew is not None:
        problems.append("the hub was made anew while checkpoints stayed: docs/operations.md")
    problems += [f"partition {partition} stands still" for partition in watch.stalled]
    if condition.now() - watch.seen_at > UNSEEN:
        problems.append("nobody looks at the hub any more")
    return problems


@dataclass
class Remembered:
    """Keeps an answer for some seconds, so that frequent questions cost nothing.

    While the answer is being made, others wait for it and do not make it again.
    """

    seconds: float
    clock: Callable[[], float] = time.monotonic
    _answer: Answer | None = None
    _made_at: float = 0.0
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def answer(self, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer that is kept, or make one; what ``make`` raises is not kept."""
        async with self._making:
            if self._answer is None or self.clock() - self._made_at >= self.seconds:
                self._answer = await make()
                self._made_at = self.clock()
            return self._answer


async def guarded(answer: Callable[[], Awaitable[Answer]]) -> Answer:
    """Return the answer, or a problem instead: 503 for what may pass, 500 for a bug."""
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
