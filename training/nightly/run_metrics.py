"""What a nightly run writes into the record, as plain parameters and metrics."""

from collections.abc import Iterator
from dataclasses import asdict

from shared.formats import time_text
from shared.shadow import ShadowTotals
from training.comparison.comparison import Comparison, Difference
from training.comparison.history_window import Candidate, Search
from training.history.dataset import Dataset, code_digest
from training.models.model_card import ModelCard


def run_parameters(data: Dataset, card: ModelCard, champion: str | None) -> dict[str, object]:
    """What a run was made from, and the champion it was judged against."""
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


def candidate_metrics(candidate: Candidate) -> dict[str, float | None]:
    """One trial of the parameter search."""
    return {
        "share": candidate.share,
        "orders": float(candidate.orders),
        "days": candidate.days,
        "log_likelihood": candidate.log_likelihood,
        "gain": candidate.gain,
        "gain_error": candidate.error,
    }


def data_metrics(data: Dataset, card: ModelCard, found: Search | None) -> dict[str, float]:
    """Counts of what the archive held and of what was learned from it."""
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
    chosen = {} if found is None else {"search.share": found.chosen.share}
    return {name: float(count) for name, count in (counts | learned | chosen).items()}


def shadow_metrics(found: ShadowTotals | None) -> dict[str, float]:
    """What the last challenger did beside the champion; nothing where none scored in shadow."""
    if found is None:
        return {}
    return {
        "shadow.orders": float(found.orders),
        "shadow.champion_alerts": float(found.champion.alerts),
        "shadow.challenger_alerts": float(found.challenger.alerts),
        "shadow.both": float(found.both),
    }


def comparison_metrics(comparison: Comparison) -> dict[str, float]:
    """Every figure of a comparison by name; what there is nothing of is left out."""
    return {name: value for name, value in _figures(comparison) if value is not None}


def _figures(comparison: Comparison) -> Iterator[tuple[str, float | None]]:
    sides = (
        ("challenger", comparison.challenger, comparison.challenger_figures),
        ("champion", comparison.champion, comparison.champion_figures),
    )
    for side, scores, figures in sides:
        for typology, one in figures.items():
            yield from ((f"{side}.{typology}.{name}", v) for name, v in asdict(one).items())
        yield f"{side}.alerts_on_later_orders", float(scores.alerted_real.sum())
        yield f"{side}.milliseconds_an_order", scores.milliseconds
        yield f"{side}.bundle_bytes", float(scores.bundle_bytes)
    for typology, found in comparison.recall.items():
        yield from _difference(f"recall.{typology}", found)
    for typology, found in comparison.average_precision.items():
        yield from _difference(f"average_precision.{typology}", found)
    yield from _difference("log_likelihood", comparison.log_likelihood)
    yield from _difference("decisions", comparison.decisions)
    yield from _difference("blind_sample", comparison.blind)
    yield "golden_orders_failed", float(len(comparison.golden_failed))


def _difference(name: str, found: Difference | None) -> Iterator[tuple[str, float | None]]:
    if found is None:
        return
    yield f"difference.{name}", found.difference
    low, high = found.interval or (None, None)
    yield f"difference.{name}.low", low
    yield f"difference.{name}.high", high
