"""What the HTTP API answers: a status and a JSON body for each request, whatever carries it."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from functions.alert_query import AlertQuery, QueryError, parse_query
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


async def health(
    alerts: AlertReader,
    serving: ServingReader | None,
    role: str,
    release: Mapping[str, Any] | None = None,
) -> Answer:
    """Whether the store can be read now, and what serves; 503 where either cannot be known.

    ``serving`` is None where a part of the app needs no model, and may read none; ``release`` is
    what was deployed, where that is known.
    """
    body: dict[str, Any] = {"status": "ok", "role": role}
    if release is not None:
        body["release"] = dict(release)
    try:
        body["latest_alert_at"] = await alerts.latest()
        if serving is not None:
            await serving.scorer()
            body |= serving.status()
    except SheriffError as error:
        # The cause is for the operator's log: this answer is open to anyone.
        logger.warning("not healthy: %s", error)
        body["status"] = "unavailable"
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, body)
    return Answer(HTTPStatus.OK, body)


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
