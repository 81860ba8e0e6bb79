"""A report of plain values, for tests that need no simulated company."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import numpy as np

from shared.arrays import Floats
from shared.ladder import DiscountShare
from shared.model import packaged_bundle
from shared.policy import Policy
from training.comparison.comparison import (
    Comparison,
    Difference,
    LaterOrders,
    Scores,
    TypologyFigures,
    Verdict,
)
from training.learning.learned import Learned
from training.report.business_impact import tally
from training.report.content import Data, Report
from training.report.totals import Period, Periods, RepDiscount

CHALLENGER = msgspec.structs.replace(
    packaged_bundle(),
    version="20260301-aaaaaaaa",
    trained_orders=900,
    off_ladder=(DiscountShare(3_000, 0.75, 30), DiscountShare(5_000, 0.25)),
    hidden=(DiscountShare(150, 1.0, 12),),
    hidden_episode_days=3.0,
)


def alert(number: int, status: str = "open") -> dict[str, Any]:
    return {
        "order_id": f"o-{number}",
        "rep_id": "Ann",
        "customer_id": "customer-7",
        "ordered_at": "2026-03-01T08:30:00.000000Z",
        "status": status,
        "expected_loss": 90.0,
        "probability": 0.9,
        "findings": [
            {"typology": "added_item", "probability": 0.9, "amount": 100.0, "message": "A lock."}
        ],
    }


def incident(number: int, percent: float, lost: float, status: str = "closed") -> dict[str, Any]:
    """An incident that begins at 8:00 of the day ``number`` and is detected half an hour later."""
    return {
        "id": f"i-{number}",
        "status": status,
        "message": f"Hidden discount {number}.",
        "percent": percent,
        "orders_affected": 10 * number,
        "amount_lost": lost,
        "started_at": f"2026-03-{number:02d}T08:00:00.000000Z",
        "detected_at": f"2026-03-{number:02d}T08:30:00.000000Z",
        "last_seen_at": f"2026-03-{number + 1:02d}T20:00:00.000000Z",
    }


def rep(rep_id: str, percent: float, *, apart: bool = False) -> RepDiscount:
    return RepDiscount(rep_id, 90, 1_000, percent, 5.0, (percent - 1, percent + 1), apart)


def small_report(**changes: Any) -> Report:
    """A report without a comparison; of 1,000 at list price, 900 were charged and 600 spent."""
    night = Report(
        made_at=datetime(2026, 3, 2, 2, tzinfo=UTC),
        data=Data(
            first=datetime(2026, 2, 1, 8, tzinfo=UTC),
            last=datetime(2026, 3, 1, 17, 30, tzinfo=UTC),
            orders=1_000,
            sha256="5f" * 32,
        ),
        verdict=Verdict("shadow", ("As good as the other.",)),
        learned=Learned(CHALLENGER, {}, {}),
        champion=packaged_bundle(),
        comparison=None,
        totals=Periods(
            "day",
            (
                Period(date(2026, 3, 1), 1, 4, 4_000_000, 3_000_000, 2_000_000),
                Period(date(2026, 3, 2), 1, 6, 6_000_000, 6_000_000, 4_000_000),
            ),
        ),
        reps=(),
        currency="USD",
        policy=Policy(review_cost_e4=100_000),
        alerts=tally([alert(1), alert(2, "confirmed"), alert(3, "dismissed")]),
    )
    return replace(night, **changes)


def small_comparison(**changes: Any) -> Comparison:
    """100 orders, every tenth with an injected added item, which only the challenger sees."""
    fraud = np.arange(100) % 10 == 0
    later = LaterOrders(np.arange(100), fraud, fraud & False, fraud * 500_000, np.arange(100))
    old, new = TypologyFigures(40, 20, 0.8, 0.5, 0.7), TypologyFigures(40, 30, None, 0.75, 0.8)
    comparison = Comparison(
        later=later,
        champion=_scores("old", np.full(100, 0.1)),
        challenger=_scores("new", np.where(fraud, 0.9, 0.1)),
        champion_figures={"added_item": old},
        challenger_figures={"added_item": new},
        recall={"added_item": Difference(0.5, 0.75, 0.25, (0.1, 0.4))},
        average_precision={"added_item": Difference(0.7, 0.8, 0.1, None)},
        log_likelihood=Difference(-1.5, -1.25, 0.25, (0.2, 0.3)),
        decisions=None,
        blind=None,
    )
    return replace(comparison, **changes)


def _scores(version: str, p_added: Floats) -> Scores:
    nothing, alerted = np.zeros(100), p_added >= 0.5
    return Scores(
        version, p_added, nothing, alerted, p_added, nothing, alerted, nothing, 0.5, 1_000
    )
