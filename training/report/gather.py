"""Collects everything that a night's report shows: from the night itself and from the stores."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from shared.arrays import Floats
from shared.assessment import Assessment
from shared.champion import CHALLENGER
from shared.model import ModelBundle
from shared.order import Order
from shared.scoring import Scorer
from shared.shadow import ShadowTotals, totals
from training.comparison.comparison import Comparison, Verdict
from training.history.dataset import Dataset
from training.history.orders import price_history
from training.learning.learned import Learned
from training.models.model_store import read_pointer
from training.ports import Blobs, Documents
from training.replay.score_stream import score_stream
from training.report.business_impact import tally
from training.report.content import Data, Report
from training.report.drift import AlertRateDrift, FeatureDrift, alert_rate_drift, measure_drift
from training.report.totals import discount_by_rep, totals_by_period

SAMPLE = 5_000
"""Drift is measured on at most this many of the last orders learned from, and of the last later
ones."""

MOST_ALERTS = 20_000
"""Most alerts that are summed up; those with the highest expected loss are taken."""

TOP_ALERTS = 10

WATCHED = ("units", "products", "list_total", "gap", "gap_percent", "margin_percent")
"""Features whose drift is measured: those that do not depend on a model or on profiles.

Features of a model fit the orders that it learned from better than later ones, and profiles grow
with the history. Both would drift although nothing changed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A challenger that was judged, with the orders and the champion that it was judged against.

    ``later`` are the orders that it did not learn from, ``champion`` is the bundle that served
    until now.
    """

    data: Dataset
    later: Sequence[Order]
    learned: Learned
    champion: ModelBundle
    comparison: Comparison | None
    verdict: Verdict


def gather_report(judged: Judged, blobs: Blobs, documents: Documents, now: datetime) -> Report:
    """Collect everything that the report of a night shows."""
    data, later = judged.data, judged.later
    alerts = documents.alerts(None, MOST_ALERTS)
    history = price_history(data.orders, data.catalogue)
    drift, alert_rate = _drift(data, later, judged.learned.bundle)
    return Report(
        made_at=now,
        data=_data(data, later),
        verdict=judged.verdict,
        learned=judged.learned,
        champion=judged.champion,
        comparison=judged.comparison,
        totals=totals_by_period(history),
        reps=discount_by_rep(history),
        currency=data.catalogue.currency,
        policy=data.policy,
        alerts=tally(alerts),
        top_alerts=tuple(alert for alert in alerts if alert["status"] == "open")[:TOP_ALERTS],
        incidents=tuple(documents.incidents()),
        states=tuple(documents.states()),
        drift=drift,
        alert_rate=alert_rate,
        shadow=_shadow(blobs, documents),
    )


def _data(data: Dataset, later: Sequence[Order]) -> Data:
    return Data(
        first=data.orders[0].ordered_at,
        last=data.orders[-1].ordered_at,
        orders=len(data.orders),
        sha256=data.snapshot_sha256,
        later_from=later[0].ordered_at if later else None,
        refused=data.quality.refused,
        duplicates=data.quality.duplicates,
        superseded=data.quality.superseded,
        bad_files=data.quality.bad_files,
    )


def shadow_totals(blobs: Blobs, documents: Documents) -> ShadowTotals | None:
    """Return what the challenger in shadow has done so far; None without such a challenger."""
    pointer, _ = read_pointer(blobs, CHALLENGER)
    if pointer is None:
        return None
    return totals(documents.shadows(pointer.version))


def _shadow(blobs: Blobs, documents: Documents) -> dict[str, int] | None:
    shadow = shadow_totals(blobs, documents)
    if shadow is None:
        return None
    return {
        "orders": shadow.orders,
        "champion_alerts": shadow.champion.alerts,
        "challenger_alerts": shadow.challenger.alerts,
        "both": shadow.both,
    }


def _drift(
    data: Dataset, later: Sequence[Order], bundle: ModelBundle
) -> tuple[tuple[FeatureDrift, ...], AlertRateDrift]:
    """Compare the later orders with the last ones that were learned from.

    Both sides are scored by the challenger. It finds slightly fewer alerts among the orders that it
    learned from.
    """
    learned = data.orders[: len(data.orders) - len(later)]
    before, now = (_assessed(data, side[-SAMPLE:], bundle) for side in (learned, later))
    features = measure_drift(WATCHED, _features(before), _features(now))
    alerts = [sum(assessment.alerted for assessment in side) for side in (before, now)]
    return features, alert_rate_drift(alerts[0], len(before), alerts[1], len(now))


def _assessed(data: Dataset, orders: Sequence[Order], bundle: ModelBundle) -> list[Assessment]:
    known = [order for order in orders if order.currency in {None, data.catalogue.currency}]
    return score_stream(Scorer(bundle, data.catalogue, data.policy), known, data.partitions)


def _features(assessments: Sequence[Assessment]) -> Floats:
    rows = [[assessment.features[name] for name in WATCHED] for assessment in assessments]
    return np.array(rows).reshape(len(rows), len(WATCHED))
