"""The parameters and metrics that a night writes into the record of runs (MLflow)."""

from collections.abc import Iterator
from dataclasses import asdict

from shared.formats import time_text
from shared.shadow import ShadowTotals
from training.comparison.comparison import Comparison, Difference, TypologyFigures
from training.comparison.history_window import Candidate, Search
from training.history.dataset import Dataset, code_digest
from training.models.model_card import ModelCard
from training.nightly.challenger import Challenger

_METRIC_OF_FIELD = {"injected": "planted"}
"""Fields that the record knows by an older name, so that its curves go on."""


def run_parameters(data: Dataset, card: ModelCard, champion: str | None) -> dict[str, object]:
    """Return what a run was made from, and the champion it was judged against."""
    return {
        "champion": champion or "packaged tables",
        "orders": len(data.orders),
        "first_ordered_at": time_text(data.orders[0].ordered_at),
        "last_ordered_at": time_text(data.orders[-1].ordered_at),
        "snapshot_sha256": data.snapshot_sha256,
        "trained_from": card.data.first_ordered_at,
        "trained_until": card.data.last_ordered_at,
        "partitions": data.partitions,
        "decisions": len(data.decisions),
        "catalogue_version": data.catalogue.version,
        "policy_version": data.policy.version,
        "code_sha256": code_digest(),
        **{f"library.{name}": version for name, version in card.libraries.items()},
    }


def night_metrics(
    data: Dataset,
    challenger: Challenger,
    comparison: Comparison | None,
    shadow: ShadowTotals | None,
) -> dict[str, float]:
    """Return all metrics of a night by name."""
    metrics = data_metrics(data, challenger.card, challenger.search)
    if comparison is not None:
        metrics |= comparison_metrics(comparison)
    return metrics | shadow_metrics(shadow)


def candidate_metrics(candidate: Candidate) -> dict[str, float | None]:
    """Return the metrics of one history that was tried."""
    return {
        "share": candidate.share,
        "orders": float(candidate.orders),
        "days": candidate.days,
        "log_likelihood": candidate.log_likelihood,
        "gain": candidate.gain,
        "gain_error": candidate.error,
    }


def data_metrics(data: Dataset, card: ModelCard, search: Search | None) -> dict[str, float]:
    """Return counts of what the archive held and of what was learned from it."""
    quality = data.quality
    counts = {
        "archive.records": quality.records,
        "archive.duplicates": quality.duplicates,
        "archive.superseded": quality.superseded,
        "archive.refused": sum(quality.refused.values()),
        "archive.files": quality.files,
        "archive.bad_files": len(quality.bad_files),
    }
    learned = {f"learned.{name}": value for name, value in card.metrics.items()}
    chosen = {} if search is None else {"search.share": search.chosen.share}
    return {name: float(count) for name, count in (counts | learned | chosen).items()}


def shadow_metrics(shadow: ShadowTotals | None) -> dict[str, float]:
    """Return what the last challenger did beside the champion; empty where none was in shadow."""
    if shadow is None:
        return {}
    return {
        "shadow.orders": float(shadow.orders),
        "shadow.champion_alerts": float(shadow.champion.alerts),
        "shadow.challenger_alerts": float(shadow.challenger.alerts),
        "shadow.both": float(shadow.both),
    }


def comparison_metrics(comparison: Comparison) -> dict[str, float]:
    """Return every figure of a comparison by name, without those that could not be computed."""
    return {name: value for name, value in _figures(comparison) if value is not None}


def _figures(comparison: Comparison) -> Iterator[tuple[str, float | None]]:
    sides = (
        ("challenger", comparison.challenger, comparison.challenger_figures),
        ("champion", comparison.champion, comparison.champion_figures),
    )
    for side, scores, by_typology in sides:
        for typology, figures in by_typology.items():
            yield from _typology(f"{side}.{typology}", figures)
        yield f"{side}.alerts_on_later_orders", float(scores.alerted_real.sum())
        yield f"{side}.milliseconds_an_order", scores.milliseconds
        yield f"{side}.bundle_bytes", float(scores.bundle_bytes)
    for typology, difference in comparison.recall.items():
        yield from _difference(f"recall.{typology}", difference)
    for typology, difference in comparison.average_precision.items():
        yield from _difference(f"average_precision.{typology}", difference)
    yield from _difference("log_likelihood", comparison.log_likelihood)
    yield from _difference("decisions", comparison.decisions)
    yield from _difference("blind_sample", comparison.blind)
    yield "golden_orders_failed", float(len(comparison.golden_failed))


def _typology(prefix: str, figures: TypologyFigures) -> Iterator[tuple[str, float | None]]:
    for name, value in asdict(figures).items():
        yield f"{prefix}.{_METRIC_OF_FIELD.get(name, name)}", value


def _difference(name: str, difference: Difference | None) -> Iterator[tuple[str, float | None]]:
    if difference is None:
        return
    yield f"difference.{name}", difference.difference
    low, high = difference.interval or (None, None)
    yield f"difference.{name}.low", low
    yield f"difference.{name}.high", high
