"""How exact charges are is read off them."""

import numpy as np
import pytest

from tests.unit.training.learning.histories import a_history
from training.learning.charge_tolerance import charge_quantum, charge_tolerance

PRICES = {"bike": 3_399.99, "lock": 25.0}


@pytest.mark.parametrize(
    ("charged_e4", "quantum"),
    [([12_345, 678], 1), ([120, 50], 10), ([12_300, 45_600], 100), ([3_000_000], 1_000_000),
     ([], 1)],
)  # fmt: skip
def test_the_quantum_is_the_largest_power_of_ten_that_divides_the_charges(
    charged_e4: list[int], quantum: int
) -> None:
    assert charge_quantum(np.array(charged_e4, dtype=np.int64)) == quantum


def test_a_charge_in_a_thousand_that_is_no_whole_cent_does_not_hide_the_cents() -> None:
    charged = np.append(np.full(999, 12_300), 12_345)
    assert charge_quantum(charged) == 100
    assert charge_quantum(charged[-100:]) == 1


def test_charges_in_cents_are_half_a_cent_off_and_exact_ones_as_much_as_single_precision() -> None:
    baskets = [{"bike": 1, "lock": 1}] * 60
    exact = a_history(PRICES, baskets, [at * 7_919 for at in range(60)])
    assert charge_tolerance(exact) == 3.0
    listed = int(exact.list_e4[0])
    cents = a_history(PRICES, baskets, [listed - (listed - at * 7_919) // 100 * 100
                                        for at in range(60)])  # fmt: skip
    assert charge_tolerance(cents) == pytest.approx(50.1)
