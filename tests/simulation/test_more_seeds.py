"""The other half, in a file of its own so that two workers can share them."""

import pytest

from tests.simulation.seeds import faults


@pytest.mark.parametrize("seed", range(150, 300))
def test_whatever_fails_every_order_ends_once(seed: int) -> None:
    assert faults(seed) == []
