"""Gathers what a night's report shows: from the run itself, and from what was written since."""

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
from training.learning.learn import Learned
from training.models.model_store import read_pointer
from training.ports import Blobs, Documents
from training.replay.score_stream import score_stream
from training.report.business_impact import tally
from training.report.drift import AlertRateDrift, FeatureDrift, alert_rate_drift, measure_drift
from training.report.page import Data, Report
from training.report.totals import discount_by_rep, totals_by_period

SAMPLE = 5_000
"""Orders that drift is measured on, at most: the last ones learned from, and the last ones."""

MOST_ALERTS = 20_000
"""Alerts that the sums are made of, the costliest."""

TOP_ALERTS = 10

WATCHED = ("units", "products", "list_total", "gap", "gap_percent", "margin_percent")
"""Features whose drift is measured: those that no model had a hand in. The others fit the orders
that a model learned from better than any later ones, and habits grow with the history: they would
drift where nothing changed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A challenger that was judged, and what it was judged against and on.

    ``later`` are the orders that it did not learn from, ``champion`` is what served until now.
    """

    data: Dataset
    later: Sequence[Order]
    learned: Learned
    champion: ModelBundle
    comparison: Comparison | None
    verdict: Verdict


def gather_report(judged: Judged, blobs: Blobs, documents: Documents, now: datetime) -> Report:
    """All that the report of a run is made of."""
    data, later = judged.data, judged.later
    alerts = documents.alerts(None, MOST_ALERTS)
    history = price_history(data.orders, data.catalogue)
    drift, alert_rate = _drift(data, later, judged.learned.bundle)
    return Report(
        made_at=now,
        data=Data(
            first=data.orders[0].ordered_at,
            last=data.orders[-1].ordered_at,
            orders=len(data.orders),
            sha256=data.snapshot_sha256,
            later_from=later[0].ordered_at if later else None,
            refused=data.quality.refused,
            duplicates=data.quality.duplicates,
            superseded=data.quality.superseded,
            bad_files=data.quality.bad_files,
        ),
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


def shadow_totals(blobs: Blobs, documents: Documents) -> ShadowTotals | None:
    """What the challenger did that scores in shadow now; None where none does."""
    pointer, _ = read_pointer(blobs, CHALLENGER)
    if pointer is None:
        return None
    return totals(documents.shadows(pointer.version))


def _shadow(blobs: Blobs, documents: Documents) -> dict[str, int] | None:
    found = shadow_totals(blobs, documents)
    if found is None:
        return None
    return {
        "orders": found.orders,
        "champion_alerts": found.champion.alerts,
        "challenger_alerts": found.challenger.alerts,
        "both": found.both,
    }


def _drift(
    data: Dataset, later: Sequence[Order], bundle: ModelBundle
) -> tuple[tuple[FeatureDrift, ...], AlertRateDrift]:
    """Later orders against the last ones that were learned from.

    Alerts are the challenger's on both sides, which finds a few fewer among what it learned from.
    """
    learned = data.orders[: len(data.orders) - len(later)]
    before, now = (_assessed(data, some[-SAMPLE:], bundle) for some in (learned, later))
    features = measure_drift(WATCHED, _features(before), _features(now))
    alerts = [sum(one.alerted for one in side) for side in (before, now)]
    return features, alert_rate_drift(alerts[0], len(before), alerts[1], len(now))


def _assessed(data: Dataset, orders: Sequence[Order], bundle: ModelBundle) -> list[Assessment]:
    known = [one for one in orders if one.currency in {None, data.catalogue.currency}]
    return score_stream(Scorer(bundle, data.catalogue, data.policy), known, data.partitions)


def _features(assessments: Sequence[Assessment]) -> Floats:
    rows = [[one.features[name] for name in WATCHED] for one in assessments]
    return np.array(rows).reshape(len(rows), len(WATCHED))
