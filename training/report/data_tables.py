"""The report's tables of its data: what came in, what drifted, and how the report was made."""

import math
from collections.abc import Mapping
from typing import Any

from shared.formats import shortened
from training.report.content import Report
from training.report.words import NOTHING, count, minute


def intake_rows(report: Report) -> list[dict[str, str]]:
    """Return what came in, and how much of it was neither scored nor learned from."""
    data = report.data
    unpriced = report.learned.figures.get("orders_unpriced", 0)
    rows = [
        ("Orders in the snapshot", count(data.orders), ""),
        ("Not orders", count(sum((data.refused or {}).values())), _codes(data.refused or {})),
        ("Sent twice", count(data.duplicates), "counted once"),
        ("Replaced by a higher revision", count(data.superseded), "the highest counts"),
        ("Not priced by the catalogue", count(int(unpriced)), "not learned from"),
        ("Archive files unread", count(len(data.bad_files)), ", ".join(data.bad_files[:3])),
        *_stream_rows(report.states),
    ]
    return [dict(zip(("what", "count", "note"), row, strict=True)) for row in rows]


def _stream_rows(states: tuple[Mapping[str, Any], ...]) -> list[tuple[str, str, str]]:
    if not states:
        return []
    return [
        (f"Stream: {what}", count(sum(int(state[key]) for state in states)), note)
        for what, key, note in (
            ("scored", "orders_scored", f"over {len(states)} partitions, since they began"),
            ("set aside", "dead_lettered", "dead letters, which can be sent again"),
            ("repeated", "duplicates", "scored once"),
            ("came too late", "stale", "a higher revision was scored"),
        )
    ]


def _codes(refused: Mapping[str, int]) -> str:
    ranked = sorted(refused.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{shortened(code)} {events:,}" for code, events in ranked)


def drift_rows(report: Report) -> list[dict[str, Any]]:
    """Return every feature, the furthest drifted first."""
    ranked = sorted(report.drift, key=lambda feature: (-(feature.psi or 0.0), feature.name))
    return [
        {
            "name": feature.name.replace("_", " "),
            "before": _plain(feature.before),
            "now": _plain(feature.now),
            "psi": NOTHING if feature.psi is None else f"{feature.psi:.3f}",
            "limit": feature.note if feature.limit is None else f"{feature.limit:.3f}",
            "alarm": feature.alarm,
        }
        for feature in ranked
    ]


def _plain(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:,.2f}".rstrip("0").rstrip(".")


def moments(report: Report) -> list[tuple[str, str]]:
    """Return what the report was made from, as pairs of a name and a value."""
    data, bundle = report.data, report.learned.bundle
    pairs = [
        ("Made", f"{minute(report.made_at)} UTC"),
        ("Orders from", f"{minute(data.first)} UTC"),
        ("to", f"{minute(data.last)} UTC"),
        ("Learned from", f"{bundle.trained_orders:,} orders"),
        ("Challenger", bundle.version),
        ("Champion until now", report.champion.version),
        ("Policy", report.policy.version),
        ("SHA-256 of the snapshot", data.sha256),
    ]
    if data.later_from is not None:
        pairs.insert(4, ("Judged on orders from", f"{minute(data.later_from)} UTC"))
    return pairs
