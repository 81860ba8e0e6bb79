"""How exact a company's charges are."""

import numpy as np

from shared.arrays import Ints
from training.history.orders import History

SINGLE_PRECISION_E4 = 3.0
"""Least tolerance: what single-precision arithmetic does to a charge, were it only tomorrow."""


def charge_tolerance(history: History) -> float:
    """How far charges are from exact values, in `_e4`: what rounding and noise make of no gap.

    Charges may be whole multiples of 10, 100 (cents) or more ten-thousandths; then an exact value
    is up to half of that away.
    """
    quantum = charge_quantum(history.charged_e4[history.gap_e4 > 0])
    near = np.abs(history.gap_e4)
    near = near[near < 20]
    noise = float(np.quantile(near, 0.999)) if len(near) else 0.0
    return max(quantum / 2 + 0.1, noise + 0.6, SINGLE_PRECISION_E4)


def charge_quantum(charged_e4: Ints) -> int:
    """What discounted charges are whole multiples of, in `_e4`: 1 if of nothing, 100 for cents."""
    quanta = [10**power for power in range(1, 7) if _multiples(charged_e4, 10**power)]
    return max(quanta, default=1)


def _multiples(amounts: Ints, quantum: int) -> bool:
    return len(amounts) > 0 and float(np.mean(amounts % quantum == 0)) > 0.995
