"""What each environment costs a month: by hand from its snapshot, and within its budget."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from infra.cost_model import LOG_GB, MONTH_SECONDS, cost, need
from infra.environment_costs import ENVIRONMENTS, environment

PARAMETERS = Path(__file__).parents[3] / "infra" / "environments"


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
