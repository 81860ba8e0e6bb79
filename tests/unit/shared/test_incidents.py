"""The episodes of all partitions, gathered into incidents."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.episodes import MOST_HOURS, MOST_REPS, Episode
from shared.incidents import (
    LARGEST_BYTES,
    QUIET,
    RESUMED,
    SPARED_ORDERS,
    PartitionEpisode,
    settle,
    version_1,
)
from tests.schemas import violations

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def an_episode(
    name: str = "a.0",
    *,
    percent: int = 100,
    start: float = 0,
    last: float | None = None,
    ended: float | None = None,
    orders: int = 3,
    spared: tuple[tuple[str, int], ...] = (),
) -> Episode:
    """An episode; times are hours from `START`."""
    return Episode(
        opened_by=name,
        discount_bp=percent,
        started_at=START + start * HOUR,
        detected_at=START + (start + 0.5) * HOUR,
        last_seen_at=START + (start + 1 if last is None else last) * HOUR,
        ended_at=None if ended is None else START + ended * HOUR,
        orders=orders,
        amount_e4=orders * 10_000,
        reps=(("Annie Corns", orders, orders * 10_000),),
        spared=spared,
        sample_order_ids=(name[:-2],),
    )


def settled(*parts: tuple[str, Episode]) -> dict[str, dict[str, Any]]:
    """The incidents by id after episodes of partitions, one after the other."""
    documents: dict[str, dict[str, Any]] = {}
    for sequence, (partition, episode) in enumerate(parts):
        part = PartitionEpisode(partition, sequence, episode)
        found = settle(list(documents.values()), part, "USD", len(documents))
        assert violations("incident", found) == []
        documents[found["id"]] = found
    return documents


def only(*parts: tuple[str, Episode]) -> dict[str, Any]:
    (incident,) = settled(*parts).values()
    return incident


def test_an_episode_opens_an_incident_that_says_what_happens() -> None:
    incident = only(("0", an_episode(orders=1_200)))
    assert incident["id"] == "hidden_discount-000001"
    assert (incident["status"], incident["ended_at"]) == ("open", None)
    assert incident["message"] == (
        "Since 2026-03-01 09:00 UTC every order is charged 1 % too little: "
        "1,200 orders of 1 rep, 1,200.00 USD so far."
    )


def test_the_episode_of_another_partition_joins_and_totals_are_sums() -> None:
    incident = only(("0", an_episode("a.0")), ("1", an_episode("b.0", start=2, orders=5)))
    assert incident["orders_affected"] == 8
    assert incident["amount_lost"] == 8.0
    assert incident["by_partition"]["1"]["orders"] == 5
    assert incident["started_at"] == "2026-03-01T09:00:00.000000Z"
    assert incident["sample_order_ids"] == ["a", "b"]


def test_an_episode_that_grows_replaces_what_it_was() -> None:
    incident = only(("0", an_episode(orders=3)), ("0", an_episode(orders=9, last=4)))
    assert incident["orders_affected"] == 9
    assert incident["last_seen_at"] == "2026-03-01T13:00:00.000000Z"


def test_it_closes_when_its_last_partition_has_seen_the_end() -> None:
    first_ended = (
        ("0", an_episode("a.0")),
        ("1", an_episode("b.0")),
        ("0", an_episode("a.0", ended=5)),
    )
    assert only(*first_ended)["status"] == "open"
    incident = only(*first_ended, ("1", an_episode("b.0", ended=6)))
    assert (incident["status"], incident["ended_at"]) == ("closed", "2026-03-01T15:00:00.000000Z")
    assert incident["message"] == (
        "From 2026-03-01 09:00 UTC to 2026-03-01 10:00 UTC every order was charged 1 % too "
        "little: 6 orders of 1 rep, 6.00 USD."
    )


def test_a_partition_without_orders_does_not_keep_it_open_for_ever() -> None:
    late = QUIET / HOUR + 2
    incident = only(("1", an_episode("b.0")), ("0", an_episode("a.0", last=late, ended=late + 1)))
    assert incident["status"] == "closed"


def test_another_percentage_is_another_incident() -> None:
    assert len(settled(("0", an_episode("a.0")), ("1", an_episode("b.0", percent=50)))) == 2


def test_an_episode_long_after_the_last_one_is_the_next_incident() -> None:
    later = 6 + RESUMED / HOUR + 1
    incidents = settled(("0", an_episode("a.0", ended=5)), ("0", an_episode("b.0", start=later)))
    assert [*incidents] == ["hidden_discount-000001", "hidden_discount-000002"]


def test_an_episode_that_resumes_soon_goes_on_with_its_incident() -> None:
    incident = only(("0", an_episode("a.0", ended=5)), ("0", an_episode("b.0", start=6, orders=4)))
    assert (incident["status"], incident["orders_affected"]) == ("open", 7)


def test_a_partition_that_is_late_joins_the_incident_that_has_closed_meanwhile() -> None:
    incident = only(("0", an_episode("a.0", ended=5)), ("1", an_episode("b.0", start=0.5, ended=4)))
    assert (incident["status"], incident["orders_affected"]) == ("closed", 6)


def test_a_partition_that_lags_by_months_opens_an_incident_of_its_own() -> None:
    lagging = an_episode("b.0", start=-2_000, ended=-1_990)
    assert len(settled(("0", an_episode("a.0", ended=5)), ("1", lagging))) == 2


def test_an_open_incident_that_nobody_has_seen_for_long_is_not_joined() -> None:
    later = 1 + QUIET / HOUR + 1
    assert len(settled(("0", an_episode("a.0")), ("1", an_episode("b.0", start=later)))) == 2


def test_a_replay_finds_the_incident_it_had_opened_and_closed() -> None:
    parts = (("0", an_episode("a.0")), ("0", an_episode("a.0", ended=5)))
    assert only(*parts, *parts) == only(*parts) | {
        "by_partition": {"0": only(*parts)["by_partition"]["0"] | {"sequence": 3}}
    }


def test_an_episode_stays_with_its_incident_though_a_later_one_has_opened_meanwhile() -> None:
    """Its partition had no orders for longer than others wait, and then the episode went on."""
    late = 1 + QUIET / HOUR + 1
    parts = (("0", an_episode("a.0")), ("1", an_episode("b.0", start=late)))
    incidents = settled(*parts, ("0", an_episode("a.0", last=late + 2, orders=9)))
    assert [incident["orders_affected"] for incident in incidents.values()] == [9, 3]


def test_reps_it_spares_are_told() -> None:
    incident = only(("0", an_episode(spared=(("Bo Ek", 7), ("Cy Gard", 1)))))
    assert incident["spared_reps"] == ["Bo Ek"]
    assert "every order of Annie Corns (but no order of 1 other rep) is" in incident["message"]


def test_a_rep_whom_another_partition_saw_charged_less_is_not_spared() -> None:
    incident = only(
        ("0", an_episode("a.0")), ("1", an_episode("b.0", spared=(("Annie Corns", 9),)))
    )
    assert incident["spared_reps"] == []


@pytest.mark.parametrize("times", [1, 3])
@given(st.permutations(["a", "b", "c", "d"]))
def test_any_order_of_partitions_and_any_repetition_gives_the_same_totals(
    times: int, order: list[str]
) -> None:
    parts = [(name, an_episode(f"{name}.0", start="abcd".index(name))) for name in order]
    incident, expected = only(*parts * times), only(*sorted(parts))
    left_out = ("by_partition",)
    for name in incident.keys() - {*left_out}:
        assert incident[name] == expected[name]


def test_a_rep_passed_by_as_often_as_is_no_chance_is_spared() -> None:
    incident = only(("0", an_episode(spared=(("Bo Ek", SPARED_ORDERS),))))
    assert incident["spared_reps"] == ["Bo Ek"]
    assert incident["by_rep"][1] == {
        "rep_id": "Bo Ek", "orders": 0, "spared_orders": SPARED_ORDERS, "amount_lost": 0.0,
    }  # fmt: skip


def test_of_two_incidents_that_an_episode_could_join_it_joins_the_later() -> None:
    """A partition that lagged by days has closed the gap between them."""
    documents = settled(
        ("0", an_episode("a.0", ended=5)), ("0", an_episode("b.0", start=30, ended=31))
    )
    part = PartitionEpisode("1", 9, an_episode("c.0", start=2, last=32))
    assert settle([*documents.values()], part, "USD", 2)["id"] == "hidden_discount-000002"


def numbered(number: int, **times: float) -> Episode:
    hours = ((495_000 + number, 3, 1, 30_000),)
    episode = an_episode(f"r{number}.0", start=number, **times)
    return replace(episode, number=number, hours=hours, spared_orders=1)


def test_episodes_of_a_partition_that_are_over_are_kept_as_one_sum() -> None:
    many = MOST_HOURS + 32
    parts = [("0", numbered(n, ended=n + 1)) for n in range(1, many + 1)]
    incident = only(*parts)
    entry = incident["by_partition"]["0"]
    assert (entry["before"]["runs"], entry["run"]["name"]) == (many - 1, f"r{many}.0")
    assert (incident["orders_affected"], incident["orders_spared"]) == (3 * many, many)
    assert incident["amount_lost"] == 3.0 * many
    assert len(incident["by_hour"]) == MOST_HOURS
    assert incident["by_hour"][-1]["orders"] == 3
    assert len(json.dumps(incident)) < 100_000


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20))
def test_episodes_that_are_settled_again_count_once(replayed: list[int]) -> None:
    """As a batch that comes again brings them, from any one of them on."""
    parts = [("0", numbered(n, ended=n + 1)) for n in range(1, 6)]
    again = [parts[at] for start in replayed for at in range(start - 1, 5)]
    expected = only(*parts)
    incident = only(*parts, *again)
    entry, known = (one["by_partition"]["0"] for one in (incident, expected))
    assert entry | {"sequence": 0} == known | {"sequence": 0}
    assert incident["message"] == expected["message"]


def test_an_earlier_state_of_an_episode_takes_nothing_back() -> None:
    """As a process writes that lost its partition, and does not know yet."""
    known = only(("0", an_episode(orders=9)), ("0", an_episode(orders=12)))
    late = PartitionEpisode("0", 0, an_episode(orders=9))
    assert settle([known], late, "USD", 1) is known
    anew = PartitionEpisode("0", 0, an_episode(orders=15), hubs=1)
    assert settle([known], anew, "USD", 1)["orders_affected"] == 15


def wide(name: str, reps: int, hours: int) -> Episode:
    """An episode with the longest ids that JSON can write."""
    names = ["".join(chr(0x1F600 + n // 60**k % 60) for k in range(3)) for n in range(2 * reps)]
    names = [one + "\U0001f600" * 61 for one in names]
    return replace(
        an_episode(name, ended=2),
        reps=tuple((rep, 9, 90_000) for rep in names[:reps]),
        spared=tuple((rep, 9) for rep in names[reps:]),
        hours=tuple((495_000 + n, 9, 9, 90_000) for n in range(hours)),
    )


def test_the_largest_incident_fits_into_what_the_store_takes() -> None:
    """32 partitions, the most of a hub, each with its episodes at their most."""
    documents: list[dict[str, Any]] = []
    for number in (1, 2):
        for partition in range(32):
            episode = replace(
                wide(f"x{partition}-{number}.0", MOST_REPS, MOST_HOURS), number=number
            )
            part = PartitionEpisode(str(partition), number, episode)
            documents = [settle(documents, part, "USD", 0)]
    (incident,) = documents
    assert violations("incident", incident) == []
    assert len(json.dumps(incident)) <= LARGEST_BYTES
    assert len(json.dumps(version_1(incident))) < 2 * 1024 * 1024
    assert incident["orders_affected"] == 2 * 32 * 3
    assert incident["more_reps"]


OLD_RUN = {
    "started_at": "2026-03-01T09:00:00.000000Z", "detected_at": "2026-03-01T09:30:00.000000Z",
    "last_seen_at": "2026-03-01T10:00:00.000000Z", "ended_at": None, "orders": 3,
    "amount_e4": 30_000, "reps": ["Annie Corns"], "spared_reps": [], "sample_order_ids": ["a"],
}  # fmt: skip
OLD: dict[str, Any] = {
    "id": "hidden_discount-000001", "schema_version": 1, "kind": "hidden_discount", "percent": 1.0,
    "by_partition": {"0": {"sequence": 3, "orders": 3, "amount_e4": 30_000,
                           "runs": {"a.0": OLD_RUN}}},
    "started_at": OLD_RUN["started_at"], "detected_at": OLD_RUN["detected_at"],
    "last_seen_at": OLD_RUN["last_seen_at"], "ended_at": None, "orders_affected": 3,
    "amount_lost": 3.0, "reps": ["Annie Corns"], "spared_reps": [], "sample_order_ids": ["a"],
    "status": "open", "message": "",
}  # fmt: skip
"""An incident as the release before wrote it, recorded from its code."""


def test_an_incident_of_the_release_before_goes_on() -> None:
    assert violations("incident", OLD) == []
    part = PartitionEpisode("0", 4, an_episode(orders=5))
    incident = settle([OLD], part, "USD", 1)
    assert violations("incident", incident) == []
    assert (incident["id"], incident["orders_affected"]) == (OLD["id"], 5)
    joined = settle([incident], PartitionEpisode("1", 1, an_episode("b.0")), "USD", 1)
    assert joined["orders_affected"] == 8


def test_an_incident_for_the_release_before_has_the_episodes_that_it_sums() -> None:
    parts = [("0", numbered(n, ended=n + 1)) for n in range(1, 4)]
    incident = version_1(only(*parts))
    assert violations("incident", incident) == []
    (entry,) = incident["by_partition"].values()
    assert sum(episode["orders"] for episode in entry["runs"].values()) == entry["orders"] == 9
    assert all(episode.keys() == OLD_RUN.keys() for episode in entry["runs"].values())
    again = settle([incident], PartitionEpisode("0", 9, numbered(4)), "USD", 1)
    assert (again["schema_version"], again["orders_affected"]) == (2, 12)
