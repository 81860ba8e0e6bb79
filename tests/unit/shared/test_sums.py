"""Tables of sums: what they list, and what they keep of the rest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sums import NOTHING, Moments, Windows, dropped_density, moments, table_of

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
