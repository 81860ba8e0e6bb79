"""One nightly run: gather the data, learn a challenger, judge it, and apply the verdict.

Each stage ends by writing a result that the next run looks for: first the snapshot of the data,
then the challenger's bundle and card, then the verdict, and at last a mark that the verdict was
applied. So a killed night is continued where it stopped, and running twice is as good as running
once. Only the holder of the lease may write.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from shared.containers import TRAINING
from shared.formats import time_text
from training.console import verdict_lines
from training.history.dataset import Dataset, gather_dataset
from training.learning.learn import ENOUGH_ORDERS
from training.models import reference_files
from training.models.registry import MODEL
from training.nightly.challenger import (
    Challenger,
    find_challenger,
    first_later,
    keep_challenger,
    learn_challenger,
)
from training.nightly.champion import Champion, read_champion
from training.nightly.judging import Judgement, judge_challenger
from training.nightly.results import (
    Applied,
    Result,
    apply_result,
    read_result,
    report_path,
    write_result,
)
from training.nightly.run_metrics import night_metrics, run_parameters
from training.nightly.run_record import Pages, follow, record_judgement, record_search
from training.ports import Blobs, Documents, Lease, Record, Recording
from training.report.captions import draw_charts
from training.report.gather import Judged, gather_report, shadow_totals
from training.report.page import render


@dataclass(frozen=True, slots=True)
class Night:
    """One run: its tools and the time of its start; ``say`` tells people what happens."""

    blobs: Blobs
    documents: Documents
    record: Record
    lease: Lease
    hub: str
    now: datetime
    say: Callable[[str], None]

    def run(self) -> Applied | None:
        """Learn, judge, and promote or not; None where there was nothing to do.

        Raises:
            SheriffError: the run failed, and the champion serves on.
        """
        self.record.end_abandoned()
        champion = read_champion(self.blobs, self.say)
        if champion.version is not None:
            self.record.repair(MODEL, champion.version)
        data = self._gather()
        if data is None:
            return None
        result = read_result(self.blobs, data.version)
        if result is not None and result.applied:
            self.say(f"{data.version} was {result.outcome} before; there is nothing new to learn")
            return None
        if result is None or champion.version not in {result.champion, result.version}:
            with self.record.run(data.version) as recording:
                challenger = self._find_or_learn(data, recording)
                result = self._judge(challenger, champion, data, recording)
            for line in verdict_lines(f"decided: {result.version}", result.outcome, result.reasons):
                self.say(line)
        return self._apply(result)

    def _gather(self) -> Dataset | None:
        """Gather the data as a snapshot; None where there is too little to learn from."""
        self.say("reading the archive")
        reference = reference_files.read(self.blobs)
        data = gather_dataset(self.blobs, self.documents, reference, self.hub, self.now)
        if data is None or first_later(data) < ENOUGH_ORDERS:
            count = 0 if data is None else len(data.orders)
            self.say(f"{count} orders are archived, too few to learn from: nothing to do")
            return None
        return data

    def _find_or_learn(self, data: Dataset, recording: Recording) -> Challenger:
        """Return the challenger that an earlier run left in the model store, or learn one."""
        known = find_challenger(self.blobs, data)
        if known is not None:
            self.say(f"{data.version} was learned before")
            return known
        self.say(f"learning from {first_later(data):,} of {len(data.orders):,} orders")
        challenger = learn_challenger(data)
        record_search(recording, challenger)
        self.lease.check()
        keep_challenger(self.blobs, challenger)
        return challenger

    def _judge(
        self, challenger: Challenger, champion: Champion, data: Dataset, recording: Recording
    ) -> Result:
        """Judge the challenger, record the verdict, and store it."""
        recording.parameters(run_parameters(data, challenger.card, champion.version))
        self.say(f"judging {data.version} against {champion.version or 'the packaged tables'}")
        judgement = judge_challenger(champion, challenger.learned.bundle, data)
        shadow = shadow_totals(self.blobs, self.documents)
        metrics = night_metrics(data, challenger, judgement.comparison, shadow)
        pages = self._report(challenger, champion, data, judgement)
        result = _result(challenger, champion, judgement, metrics, data, self.now)
        record_judgement(recording, challenger, judgement, metrics, data, pages)
        self.lease.check()
        path = report_path(data.version)
        self.blobs.write(TRAINING, path, pages.report, None, replace=True)
        write_result(self.blobs, result)
        return result

    def _report(
        self, challenger: Challenger, champion: Champion, data: Dataset, judgement: Judgement
    ) -> Pages:
        later = data.orders[first_later(data) :]
        judged = Judged(
            data,
            later,
            challenger.learned,
            champion.bundle,
            judgement.comparison,
            judgement.verdict,
        )
        report = gather_report(judged, self.blobs, self.documents, self.now)
        charts = draw_charts(report)
        page = render(report, charts)
        return Pages(page.encode(), {name: chart.svg.encode() for name, chart in charts.items()})

    def _apply(self, result: Result) -> Applied:
        """Move the pointers, let the record follow, and mark the result as applied."""
        self.lease.check()
        applied = apply_result(self.blobs, result, self.now)
        follow(self.record, result, applied)
        write_result(self.blobs, msgspec.structs.replace(result, applied=True))
        if applied.refusal:
            self.say(f"it does not serve: {applied.refusal}")
        self.say(f"{applied.champion or 'the packaged bundle'} serves")
        return applied


def _result(
    challenger: Challenger,
    champion: Champion,
    judgement: Judgement,
    metrics: dict[str, float],
    data: Dataset,
    now: datetime,
) -> Result:
    verdict = judgement.verdict
    return Result(
        version=data.version,
        sha256=challenger.card.bundle_sha256,
        champion=champion.version,
        outcome=verdict.outcome,
        reasons=verdict.reasons,
        checks=verdict.checks,
        metrics=metrics,
        snapshot_sha256=data.snapshot_sha256,
        decided_at=time_text(now),
    )
