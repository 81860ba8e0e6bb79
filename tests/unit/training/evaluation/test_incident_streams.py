"""The streams of the incident benchmark are what they are called."""

from tests.unit.training.evaluation.incident_tasks import SIZES, a_task
from training.evaluation.incident_streams import STREAMS, learned, planned
from training.simulation.scenarios import make_scenarios


def test_the_streams_are_what_they_are_called() -> None:
    hidden = {name: set(planned(a_task(name))[1].drawn.hidden.tolist()) for name in STREAMS}
    assert hidden == {
        "many-runs": {0, 100},
        "many-unseen": {0, 70},
        "promotion": {0},
        "clean": {0},
    }
    _, promotion = planned(a_task("promotion"))
    assert promotion.company.promotions
    _, clean = planned(a_task("clean"))
    assert len(clean.ids) == SIZES["clean"]
    assert int(clean.drawn.units.added.sum()) > 0  # other frauds go on


def test_the_bundle_of_the_benchmark_is_learned_from_so_many_orders_of_the_history() -> None:
    (scenario,) = make_scenarios(["base"], 600, 100, 3)
    bundle = learned(scenario, 600, 3)
    assert (bundle.trained_orders, bundle.version) == (600, "watch-base")
