"""The hard scenarios: each changes what its name says, and nothing else."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from training.history.price_arrays import price_table
from training.simulation.company import Ladder
from training.simulation.scenarios import (
    NAMES,
    PROMOTED,
    PROMOTION_BP,
    make_scenarios,
)
from training.simulation.synthesis import SimulatedOrders, draw_orders


@pytest.mark.parametrize("name", NAMES)
def test_the_stream_begins_after_the_history_and_is_as_long_as_said(name: str) -> None:
    (scenario,) = make_scenarios([name], 900, 500, seed=2)
    prices = price_table(scenario.catalogue)
    history = draw_orders(scenario.history, prices, 900, seed=2)
    stream = draw_orders(scenario.stream, prices, 500, seed=3)
    assert history.times[-1] < np.datetime64(scenario.cut) <= stream.times[0]
    assert stream.times[-1].astype("datetime64[D]").astype(date) == scenario.last
    assert scenario.name == name


def test_scenarios_plant_what_their_names_say() -> None:
    scenarios = {one.name: one for one in make_scenarios(NAMES, 6_000, 3_000, seed=1)}
    streams = {
        name: draw_orders(one.stream, price_table(one.catalogue), 3_000, seed=2)
        for name, one in scenarios.items()
    }
    injected = {name: set(orders.hidden_bp.tolist()) - {0} for name, orders in streams.items()}
    assert injected["hidden-0.5"] == {50}
    assert injected["hidden-1.7"] == {170}
    assert injected["base"] == {100}
    assert injected["hidden-unseen"] == {70}
    assert scenarios["hidden-unseen"].history == scenarios["base"].history
    assert injected["no-fraud"] == set()
    assert not streams["no-fraud"].units.added.any()
    assert {_hidden_days(streams[name]) for name in ("runs-1-day", "runs-2-weeks")} == {1, 14}
    assert _hidden_days(streams["many-runs"]) >= 4
    assert len(set(streams["250-reps"].rep.tolist())) == 250
    assert (streams["cents"].charged_e4 % 100 == 0).all()
    inside = streams["added-inside"].units
    assert set(inside.discount_bp[inside.added].tolist()) <= set(Ladder().steps_bp)
    (promotion,) = scenarios["promotion"].stream.promotions
    assert (promotion.subcategories, promotion.discount_bp) == (PROMOTED, PROMOTION_BP)
    assert scenarios["promotion"].history.promotions == ()
    decided = scenarios["added-inside-decided"]
    assert decided == replace(
        scenarios["added-inside"], name=decided.name, about=decided.about, decided=True
    )
    assert {name for name, one in scenarios.items() if one.decided} == {
        name for name in NAMES if name.endswith("-decided")
    }
    assert scenarios["promotion"].cut < promotion.first < promotion.end < scenarios["base"].last


def _hidden_days(orders: SimulatedOrders) -> int:
    return len(np.unique(orders.times[orders.hidden_bp > 0].astype("datetime64[D]")))
