"""The chi-square distribution, approximated by the cube-root transform.

Wilson and Hilferty, "The distribution of chi-square", PNAS 17, 1931.
"""

import math
from statistics import NormalDist


def chi_square_tail(value: float, degrees: int) -> float:
    """Return the chance of a chi-square of at least a value, by the cube-root transform.

    >>> round(chi_square_tail(15.507, 8), 3)
    0.05
    """
    spread = 2 / (9 * degrees)
    z = ((value / degrees) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2))


def chi_square_limit(chance: float, degrees: int) -> float:
    """Return the value that a chi-square reaches with a chance, by the cube-root transform.

    This is the inverse of `chi_square_tail`.

    >>> round(chi_square_limit(0.05, 8), 1)
    15.5
    """
    spread = 2 / (9 * degrees)
    z = NormalDist().inv_cdf(1 - chance)
    return float(degrees * (1 - spread + z * math.sqrt(spread)) ** 3)
