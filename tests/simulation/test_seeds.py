"""Half of the seeds that every test run simulates; `make simulate SEEDS=N` takes any number."""

import pytest

from tests.simulation.seeds import faults


@pytest.mark.parametrize("seed", range(150))
def test_whatever_fails_every_order_ends_once(seed: int) -> None:
    assert faults(seed) == []
