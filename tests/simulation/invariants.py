"""What must hold whatever went wrong; each function says where it does not."""

import json
from collections import Counter
from collections.abc import Callable, Iterator

from shared.stream import StreamState
from tests.simulation.stores import Document
from tests.simulation.world import Outcome

DEATHS_TO_SUSPECT = 5
"""Deaths of processes over an order before it may be set aside as their cause."""

MADE_WHEN = ("scored_at", "revisited_at", "catalogue_version")
"""Fields that say when something was done, and by which writing of the same prices: another one
whenever it is done again."""


def the_books_balance(outcome: Outcome, _: Document) -> Iterator[str]:
    """Every event ended once: scored, set aside and kept as a dead letter, duplicate, or stale."""
    for key, events in outcome.stream.partitions.items():
        document = outcome.contents["states"].get(str(key))
        state = StreamState() if document is None else StreamState.from_document(document)
        ended = state.orders_scored + state.dead_lettered + state.duplicates + state.stale
        if ended != state.sequence_number + 1:
            yield f"{key}: {ended} of {state.sequence_number + 1} events are counted"
        kept = sum(partition == key.partition_id for partition, _ in outcome.contents["letters"])
        if kept != state.dead_lettered and state.sequence_number == events[-1].sequence_number:
            yield f"{key}: {state.dead_lettered} events are set aside, {kept} are kept"


def no_innocent_order_is_set_aside(outcome: Outcome, clean: Document) -> Iterator[str]:
    """Suspicion takes deaths: an order that nothing is wrong with needs many to be set aside."""
    partitions = set()
    for place in innocent_orders_set_aside(outcome, clean):
        if place in outcome.suspected:
            partitions.add(place[0])
        elif place[0] in partitions:
            continue  # what comes after a suspected order is judged without it
        if outcome.deaths[place] < DEATHS_TO_SUSPECT:
            yield f"{place}: set aside after {outcome.deaths[place]} deaths"


def what_is_wrong_is_set_aside(outcome: Outcome, clean: Document) -> Iterator[str]:
    """The events that a clean pass sets aside are kept as dead letters, for the same reason."""
    if _undone(outcome, clean):
        return
    for place, letter in clean["letters"].items():
        kept = outcome.contents["letters"].get(place)
        if kept is None:
            yield f"{place}: {letter['code']} in a clean pass, and no dead letter"
        elif kept["body"] != letter["body"]:
            yield f"{place}: the dead letter of another event"
        elif kept["code"] != letter["code"] and place not in outcome.stream.killers:
            yield f"{place}: {kept['code']}, {letter['code']} in a clean pass"


def alerts_are_those_of_a_clean_pass(outcome: Outcome, clean: Document) -> Iterator[str]:
    """Each alert once, and each the same."""
    if _undone(outcome, clean):
        return
    yield from _differences("alert", _alerts(outcome.contents), _alerts(clean))


def incidents_are_those_of_a_clean_pass(outcome: Outcome, clean: Document) -> Iterator[str]:
    """The same episodes in the same incidents, whatever number each has."""
    if _undone(outcome, clean):
        return
    yield from _differences("incident", _incidents(outcome.contents), _incidents(clean))


def states_are_those_of_a_clean_pass(outcome: Outcome, clean: Document) -> Iterator[str]:
    """What each partition knows, and hands to its next event."""
    if _undone(outcome, clean):
        return
    yield from _differences("state", _states(outcome.contents), _states(clean))


def everything_is_committed_soon(outcome: Outcome, _: Document) -> Iterator[str]:
    """Once nothing goes wrong any more, every partition gets to its end."""
    if outcome.settled_after is None:
        for key, events in outcome.stream.partitions.items():
            state = outcome.contents["states"].get(str(key), {"sequence_number": -1})
            at, last = state["sequence_number"], events[-1].sequence_number
            if at != last:
                yield f"{key}: at {at} of {last}; it said {outcome.said.get(key, 'nothing')!r}"


def a_replay_changes_nothing(outcome: Outcome, _: Document) -> Iterator[str]:
    """Every event delivered once more to a healthy process."""
    if outcome.settled_after is not None:
        for kind in outcome.contents:
            yield from _differences(
                f"replayed {kind}", outcome.replayed[kind], outcome.contents[kind]
            )


def nothing_unexpected_is_raised(outcome: Outcome, _: Document) -> Iterator[str]:
    """A batch ends well or with a TransientError."""
    yield from sorted(set(outcome.unexpected))


INVARIANTS: tuple[Callable[[Outcome, Document], Iterator[str]], ...] = (
    the_books_balance,
    no_innocent_order_is_set_aside,
    what_is_wrong_is_set_aside,
    alerts_are_those_of_a_clean_pass,
    incidents_are_those_of_a_clean_pass,
    states_are_those_of_a_clean_pass,
    everything_is_committed_soon,
    a_replay_changes_nothing,
    nothing_unexpected_is_raised,
)


def broken(outcome: Outcome, clean: Document) -> dict[str, list[str]]:
    """What does not hold, by the name of the invariant."""
    found = {check.__name__: list(check(outcome, clean)) for check in INVARIANTS}
    return {name: places for name, places in found.items() if places}


def innocent_orders_set_aside(outcome: Outcome, clean: Document) -> list[tuple[str, int]]:
    """Partition and sequence number of the events that were suspected, or without any reason.

    A clean pass sets aside none of them, or for what is written in them.
    """
    beyond = set(outcome.contents["letters"]) - set(clean["letters"])
    return sorted((outcome.suspected - outcome.stream.killers) | beyond)


def _undone(outcome: Outcome, clean: Document) -> bool:
    """Whether the stores cannot be those of a clean pass, as another invariant says or allows."""
    return outcome.settled_after is None or bool(innocent_orders_set_aside(outcome, clean))


def _alerts(contents: Document) -> Document:
    names = _names_of_incidents(contents)
    alerts = {}
    for name, alert in contents["alerts"].items():
        kept = {field: value for field, value in alert.items() if field not in MADE_WHEN}
        if "incident_id" in kept:
            kept["incident_id"] = names.get(kept["incident_id"], "no such incident")
        kept["revisited"] = "revisited_at" in alert
        alerts[name] = kept
    return alerts


def _incidents(contents: Document) -> Document:
    names = _names_of_incidents(contents)
    found = Counter(names.values())
    incidents = {
        names[number]: incident | {"id": names[number]}
        for number, incident in contents["incidents"].items()
    }
    twice = {name: number for name, number in found.items() if number > 1}
    return incidents | ({"twice": twice} if twice else {})


def _names_of_incidents(contents: Document) -> dict[str, str]:
    """Numbers are given as incidents open; this name is the same in whatever order they do."""
    return {
        number: f"{incident['kind']} of {incident['percent']} % since {incident['started_at']}"
        for number, incident in contents["incidents"].items()
    }


def _states(contents: Document) -> Document:
    """The states without the attempts on record, and without when an order was held."""
    states = {}
    for name, state in contents["states"].items():
        kept = {field: value for field, value in state.items() if "attempt" not in field}
        kept["held"] = {
            held: {field: value for field, value in alert.items() if field not in MADE_WHEN}
            for held, alert in state["held"].items()
        }
        states[name] = kept
    return states


def _differences(kind: str, got: Document, expected: Document) -> Iterator[str]:
    for name in sorted(got.keys() | expected.keys(), key=str):
        if name not in got:
            yield f"{kind} {name}: is missing"
        elif name not in expected:
            yield f"{kind} {name}: should not be there"
        elif got[name] != expected[name]:
            yield f"{kind} {name}: {_difference(got[name], expected[name])}"


def _difference(got: object, expected: object) -> str:
    """The fields that differ, as they are and as they should be."""
    if not isinstance(got, dict) or not isinstance(expected, dict):
        return f"is {got}, should be {expected}"
    fields = [
        field
        for field in sorted(got.keys() | expected.keys())
        if got.get(field) != expected.get(field)
    ]
    return "; ".join(
        f"{field} is {_short(got.get(field))}, should be {_short(expected.get(field))}"
        for field in fields
    )


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 160 else f"{text[:160]}..."
