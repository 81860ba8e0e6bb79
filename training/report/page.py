"""Renders the report as one page of HTML that loads nothing from elsewhere.

The page names no customer: of an alert it shows only the order, the rep and the findings.
"""

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from training.report.captions import Chart
from training.report.content import Report
from training.report.data_tables import drift_rows, intake_rows, moments
from training.report.tables import (
    alert_rows,
    business_rows,
    fraud_rows,
    incident_rows,
    loss_rows,
    money_rows,
    percent_rows,
    rep_rows,
)
from training.report.views import (
    change_rows,
    headline,
    key_figures,
    quality_rows,
    shadow_rows,
)
from training.report.words import amount, count, minute, percent

TEMPLATE = "report.html.j2"


def render(report: Report, charts: Mapping[str, Chart]) -> str:
    """Render the page with its charts; the same report gives the same bytes."""
    environment = Environment(
        loader=PackageLoader("training.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_keep_percents_together,
    )
    environment.filters |= {"amount": amount, "count": count, "percent": percent, "minute": minute}
    return environment.get_template(TEMPLATE).render(
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


def _keep_percents_together(value: Any) -> Any:
    """Tie each percent sign to its number, so that no line breaks between them."""
    return value.replace(" %", "\N{NO-BREAK SPACE}%") if isinstance(value, str) else value
