"""Answer the HTTP API's requests with a status and a JSON body; `alerts_api` sends them."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from functions.alert_query import AlertQuery, QueryError, parse_query
from shared.errors import SheriffError

logger = logging.getLogger(__name__)


class AlertReader(Protocol):
    """Reads alerts; each method raises TransientError while the store cannot be read."""

    async def find(self, query: AlertQuery) -> list[dict[str, Any]]:
        """Return the alerts, newest first: at most one more than the query's limit."""

    async def latest(self) -> str | None:
        """Return when the latest alert was made; None before the first alert."""


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
