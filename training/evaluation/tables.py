"""Prints an evaluation: a table for each scenario, and an overview."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from training.comparison.intervals import Interval
from training.evaluation.incident_quality import IncidentReport
from training.evaluation.scorecard import ClassifierGain, Figures, ScenarioReport, TypologyReport

WIDTH = 140


def show_scenario(report: ScenarioReport) -> None:
    """Print a scenario: each typology with intervals and by order size, then delay and alarms."""
    table = Table(title=f"{report.name}: {report.about}", title_justify="left")
    for column in ("typology", "units", "frauds", "flagged", "precision", "recall", "AP"):
        table.add_column(column, justify="left" if column == "typology" else "right")
    for name, typology in report.typologies.items():
        table.add_row(name, *_with_intervals(typology))
        for figures in typology.by_size:
            if figures.frauds or figures.flagged:
                table.add_row("", *_by_size(figures))
        table.add_section()
    console = _console()
    console.print(table)
    for name, typology in report.typologies.items():
        console.print(f"{name:16} {_reviews(typology)}", highlight=False)
    console.print(_alarms(report), highlight=False)
    console.print(_incidents(report.incidents), highlight=False)
    for name, gain in (report.classifier or {}).items():
        console.print(f"{name:16} {_gain(gain)}", highlight=False)
    for name, why in report.packaged_defaults.items():
        console.print(f"packaged default for {name}: {why}", highlight=False)
    if report.dead_letters:
        console.print(f"not scored: {report.dead_letters}", highlight=False)
    console.print()


def show_overview(reports: Sequence[ScenarioReport]) -> None:
    """Print one line for each scenario; a missed target is marked."""
    table = Table(title="overview", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    headings = (
        *("scenario", "AP", "asked", "P/R", "added AP", "P/R", "hidden AP", "P/R"),
        *("P@k", "loss", "opened", "false", "amount", "ECE"),
    )
    for column in headings:
        table.add_column(column, justify="left" if column == "scenario" else "right")
    for report in reports:
        table.add_row(*_overview(report), style="bold red" if report.missed_target else None)
    console = _console()
    console.print(table)
    console.print(
        "AP and P/R (precision, recall) first over both frauds; P@k: precision at the policy's "
        "reviews a day; loss: share flagged; opened: orders of a partition until an episode of a "
        "hidden discount is an incident (95 %); false: incidents without an episode; amount: what "
        "incidents say was lost by what episodes took; ECE: of either",
        highlight=False,
    )


def _console() -> Console:
    return Console(width=WIDTH)


def _overview(report: ScenarioReport) -> tuple[str, ...]:
    either, added, hidden = (
        report.typologies[name] for name in ("either", "added_item", "hidden_discount")
    )
    target = report.target_average_precision
    return (
        report.name,
        _share(either.figures.average_precision),
        ("! " if report.missed_target else "") + _share(target),
        _precision_recall(either.figures),
        _share(added.figures.average_precision),
        _precision_recall(added.figures),
        _share(hidden.figures.average_precision),
        _precision_recall(hidden.figures),
        _share(either.reviews.precision),
        _share(either.loss.share),
        _number(report.incidents.delay.orders_p95),
        str(report.incidents.false_incidents),
        _share(report.incidents.amount_ratio),
        _share(either.calibration.expected_error),
    )


def _with_intervals(typology: TypologyReport) -> tuple[str, ...]:
    figures, intervals = typology.figures, typology.intervals
    return (
        figures.units,
        str(figures.frauds),
        str(figures.flagged),
        _between(figures.precision, intervals.precision),
        _between(figures.recall, intervals.recall),
        _between(figures.average_precision, intervals.average_precision),
    )


def _by_size(figures: Figures) -> tuple[str, ...]:
    shares = (figures.precision, figures.recall, figures.average_precision)
    return (figures.units, str(figures.frauds), str(figures.flagged), *map(_share, shares))


def _reviews(typology: TypologyReport) -> str:
    at_k, loss, fit = typology.reviews, typology.loss, typology.calibration
    return (
        f"precision at {at_k.k} a day {_share(at_k.precision)} "
        f"({_share(at_k.share_of_attainable)} of what is attainable); "
        f"loss found {loss.found:,.0f} of {loss.injected:,.0f} ({_share(loss.share)}); "
        f"Brier {fit.brier:.4f}, ECE {fit.expected_error:.4f}"
    )


def _gain(gain: ClassifierGain) -> str:
    difference = "-" if gain.difference is None else f"{gain.difference:+.4f}"
    within = (
        "" if gain.interval is None else f" ({gain.interval[0]:+.4f} to {gain.interval[1]:+.4f})"
    )
    return (
        f"AP with the classifier {_share(gain.average_precision)}, without it "
        f"{_share(gain.without)}: {difference}{within}"
    )


def _alarms(report: ScenarioReport) -> str:
    delay, alarms = report.delay, report.false_alarms
    return (
        f"episodes: {delay.episodes} in partitions, {delay.missed} missed; flagged after "
        f"{_number(delay.orders_p50)} orders, {_number(delay.minutes_p50)} minutes (95 %: "
        f"{_number(delay.orders_p95)}, {_number(delay.minutes_p95)}); {alarms.flagged} false "
        f"alarms in {alarms.clean_orders} orders outside of episodes"
    )


def _incidents(report: IncidentReport) -> str:
    delay = report.delay
    percents = ", ".join(f"{percent:g} %" for percent in report.percents)
    return (
        f"incidents: {report.incidents} for {report.injected} episodes"
        f"{f' ({percents})' if percents else ''}, {report.missed} missed, "
        f"{report.false_incidents} false; opened in a partition after "
        f"{_number(delay.orders_p50)} orders, {_number(delay.minutes_p50)} minutes "
        f"(95 %: {_number(delay.orders_p95)}, {_number(delay.minutes_p95)}; over "
        f"{delay.episodes}); amount {report.amount_lost:,.0f} of {report.amount_injected:,.0f} "
        f"({_share(report.amount_ratio)}); {report.false_openings} opened falsely in "
        f"{report.clean_orders} clean orders"
    )


def _between(share: float | None, interval: Interval) -> str:
    if share is None or interval is None:
        return _share(share)
    return f"{share:.3f} ({interval[0]:.3f}-{interval[1]:.3f})"


def _precision_recall(figures: Figures) -> str:
    return f"{_share(figures.precision)}/{_share(figures.recall)}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
