"""Tables of sums: what they list, and what they keep of the rest."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.subset_sums import (
    NOTHING,
    Moments,
    Windows,
    combined,
    dropped_density,
    likeliest_pairs,
    moments,
    table_of,
)

weighted = st.dictionaries(st.integers(0, 10**12), st.floats(1e-6, 1.0), min_size=1, max_size=30)


def arrays(weights: dict[int, float]) -> tuple[np.ndarray, np.ndarray]:
    sums = np.array(sorted(weights), dtype=np.int64)
    probabilities = np.array([weights[int(total)] for total in sums])
    return sums, probabilities / probabilities.sum()


@given(weighted, weighted)
def test_moments_of_independent_sums_are_those_of_every_pair(
    one: dict[int, float], other: dict[int, float]
) -> None:
    (s, p), (t, q) = arrays(one), arrays(other)
    pairs = moments(np.add.outer(s, t).ravel(), np.multiply.outer(p, q).ravel())
    assert moments(s, p).times(moments(t, q)) == pytest.approx(pairs, rel=1e-9)


@given(weighted, st.integers(1, 40))
def test_a_table_cut_short_forgets_no_probability(weights: dict[int, float], limit: int) -> None:
    whole = table_of(*arrays(weights), NOTHING)
    short = whole.likeliest(limit)
    assert len(short.sums) == min(limit, len(whole.sums))
    kept = moments(short.sums, short.probabilities).plus(short.unlisted)
    assert kept == pytest.approx(moments(whole.sums, whole.probabilities), rel=1e-9)


@given(weighted, st.integers(1, 40))
def test_what_is_kept_is_likelier_than_what_is_dropped(
    weights: dict[int, float], limit: int
) -> None:
    whole = table_of(*arrays(weights), NOTHING)
    short = whole.likeliest(limit)
    dropped = np.setdiff1d(whole.sums, short.sums)
    least = short.probabilities.min()
    assert all(whole.probabilities[np.isin(whole.sums, dropped)] <= least)


def test_the_density_lies_where_the_dropped_sums_lie() -> None:
    unlisted = Moments(0.5, 0.5 * 1e9, 0.5 * (1e18 + 1e14))  # half of all, around 1e9 by 1e7
    first = table_of(np.zeros(1, np.int64), np.array([0.5]), unlisted)
    second = table_of(np.zeros(1, np.int64), np.ones(1), NOTHING)
    targets = np.arange(9 * 10**8, 11 * 10**8, 10**5)
    windows = Windows(targets - 49_999, targets + 49_999, int(targets[-1]) + 49_999)
    found = dropped_density(first, second, windows)
    assert np.sum(found) == pytest.approx(0.5, rel=1e-3)
    assert targets[np.argmax(found)] == 10**9


def test_tables_that_list_everything_have_no_density() -> None:
    table = table_of(np.zeros(1, np.int64), np.ones(1), NOTHING)
    assert dropped_density(table, table, Windows(np.zeros(1), np.ones(1), 1)) == 0.0


def pairs(one: dict[int, float], other: dict[int, float], highest: int) -> dict[int, float]:
    """What two sets of units sum to, every pair of choices listed."""
    found: dict[int, float] = {}
    for (s, p), (t, q) in itertools.product(one.items(), other.items()):
        if s + t <= highest:
            found[s + t] = found.get(s + t, 0.0) + p * q
    return found


@given(weighted, weighted, st.integers(0, 2 * 10**12))
def test_two_tables_combined_list_every_pair_of_choices_up_to_the_highest_sum(
    one: dict[int, float], other: dict[int, float], highest: int
) -> None:
    one, other = one | {0: 1.0}, other | {0: 1.0}
    (s, p), (t, q) = arrays(one), arrays(other)
    found = combined(table_of(s, p, NOTHING), table_of(t, q, NOTHING), 1_000, highest)
    expected = pairs(
        dict(zip(s.tolist(), p.tolist(), strict=True)),
        dict(zip(t.tolist(), q.tolist(), strict=True)),
        highest,
    )
    assert found.complete
    listed = dict(zip(found.sums.tolist(), found.probabilities.tolist(), strict=True))
    assert listed == pytest.approx(expected, rel=1e-9)


@given(weighted, weighted, st.integers(1, 40))
def test_two_tables_combined_and_cut_short_forget_no_probability(
    one: dict[int, float], other: dict[int, float], limit: int
) -> None:
    (s, p), (t, q) = arrays(one), arrays(other)
    found = combined(table_of(s, p, NOTHING), table_of(t, q, NOTHING), limit, 2 * 10**12)
    assert len(found.sums) <= limit
    kept = found.listed().plus(found.unlisted)
    assert kept == pytest.approx(moments(s, p).times(moments(t, q)), rel=1e-9)


@given(weighted, weighted, st.integers(1, 200))
def test_the_ranks_that_are_tried_hold_the_likeliest_pairs(
    one: dict[int, float], other: dict[int, float], limit: int
) -> None:
    p, q = (np.sort(arrays(weights)[1])[::-1] for weights in (one, other))
    i, j = likeliest_pairs(len(p), len(q), limit)
    best = np.sort(np.multiply.outer(p, q).ravel())[::-1][:limit]
    assert np.array_equal(np.sort(p[i] * q[j])[::-1][: len(best)], best)
