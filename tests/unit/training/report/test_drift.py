"""Drift: seldom seen where there is none, seen where there is some."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.arrays import Floats
from shared.catalogue import Catalogue, packaged_catalogue
from training.history.price_arrays import price_table, repriced
from training.learning.rep_ladders import chi_square_tail
from training.report.drift import (
    FEWEST_ORDERS,
    TRIFLE,
    alert_rate_drift,
    binned,
    fisher,
    measure_drift,
    stability_index,
)
from training.simulation.company import AddedItems, Company, HiddenDiscounts, Ladder
from training.simulation.synthesis import draw_orders

NAMES = ("units", "products", "list_total", "gap", "gap_percent", "margin_percent")
QUIET = Company(hidden=HiddenDiscounts(episodes=0))


def features(
    company: Company, orders: int, seed: int, catalogue: Catalogue | None = None
) -> Floats:
    """The features of simulated orders that need no model, shape (orders, features)."""
    drawn = draw_orders(company, price_table(catalogue or packaged_catalogue()), orders, seed)
    units = np.bincount(drawn.units.order, minlength=orders)
    pairs = np.unique(np.stack([drawn.units.order, drawn.units.product]), axis=1)
    products = np.bincount(pairs[0], minlength=orders)
    gap = drawn.list_e4 - drawn.charged_e4
    return np.column_stack([
        units, products, drawn.list_e4 / 1e4, gap / 1e4, 100 * gap / drawn.list_e4,
        100 * (drawn.charged_e4 - drawn.cost_e4) / drawn.list_e4,
    ])  # fmt: skip


def drifted(reference: Floats, current: Floats) -> set[str]:
    return {one.name for one in measure_drift(NAMES, reference, current) if one.alarm}


@pytest.mark.parametrize(("before", "now"), [(200, 200), (1_000, 250), (3_000, 3_000)])
def test_the_index_is_chi_square_where_nothing_changed(before: int, now: int) -> None:
    rng = np.random.default_rng(before + now)
    episodes, beyond = 1_500, 0
    for _ in range(episodes):
        found = binned(rng.normal(size=before), rng.normal(size=now))
        noise = 1 / before + 1 / now
        beyond += chi_square_tail(stability_index(*found) / noise, len(found[0]) - 1) < 0.05
    assert 0.035 < beyond / episodes < 0.068  # 0.05, three standard errors either way


def test_streams_without_drift_raise_no_more_alarms_than_stated() -> None:
    """1 % stated for all features together: of 300 streams 3, and 9 at most but for 1 in 1,000."""
    orders = features(QUIET, 300 * 1_100, seed=1).reshape(300, 1_100, len(NAMES))
    alarms = sum(bool(drifted(stream[:700], stream[700:])) for stream in orders)
    assert alarms <= 9


def test_a_looser_rate_is_used_up_but_not_exceeded() -> None:
    """Of 300 streams at 20 %, 60 if the features were independent; they hang together."""
    orders = features(QUIET, 300 * 500, seed=2).reshape(300, 500, len(NAMES))
    alarms = sum(
        any(one.alarm for one in measure_drift(NAMES, stream[:300], stream[300:], alarm_rate=0.2))
        for stream in orders
    )
    assert 12 <= alarms <= 80


def test_another_ladder_is_drift_of_the_gap_and_of_nothing_in_the_basket() -> None:
    other = Company(ladder=Ladder(rate=0.4), hidden=HiddenDiscounts(episodes=0))
    found = drifted(features(QUIET, 2_000, 3), features(other, 1_000, 4))
    assert {"gap", "gap_percent"} <= found
    assert not found & {"units", "products", "list_total"}


def test_other_prices_are_drift_of_amounts_and_not_of_percentages() -> None:
    dearer = repriced(packaged_catalogue(), factor=1.6, spread=0.0, currency=None, seed=1)
    now = features(QUIET, 1_000, 4, Catalogue.from_csv(dearer))
    assert drifted(features(QUIET, 2_000, 3), now) == {"list_total", "gap"}


def test_a_running_hidden_discount_is_drift() -> None:
    running = Company(
        hidden=HiddenDiscounts(episodes=1, episode_days=(9, 9)), added=AddedItems(rate=0.0)
    )
    assert "gap_percent" in drifted(features(QUIET, 2_000, 3), features(running, 1_200, 4))


def test_a_difference_that_is_sure_and_tiny_raises_no_alarm() -> None:
    rng = np.random.default_rng(1)
    before, now = rng.normal(size=(200_000, 1)), rng.normal(0.05, size=(200_000, 1))
    (one,) = measure_drift(("shifted",), before, now)
    assert one.chance is not None
    assert one.chance < 1e-9
    assert (one.limit, one.alarm) == (TRIFLE, False)


def test_too_few_orders_give_no_figure_and_say_so() -> None:
    many, few = np.zeros((1_000, 1)), np.zeros((FEWEST_ORDERS - 1, 1))
    for reference, current in ((many, few), (few, many), (many, few[:0])):
        (one,) = measure_drift(("units",), reference, current)
        assert (one.psi, one.limit, one.chance, one.alarm) == (None, None, None, False)
        assert one.note == f"{min(len(reference), len(current))} orders, fewer than 200"


def test_a_feature_that_is_always_the_same_has_no_index() -> None:
    (one,) = measure_drift(("rank",), np.ones((500, 1)), np.ones((500, 1)))
    assert one.psi is None
    assert "the same" in one.note


def test_a_value_that_most_orders_share_is_a_bin_of_its_own() -> None:
    rng = np.random.default_rng(1)
    gaps = np.where(rng.random(1_000) < 0.6, 0.0, rng.uniform(1, 50, 1_000))
    before, now = binned(gaps, gaps)
    assert before.max() == int((gaps == 0).sum())
    assert before.tolist() == now.tolist()


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=300),
    st.lists(st.integers(-3, 15), min_size=1, max_size=300),
)
def test_binning_loses_no_order_and_the_index_is_never_negative(
    before: list[int], now: list[int]
) -> None:
    counts = binned(np.array(before, dtype=float), np.array(now, dtype=float))
    assert (counts[0].sum(), counts[1].sum()) == (len(before), len(now))
    assert stability_index(*counts) >= 0
    assert stability_index(*counts) == pytest.approx(stability_index(*counts[::-1]))


def test_the_chance_of_a_split_is_that_of_fishers_test() -> None:
    from scipy.stats import fisher_exact  # noqa: PLC0415 - only to compare with

    rng = np.random.default_rng(1)
    for _ in range(200):
        of, of_others = rng.integers(1, 400, size=2).tolist()
        found, others = int(rng.integers(0, of + 1)), int(rng.integers(0, of_others + 1))
        table = [[found, of - found], [others, of_others - others]]
        expected = fisher_exact(table).pvalue
        assert fisher(found, of, others, of_others) == pytest.approx(expected, abs=1e-9)


def test_alert_rates_without_a_change_raise_alarms_as_seldom_as_stated() -> None:
    rng = np.random.default_rng(1)
    pairs = [(int(rng.binomial(900, 0.05)), int(rng.binomial(500, 0.05))) for _ in range(1_000)]
    alarms = sum(alert_rate_drift(a, 900, b, 500, level=0.05).alarm for a, b in pairs)
    assert 20 <= alarms <= 71  # 50 and three standard errors at most: the test is exact


def test_an_alert_rate_that_doubled_is_drift_and_a_sure_trifle_is_none() -> None:
    assert alert_rate_drift(150, 3_000, 100, 1_000).alarm
    trifle = alert_rate_drift(50_000, 1_000_000, 55_000, 1_000_000)
    assert trifle.chance is not None
    assert (trifle.chance < 1e-9, trifle.alarm) == (True, False)


def test_an_alert_rate_of_too_few_orders_is_not_judged() -> None:
    assert alert_rate_drift(0, 0, 5, 100).note == "0 orders, fewer than 200"
    assert alert_rate_drift(0, 0, 5, 100).before is None
    assert alert_rate_drift(0, 1_000, 0, 1_000).chance == 1.0
