"""How well runs of a hidden discount became incidents."""

import msgspec
import numpy as np

from shared.formats import utc_time
from training.comparison.quality import Delay, hidden_episodes, measure_delay
from training.evaluation.trials import Trial

LEAST = 10
"""Orders of a run in a partition below which its delay is not counted: it was over too soon."""


class IncidentReport(
    msgspec.Struct,
    frozen=True,
    rename={"injected": "planted", "amount_injected": "amount_planted"},
):
    """Incidents against the runs that were planted.

    Attributes:
        planted: runs in the stream.
        incidents: incidents that were opened.
        false_incidents: those without a single order of a run among the days they span.
        missed: planted runs that no incident covers.
        delay: until a run opened in a partition (`training.comparison.quality.Delay`), over the
            runs that had `LEAST` orders there.
        false_openings: openings in a partition with an order outside of every run.
        clean_orders: orders outside of every run.
        false_per_million: false openings per million clean orders.
        amount_lost: what the incidents say was lost (currency).
        amount_planted: what the runs really took.
        amount_ratio: the one by the other.
        percents: the percentages named, sorted.
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
    run = hidden_episodes(drawn.hidden_bp)[rows]
    times = drawn.times[rows]
    spans = [
        (np.datetime64(_naive(one["started_at"])), np.datetime64(_naive(one["last_seen_at"])))
        for one in trial.incidents
    ]
    covered = [
        set(np.unique(run[(times >= first) & (times <= last)])) - {0} for first, last in spans
    ]
    injected = int(run.max(initial=0))
    false, clean = int((trial.opened & (run == 0)).sum()), int((run == 0).sum())
    lost = sum(one["amount_lost"] for one in trial.incidents)
    really = float(trial.stream.losses_e4()["hidden_discount"][rows].sum()) / 1e4
    return IncidentReport(
        injected=injected,
        incidents=len(trial.incidents),
        false_incidents=sum(not runs for runs in covered),
        missed=injected - len(set().union(*covered)),
        delay=measure_delay(run, trial.partition, trial.opened, times, LEAST),
        false_openings=false,
        clean_orders=clean,
        false_per_million=1e6 * false / clean if clean else None,
        amount_lost=lost,
        amount_injected=really,
        amount_ratio=lost / really if really else None,
        percents=tuple(sorted({one["percent"] for one in trial.incidents})),
    )


def _naive(time: str) -> str:
    return utc_time(time).replace(tzinfo=None).isoformat()
