"""The named types of arrays hold what Sheriff computes with."""

from typing import get_args

import numpy as np

from shared.arrays import Bools, Floats, Ints, Times
from shared.discounts import E8_PER_E4, LARGEST_TOTAL_E4


def test_each_name_has_elements_of_its_type() -> None:
    elements = [get_args(named)[0] for named in (Ints, Floats, Bools, Times)]
    assert elements == [np.int64, np.float64, np.bool_, np.datetime64]


def test_integers_hold_the_largest_order_times_basis_points() -> None:
    element = get_args(Ints)[0]
    assert np.iinfo(element).max >= LARGEST_TOTAL_E4 * E8_PER_E4
