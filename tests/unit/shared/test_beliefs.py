"""The belief in a hidden discount that a partition carries from order to order."""

import math
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.beliefs import (
    MOST_EVIDENCE,
    SPARED_SHARE,
    Belief,
    Beliefs,
    Evidence,
    Prior,
    order_priors,
    own_case,
    weigh_evidence,
)

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
RATE, RUN_DAYS = 0.05, 3.0
PERCENTS = (70, 100)
BELIEFS = Beliefs(PERCENTS, (0.4, 0.6), RATE, RUN_DAYS)
WITH_GRID = Beliefs(PERCENTS, (0.4, 0.6), RATE, RUN_DAYS, unseen=200, unseen_share=0.2)

Likelihoods = tuple[float, float, float]
"""Of an order under none, 0.7 % and 1 %."""

HIDDEN = (1e-4, 0.0, 0.3)
"""An order that is 3,000 times likelier under a hidden discount of 1 %."""

NORMAL = (0.3, 0.0, 1e-4)
AMBIGUOUS = (0.02, 0.01, 0.02)

likelihoods = st.tuples(*[st.floats(1e-12, 1.0)] * 3)


def evidence(order: Likelihoods, fits: dict[int, float] | None = None) -> Evidence:
    none, *running = order
    exact = dict(zip(PERCENTS, running, strict=True))
    return weigh_evidence(none, exact, fits or {}, unlisted=1e-10)


FITS_37 = evidence((1e-10, 0.0, 0.0), {37: 0.3})
"""An order that nothing explains but 0.37 %, which nobody has seen before."""


def after(
    *orders: Likelihoods | Evidence,
    beliefs: Beliefs = BELIEFS,
    every: timedelta = timedelta(minutes=5),
) -> Belief:
    """The belief after orders at even distances."""
    belief = Belief()
    for n, order in enumerate(orders):
        at = START + n * every
        known = order if isinstance(order, Evidence) else evidence(order)
        belief = beliefs.after(belief, at, beliefs.before(belief, at), known)
    return belief


def running(prior: Prior) -> list[float]:
    return list(prior.chance_by_bp.values())


def test_before_any_order_the_belief_is_the_long_run_share() -> None:
    prior = BELIEFS.before(Belief(), START)
    assert prior.chance_by_bp == pytest.approx({70: 0.02, 100: 0.03})
    assert prior.none == pytest.approx(0.95)


def test_a_grid_of_unseen_percentages_has_its_share_of_the_rate() -> None:
    prior = WITH_GRID.before(Belief(), START)
    assert prior.chance_by_bp == pytest.approx({70: 0.016, 100: 0.024})
    assert 200 * prior.rest == pytest.approx(0.2 * RATE)
    assert prior.none == pytest.approx(0.95)


def test_two_clear_orders_are_enough_to_believe() -> None:
    assert after(HIDDEN, HIDDEN).running > 0.99


def test_one_order_alone_never_is_however_clear() -> None:
    """Outside of a run, where the belief is low."""
    clear = evidence((1e-12, 0.0, 0.3))
    assert clear.of(100) == MOST_EVIDENCE
    assert after(*[NORMAL] * 10, clear).running < 0.5


def test_an_unseen_percentage_is_believed_in_after_a_few_orders_that_fit_it() -> None:
    belief = after(*[NORMAL] * 10, *[FITS_37] * 4, beliefs=WITH_GRID)
    assert dict(belief.chance_by_bp)[37] > 0.99


def test_orders_that_fit_different_unseen_percentages_make_no_belief() -> None:
    fits = [evidence((1e-10, 0.0, 0.0), {percent: 0.3}) for percent in range(30, 42)]
    assert after(*[NORMAL] * 10, *fits, beliefs=WITH_GRID).running < 0.9


def test_orders_that_nothing_explains_make_no_belief() -> None:
    unexplained = evidence((1e-10, 1e-10, 1e-10))
    assert after(*[NORMAL] * 10, *[unexplained] * 50, beliefs=WITH_GRID).running < RATE


def test_an_unseen_percentage_in_sight_is_watched_and_one_out_of_sight_is_not() -> None:
    seen = after(*[FITS_37] * 3, beliefs=WITH_GRID)
    assert WITH_GRID.watched(WITH_GRID.before(seen, START)) == (70, 100, 37)
    normal = after(*[NORMAL] * 3, beliefs=WITH_GRID)
    assert WITH_GRID.watched(WITH_GRID.before(normal, START)) == PERCENTS


def test_what_is_no_longer_fitted_fades_into_the_grid() -> None:
    belief = after(FITS_37, *[NORMAL] * 30, beliefs=WITH_GRID)
    assert {percent for percent, _ in belief.chance_by_bp} == {*PERCENTS}


def test_an_ambiguous_order_is_hidden_inside_an_episode_and_normal_outside() -> None:
    inside, outside = after(*[HIDDEN] * 3), after(*[NORMAL] * 3)
    at = START + timedelta(minutes=20)
    for belief, low, high in ((inside, 0.98, 1.0), (outside, 0.0, 0.01)):
        priors = order_priors(BELIEFS.before(belief, at), PERCENTS)
        assert low <= sum(priors[1:]) <= high


def test_one_order_that_was_spared_does_not_end_an_episode() -> None:
    assert after(*[HIDDEN] * 5, NORMAL).running > SPARED_SHARE
    assert after(*[HIDDEN] * 5, NORMAL, HIDDEN).running > 0.99


def test_a_few_normal_orders_end_an_episode() -> None:
    assert after(*[HIDDEN] * 5, *[NORMAL] * 4).running < 0.01


def test_the_belief_names_the_percentage() -> None:
    assert dict(after(HIDDEN, HIDDEN).chance_by_bp)[100] > 0.99


def test_belief_returns_to_the_long_run_share_with_time_not_with_orders() -> None:
    belief = after(*[HIDDEN] * 5)
    soon = sum(running(BELIEFS.before(belief, START + timedelta(hours=1))))
    later = sum(running(BELIEFS.before(belief, START + timedelta(days=3))))
    much_later = sum(running(BELIEFS.before(belief, START + timedelta(days=60))))
    assert soon > 0.98
    assert 0.2 < later < 0.6
    assert much_later == pytest.approx(RATE, abs=1e-3)


def test_episodes_last_as_long_as_they_were_learned_to() -> None:
    """With starts so rare that they do not matter, belief decays by the mean length of a run."""
    rare = Beliefs((100,), (1.0,), 1e-9, 2.0)
    prior = rare.before(Belief(START, ((100, 1.0),)), START + timedelta(days=2))
    assert prior.chance_by_bp[100] == pytest.approx(0.3679, abs=1e-3)


def test_a_late_order_is_judged_by_the_belief_of_the_moment_and_moves_no_clock() -> None:
    belief = after(HIDDEN, HIDDEN)
    late = START - timedelta(days=1)
    assert not BELIEFS.past(belief, late)
    prior = BELIEFS.before(belief, late)
    assert prior.chance_by_bp == pytest.approx(dict(belief.chance_by_bp), abs=0.002)
    assert BELIEFS.after(belief, late, prior, evidence(NORMAL)).at == belief.at


def test_an_order_of_long_ago_is_judged_at_the_long_run_rate() -> None:
    belief = after(HIDDEN, HIDDEN)
    ago = START - timedelta(days=365)
    assert BELIEFS.past(belief, ago)
    assert BELIEFS.before(belief, ago) == BELIEFS.before(Belief(), ago)


def test_an_order_dated_a_day_ahead_does_not_blind_the_orders_after_it() -> None:
    belief = after(*[NORMAL] * 50)
    ahead = START + timedelta(days=1)
    belief = BELIEFS.after(belief, ahead, BELIEFS.before(belief, ahead), evidence(NORMAL))
    for n in range(4):
        at = START + timedelta(minutes=n)
        belief = BELIEFS.after(belief, at, BELIEFS.before(belief, at), evidence(HIDDEN))
    assert belief.running > 0.99


def test_a_percentage_learned_since_has_its_long_run_share() -> None:
    prior = BELIEFS.before(Belief(START, ((100, 0.9),)), START)
    assert prior.chance_by_bp[70] == pytest.approx(0.02, abs=1e-4)


def test_an_unseen_percentage_that_was_learned_since_is_carried_on() -> None:
    """The bundle is exchanged in the middle of a run: the grid's 0.7 % is a known one now."""
    in_sight = Belief(START, ((70, 0.9),), unseen=1e-5)
    assert BELIEFS.before(in_sight, START).chance_by_bp[70] == pytest.approx(0.9, abs=1e-2)


def test_a_percentage_that_was_dropped_leaves_its_share_to_none() -> None:
    prior = BELIEFS.before(Belief(START, ((55, 0.9),)), START)
    assert prior.none == pytest.approx(0.95, abs=1e-4)


def test_a_percentage_that_was_dropped_is_one_of_the_grid() -> None:
    prior = WITH_GRID.before(Belief(START, ((55, 0.9),)), START)
    assert prior.chance_by_bp[55] == pytest.approx(0.9, abs=1e-2)


def test_without_percentages_nothing_is_believed() -> None:
    prior = Beliefs((), (), 0.05, 3.0).before(Belief(), START)
    assert order_priors(prior, ()) == (1.0,)


def test_unexplained_charges_become_common_and_fade_again() -> None:
    unexplained, explained = (weigh_evidence(0.1, {}, {}, 1e-9, share) for share in (1.0, 0.0))
    assert own_case(after(unexplained).unexplained) > 0.5
    common = after(*[unexplained] * 3)
    assert own_case(common.unexplained) < 0.5
    assert own_case(after(*[unexplained] * 3, *[explained] * 200).unexplained) > 0.95


def test_a_belief_comes_back_from_its_document_unchanged() -> None:
    belief = after(HIDDEN, FITS_37, AMBIGUOUS, HIDDEN, beliefs=WITH_GRID)
    document = msgspec.json.decode(msgspec.json.encode(belief))
    assert msgspec.convert(document, Belief) == belief


fitted = st.dictionaries(st.integers(20, 60), st.floats(0, 1), max_size=4)


@given(st.lists(st.tuples(likelihoods, fitted, st.integers(-10_000, 1_000_000)), max_size=20))
def test_beliefs_are_probabilities_whatever_comes(
    orders: list[tuple[Likelihoods, dict[int, float], int]],
) -> None:
    belief, at = Belief(), START
    for order, fits, seconds in orders:
        at += timedelta(seconds=seconds)
        prior = WITH_GRID.before(belief, at)
        others = 200 - (len(prior.chance_by_bp) - len(PERCENTS))
        everything = prior.none + sum(prior.chance_by_bp.values()) + others * prior.rest
        assert everything == pytest.approx(1.0)
        assert all(0.0 <= chance <= 1.0 for chance in (prior.none, prior.rest, *running(prior)))
        belief = WITH_GRID.after(belief, at, prior, evidence(order, fits))
        assert 0.0 <= belief.running <= 1.0 + 1e-9


@given(likelihoods, st.floats(1e-6, 1.0))
def test_a_common_factor_of_the_likelihoods_changes_nothing(
    order: Likelihoods, factor: float
) -> None:
    none, *running = order
    one = weigh_evidence(none, dict(zip(PERCENTS, running, strict=True)), {37: none}, none / 2)
    scaled = dict(zip(PERCENTS, [chance * factor for chance in running], strict=True))
    other = weigh_evidence(none * factor, scaled, {37: none * factor}, none * factor / 2)
    assert dict(one.factors) == pytest.approx(dict(other.factors), rel=1e-6)
    assert one.other == pytest.approx(other.other)
    assert all(math.isfinite(value) for value in one.factors.values())
