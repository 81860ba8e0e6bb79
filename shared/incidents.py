"""Incidents: the episodes of a hidden discount in all partitions, gathered into one document.

Engineers find the cause with it: the percentage, the times, the reps, the number of orders and the
money. An episode is found in its own partition. Here it joins the open incident of its percentage,
or opens a new one. What a partition has seen is replaced and never added to, and each total is a
sum over the partitions. So writing the same episode again changes nothing.

A partition may open several episodes in one incident. The latest is kept by itself. The earlier
ones have ended and are kept as one sum, so that a document does not grow with them.

A document is a JSON object (docs/schemas/incident.json). Ids are numbered, so that two partitions
that open an incident at once choose the same id, and the later one joins.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from shared.episodes import MOST_HOURS, MOST_REPS, SAMPLES, by_hour, hour_start
from shared.formats import money, time_text, utc_time
from shared.typologies import HIDDEN_DISCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.episodes import Episode

QUIET = timedelta(days=3)
"""A partition without orders cannot see that its episode has ended. The episode counts as over when
the other partitions have gone on for this long: a weekend and a holiday."""

RESUMED = timedelta(hours=12)
"""An episode continues an incident of its percentage that ended at most this long before."""

SPARED_ORDERS = 2
"""A rep counts as spared from this many spared orders on; fewer may be chance."""

NAMED = 5
"""The message names at most this many reps; if there are more, it says how many."""

LARGEST_BYTES = 1_000_000
"""The largest document as JSON. Version 1 holds everything twice and must fit into the 2 MiB that
the store takes. In a larger document each partition names fewer reps and hours."""

_LEAN = ((MOST_REPS, MOST_HOURS), (20, 48), (5, 12), (0, 0))
"""Reps and hours that each partition may name. The first pair with which a document fits is
used."""

_FIRST = datetime.min.replace(tzinfo=UTC)

OPEN, CLOSED = "open", "closed"


@dataclass(frozen=True, slots=True)
class PartitionEpisode:
    """An episode as its partition knows it.

    ``sequence`` is the number of the last event that it includes; ``hubs`` counts hubs as
    `shared.stream.StreamState` does. Together they tell which of two versions is later.
    """

    partition_id: str
    sequence: int
    episode: Episode
    hubs: int = 0


def settle(
    documents: Sequence[dict[str, Any]], part: PartitionEpisode, currency: str, highest: int
) -> dict[str, Any]:
    """Return the incident of an episode, with the episode as it is now.

    Args:
        documents: the incidents that it may belong to. That is the incident that is known to have
            it; or else every incident of its percentage, without those that ended long before it
            began.
        part: the episode.
        currency: of the amounts, for the message.
        highest: number of the latest incident; 0 before the first.

    Returns:
        One of the documents, changed or not, or a new one with the number after ``highest``.
    """
    document = find_incident(documents, part) or _opened(part, highest)
    partitions = dict(document["by_partition"])
    before = partitions.get(part.partition_id)
    after = _entry(None if before is None else _of_version_2(before, part), part)
    if after is None:
        return document
    partitions[part.partition_id] = after
    return _bounded(document | {"by_partition": partitions, "schema_version": 2}, currency)


def find_incident(
    documents: Sequence[dict[str, Any]], part: PartitionEpisode
) -> dict[str, Any] | None:
    """Return the incident that has the episode already, or else the latest one that it joins."""
    mine = [
        (_of_version_2(entry, part)["run"], document)
        for document in sorted(documents, key=number_of, reverse=True)
        if (entry := document["by_partition"].get(part.partition_id)) is not None
    ]
    for episode, document in mine:
        if episode["name"] == part.episode.opened_by:
            return document
    # Its partition has opened another episode since, so this one is part of the sum.
    if part.episode.number:
        later = [(episode["number"], document) for episode, document in mine]
        later = [entry for entry in later if entry[0] > part.episode.number]
        if later:
            return min(later, key=itemgetter(0))[1]
    percent = part.episode.discount_bp / 100
    for document in sorted(documents, key=number_of, reverse=True):
        if document["percent"] == percent and _overlaps(document, part.episode):
            return document
    return None


def number_of(document: Mapping[str, Any]) -> int:
    """Return the number in an incident's id."""
    return int(document["id"].rpartition("-")[2])


def _overlaps(document: Mapping[str, Any], episode: Episode) -> bool:
    """Return whether an episode lies within the time of an incident, or continues it."""
    ended_at = document["ended_at"]
    until, slack = (document["last_seen_at"], QUIET) if ended_at is None else (ended_at, RESUMED)
    # Adding to a time from outside could leave the calendar, so times are only subtracted.
    starts_in_time = episode.started_at - utc_time(until) <= slack
    return starts_in_time and utc_time(document["started_at"]) - episode.last_seen_at <= RESUMED


def _opened(part: PartitionEpisode, highest: int) -> dict[str, Any]:
    return {
        "id": f"{HIDDEN_DISCOUNT}-{highest + 1:06d}",
        "schema_version": 2,
        "kind": HIDDEN_DISCOUNT,
        "percent": part.episode.discount_bp / 100,
        "by_partition": {},
    }


def _entry(before: dict[str, Any] | None, part: PartitionEpisode) -> dict[str, Any] | None:
    """Return what a partition has seen, with the episode as it is now; None if nothing is new."""
    earlier, episode = None, _episode_document(part.episode)
    if before is not None:
        known, earlier = before["run"], before["before"]
        if known["name"] == episode["name"]:
            if (part.hubs, part.sequence) < (before["hubs"], before["sequence"]):
                return None
        elif 0 < part.episode.number < known["number"]:
            return None
        else:
            earlier = _sum([known] if earlier is None else [earlier, known])
    pieces = [episode] if earlier is None else [earlier, episode]
    return {
        "sequence": max(part.sequence, 0),
        "hubs": part.hubs,
        "orders": sum(piece["orders"] for piece in pieces),
        "spared_orders": sum(piece["spared_orders"] for piece in pieces),
        "amount_e4": sum(piece["amount_e4"] for piece in pieces),
        "run": episode,
        "before": earlier,
    }


def _episode_document(episode: Episode) -> dict[str, Any]:
    return {
        "name": episode.opened_by,
        "number": episode.number,
        "runs": 1,
        "started_at": time_text(episode.started_at),
        "detected_at": time_text(episode.detected_at),
        "last_seen_at": time_text(episode.last_seen_at),
        "ended_at": None if episode.ended_at is None else time_text(episode.ended_at),
        "orders": episode.orders,
        "spared_orders": episode.spared_orders,
        "amount_e4": episode.amount_e4,
        "reps": [list(rep) for rep in episode.reps],
        "other_reps": episode.other_reps,
        "spared_reps": [list(rep) for rep in episode.spared if rep[1] >= SPARED_ORDERS],
        "hours": [list(hour) for hour in episode.hours],
        "sample_order_ids": list(episode.sample_order_ids),
    }


def _sum(episodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sum of episodes that have ended, given in the order of time."""
    reps: dict[str, list[int]] = {}
    for rep, orders, amount in (rep for episode in episodes for rep in episode["reps"]):
        had = reps.get(rep, [0, 0])
        reps[rep] = [had[0] + orders, had[1] + amount]
    spared: dict[str, int] = {}
    for rep, orders in (rep for episode in episodes for rep in episode["spared_reps"]):
        spared[rep] = spared.get(rep, 0) + orders
    named = sorted(reps)[:MOST_REPS]
    return {
        "runs": sum(episode["runs"] for episode in episodes),
        "started_at": min(episode["started_at"] for episode in episodes),
        "detected_at": min(episode["detected_at"] for episode in episodes),
        "last_seen_at": max(episode["last_seen_at"] for episode in episodes),
        "ended_at": max(episode["ended_at"] or episode["last_seen_at"] for episode in episodes),
        "orders": sum(episode["orders"] for episode in episodes),
        "spared_orders": sum(episode["spared_orders"] for episode in episodes),
        "amount_e4": sum(episode["amount_e4"] for episode in episodes),
        "reps": [[rep, *reps[rep]] for rep in named],
        "other_reps": len(reps) > len(named) or any(episode["other_reps"] for episode in episodes),
        "spared_reps": [[rep, spared[rep]] for rep in sorted(spared)][:MOST_REPS],
        "hours": [
            list(hour)
            for hour in by_hour([tuple(h) for episode in episodes for h in episode["hours"]])
        ],
        "sample_order_ids": [name for episode in episodes for name in episode["sample_order_ids"]][
            :SAMPLES
        ],
    }


def _pieces(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the latest episode and the sum of earlier ones of each partition, earliest first."""
    entries = [_of_version_2(entry) for entry in document["by_partition"].values()]
    pieces = [piece for entry in entries for piece in (entry["before"], entry["run"]) if piece]
    return sorted(pieces, key=lambda episode: (episode["started_at"], episode["sample_order_ids"]))


def _bounded(document: dict[str, Any], currency: str) -> dict[str, Any]:
    """Return the document with its totals, in as much detail as there is room for."""
    for most_reps, most_hours in _LEAN:
        entries = document["by_partition"]
        document |= {
            "by_partition": {
                name: _lean(_of_version_2(entry), most_reps, most_hours)
                for name, entry in entries.items()
            }
        }
        whole = _totals(document, currency)
        if len(json.dumps(whole)) <= LARGEST_BYTES:
            break
    return whole


def _lean(entry: dict[str, Any], most_reps: int, most_hours: int) -> dict[str, Any]:
    def lean(episode: dict[str, Any] | None) -> dict[str, Any] | None:
        if episode is None or (
            len(episode["reps"]) <= most_reps and len(episode["hours"]) <= most_hours
        ):
            return episode
        return episode | {
            "reps": sorted(nlargest(most_reps, episode["reps"], key=lambda rep: (rep[2], rep[0]))),
            "other_reps": episode["other_reps"] or len(episode["reps"]) > most_reps,
            "spared_reps": episode["spared_reps"][:most_reps],
            "hours": episode["hours"][-most_hours:] if most_hours else [],
        }

    return entry | {"run": lean(entry["run"]), "before": lean(entry["before"])}


def _totals(document: dict[str, Any], currency: str) -> dict[str, Any]:
    """Return the document with everything that follows from its episodes."""
    partitions = document["by_partition"].values()
    episodes = _pieces(document)
    ended_at = _ended_at(episodes)
    everything = _sum(episodes)
    charged = {rep for episode in episodes for rep, _, _ in episode["reps"]}
    spared: dict[str, int] = {}
    for rep, orders in (spare for episode in episodes for spare in episode["spared_reps"]):
        spared[rep] = spared.get(rep, 0) + orders
    summed = document | {
        "started_at": everything["started_at"],
        "detected_at": everything["detected_at"],
        "last_seen_at": everything["last_seen_at"],
        "ended_at": ended_at,
        "orders_affected": sum(partition["orders"] for partition in partitions),
        "orders_spared": sum(partition["spared_orders"] for partition in partitions),
        "amount_lost": money(sum(partition["amount_e4"] for partition in partitions)),
        "reps": sorted(charged),
        "more_reps": any(episode["other_reps"] for episode in episodes),
        "spared_reps": sorted(spared.keys() - charged),
        "by_rep": _by_rep(episodes, spared),
        "by_hour": [
            {
                "hour": time_text(hour_start(hour)),
                "orders": orders,
                "spared_orders": passed,
                "amount_lost": money(amount),
            }
            for hour, orders, passed, amount in everything["hours"]
        ],
        "sample_order_ids": everything["sample_order_ids"],
        "status": OPEN if ended_at is None else CLOSED,
    }
    return summed | {"message": _message(summed, currency)}


def _by_rep(
    episodes: Sequence[Mapping[str, Any]], spared: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return the totals of at most `MOST_REPS` reps, the largest loss first."""
    totals: dict[str, list[int]] = {rep: [0, 0] for rep in spared}
    for rep, orders, amount in (rep for episode in episodes for rep in episode["reps"]):
        had = totals.get(rep, [0, 0])
        totals[rep] = [had[0] + orders, had[1] + amount]
    largest = sorted(totals, key=lambda rep: (-totals[rep][1], rep))[:MOST_REPS]
    return [
        {
            "rep_id": rep,
            "orders": totals[rep][0],
            "spared_orders": spared.get(rep, 0),
            "amount_lost": money(totals[rep][1]),
        }
        for rep in largest
    ]


def _ended_at(episodes: Sequence[Mapping[str, Any]]) -> str | None:
    """Return when the last episode ended; None while one goes on."""
    lasts: list[str] = [episode["ended_at"] or episode["last_seen_at"] for episode in episodes]
    latest = utc_time(max(lasts))
    for episode in episodes:
        if episode["ended_at"] is None and latest - utc_time(episode["last_seen_at"]) <= QUIET:
            return None
    return max(lasts)


def _of_version_2(entry: dict[str, Any], part: PartitionEpisode | None = None) -> dict[str, Any]:
    """Return what a partition has seen; an older release wrote its episodes by name."""
    if "run" in entry:
        return {name: value for name, value in entry.items() if name != "runs"}
    episodes = {
        name: _episode_of_version_2(name, episode) for name, episode in entry["runs"].items()
    }
    latest = max(episodes, key=lambda name: (episodes[name]["detected_at"], name))
    if part is not None and part.episode.opened_by in episodes:
        latest = part.episode.opened_by
    episode = episodes.pop(latest)
    return {
        "sequence": entry["sequence"],
        "hubs": 0,
        "orders": entry["orders"],
        "spared_orders": 0,
        "amount_e4": entry["amount_e4"],
        "run": episode,
        "before": _sum([*episodes.values()]) if episodes else None,
    }


def _episode_of_version_2(name: str, episode: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **episode,
        "name": name,
        "number": 0,
        "runs": 1,
        "spared_orders": 0,
        "reps": [[rep, 0, 0] for rep in episode["reps"]],
        "other_reps": False,
        "spared_reps": [[rep, SPARED_ORDERS] for rep in episode["spared_reps"]],
        "hours": [],
    }


def version_1(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an incident as the release before reads it, for a roll-out that may still go back."""
    entries = document["by_partition"].items()
    return {
        **document,
        "schema_version": 1,
        "by_partition": {
            name: {
                **entry,
                "runs": {
                    episode.get("name", f"before {entry['run']['name']}"): _episode_of_version_1(
                        episode
                    )
                    for episode in (entry["before"], entry["run"])
                    if episode
                },
            }
            for name, entry in ((name, _of_version_2(entry)) for name, entry in entries)
        },
    }


def _episode_of_version_1(episode: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("started_at", "detected_at", "last_seen_at", "ended_at", "orders", "amount_e4")
    return {
        **{field: episode[field] for field in kept},
        "reps": [rep for rep, _, _ in episode["reps"]],
        "spared_reps": [rep for rep, _ in episode["spared_reps"]],
        "sample_order_ids": episode["sample_order_ids"],
    }


def joinable_since(episode: Episode) -> str:
    """Return the earliest end (UTC text) that an incident may have and still be joined."""
    return _before(episode.started_at, RESUMED)


def seen_since(episode: Episode) -> str:
    """Return when (UTC text) an open incident must have been seen, or later, to be joined."""
    return _before(episode.started_at, QUIET)


def _before(at: datetime, span: timedelta) -> str:
    """Return a time earlier by a span, but not before the calendar begins."""
    return time_text(at - span if at - _FIRST > span else _FIRST)


def _message(incident: Mapping[str, Any], currency: str) -> str:
    """Return the incident in a sentence."""
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
        f"{incident['orders_affected']:,} orders of {_rep_count(incident)}, "
        f"{incident['amount_lost']:,.2f} {currency}{' so far' if ended is None else ''}."
    )


def _whose(incident: Mapping[str, Any]) -> str:
    spared = len(incident["spared_reps"])
    if not spared:
        return "every order"
    reps = incident["reps"]
    names = ", ".join(reps) if len(reps) <= NAMED else _rep_count(incident)
    return f"every order of {names} (but no order of {_counted(spared, 'other rep')})"


def _rep_count(incident: Mapping[str, Any]) -> str:
    count = _counted(len(incident["reps"]), "rep")
    return f"more than {count}" if incident["more_reps"] else count


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _minute(time: str) -> str:
    """Return a stored time as people read it.

    >>> _minute("2026-03-04T10:05:59.000000Z")
    '2026-03-04 10:05 UTC'
    """
    return f"{time[:10]} {time[11:16]} UTC"
