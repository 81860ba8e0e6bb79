"""What a rate of orders needs and costs: the parts add up, and more never costs less."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.cost_model import (
    ALERT_RU,
    BATCH_SECONDS,
    COMMIT_RU,
    FIXED_MONTH,
    LARGEST_BATCH,
    PARTITIONS,
    cost,
    need,
)

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
PARAMETERS = Path(__file__).parents[3] / "infra" / "environments"
rates = st.floats(0.01, 10_000, allow_nan=False)
windows = st.floats(0, 60, allow_nan=False)


def test_an_order_a_second_is_a_batch_of_its_own_and_one_instance() -> None:
    needed = need(1)
    assert (needed.throughput_units, needed.partitions, needed.instances) == (1, 4, 1)
    assert (needed.batches, needed.commit_ru) == (1.0, COMMIT_RU)


def test_in_an_episode_every_order_is_an_alert() -> None:
    thousand = need(1_000)
    assert thousand.alert_ru_in_episode == 1_000 * ALERT_RU
    assert thousand.instances_in_episode == 3  # a millisecond to score, two for the alert
    assert not thousand.falls_behind
    assert need(11_000).falls_behind  # 33 processors, 32 partitions


def test_partitions_and_windows_bound_the_batches() -> None:
    assert need(100).batches == pytest.approx(4 / BATCH_SECONDS)
    assert need(100, window=1).batches == 4
    assert need(10_000, window=60).batches == 10_000 / LARGEST_BATCH


def test_logs_grow_with_batches_and_alerts_and_not_with_requests_or_checkpoints() -> None:
    calm = need(1_000, window=1)
    assert calm.batches == 5
    # 5 batches of 3 rows, 20 alerts, 2 instances of 1.63: 38.26 rows of 1 KB a second.
    assert calm.log_gigabytes == pytest.approx(3.306, abs=0.001)
    # 1,000 alerts and 3 instances instead: 1,019.89 rows.
    assert calm.log_gigabytes_in_episode == pytest.approx(88.118, abs=0.001)


def test_the_page_says_at_which_rate_productions_logs_reach_their_cap() -> None:
    parameters = (PARAMETERS / "prod.bicepparam").read_text(encoding="utf-8")
    given = dict(re.findall(r"(?m)^param (\w+) = (\d+)$", parameters))
    cap, partitions = float(given["logsDailyGigabytes"]), int(given["partitionCount"])
    page = OPERATIONS.read_text(encoding="utf-8")
    said = re.search(
        r"evenly\s+day and night at (\d+) orders a second as shipped, at\s+([\d,]+)", page
    )
    assert said is not None
    for rate, window in zip(said.groups(), (0.0, 1.0), strict=True):
        orders = float(rate.replace(",", ""))
        assert need(orders * 0.98, window, partitions).log_gigabytes < cap
        assert need(orders * 1.02, window, partitions).log_gigabytes > cap
    [episode] = re.findall(r"A day's episode reaches it at (\d+) even with the wait", page)
    assert need(float(episode) * 0.98, 1, partitions).log_gigabytes_in_episode < cap
    assert need(float(episode) * 1.02, 1, partitions).log_gigabytes_in_episode > cap


@given(rates, rates, windows)
def test_more_orders_never_need_or_cost_less(first: float, second: float, window: float) -> None:
    few, many = sorted((first, second))
    less, more = need(few, window), need(many, window)
    assert less.throughput_units <= more.throughput_units
    assert less.partitions <= more.partitions
    assert less.instances <= less.instances_in_episode + 1
    assert cost(less).total <= cost(more).total * (1 + 1e-9)


@given(rates, windows)
def test_waiting_for_a_batch_to_fill_never_costs_more(rate: float, window: float) -> None:
    assert cost(need(rate, window)).total <= cost(need(rate)).total * (1 + 1e-9)


@given(rates, windows)
def test_a_month_is_the_sum_of_its_parts(rate: float, window: float) -> None:
    paid = cost(need(rate, window))
    parts = (paid.hub, paid.functions, paid.documents, paid.blobs, paid.logs)
    assert paid.total == pytest.approx(sum(parts) + FIXED_MONTH)
    assert min(parts) > 0
    assert need(rate, window).partitions in PARTITIONS
