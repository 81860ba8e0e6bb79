"""Counts of a shadow add up, in any order and over any number of partitions."""

import json
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.assessment import Assessment
from shared.charge_explanation import Explanation
from shared.episodes import EpisodeState
from shared.errors import ConfigurationError
from shared.findings import Finding
from shared.shadow import (
    MOST_DISAGREEMENTS,
    Disagreement,
    ShadowState,
    ShadowTotals,
    Tally,
    compare,
    totals,
)
from tests.orders import an_order
from tests.unit.functions.world import NOON

NEW = ShadowState(ShadowTotals("v2"))


def assessment(
    order_id: str, probability: float, alerted: bool = False, *typologies: str
) -> Assessment:
    findings = tuple(Finding(name, probability, 10_000, "why") for name in typologies)
    explanation = Explanation(0, 0, 0, (), 0.0, 0)
    return Assessment(
        an_order(order_id=order_id), probability, 0.0, probability, 10_000 * len(findings),
        findings, (), explanation, {}, "v1", "p", False, alerted,
    )  # fmt: skip


def compared(state: ShadowState, n: int, champion: Assessment, mine: Assessment) -> ShadowState:
    return compare(state, champion, (mine, EpisodeState()), n, NOON + timedelta(seconds=n))


def test_alerts_findings_and_losses_are_counted_for_each_model() -> None:
    state = compared(
        NEW, 0, assessment("a", 0.9, True, "added_item"), assessment("a", 0.95, True, "added_item")
    )
    state = compared(state, 1, assessment("b", 0.1), assessment("b", 0.7, True, "added_item"))
    state = compared(state, 2, assessment("c", 0.0, False, "unknown_rep"), assessment("c", 0.0))
    found = state.totals
    assert (found.orders, found.both, found.champions) == (3, 1, ("v1",))
    assert found.champion == Tally(1, {"added_item": 1}, 10_000)
    assert found.challenger == Tally(2, {"added_item": 2}, 20_000)
    assert found.disagreements[0] == Disagreement("b", 0.1, 0.7)
    assert (found.first_at, found.last_at) == (NOON, NOON + timedelta(seconds=2))


def test_an_order_the_challenger_fails_on_is_counted_apart() -> None:
    state = compare(NEW, assessment("a", 0.9, True), None, 4, NOON)
    assert (state.totals.orders, state.totals.failed, state.totals.champion) == (0, 1, Tally())
    assert not state.is_new(4, NOON)


def test_an_order_is_new_once_and_again_on_a_hub_made_anew() -> None:
    state = compared(NEW, 5, assessment("a", 0.0), assessment("a", 0.0))
    at = NOON + timedelta(seconds=5)
    assert NEW.is_new(0, NOON)
    assert not state.is_new(5, at)
    assert state.is_new(6, at)
    assert state.is_new(0, at + timedelta(hours=1))


def test_only_the_largest_disagreements_are_named() -> None:
    state = NEW
    for n in range(40):
        state = compared(state, n, assessment(f"o-{n}", 0.0), assessment(f"o-{n}", n / 40))
    named = state.totals.disagreements
    assert [one.order_id for one in named] == [f"o-{n}" for n in range(39, 19, -1)]
    assert len(named) == MOST_DISAGREEMENTS


PAIRS = st.lists(
    st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans(), st.booleans()), max_size=40
)


def counted(pairs: list[tuple[float, float, bool, bool]], start: int = 0) -> ShadowState:
    state = NEW
    for n, (champion, mine, alerted, mine_alerted) in enumerate(pairs, start=start):
        state = compared(
            state,
            n,
            assessment(f"o-{n}", champion, alerted, *(["added_item"] if alerted else [])),
            assessment(f"o-{n}", mine, mine_alerted, "hidden_discount"),
        )
    return state


@given(PAIRS, st.integers(0, 40))
def test_partitions_add_up_to_what_one_would_have_counted(
    pairs: list[tuple[float, float, bool, bool]], cut: int
) -> None:
    parts = [counted(pairs[:cut]), counted(pairs[cut:], start=cut)]
    documents = [part.to_document() for part in parts]
    assert totals(documents) == totals(documents[::-1]) == counted(pairs).totals


@given(PAIRS)
def test_a_document_is_read_back_unchanged(pairs: list[tuple[float, float, bool, bool]]) -> None:
    state = counted(pairs)
    stored = json.loads(json.dumps(state.to_document())) | {"id": "x", "_etag": "y"}
    assert ShadowState.from_document(stored) == state


def test_an_episode_of_another_version_is_begun_anew_and_the_counts_stay() -> None:
    state = counted([(0.1, 0.9, False, True)])
    stored = state.to_document()
    stored["episode"] = {"schema_version": 999, "unheard": "of"}
    assert ShadowState.from_document(stored) == msgspec.structs.replace(
        state, episode=EpisodeState()
    )


@pytest.mark.parametrize(
    "spoiled", [{"schema_version": 3}, {"orders": -1}, {"kind": "state"}, {"first_at": "soon"}]
)
def test_a_document_that_is_none_is_refused(spoiled: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="shadow document cannot be read"):
        ShadowState.from_document(counted([(0, 0, True, True)]).to_document() | spoiled)


def test_totals_are_of_one_challenger_or_of_none() -> None:
    assert totals([]) is None
    other = ShadowState(ShadowTotals("v3")).to_document()
    with pytest.raises(ConfigurationError, match="v2 and v3, expected one"):
        totals([NEW.to_document(), other])


def test_every_champion_it_was_held_against_is_named() -> None:
    state = compared(NEW, 0, assessment("a", 0.0), assessment("a", 0.0))
    promoted = replace(assessment("b", 0.0), model_version="v0")
    assert compared(state, 1, promoted, promoted).totals.champions == ("v0", "v1")
