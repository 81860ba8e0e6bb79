"""The contents of a report as plain values, without drawings and wording."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.model import ModelBundle
from shared.policy import Policy
from training.comparison.comparison import Comparison, Verdict
from training.learning.learned import Learned
from training.report.business_impact import AlertTally
from training.report.drift import AlertRateDrift, FeatureDrift
from training.report.totals import Periods, RepDiscount


@dataclass(frozen=True, slots=True)
class Data:
    """The orders of a night: the snapshot that the challenger learned from and was judged on.

    ``later_from`` is the time of the first order that nothing was learned from. ``refused`` counts
    events that were not valid orders, by error code. ``bad_files`` names files of the archive that
    could not be read.
    """

    first: datetime
    last: datetime
    orders: int
    sha256: str
    later_from: datetime | None = None
    refused: Mapping[str, int] | None = None
    duplicates: int = 0
    superseded: int = 0
    bad_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report shows.

    Attributes:
        made_at: when the run ended, aware UTC.
        learned: the challenger.
        champion: the bundle that served until now.
        comparison: champion against challenger; None where no later orders could be compared.
        totals: money over time, from `training.report.totals.totals_by_period`.
        reps: from `training.report.totals.discount_by_rep`.
        alerts: all alerts of the window, from `training.report.business_impact.tally`.
        top_alerts: documents of the open alerts with the highest expected loss, highest first.
        incidents: incident documents.
        states: state documents of the partitions.
        shadow: counts of the last challenger that scored beside the champion: ``orders``,
            ``champion_alerts``, ``challenger_alerts`` and ``both``; None where there was none.
    """

    made_at: datetime
    data: Data
    verdict: Verdict
    learned: Learned
    champion: ModelBundle
    comparison: Comparison | None
    totals: Periods
    reps: tuple[RepDiscount, ...]
    currency: str
    policy: Policy
    alerts: AlertTally = field(default_factory=AlertTally)
    top_alerts: tuple[Mapping[str, Any], ...] = ()
    incidents: tuple[Mapping[str, Any], ...] = ()
    states: tuple[Mapping[str, Any], ...] = ()
    drift: tuple[FeatureDrift, ...] = ()
    alert_rate: AlertRateDrift | None = None
    shadow: Mapping[str, int] | None = None
