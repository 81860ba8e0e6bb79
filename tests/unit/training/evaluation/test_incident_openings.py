"""Injected episodes open soon, and nothing else opens one."""

import msgspec
import pytest

from tests.unit.training.evaluation.incident_tasks import SIZES, a_task
from training.comparison.quality import Delay
from training.evaluation.incident_openings import IncidentBenchmark, measure
from training.evaluation.incident_streams import learned
from training.simulation.scenarios import make_scenarios


@pytest.fixture(scope="module")
def bundle() -> bytes:
    (scenario,) = make_scenarios(["base"], SIZES["history"], SIZES["orders"], SIZES["seed"])
    return msgspec.json.encode(learned(scenario, SIZES["history"], SIZES["seed"]))


@pytest.mark.parametrize("stream", ["many-runs", "many-unseen"])
def test_injected_episodes_open_soon_and_nothing_else_does(stream: str, bundle: bytes) -> None:
    benchmark = measure(a_task(stream), bundle)
    assert benchmark.delay.episodes >= 4
    assert benchmark.delay.orders_p95 is not None
    assert benchmark.delay.orders_p95 <= 10
    assert (benchmark.false_openings, benchmark.false_per_million) == (0, 0.0)


def test_a_clean_stream_and_a_promotion_open_nothing(bundle: bytes) -> None:
    for stream in ("clean", "promotion"):
        benchmark = measure(a_task(stream), bundle)
        assert (benchmark.false_openings, benchmark.clean_orders) == (0, benchmark.orders)
        assert benchmark.delay.episodes == 0


def test_false_openings_are_counted_per_million_clean_orders() -> None:
    nothing = Delay(0, 0, None, None, None, None)
    assert IncidentBenchmark("clean", 1, 500_000, nothing, 2, 400_000).false_per_million == 5.0
    assert IncidentBenchmark("runs", 1, 10, nothing, 0, 0).false_per_million is None
