"""When an episode opens in a partition, what belongs to it, and when it ends."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.beliefs import Belief
from shared.episodes import (
    MOST_WAITING,
    Episode,
    EpisodeState,
    EpisodeThresholds,
    Step,
    Waiting,
    advance,
    by_hour,
    chances_within,
    hidden_e4,
    with_hours,
)

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
THRESHOLDS = EpisodeThresholds(opens=0.99, belongs=0.5)

CLEAR, AMBIGUOUS, NORMAL = 300.0, 0.9, 0.01
"""How many times likelier an order is under a hidden discount of 1 %."""


def order(
    number: int, factor: float = CLEAR, p_hidden: float = 0.0, rep: str = "Annie Corns"
) -> Waiting:
    """An order charged 99.00, a minute after the one before."""
    at = START + timedelta(minutes=number)
    name = f"o-{number}"
    return Waiting(f"{name}.0", name, rep, at, 990_000, p_hidden, ((100, factor),), NORMAL)


def believing(chance: float, percent: int = 100) -> Belief:
    return Belief(START, ((percent, chance),), 0.0, chance)


def followed(
    *steps: tuple[Waiting, float], state: EpisodeState | None = None
) -> tuple[EpisodeState, list[Step]]:
    """Orders, each with the belief after it."""
    state, taken = state or EpisodeState(), []
    for one, chance in steps:
        taken.append(advance(state, believing(chance), one, THRESHOLDS))
        state = taken[-1].state
    return state, taken


RUNNING, _ = followed((order(0), 0.3), (order(1), 0.999))


def test_nothing_waits_while_nothing_is_suspected() -> None:
    state, _ = followed((order(0, NORMAL), 1e-5), (order(1, NORMAL), 1e-5))
    assert state == EpisodeState(believing(1e-5))


def test_an_order_that_strikes_is_remembered_however_small_the_belief() -> None:
    state, _ = followed((order(0, CLEAR), 1e-8))
    assert [one.order_id for one in state.waiting] == ["o-0"]
    state, _ = followed((order(1, AMBIGUOUS), 1e-5), state=state)
    assert [one.order_id for one in state.waiting] == ["o-0", "o-1"]


def test_orders_wait_while_something_is_suspected_and_are_let_go_when_it_is_not() -> None:
    state, _ = followed((order(0), 0.2), (order(1, AMBIGUOUS), 0.2))
    assert [one.order_id for one in state.waiting] == ["o-0", "o-1"]
    state, _ = followed((order(2, NORMAL), 1e-7), state=state)
    assert state.waiting == ()


def test_an_episode_opens_with_the_order_that_makes_the_belief_strong() -> None:
    assert RUNNING.episode is not None
    assert RUNNING.episode.opened_by == "o-1.0"
    assert RUNNING.episode.discount_bp == 100
    assert RUNNING.episode.detected_at == START + timedelta(minutes=1)
    assert RUNNING.waiting == ()


def test_the_orders_before_that_belong_to_it_are_revisited_and_counted() -> None:
    state, steps = followed(
        (order(0, NORMAL), 0.002), (order(1, CLEAR), 0.1), (order(2, AMBIGUOUS), 0.1),
        (order(3, CLEAR, p_hidden=0.97), 0.999),
    )  # fmt: skip
    assert [one.alert_id for one in steps[-1].revisits] == ["o-1.0", "o-2.0"]
    assert all(one.probability > 0.9 and not one.known for one in steps[-1].revisits)
    assert steps[-1].belongs == "o-3.0"
    assert state.episode is not None
    assert state.episode.orders == 3
    assert state.episode.started_at == START + timedelta(minutes=1)
    assert state.episode.amount_e4 == 3 * 10_000  # a hundredth of 100.00 each


def test_an_order_that_was_flagged_at_arrival_gets_no_second_finding() -> None:
    _, steps = followed((order(0, CLEAR, p_hidden=0.8), 0.3), (order(1, CLEAR), 0.999))
    assert [(one.alert_id, one.known) for one in steps[-1].revisits] == [
        ("o-0.0", True),
        ("o-1.0", False),
    ]


def test_a_normal_order_amid_the_clear_ones_is_not_revisited() -> None:
    _, steps = followed((order(0), 0.9), (order(1, NORMAL), 0.1), (order(2), 0.999))
    assert [one.alert_id for one in steps[-1].revisits] == ["o-0.0", "o-2.0"]


def test_an_episode_grows_by_the_orders_that_are_flagged() -> None:
    state, steps = followed(
        (order(2, p_hidden=0.999), 1.0), (order(3, NORMAL), 0.9), (order(4, p_hidden=0.9), 1.0),
        state=RUNNING,
    )  # fmt: skip
    assert [step.belongs for step in steps] == ["o-1.0", None, "o-1.0"]
    assert state.episode is not None
    assert state.episode.orders == 4
    assert state.episode.last_seen_at == START + timedelta(minutes=4)
    assert state.episode.sample_order_ids == ("o-0", "o-1", "o-2", "o-4")


def test_reps_it_takes_nothing_from_are_told_once_it_has_gone_on_without_them() -> None:
    spared = order(2, NORMAL, rep="Bo Ek")
    state, _ = followed((spared, 0.9), state=RUNNING)
    assert state.episode is not None
    assert (state.episode.spared, state.episode.passed) == ((), (("Bo Ek", 1),))
    state, _ = followed((order(3, p_hidden=0.99), 0.999), (spared, 0.9), state=state)
    state, _ = followed((order(4, p_hidden=0.99, rep="Cy Gard"), 0.999), state=state)
    assert state.episode is not None
    assert state.episode.spared == (("Bo Ek", 2),)
    assert [rep for rep, _, _ in state.episode.reps] == ["Annie Corns", "Cy Gard"]


def test_an_episode_ends_when_the_belief_has_fallen_and_says_when() -> None:
    state, steps = followed((order(2, NORMAL), 0.5), (order(3, NORMAL), 0.009), state=RUNNING)
    assert state.episode is None
    (ended,) = steps[-1].changed
    assert ended.ended_at == START + timedelta(minutes=3)
    assert ended.orders == 2


def test_the_order_that_ends_an_episode_may_open_one_of_another_percentage() -> None:
    step = advance(RUNNING, Belief(START, ((100, 0.001), (50, 0.995))), order(2), THRESHOLDS)
    ended, opened = step.changed
    assert (ended.discount_bp, ended.ended_at is not None) == (100, True)
    assert (opened.discount_bp, opened.ended_at) == (50, None)
    assert step.state.episode == opened


def test_only_so_many_orders_wait() -> None:
    steps = [(order(number, AMBIGUOUS), 0.5) for number in range(2 * MOST_WAITING)]
    state, _ = followed(*steps)
    assert len(state.waiting) == MOST_WAITING
    assert state.waiting[-1].order_id == f"o-{2 * MOST_WAITING - 1}"


def test_what_a_percentage_took_is_reckoned_from_what_was_charged() -> None:
    assert hidden_e4(990_000, 100) == 10_000
    assert hidden_e4(0, 100) == 0


def test_a_state_comes_back_from_its_document_unchanged() -> None:
    state, _ = followed((order(2, NORMAL, rep="Bo Ek"), 0.9), state=RUNNING)
    waiting, _ = followed((order(0), 0.3))
    for one in (state, waiting, EpisodeState()):
        document = msgspec.json.decode(msgspec.json.encode(one))
        assert msgspec.convert(document, EpisodeState) == one


factors = st.lists(st.floats(1e-3, 300.0), min_size=1, max_size=60)


@given(factors)
def test_the_chance_to_lie_within_an_episode_rises_to_1(given_factors: list[float]) -> None:
    chances = chances_within(given_factors)
    assert chances == sorted(chances)
    assert chances[-1] == pytest.approx(1.0)


@given(factors)
def test_the_beginning_is_weighed_by_bayes_rule(given_factors: list[float]) -> None:
    """Against the plain sum over every place where the episode may have begun."""
    weights = []
    for start in range(len(given_factors)):
        weight = 1.0
        for factor in given_factors[start:]:
            weight *= factor
        weights.append(weight)
    total = sum(weights)
    expected = [sum(weights[: at + 1]) / total for at in range(len(weights))]
    assert chances_within(given_factors) == pytest.approx(expected, abs=1e-9)


orders = st.lists(
    st.tuples(
        st.sampled_from([CLEAR, AMBIGUOUS, NORMAL]),
        st.floats(0, 1),
        st.floats(0, 1),
        st.sampled_from(["a", "b", "c"]),
    ),
    max_size=30,
)


@given(orders)
def test_an_episode_counts_each_order_once_and_sums_what_they_lost(
    drawn: Sequence[tuple[float, float, float, str]],
) -> None:
    state = EpisodeState()
    episodes: dict[str, Episode] = {}
    members: dict[str, list[str]] = {}
    for number, (factor, p_hidden, chance, rep) in enumerate(drawn):
        one = order(number, factor, p_hidden, rep)
        step = advance(state, believing(chance), one, THRESHOLDS)
        state = step.state
        episodes |= {episode.opened_by: episode for episode in step.changed}
        if step.belongs:
            members.setdefault(step.belongs, []).append(one.alert_id)
        for revisit in step.revisits:
            members.setdefault(step.changed[-1].opened_by, []).append(revisit.alert_id)
    everyone = [name for names in members.values() for name in names]
    assert len(everyone) == len(set(everyone))
    for name, episode in episodes.items():
        assert episode.orders == len(members.get(name, []))
        assert episode.amount_e4 == 10_000 * episode.orders
        assert not {*episode.reps} & {rep for rep, _ in episode.spared}
        assert episode.started_at <= episode.last_seen_at


hour_totals = st.lists(
    st.tuples(st.integers(0, 9), st.integers(-2, 3), st.integers(0, 3), st.integers(-9, 9)),
    min_size=1,
)


@given(hour_totals, hour_totals)
def test_hours_added_to_an_incident_are_summed_and_empty_ones_left_out(
    before: list[tuple[int, int, int, int]], more: list[tuple[int, int, int, int]]
) -> None:
    every = [*before, *more]
    sums = {
        hour: tuple(sum(one[part] for one in every if one[0] == hour) for part in (1, 2, 3))
        for hour in sorted({one[0] for one in every})
    }
    expected = [(hour, *figures) for hour, figures in sums.items() if figures != (0, 0, 0)]
    assert list(with_hours(by_hour(before), *more)) == expected
