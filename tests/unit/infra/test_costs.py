"""What a rate of orders needs and costs: arithmetic that holds together, and is published."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.costs import (
    ALERT_RU,
    BATCH_SECONDS,
    COMMIT_RU,
    ENVIRONMENTS,
    FIXED_MONTH,
    LARGEST_BATCH,
    LOG_GB,
    MONTH_SECONDS,
    PARTITIONS,
    RATES,
    cost,
    environment,
    environment_table,
    main,
    need,
    table,
)

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
DEPLOY = Path(__file__).parents[3] / "docs" / "deploy.md"
PARAMETERS = Path(__file__).parents[3] / "infra" / "environments"
rates = st.floats(0.01, 10_000, allow_nan=False)
windows = st.floats(0, 60, allow_nan=False)


def test_an_order_a_second_is_a_batch_of_its_own_and_one_instance() -> None:
    one = need(1)
    assert (one.throughput_units, one.partitions, one.instances) == (1, 4, 1)
    assert (one.batches, one.commit_ru) == (1.0, COMMIT_RU)


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


@pytest.mark.parametrize("window", [0.0, 1.0])
def test_the_published_tables_are_what_it_prints(window: float) -> None:
    assert "\n".join(table(RATES, window)) in OPERATIONS.read_text(encoding="utf-8")


def test_the_guide_has_the_month_of_each_environment_as_it_is_printed() -> None:
    assert "\n".join(environment_table()) in DEPLOY.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(ENVIRONMENTS))
def test_a_month_of_an_environment_fits_into_its_budget(name: str) -> None:
    text = (PARAMETERS / f"{name}.bicepparam").read_text(encoding="utf-8")
    [budget] = re.findall(r"(?m)^param monthlyBudget = (\d+)$", text)
    needed, setup = environment(name)
    assert cost(needed, setup).total < float(budget)


def test_a_serverless_environment_pays_for_what_it_uses_and_its_logs() -> None:
    needed, setup = environment("dev")
    paid = cost(needed, setup)
    # One throughput unit with Capture: 730 hours of 0.13. 26,280 orders cost a cent.
    assert paid.hub == pytest.approx(94.90, abs=0.01)
    # 26,280 commits of 75 RU and 1,372 alerts of 20 RU are 2.0 million RU: half a dollar; the
    # alerts of three months, 10 MB, are next to nothing.
    assert paid.documents == pytest.approx(0.50, abs=0.01)
    # Four instances of 1.63 rows of 1 KB a second: 0.56 GB a day, 17.1 GB a month of 2.76 dollars.
    assert paid.logs == pytest.approx(47.5, abs=0.5)


def test_production_pays_for_what_stands_ready() -> None:
    needed, setup = environment("prod")
    paid = cost(needed, setup)
    # Two throughput units with Capture, and 26.28 million events of 0.028 dollars a million.
    assert paid.hub == pytest.approx(190.54, abs=0.01)
    # At least a tenth of 10,000 RU/s of alerts, ten commits of 75 RU a second, a tenth of three
    # containers of 1,000: 2,050 RU/s for 730 hours; 1.37 million alerts a month of 2.5 KB for two
    # years come to 82 GB of 0.45 dollars.
    assert paid.documents == pytest.approx(2_050 / 100 * 0.012 * 730 + 82.3 * 0.45, rel=0.01)
    assert setup.order_months == pytest.approx(24.0)
    # 15 private endpoints, 8 zones, 11 rules that look every five minutes and 5 that look each
    # hour, 4 on metrics, two hours a night of 4 GB, 52,560 looks of a second.
    rules, night, looks = 11 * 1.5 + 5 * 0.5 + 4 * 0.1, 60.83 * 3600 * 0.000104, 52_560 * 0.000052
    assert paid.rest == pytest.approx(15 * 7.3 + 8 * 0.5 + rules + night + looks, abs=0.1)


def test_no_day_has_more_logs_than_its_cap() -> None:
    calm, setup = need(1_000), replace(environment("prod")[1], log_cap=1.0)
    assert cost(calm, setup).logs == pytest.approx(MONTH_SECONDS / (24 * 3600) * LOG_GB)


def test_environments_are_shown_in_a_terminal_of_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    main(["--environments"])
    shown = capsys.readouterr().out
    for row in environment_table()[2:]:
        for cell in row.strip("| ").split(" | "):
            assert cell in shown
    assert "US dollars a month" in shown
    main(["--environments", "--markdown"])
    assert capsys.readouterr().out.splitlines() == environment_table()


def test_markdown_is_printed_only_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["--orders", "7,70", "--window", "2", "--markdown"])
    assert capsys.readouterr().out.splitlines() == table([7, 70], 2)
    main(["--orders", "7,70", "--window", "2"])
    assert "|" not in capsys.readouterr().out


def test_a_terminal_of_80_columns_shows_every_figure_with_its_unit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    main([])
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for cell in {cell for row in table(RATES, 0)[2:] for cell in row.strip("| ").split(" | ")}:
        assert cell in shown
    for unit in ("US dollars a month", "a million", "RU/s", "orders/s"):
        assert unit in shown


@pytest.mark.parametrize(
    "words",
    [
        *(["--orders", rates] for rates in ("0", "-1", "nan", "inf", "x", "1,,2", "1e-320", "1e9")),
        *(["--window", seconds] for seconds in ("-1", "nan", "inf", "x")),
    ],
)
def test_a_figure_that_means_nothing_is_refused_by_name(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert f"argument {words[0]}: {words[1]}: expected" in capsys.readouterr().err
