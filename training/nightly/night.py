"""One nightly run: learn a challenger, judge it, record it, and do what follows.

Every step leaves something that a later run finds: the snapshot, the bundle on the shelf, the
result. So a run that dies is taken up by the next one where it stopped, and running twice is as
good as once. Only the holder of the lease may write.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from shared.arrays import Ints
from shared.champion import Pointer
from shared.containers import TRAINING
from shared.errors import BundleError
from shared.formats import time_text, utc_time
from shared.golden import verdicts
from shared.model import ModelBundle, encode_bundle, packaged_bundle
from shared.order import Order
from shared.policy import Policy
from training.comparison.comparison import Comparison, Verdict
from training.comparison.fraud_injection import Percents, inject_frauds
from training.comparison.history_window import Search, chosen_part, search
from training.comparison.judgement import Judge, compare
from training.comparison.promotion import PROMOTED, SHADOW, decide
from training.console import verdict_lines
from training.history.dataset import Dataset, gather_dataset
from training.history.decisions import settled
from training.history.orders import OrderFile, price_history
from training.learning.learn import ENOUGH_ORDERS, Learned, charge_quantum, learn
from training.learning.weak_labels import with_classifier
from training.models.golden import with_golden
from training.models.model_card import ModelCard, encode_card, make_card
from training.models.model_store import publish, read_bundle, read_card, read_pointer
from training.models.registry import MODEL, RULES_MODEL
from training.nightly.results import Applied, Result, move, read_result, report_path, write_result
from training.nightly.run_metrics import (
    candidate_metrics,
    comparison_metrics,
    data_metrics,
    run_parameters,
    shadow_metrics,
)
from training.ports import Blobs, Documents, Lease, Record, Recording
from training.report.captions import draw_charts
from training.report.gather import Judged, gather_report, shadow_totals
from training.report.page import render

CHALLENGER_ALIAS = "challenger"
"""What the record calls the version that scores in shadow; `Record.repair` knows the champion's."""

SEED = 1
"""Of what is planted and resampled: a run that is made again decides the same."""

LATER_SHARE = 0.2
"""Share of the history that no new bundle learns from, at most."""

EXAMPLES = 5
"""Orders that show in the record what the model takes."""


@dataclass(frozen=True, slots=True)
class Champion:
    """What serves: its version (None: nothing was ever promoted) and its bundle.

    ``until`` is the time of the last order it learned from, None where that is not known.
    """

    version: str | None
    bundle: ModelBundle
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Trained:
    """A challenger, as it lies on the shelf; ``found`` is None where an earlier run made it."""

    learned: Learned
    data: bytes
    card: ModelCard
    found: Search | None


@dataclass(frozen=True, slots=True)
class Night:
    """A run: its tools and the moment it is made at; ``say`` tells people what happens."""

    blobs: Blobs
    documents: Documents
    record: Record
    lease: Lease
    hub: str
    now: datetime
    say: Callable[[str], None]

    def run(self) -> Applied | None:
        """Train, judge, promote; None where there was nothing to do.

        Raises:
            SheriffError: the run failed; the champion serves on.
        """
        self.record.end_abandoned()
        champion = self._champion()
        if champion.version is not None:
            self.record.repair(MODEL, champion.version)
        self.say("reading the archive")
        data = gather_dataset(self.blobs, self.documents, self.hub, self.now)
        if data is None or _cut(data) < ENOUGH_ORDERS:
            count = 0 if data is None else len(data.orders)
            self.say(f"{count} orders are archived, too few to learn from: nothing to do")
            return None
        result = read_result(self.blobs, data.version)
        if result is not None and result.applied:
            self.say(f"{data.version} was {result.outcome} before; there is nothing new to learn")
            return None
        if result is None or champion.version not in {result.champion, result.version}:
            result = self._judged(data, champion)
        return self._applied(result)

    def _champion(self) -> Champion:
        """What serves; what scorers go back to stands in for a bundle that must not serve."""
        pointer, _ = read_pointer(self.blobs)
        if pointer is None:
            return Champion(None, packaged_bundle(), None)
        try:
            bundle = read_bundle(self.blobs, pointer.version, pointer.sha256)
            card = read_card(self.blobs, pointer.version)
        except BundleError as error:
            self.say(f"the champion {pointer.version} is broken: {error}")
            return Champion(pointer.version, self._before(pointer), None)
        until = None if card is None else utc_time(card.data.last_ordered_at)
        return Champion(pointer.version, bundle, until)

    def _before(self, pointer: Pointer) -> ModelBundle:
        """The latest bundle before the champion that may serve; packaged tables if there is none.

        It counts as degraded, so that whatever does no harm against it takes its place.
        """
        for served in pointer.earlier:
            with suppress(BundleError):
                bundle = read_bundle(self.blobs, served.version, served.sha256)
                return msgspec.structs.replace(bundle, degraded=True)
        return packaged_bundle()

    def _judged(self, data: Dataset, champion: Champion) -> Result:
        """Train and judge under the record's eyes; the result is stored."""
        with self.record.run(data.version) as recording:
            trained = self._trained(data, recording)
            bundle = trained.learned.bundle
            recording.parameters(run_parameters(data, trained.card, champion.version))
            self.say(f"judging {data.version} against {champion.version or 'the packaged tables'}")
            comparison = compared(champion, bundle, data)
            verdict = decided(comparison, champion, data.policy)
            metrics = data_metrics(data, trained.card, trained.found)
            if comparison is not None:
                metrics |= comparison_metrics(comparison)
            metrics |= shadow_metrics(shadow_totals(self.blobs, self.documents))
            recording.metrics(metrics)
            recording.tags({"outcome": verdict.outcome, "why": " ".join(verdict.reasons)})
            recording.artifact("card.json", encode_card(trained.card))
            if data.quality.bad:
                recording.artifact("bad_records.json", msgspec.json.encode(data.quality.bad))
            later = data.orders[_cut(data) :]
            self._report(
                recording,
                Judged(data, later, trained.learned, champion.bundle, comparison, verdict),
            )
            self._register(recording, trained, data.catalogue_csv)
            self._compare_tables(recording, trained.learned.bundle, champion, comparison, data)
            self.lease.check()
            result = _result(trained, champion, verdict, metrics, data, self.now)
            write_result(self.blobs, result)
        for line in verdict_lines(f"decided: {result.version}", result.outcome, result.reasons):
            self.say(line)
        return result

    def _register(self, recording: Recording, trained: Trained, catalogue: bytes) -> None:
        """Register the bundle, and its tables alone."""
        bundle = trained.learned.bundle
        example = [msgspec.json.decode(one.order) for one in bundle.golden.orders[:EXAMPLES]]
        tables, _ = encode_bundle(_tables(bundle))
        for name, data in ((MODEL, trained.data), (RULES_MODEL, tables)):
            recording.model(name, data, bundle.version, example, catalogue)

    def _compare_tables(
        self,
        recording: Recording,
        bundle: ModelBundle,
        champion: Champion,
        comparison: Comparison | None,
        data: Dataset,
    ) -> None:
        """Compare what the tables alone would do, in the same way: is the classifier worth it?"""
        plain = replace(champion, bundle=_tables(champion.bundle))
        if bundle.classifier is not None or champion.bundle.classifier is not None:
            comparison = compared(plain, _tables(bundle), data)
        with recording.child(RULES_MODEL) as child:
            if comparison is not None:
                child.metrics(comparison_metrics(comparison))
            child.tags({"outcome": decided(comparison, plain, data.policy).outcome})

    def _trained(self, data: Dataset, recording: Recording) -> Trained:
        """The challenger on the shelf: the one that a run before this one left, or a new one."""
        card = read_card(self.blobs, data.version)
        if card is not None:
            self.say(f"{data.version} was learned before")
            bundle = read_bundle(self.blobs, data.version, card.bundle_sha256)
            learned = Learned(bundle, card.metrics, card.packaged_defaults)
            return Trained(learned, encode_bundle(bundle)[0], card, None)
        before = data.orders[: _cut(data)]
        self.say(f"learning from {len(before):,} of {len(data.orders):,} orders")
        found = search(before, data.catalogue, data.partitions)
        for candidate in found.candidates:
            with recording.child(candidate.name) as child:
                child.metrics(candidate_metrics(candidate))
        part = chosen_part(before, found)
        learned = _learned(part, data)
        encoded, sha256 = encode_bundle(learned.bundle)
        history = OrderFile(
            tuple(part), data.quality.refused, data.quality.superseded, data.snapshot_sha256
        )
        card = make_card(learned, history, data.catalogue, sha256)
        self.lease.check()
        publish(self.blobs, data.version, encoded, encode_card(card))
        return Trained(learned, encoded, card, found)

    def _report(self, recording: Recording, judged: Judged) -> None:
        report = gather_report(judged, self.blobs, self.documents, self.now)
        charts = draw_charts(report)
        page = render(report, charts).encode()
        recording.artifact("report.html", page)
        self.blobs.write(TRAINING, report_path(judged.data.version), page, None, replace=True)
        for name, chart in charts.items():
            recording.artifact(f"plots/{name}.svg", chart.svg.encode())

    def _applied(self, result: Result) -> Applied:
        """Move what is to be moved; the record follows, and the result says that it is done."""
        self.lease.check()
        applied = move(self.blobs, result, self.now)
        self._follow(result, applied)
        write_result(self.blobs, msgspec.structs.replace(result, applied=True))
        if applied.refusal:
            self.say(f"it does not serve: {applied.refusal}")
        self.say(f"{applied.champion or 'the packaged bundle'} serves")
        return applied

    def _follow(self, result: Result, applied: Applied) -> None:
        """Make the record's aliases say what the pointers say."""
        for name in (MODEL, RULES_MODEL):
            number = self.record.number_of(name, result.version)
            if number is None:
                continue
            self.record.tag(name, number, outcome=result.outcome, **_precision(result))
            if result.outcome == SHADOW:
                self.record.point(name, CHALLENGER_ALIAS, number)
            elif (
                result.outcome == PROMOTED or self.record.pointed(name, CHALLENGER_ALIAS) == number
            ):
                self.record.clear(name, CHALLENGER_ALIAS)
            if applied.champion is not None:
                self.record.repair(name, applied.champion)


def _tables(bundle: ModelBundle) -> ModelBundle:
    """The bundle without its classifier."""
    return msgspec.structs.replace(bundle, classifier=None)


def _precision(result: Result) -> dict[str, str]:
    """How well the planted added items were ranked, for the list of registered versions."""
    found = result.metrics.get("challenger.added_item.average_precision")
    return {} if found is None else {"average_precision": f"{found:.3f}"}


def _cut(data: Dataset) -> int:
    """Where in the history the later orders begin, which the challenger does not learn from."""
    count = len(data.orders)
    return count - min(round(LATER_SHARE * count), data.policy.later_orders)


def _learned(part: Sequence[Order], data: Dataset) -> Learned:
    """Every table, what analysts' decisions add to them, and golden orders."""
    learned = learn(part, data.catalogue, data.version)
    delay = timedelta(days=data.policy.label_delay_days)
    decisions = settled(data.decisions, part, part[-1].ordered_at, delay)
    learned = with_classifier(learned, part, data.catalogue, decisions)
    return replace(learned, bundle=with_golden(learned.bundle, part, data.catalogue))


def compared(champion: Champion, challenger: ModelBundle, data: Dataset) -> Comparison | None:
    """Champion and challenger on the orders that neither has seen; None where there are none."""
    later = [
        order
        for order in data.orders[_cut(data) :]
        if order.currency in {None, data.catalogue.currency}
        and (champion.until is None or order.ordered_at > champion.until)
    ]
    if not later:
        return None
    quantum = charge_quantum(_discounted(later, data))
    percents = Percents.known_to(champion.bundle, challenger)
    injected = inject_frauds(later, data.catalogue, percents, quantum, SEED)
    judge = Judge(injected, data.catalogue, data.policy, data.partitions, data.decisions, SEED)
    found = compare(champion.bundle, challenger, judge)
    golden = champion.bundle.golden
    mine = verdicts(challenger, golden)
    failed = [
        name for name, alerted in verdicts(champion.bundle, golden).items() if mine[name] != alerted
    ]
    return replace(found, golden_failed=tuple(failed))


def decided(comparison: Comparison | None, champion: Champion, policy: Policy) -> Verdict:
    """What becomes of a challenger."""
    if comparison is None:
        return Verdict(SHADOW, ("No order is later than all that the champion learned from.",))
    return decide(comparison, policy, champion_degraded=champion.bundle.degraded)


def _discounted(orders: Sequence[Order], data: Dataset) -> Ints:
    """Charges of the orders with a gap, which tell what charges are rounded to."""
    history = price_history(tuple(orders), data.catalogue)
    return history.charged_e4[history.gap_e4 > 0]


def _result(
    trained: Trained,
    champion: Champion,
    verdict: Verdict,
    metrics: dict[str, float],
    data: Dataset,
    now: datetime,
) -> Result:
    return Result(
        version=data.version,
        sha256=trained.card.bundle_sha256,
        champion=champion.version,
        outcome=verdict.outcome,
        reasons=verdict.reasons,
        checks=verdict.checks,
        metrics=metrics,
        snapshot_sha256=data.snapshot_sha256,
        decided_at=time_text(now),
    )
