"""What `/api/health` answers: whether the stores can be read, what serves, and what is wrong."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Protocol

from functions.answers import AlertReader, Answer
from functions.condition import Conditions
from functions.progress import Watch
from functions.watching import told
from shared.errors import SheriffError

logger = logging.getLogger(__name__)


class ServingReader(Protocol):
    """Knows which bundle, catalogue and policy serve."""

    async def scorer(self) -> object:
        """Look for newer ones; raise TransientError where nothing can serve."""

    def status(self) -> dict[str, Any]:
        """Return what serves, once `scorer` has returned."""


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
