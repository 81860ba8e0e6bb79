"""API versions are pinned: a type has one, everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.deployment import every_type, nested

PINNED = {
    "Microsoft.Authorization/locks": "2020-05-01",
    "Microsoft.Authorization/roleAssignments": "2022-04-01",
    "Microsoft.Consumption/budgets": "2026-06-01",
    "Microsoft.DocumentDB/": "2025-10-15",
    "Microsoft.EventHub/": "2026-01-01",
    "Microsoft.Insights/actionGroups": "2023-01-01",
    "Microsoft.Insights/activityLogAlerts": "2020-10-01",
    "Microsoft.Insights/components": "2020-02-02",
    "Microsoft.Insights/diagnosticSettings": "2021-05-01-preview",  # there is no newer stable one
    "Microsoft.Insights/metricAlerts": "2026-01-01",
    "Microsoft.Insights/scheduledQueryRules": "2026-03-01",
    "Microsoft.Insights/privateLinkScopes": "2023-06-01-preview",  # there is no stable one
    "Microsoft.Insights/webtests": "2022-06-15",
    "Microsoft.Insights/workbooks": "2023-06-01",
    "Microsoft.KeyVault/": "2025-05-01",
    "Microsoft.MachineLearningServices/": "2025-12-01",
    "Microsoft.ManagedIdentity/": "2024-11-30",
    "Microsoft.Network/privateDnsZones": "2024-06-01",
    "Microsoft.Network/": "2025-05-01",
    "Microsoft.OperationalInsights/": "2025-07-01",
    "Microsoft.Storage/": "2025-06-01",
    "Microsoft.Web/": "2025-03-01",
}
"""The version of each type, or of all types that begin so."""


def problems(template: Mapping[str, Any]) -> Iterator[str]:
    """Types whose version is not the pinned one, or that nobody has pinned."""
    for symbol, inner in nested(template):
        for one in every_type(inner):
            of = next((of for of in PINNED if one["type"].startswith(of)), None)
            shown = f"the module {symbol}: {one['type']}@{one['apiVersion']}"
            if of is None:
                yield f"{shown}: no version is pinned"
            elif one["apiVersion"] != PINNED[of]:
                yield f"{shown}, expected {PINNED[of]}"
