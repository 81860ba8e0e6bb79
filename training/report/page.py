"""The report of one training run: a page of HTML that needs nothing but itself.

`Report` is what it is made of, plain values all; `render` makes the page. No customer is named in
it: of an alert only the order, the rep and the findings are shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from shared.model import ModelBundle
from shared.policy import Policy
from training.comparison.comparison import Comparison, Verdict
from training.learning.learn import Learned
from training.report.business_impact import AlertTally
from training.report.captions import Chart
from training.report.drift import AlertRateDrift, FeatureDrift
from training.report.tables import (
    alert_rows,
    business_rows,
    drift_rows,
    fraud_rows,
    incident_rows,
    intake_rows,
    loss_rows,
    moments,
    money_rows,
    percent_rows,
    rep_rows,
)
from training.report.totals import Periods, RepDiscount
from training.report.views import (
    change_rows,
    headline,
    key_figures,
    quality_rows,
    shadow_rows,
)
from training.report.words import (
    amount,
    count,
    minute,
    percent,
)

TEMPLATE = "report.html.j2"


@dataclass(frozen=True, slots=True)
class Data:
    """The orders of a run: the snapshot that it learned from and was judged on.

    ``later_from`` is when the later orders begin, which nothing was learned from; ``refused``
    counts what was no order, by code, ``bad_files`` files of the archive that could not be read.
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
    """All that a report is made of.

    Attributes:
        made_at: when the run ended, aware UTC.
        learned: the challenger.
        champion: the bundle that served until now.
        comparison: of the two; None where there was nothing to compare on.
        totals: money over time, by `training.report.totals.totals_by_period`.
        reps: by `training.report.totals.discount_by_rep`.
        alerts: all alerts of the window, by `training.report.business_impact.tally`.
        top_alerts: documents of the costliest open alerts, the costliest first.
        incidents: incident documents.
        states: state documents of the partitions.
        shadow: ``orders``, ``champion_alerts``, ``challenger_alerts`` and ``both`` of the last
            challenger that scored beside the champion; None where none did.
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


def render(report: Report, charts: Mapping[str, Chart]) -> str:
    """The page with the charts of the report; the same report gives the same bytes."""
    page = Environment(
        loader=PackageLoader("training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_unbroken,
    )
    page.filters |= {"amount": amount, "count": count, "percent": percent, "minute": minute}
    return page.get_template(TEMPLATE).render(
        report=report,
        bundle=report.learned.bundle,
        charts=charts,
        headline=headline(report),
        figures=key_figures(report),
        changes=change_rows(report),
        quality=quality_rows(report),
        losses=loss_rows(report),
        business=business_rows(report),
        money=money_rows(report),
        reps=rep_rows(report),
        fraud_tables=fraud_rows(report),
        percents=percent_rows(report),
        incidents=incident_rows(report),
        alerts=alert_rows(report),
        intake=intake_rows(report),
        shadow=shadow_rows(report),
        drift=drift_rows(report),
        moments=moments(report),
    )


def _unbroken(value: Any) -> Any:
    """A percent sign stays with its number, wherever a line ends."""
    return value.replace(" %", "\N{NO-BREAK SPACE}%") if isinstance(value, str) else value
