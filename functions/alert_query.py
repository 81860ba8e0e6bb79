"""What may be asked of the alerts, a page at a time, and the Cosmos DB statement for it."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from shared.documents import own_fields
from shared.errors import SheriffError
from shared.formats import FormatError, shortened, time_text, utc_time
from shared.typologies import TYPOLOGY_NAMES

STATUSES = ("open", "confirmed", "dismissed")
PAGE, LARGEST_PAGE = 50, 200
_LONGEST_CURSOR = 400  # base64 of a time and an alert id of 69 characters, with room


class QueryError(SheriffError):
    """A parameter that cannot be used; the caller's to mend.

    Attributes:
        parameter: its name.
    """

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Which alerts: every filter that is not None holds; times are fixed-width UTC text.

    ``scored_from`` and ``ordered_from`` are inclusive, ``scored_to`` and ``ordered_to`` are not.
    ``after`` is the last alert seen (its time and id): only what comes after it in the list,
    newest first, so that new alerts shift nothing.
    """

    rep_id: str | None = None
    status: str | None = None
    typology: str | None = None
    incident_id: str | None = None
    scored_from: str | None = None
    scored_to: str | None = None
    ordered_from: str | None = None
    ordered_to: str | None = None
    after: tuple[str, str] | None = None
    limit: int = PAGE

    def page(self, found: list[dict[str, Any]]) -> dict[str, Any]:
        """The answer from what was found, which is at most one more than the limit."""
        alerts = [own_fields(alert) for alert in found[: self.limit]]
        more = len(found) > self.limit
        return {"alerts": alerts, "next": _cursor(alerts[-1]) if more else None}


# Parameter, field of the query, and the condition it adds.
_FILTERS = (
    ("rep_id", "rep_id", "c.rep_id = @rep_id"),
    ("status", "status", "c.status = @status"),
    ("typology", "typology", "ARRAY_CONTAINS(c.findings, {'typology': @typology}, true)"),
    ("incident_id", "incident_id", "c.incident_id = @incident_id"),
    ("from", "scored_from", "c.scored_at >= @scored_from"),
    ("to", "scored_to", "c.scored_at < @scored_to"),
    ("ordered_from", "ordered_from", "c.ordered_at >= @ordered_from"),
    ("ordered_to", "ordered_to", "c.ordered_at < @ordered_to"),
)
PARAMETERS = (*(name for name, _, _ in _FILTERS), "limit", "cursor")


def parse_query(parameters: Mapping[str, str]) -> AlertQuery:
    """Read the parameters of a request.

    Raises:
        QueryError: one is unknown or has a value that cannot be used.
    """
    for name in parameters:
        if name not in PARAMETERS:
            expected = ", ".join(PARAMETERS)
            raise QueryError(name, f"{shortened(name)} is no parameter; there are {expected}")
    fields: dict[str, Any] = {field: _value(name, parameters) for name, field, _ in _FILTERS}
    return replace(
        AlertQuery(**fields),
        limit=_whole("limit", parameters.get("limit", str(PAGE)), 1, LARGEST_PAGE),
        after=_position(parameters["cursor"]) if "cursor" in parameters else None,
    )


def statement(query: AlertQuery) -> tuple[str, list[dict[str, Any]]]:
    """The statement and its parameters: newest first, one more than the limit.

    Ordering by two fields needs an index of both: (``scored_at`` descending, ``id`` ascending).
    """
    wanted = [(field, sql) for _, field, sql in _FILTERS if getattr(query, field) is not None]
    conditions = [sql for _, sql in wanted]
    values = {field: getattr(query, field) for field, _ in wanted}
    if query.after:
        conditions.append(
            "(c.scored_at < @after_time OR (c.scored_at = @after_time AND c.id > @after_id))"
        )
        values["after_time"], values["after_id"] = query.after
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    # Only our own words and a checked number are put together; values travel as parameters.
    text = f"SELECT TOP {query.limit + 1} * FROM c{where} ORDER BY c.scored_at DESC, c.id ASC"  # noqa: S608
    return text, [{"name": f"@{name}", "value": value} for name, value in values.items()]


def _value(name: str, parameters: Mapping[str, str]) -> str | None:
    value = parameters.get(name)
    if value is None:
        return None
    if name in {"rep_id", "incident_id"}:
        return _within(name, value, 64)
    if name == "status":
        return _one_of(name, value, STATUSES)
    if name == "typology":
        return _one_of(name, value, TYPOLOGY_NAMES)
    return _time(name, value)


def _within(name: str, value: str, longest: int) -> str:
    if not 1 <= len(value) <= longest:
        raise QueryError(name, f"{name} has {len(value)} characters, expected 1 to {longest}")
    return value


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise QueryError(
            name, f"{name} is {shortened(value)!r}, expected one of {', '.join(known)}"
        )
    return value


def _time(name: str, value: str) -> str:
    try:
        # A plus sign that was not escaped arrives as a space.
        return time_text(utc_time(value.replace(" ", "+")))
    except FormatError as error:
        raise QueryError(
            name, f"{name} is {shortened(value)!r}, expected {error.expected}"
        ) from error


def _whole(name: str, text: str, least: int, most: int) -> int:
    """A number of a query: plain digits, no more of them than ``most`` has.

    The length comes first: `int` reads digits of every script, and gives up past 4,300 of them.
    """
    digits = len(text) <= len(str(most)) and text.isascii() and text.isdigit()
    if not digits or not least <= int(text) <= most:
        raise QueryError(
            name, f"{name} is {shortened(text)!r}, expected a whole number {least} to {most}"
        )
    return int(text)


def _cursor(alert: Mapping[str, Any]) -> str:
    position = msgspec.json.encode((alert["scored_at"], alert["id"]))
    return base64.urlsafe_b64encode(position).decode().rstrip("=")


def _position(cursor: str) -> tuple[str, str]:
    """The inverse of `_cursor`; whatever a caller made up is refused."""
    try:
        padded = cursor[: _LONGEST_CURSOR + 1] + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True)
        scored_at, alert = msgspec.json.decode(text, type=tuple[str, str])
        ours = time_text(utc_time(scored_at)) == scored_at
    except ValueError as error:
        raise QueryError("cursor", "cursor is none that this API gave out") from error
    if not ours:
        raise QueryError("cursor", "cursor is none that this API gave out")
    return scored_at, alert
