"""Writes a night into the record of runs (MLflow): the run, the registered models, the aliases.

Everything may be written again. So a night that is taken up where it stopped doubles nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from shared.model import encode_bundle
from training.comparison.promotion import PROMOTED, SHADOW
from training.history.dataset import Dataset
from training.models.model_card import encode_card
from training.models.registry import MODEL, RULES_MODEL
from training.nightly.challenger import Challenger
from training.nightly.champion import tables_of
from training.nightly.judging import Judgement
from training.nightly.results import Applied, Result
from training.nightly.run_metrics import candidate_metrics, comparison_metrics
from training.ports import Record, Recording

CHALLENGER_ALIAS = "challenger"
"""The alias of the version that scores in shadow; `Record.repair` knows the champion's alias."""

EXAMPLES = 5
"""Orders in the record that show what the model takes as input."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The report of a night as files: the HTML page, and each chart by name as an SVG file."""

    report: bytes
    charts: Mapping[str, bytes]


def record_search(recording: Recording, challenger: Challenger) -> None:
    """Record each history that was tried, as a run within the night's."""
    candidates = () if challenger.search is None else challenger.search.candidates
    for candidate in candidates:
        with recording.child(candidate.name) as child:
            child.metrics(candidate_metrics(candidate))


def record_judgement(
    recording: Recording,
    challenger: Challenger,
    judgement: Judgement,
    metrics: Mapping[str, float],
    data: Dataset,
    pages: Pages,
) -> None:
    """Record the verdict with its metrics and files, and register the challenger."""
    verdict = judgement.verdict
    recording.metrics(metrics)
    recording.tags({"outcome": verdict.outcome, "why": " ".join(verdict.reasons)})
    recording.artifact("card.json", encode_card(challenger.card))
    if data.quality.bad:
        recording.artifact("bad_records.json", msgspec.json.encode(data.quality.bad))
    recording.artifact("report.html", pages.report)
    for name, chart in pages.charts.items():
        recording.artifact(f"plots/{name}.svg", chart)
    register(recording, challenger, data.catalogue_csv)
    with recording.child(RULES_MODEL) as child:
        if judgement.tables_comparison is not None:
            child.metrics(comparison_metrics(judgement.tables_comparison))
        child.tags({"outcome": judgement.tables_verdict.outcome})


def register(recording: Recording, challenger: Challenger, catalogue_csv: bytes) -> None:
    """Register the challenger's bundle as one model, and its tables alone as another."""
    bundle = challenger.learned.bundle
    example = [msgspec.json.decode(golden.order) for golden in bundle.golden.orders[:EXAMPLES]]
    tables, _ = encode_bundle(tables_of(bundle))
    for name, encoded in ((MODEL, challenger.encoded), (RULES_MODEL, tables)):
        recording.model(name, encoded, bundle.version, example, catalogue_csv)


def follow(record: Record, result: Result, applied: Applied) -> None:
    """Make the aliases of the registered models say what the pointers say."""
    for name in (MODEL, RULES_MODEL):
        number = record.number_of(name, result.version)
        if number is None:
            continue
        record.tag(name, number, outcome=result.outcome, **_precision(result))
        _follow_challenger(record, result, name, number)
        if applied.champion is not None:
            record.repair(name, applied.champion)


def _follow_challenger(record: Record, result: Result, name: str, number: int) -> None:
    if result.outcome == SHADOW:
        record.point(name, CHALLENGER_ALIAS, number)
    elif result.outcome == PROMOTED or record.pointed(name, CHALLENGER_ALIAS) == number:
        record.clear(name, CHALLENGER_ALIAS)


def _precision(result: Result) -> dict[str, str]:
    """Return how well injected added items were ranked, for the list of registered versions."""
    precision = result.metrics.get("challenger.added_item.average_precision")
    return {} if precision is None else {"average_precision": f"{precision:.3f}"}
