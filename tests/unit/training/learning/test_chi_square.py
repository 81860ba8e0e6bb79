"""The approximated chi-square, against draws and against itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.learning.chi_square import chi_square_limit, chi_square_tail


@pytest.mark.parametrize("degrees", [3, 8, 14])
def test_the_tail_of_a_chi_square_is_that_of_drawn_ones(degrees: int) -> None:
    drawn = np.random.default_rng(1).chisquare(degrees, size=400_000)
    for level in (0.5, 0.9, 0.999):
        value = float(np.quantile(drawn, level))
        assert chi_square_tail(value, degrees) == pytest.approx(1 - level, rel=0.2)


@given(st.floats(1e-6, 0.3), st.integers(1, 20))
def test_the_limit_is_where_the_tail_has_the_chance(chance: float, degrees: int) -> None:
    assert chi_square_tail(chi_square_limit(chance, degrees), degrees) == pytest.approx(chance)
