"""Measures how well the episodes of hidden discounts became incidents."""

from typing import Any

import msgspec
import numpy as np

from shared.arrays import Ints, Times
from shared.formats import utc_time
from training.comparison.quality import Delay, hidden_episodes, measure_delay
from training.evaluation.trials import Trial

LEAST = 10
"""An episode's delay counts if a partition has this many of its orders; others end too soon."""


class IncidentReport(
    msgspec.Struct,
    frozen=True,
    rename={"injected": "planted", "amount_injected": "amount_planted"},
):
    """Incidents against the injected episodes.

    Attributes:
        injected: episodes in the stream.
        incidents: incidents that were opened.
        false_incidents: incidents without a single order of an episode in the time they span.
        missed: injected episodes that no incident covers.
        delay: until an episode opened in a partition (`training.comparison.quality.Delay`), over
            the episodes that have `LEAST` orders there.
        false_openings: openings in a partition with an order outside of every episode.
        clean_orders: orders outside of every episode.
        false_per_million: false openings per million clean orders.
        amount_lost: what the incidents say was lost (currency).
        amount_injected: what the episodes really took (currency).
        amount_ratio: ``amount_lost`` divided by ``amount_injected``.
        percents: the percentages that the incidents name, sorted.
    """

    injected: int
    incidents: int
    false_incidents: int
    missed: int
    delay: Delay
    false_openings: int
    clean_orders: int
    false_per_million: float | None
    amount_lost: float
    amount_injected: float
    amount_ratio: float | None
    percents: tuple[float, ...]


def report_incidents(trial: Trial) -> IncidentReport:
    """Compare a trial's incidents with the truth."""
    drawn, rows = trial.stream.drawn, trial.rows
    episode = hidden_episodes(drawn.hidden_bp)[rows]
    times = drawn.times[rows]
    covered = [_covered(incident, episode, times) for incident in trial.incidents]
    injected = int(episode.max(initial=0))
    false, clean = int((trial.opened & (episode == 0)).sum()), int((episode == 0).sum())
    lost = sum(incident["amount_lost"] for incident in trial.incidents)
    really = float(trial.stream.losses_e4()["hidden_discount"][rows].sum()) / 1e4
    return IncidentReport(
        injected=injected,
        incidents=len(trial.incidents),
        false_incidents=sum(not episodes for episodes in covered),
        missed=injected - len(set().union(*covered)),
        delay=measure_delay(episode, trial.partition, trial.opened, times, LEAST),
        false_openings=false,
        clean_orders=clean,
        false_per_million=1e6 * false / clean if clean else None,
        amount_lost=lost,
        amount_injected=really,
        amount_ratio=lost / really if really else None,
        percents=tuple(sorted({incident["percent"] for incident in trial.incidents})),
    )


def _covered(incident: dict[str, Any], episode: Ints, times: Times) -> set[int]:
    """Return the episodes that have an order in the time that an incident spans."""
    first, last = (_naive(incident[name]) for name in ("started_at", "last_seen_at"))
    return set(np.unique(episode[(times >= first) & (times <= last)]).tolist()) - {0}


def _naive(time: str) -> np.datetime64:
    return np.datetime64(utc_time(time).replace(tzinfo=None).isoformat())
