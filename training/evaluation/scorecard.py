"""Scores a trial: how well the injected frauds were found. `make evaluate` writes it as a report.

The labels come from the simulator, never from a model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.arrays import Bools, Floats, Ints
from shared.policy import Policy
from training.comparison.intervals import Interval, Intervals, bootstrap, paired_bootstrap
from training.comparison.metrics import Quality, Verdict, by_size, judge
from training.comparison.quality import (
    Calibration,
    Delay,
    FalseAlarms,
    LossFound,
    Reviews,
    calibrate,
    count_false_alarms,
    hidden_episodes,
    loss_found,
    measure_delay,
    reviews,
)
from training.evaluation.incident_quality import IncidentReport, report_incidents
from training.evaluation.trials import Trial
from training.evaluation.verdicts import verdicts


@dataclass(frozen=True, slots=True)
class Figures:
    """`Quality` with its shares, as the report writes it; ``units`` is the band of order sizes."""

    units: str
    orders: int
    frauds: int
    flagged: int
    found: int
    precision: float | None
    recall: float | None
    average_precision: float | None


@dataclass(frozen=True, slots=True)
class TypologyReport:
    """The quality of detection of one typology, over all orders and by their size."""

    figures: Figures
    by_size: tuple[Figures, ...]
    intervals: Intervals
    reviews: Reviews
    loss: LossFound
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class ClassifierGain:
    """Average precision with and without the classifier.

    ``interval`` is of the difference, over the same resampled days.
    """

    average_precision: float | None
    without: float | None
    difference: float | None
    interval: Interval


@dataclass(frozen=True, slots=True)
class ScenarioReport:
    """Everything measured on one scenario.

    Typologies are ``added_item``, ``hidden_discount`` and ``either``. ``learned`` holds the figures
    of the bundle's card, ``packaged_defaults`` the tables that the history was too short for, and
    ``dead_letters`` the orders that were not scored, by code. ``classifier`` is the gain by
    typology; None where the bundle has no classifier.
    """

    name: str
    about: str
    target_average_precision: float | None
    typologies: dict[str, TypologyReport]
    delay: Delay
    false_alarms: FalseAlarms
    incidents: IncidentReport
    learned: dict[str, float]
    packaged_defaults: dict[str, str]
    dead_letters: dict[str, int]
    classifier: dict[str, ClassifierGain] | None

    @property
    def missed_target(self) -> bool:
        """Return whether the average precision is below what is asked for."""
        reached = self.typologies["either"].figures.average_precision
        target = self.target_average_precision
        return target is not None and (reached is None or reached < target)


def report(trial: Trial, policy: Policy, seed: int) -> ScenarioReport:
    """Compare the scores of a trial with the truth; ``seed`` is of the resamples."""
    judged = verdicts(trial.scores, trial.stream.truth(), policy.alert_probability)
    drawn, rows = trial.stream.drawn, trial.rows
    days = drawn.times[rows].astype("datetime64[D]").astype(np.int64)
    losses = trial.stream.losses_e4()
    typologies = {
        name: _typology(verdict, days, losses[name][rows], policy.reviews_per_day, seed)
        for name, verdict in judged.items()
    }
    episode = hidden_episodes(drawn.hidden_bp)[rows]
    flagged = _columns(judged["hidden_discount"])[1]
    scenario, bundle = trial.scenario, trial.learned.bundle
    rates = {
        "added_item_rate": bundle.added_item_rate,
        "hidden_discount_rate": bundle.hidden_discount_rate,
        "hidden_run_days": bundle.hidden_episode_days,
    }
    return ScenarioReport(
        name=scenario.name,
        about=scenario.about,
        target_average_precision=scenario.target,
        typologies=typologies,
        delay=measure_delay(episode, trial.partition, flagged, drawn.times[rows]),
        false_alarms=count_false_alarms(episode, flagged),
        incidents=report_incidents(trial),
        learned=trial.learned.figures | rates,
        packaged_defaults=trial.learned.defaults,
        dead_letters=trial.dead_letters,
        classifier=_gains(trial, judged, days, policy, seed),
    )


def _gains(
    trial: Trial, judged: dict[str, list[Verdict]], days: Ints, policy: Policy, seed: int
) -> dict[str, ClassifierGain] | None:
    """Return what the classifier gained on each typology; None where there is no classifier."""
    if trial.unaided is None:
        return None
    without = verdicts(trial.unaided, trial.stream.truth(), policy.alert_probability)
    return {name: _gain(judged[name], without[name], days, seed) for name in judged}


def _gain(
    judged: Sequence[Verdict], without: Sequence[Verdict], days: Ints, seed: int
) -> ClassifierGain:
    probability, _, fraud = _columns(judged)
    aided, unaided = (judge(side).average_precision for side in (judged, without))
    return ClassifierGain(
        average_precision=aided,
        without=unaided,
        difference=None if aided is None or unaided is None else aided - unaided,
        interval=paired_bootstrap(days, probability, _columns(without)[0], fraud, seed),
    )


def _typology(
    judged: Sequence[Verdict], days: Ints, loss_e4: Ints, per_day: int, seed: int
) -> TypologyReport:
    probability, flagged, fraud = _columns(judged)
    return TypologyReport(
        figures=_figures("all", judge(judged)),
        by_size=tuple(_figures(band, quality) for band, quality in by_size(judged)),
        intervals=bootstrap(days, probability, flagged, fraud, seed),
        reviews=reviews(per_day, days, probability, fraud),
        loss=loss_found(loss_e4, flagged),
        calibration=calibrate(probability, fraud),
    )


def _columns(judged: Sequence[Verdict]) -> tuple[Floats, Bools, Bools]:
    """Return probability, flagged and fraud, with a row for each order."""
    return (
        np.array([verdict.probability for verdict in judged]),
        np.array([verdict.flagged for verdict in judged]),
        np.array([verdict.fraud for verdict in judged]),
    )


def _figures(units: str, quality: Quality) -> Figures:
    return Figures(
        units=units,
        orders=quality.orders,
        frauds=quality.frauds,
        flagged=quality.flagged,
        found=quality.found,
        precision=quality.precision,
        recall=quality.recall,
        average_precision=quality.average_precision,
    )
