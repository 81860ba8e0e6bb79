"""The belief in a hidden discount that a partition carries from order to order."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.episodes import SPARED_SHARE, Episodes, EpisodeState, order_priors

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
RATE, RUN_DAYS = 0.05, 3.0
EPISODES = Episodes((70, 100), (0.4, 0.6), RATE, RUN_DAYS)

HIDDEN = (1e-4, 0.0, 0.3)
"""An order that is 3,000 times likelier under a hidden discount of 1 %."""

NORMAL = (0.3, 0.0, 1e-4)
AMBIGUOUS = (0.02, 0.01, 0.02)

likelihoods = st.tuples(*[st.floats(1e-12, 1.0)] * 3)


def after(*orders: tuple[float, ...], every: timedelta = timedelta(minutes=5)) -> EpisodeState:
    """The state after orders at even distances."""
    state = EpisodeState()
    for n, order in enumerate(orders):
        at = START + n * every
        state = EPISODES.after(state, at, EPISODES.before(state, at), order)
    return state


def belief(state: EpisodeState) -> float:
    return sum(chance for _, chance in state.beliefs)


def test_before_any_order_the_belief_is_the_long_run_share() -> None:
    none, first, second = EPISODES.before(EpisodeState(), START)
    assert (first, second) == pytest.approx((0.02, 0.03))
    assert none == pytest.approx(0.95)


def test_two_clear_orders_are_enough_to_believe() -> None:
    assert belief(after(HIDDEN, HIDDEN)) > 0.99


def test_an_ambiguous_order_is_hidden_inside_a_run_and_normal_outside() -> None:
    inside, outside = after(*[HIDDEN] * 3), after(*[NORMAL] * 3)
    at = START + timedelta(minutes=20)
    assert sum(order_priors(EPISODES.before(inside, at))[1:]) > 0.98
    assert sum(order_priors(EPISODES.before(outside, at))[1:]) < 0.01


def test_one_order_that_was_spared_does_not_end_a_run() -> None:
    state = after(*[HIDDEN] * 5, NORMAL)
    assert belief(state) > SPARED_SHARE
    assert belief(after(*[HIDDEN] * 5, NORMAL, HIDDEN)) > 0.99


def test_a_few_normal_orders_end_a_run() -> None:
    assert belief(after(*[HIDDEN] * 5, *[NORMAL] * 4)) < 0.01


def test_the_belief_names_the_percentage() -> None:
    assert dict(after(HIDDEN, HIDDEN).beliefs)[100] > 0.99


def test_belief_returns_to_the_long_run_share_with_time_not_with_orders() -> None:
    state = after(*[HIDDEN] * 5)
    soon = sum(EPISODES.before(state, START + timedelta(hours=1))[1:])
    later = sum(EPISODES.before(state, START + timedelta(days=3))[1:])
    much_later = sum(EPISODES.before(state, START + timedelta(days=60))[1:])
    assert soon > 0.98
    assert 0.2 < later < 0.6
    assert much_later == pytest.approx(RATE, abs=1e-3)


def test_runs_last_as_long_as_they_were_learned_to() -> None:
    """With starts so rare that they do not matter, belief decays by the mean length of a run."""
    rare = Episodes((100,), (1.0,), 1e-9, 2.0)
    state = EpisodeState(START, ((100, 1.0),))
    assert rare.before(state, START + timedelta(days=2))[1] == pytest.approx(0.3679, abs=1e-3)


def test_a_late_order_is_judged_by_the_belief_of_the_moment_and_moves_no_clock() -> None:
    state = after(HIDDEN, HIDDEN)
    late = START - timedelta(days=30)
    before = EPISODES.before(state, late)
    assert before[1:] == pytest.approx([chance for _, chance in state.beliefs], abs=0.002)
    assert EPISODES.after(state, late, before, NORMAL).at == state.at


def test_an_order_dated_far_ahead_does_not_blind_the_orders_after_it() -> None:
    state = after(*[NORMAL] * 50)
    ahead = START + timedelta(days=36_500)
    state = EPISODES.after(state, ahead, EPISODES.before(state, ahead), NORMAL)
    for n in range(4):
        at = START + timedelta(days=1, minutes=n)
        state = EPISODES.after(state, at, EPISODES.before(state, at), HIDDEN)
    assert belief(state) > 0.99


def test_a_percentage_learned_since_has_its_long_run_share() -> None:
    state = EpisodeState(START, ((100, 0.9),))
    assert EPISODES.before(state, START)[1] == pytest.approx(0.02, abs=1e-4)


def test_a_percentage_that_was_dropped_leaves_its_share_to_none() -> None:
    state = EpisodeState(START, ((55, 0.9),))
    assert EPISODES.before(state, START)[0] == pytest.approx(0.95, abs=1e-4)


def test_without_percentages_nothing_is_believed() -> None:
    assert Episodes((), (), 0.05, 3.0).before(EpisodeState(), START) == (1.0,)


def test_a_state_comes_back_from_its_document_unchanged() -> None:
    state = after(HIDDEN, AMBIGUOUS, HIDDEN)
    document = msgspec.json.decode(msgspec.json.encode(state))
    assert msgspec.convert(document, EpisodeState) == state


@given(st.lists(st.tuples(likelihoods, st.integers(-10_000, 1_000_000)), max_size=20))
def test_beliefs_are_probabilities_whatever_comes(
    orders: list[tuple[tuple[float, ...], int]],
) -> None:
    state, at = EpisodeState(), START
    for order, seconds in orders:
        at += timedelta(seconds=seconds)
        before = EPISODES.before(state, at)
        assert sum(before) == pytest.approx(1.0)
        assert all(0.0 <= chance <= 1.0 for chance in before)
        state = EPISODES.after(state, at, before, order)
        assert 0.0 <= belief(state) <= 1.0 + 1e-9


@given(likelihoods, st.floats(1e-6, 1.0))
def test_a_common_factor_of_the_likelihoods_changes_nothing(
    order: tuple[float, ...], factor: float
) -> None:
    scaled = tuple(chance * factor for chance in order)
    for (_, one), (_, other) in zip(after(order).beliefs, after(scaled).beliefs, strict=True):
        assert one == pytest.approx(other, rel=1e-6, abs=1e-12)
