"""Incidents: the runs of a hidden discount in all partitions, gathered into one document.

It is what engineers track the cause down with: the percentage, since when, how many orders of whom
and how much. A run is found in its own partition; here it joins the incident that is open for its
percentage, or opens the next one. What a partition has seen is set, never added to, and every total
is a sum over what is set: writing the same run again changes nothing.

A document is a plain JSON object (docs/schemas/incident.json), and its ``id`` is numbered by kind,
so that two partitions that open at once collide, and the later one joins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared.assessment import HIDDEN_DISCOUNT
from shared.episodes import SAMPLES
from shared.notation import money, time_text, utc_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shared.episodes import Run

QUIET = timedelta(days=3)
"""A partition without orders cannot see that a run has ended. Its run counts as over when the
others have gone on for as long without it: a weekend with a holiday."""

RESUMED = timedelta(hours=12)
"""A run that begins this soon after an incident of its percentage has ended goes on with it."""

SPARED_ORDERS = 2
"""Orders of a rep that a run must have passed by for the rep to count as spared, not by chance."""

NAMED = 5
"""Reps that the message names before it counts them."""

OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class PartitionRun:
    """A run as its partition has it; ``sequence`` is the number of the last event behind it."""

    partition_id: str
    sequence: int
    run: Run


def settle(
    documents: Sequence[dict[str, Any]], part: PartitionRun, currency: str
) -> dict[str, Any]:
    """The incident of a run, with the run as it is now.

    Args:
        documents: the incidents of hidden discounts so far, at least the latest ones.
        part: the run.
        currency: of the amounts, for the message.

    Returns:
        One of the documents, changed, or a new one whose id none of them has.
    """
    document = _incident_of(documents, part) or _opened(documents, part)
    partitions = dict(document["by_partition"])
    runs = dict(partitions.get(part.partition_id, {}).get("runs", {}))
    runs[part.run.opened_by] = _run_document(part.run)
    partitions[part.partition_id] = {
        "sequence": max(part.sequence, 0),
        "orders": sum(run["orders"] for run in runs.values()),
        "amount_e4": sum(run["amount_e4"] for run in runs.values()),
        "runs": runs,
    }
    return _totals(document | {"by_partition": partitions}, currency)


def _incident_of(documents: Sequence[dict[str, Any]], part: PartitionRun) -> dict[str, Any] | None:
    """The incident that knows the run already, else the latest one that it joins."""
    newest_first = sorted(documents, key=_number, reverse=True)
    for document in newest_first:
        mine = document["by_partition"].get(part.partition_id, {})
        if part.run.opened_by in mine.get("runs", {}):
            return document
    percent = part.run.percent / 100
    for document in newest_first:
        if document["percent"] == percent and _overlaps(document, part.run):
            return document
    return None


def _overlaps(document: Mapping[str, Any], run: Run) -> bool:
    """Whether a run lies within the time of an incident, or goes on with it."""
    ended_at = document["ended_at"]
    until, slack = (document["last_seen_at"], QUIET) if ended_at is None else (ended_at, RESUMED)
    starts_in_time = run.started_at <= utc_time(until) + slack
    return starts_in_time and run.last_seen_at >= utc_time(document["started_at"]) - RESUMED


def _opened(documents: Sequence[dict[str, Any]], part: PartitionRun) -> dict[str, Any]:
    number = 1 + max(map(_number, documents), default=0)
    return {
        "id": f"{HIDDEN_DISCOUNT}-{number:06d}",
        "schema_version": 1,
        "kind": HIDDEN_DISCOUNT,
        "percent": part.run.percent / 100,
        "by_partition": {},
    }


def _number(document: Mapping[str, Any]) -> int:
    return int(document["id"].rpartition("-")[2])


def _run_document(run: Run) -> dict[str, Any]:
    return {
        "started_at": time_text(run.started_at),
        "detected_at": time_text(run.detected_at),
        "last_seen_at": time_text(run.last_seen_at),
        "ended_at": None if run.ended_at is None else time_text(run.ended_at),
        "orders": run.orders,
        "amount_e4": run.amount_e4,
        "reps": list(run.reps),
        "spared_reps": [rep for rep, orders in run.spared if orders >= SPARED_ORDERS],
        "sample_order_ids": list(run.sample_order_ids),
    }


def _totals(document: dict[str, Any], currency: str) -> dict[str, Any]:
    """The document with everything that follows from its runs."""
    partitions = document["by_partition"].values()
    runs = [run for partition in partitions for run in partition["runs"].values()]
    runs.sort(key=lambda run: (run["started_at"], run["sample_order_ids"]))
    ended_at = _ended_at(runs)
    reps = _union(run["reps"] for run in runs)
    summed = document | {
        "started_at": min(run["started_at"] for run in runs),
        "detected_at": min(run["detected_at"] for run in runs),
        "last_seen_at": max(run["last_seen_at"] for run in runs),
        "ended_at": ended_at,
        "orders_affected": sum(partition["orders"] for partition in partitions),
        "amount_lost": money(sum(partition["amount_e4"] for partition in partitions)),
        "reps": reps,
        "spared_reps": [
            rep for rep in _union(run["spared_reps"] for run in runs) if rep not in reps
        ],
        "sample_order_ids": [name for run in runs for name in run["sample_order_ids"]][:SAMPLES],
        "status": OPEN if ended_at is None else CLOSED,
    }
    return summed | {"message": _message(summed, currency)}


def _ended_at(runs: Sequence[Mapping[str, Any]]) -> str | None:
    """When the last run ended; None while one goes on."""
    lasts: list[str] = [run["ended_at"] or run["last_seen_at"] for run in runs]
    latest = utc_time(max(lasts))
    for run in runs:
        if run["ended_at"] is None and utc_time(run["last_seen_at"]) + QUIET >= latest:
            return None
    return max(lasts)


def _union(names: Iterable[Sequence[str]]) -> list[str]:
    return sorted({name for some in names for name in some})


def _message(incident: Mapping[str, Any], currency: str) -> str:
    """The incident in a sentence or two."""
    ended = incident["ended_at"]
    since = _minute(incident["started_at"])
    when = (
        f"Since {since}"
        if ended is None
        else f"From {since} to {_minute(incident['last_seen_at'])}"
    )
    be = "is" if ended is None else "was"
    return (
        f"{when} {_whose(incident)} {be} charged {incident['percent']:g} % too little: "
        f"{incident['orders_affected']:,} orders of {_counted(len(incident['reps']), 'rep')}, "
        f"{incident['amount_lost']:,.2f} {currency}{' so far' if ended is None else ''}."
    )


def _whose(incident: Mapping[str, Any]) -> str:
    spared = len(incident["spared_reps"])
    if not spared:
        return "every order"
    reps = incident["reps"]
    names = ", ".join(reps) if len(reps) <= NAMED else _counted(len(reps), "rep")
    return f"every order of {names}, and none of {spared} other{'s' if spared > 1 else ''},"


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _minute(time: str) -> str:
    """A stored time as people read it.

    >>> _minute("2026-03-04T10:05:59.000000Z")
    '2026-03-04 10:05 UTC'
    """
    return f"{time[:10]} {time[11:16]} UTC"
