#!/usr/bin/env python3
"""Stops a deployment that would delete something, or change what can only be replaced.

    az deployment group what-if ... --no-pretty-print --output json > what-if.json
    python3 infra/pipelines/what_if.py what-if.json [--accept NAME,NAME]

It lists every change, and gives each change that stops the deployment a name and a reason. Once a
person has decided for such a change, ``--accept`` with its name lets it pass. What-if also shows
differences that are not real; the known ones (`noise`) stop nothing and are named with their
source. It ends with 1 if any change stops the deployment. It needs nothing but the agent's own
Python.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROTECTED = {
    "sku": "another SKU replaces the resource, or cannot be had in place",
    "partitionKey": "another partition key is another container: its documents would be lost",
    "partitionCount": "orders of a rep change partition, and their state stays behind",
    "zoneRedundant": "it cannot be changed once a resource is there",
    "isHnsEnabled": "it cannot be changed once an account is there",
    "capabilities": "serverless or not is decided once for an account",
    "defaultTtl": "a shorter life deletes documents at once",
}
"""Properties, at any depth, whose change stops a deployment, and why."""

CAPACITY = "capacity"
"""The property of a SKU with the throughput units. Auto-inflate may have raised them, and then the
pipeline passes on the raised number. More units may be asked for; fewer stop the deployment."""

SUMMARY = "Azure/arm-template-whatif, NOISE_SUPPRESION_SUMMARY.html"

FILLED_IN = {
    ("Microsoft.OperationalInsights/workspaces", "properties.sku.lastSkuUpdate"): SUMMARY,
    ("Microsoft.Storage/storageAccounts", "sku.tier"): f"{SUMMARY}; storage-output.json there",
    ("Microsoft.Storage/storageAccounts/blobServices", "sku"): SUMMARY,
    ("Microsoft.Storage/storageAccounts/blobServices", "sku.name"): SUMMARY,
    ("Microsoft.Storage/storageAccounts/blobServices", "sku.tier"): SUMMARY,
    ("Microsoft.Web/sites", "properties.sku"): SUMMARY,
    ("Microsoft.Web/serverfarms", "sku.capacity"): "Azure/arm-template-whatif 221",
    ("Microsoft.Web/serverfarms", "sku.family"): "Azure/arm-template-whatif 15, 328",
    ("Microsoft.Web/serverfarms", "sku.size"): "Azure/arm-template-whatif 15, 93",
}
"""Properties that a service fills in by itself, by resource type, and where on GitHub they are
reported as noise. The templates do not name them, so what-if shows them as deleted; no deployment
deletes them."""


class UnreadableError(Exception):
    """The input is not an answer of what-if."""


@dataclass(frozen=True)
class Stop:
    """One change that stops the deployment: a name to accept it by, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True)
class Difference:
    """One property that would change: where it is, how, and what it is before and after."""

    path: tuple[str, ...]
    kind: str
    before: Any
    after: Any


def stops(answer: Any) -> Iterator[Stop]:
    """Yield what stops a deployment with this answer of what-if.

    Raises:
        UnreadableError: it is no such answer, or what-if failed.
    """
    for change in changes(answer):
        resource = short(change["resourceId"])
        if change["changeType"] == "Delete":
            yield Stop(f"{resource}:delete", "the resource would be deleted")
        for difference in properties(change.get("delta") or []):
            reason = None if noise(difference, of_type(resource)) else forbidden(difference)
            if reason:
                yield Stop(f"{resource}:{'.'.join(difference.path)}", reason)


def forbidden(difference: Difference) -> str | None:
    """Return why a property may not change without a person's word; None if it may."""
    protected = next((part for part in difference.path if part in PROTECTED), None)
    if protected is None:
        return None
    if difference.path[-1] == CAPACITY:
        return "producers would be throttled until it grows again" if fewer(difference) else None
    return PROTECTED[protected]


def fewer(difference: Difference) -> bool:
    """Return whether a number would become less; a number that goes away becomes the default."""
    before, after = difference.before, difference.after
    if not isinstance(before, int | float):
        return False
    return after is None or (isinstance(after, int | float) and after < before)


def noise(difference: Difference, resource_type: str) -> str | None:
    """Return why a difference is not real, with the public report of it; None if it is real."""
    if difference.kind == "NoEffect":
        return "what-if itself says that it has no effect"
    if alike(difference.before, difference.after):
        return "both are the same but for the case of letters, or are both empty"
    place = (resource_type.casefold(), ".".join(difference.path))
    source = next(
        (why for (kind, path), why in FILLED_IN.items() if (kind.casefold(), path) == place), None
    )
    if source and difference.kind == "Delete":
        return f"the service fills it in ({source})"
    return None


def alike(before: Any, after: Any) -> bool:
    """Return whether two values mean the same to Azure: `pergb2018` and PerGB2018, None and [].

    If both are missing, nothing is known, and the answer is no.
    """
    if before is None and after is None:
        return False
    if isinstance(before, str) and isinstance(after, str):
        return before.casefold() == after.casefold()
    return (before is None and after in ([], {}, "")) or (after is None and before in ([], {}, ""))


def changes(answer: Any) -> list[dict[str, Any]]:
    """Return the changes, resource by resource.

    Raises:
        UnreadableError: as `stops`.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("changes"), list):
        raise UnreadableError("expected what-if's JSON, an object with a list `changes`")
    if answer.get("status") != "Succeeded":
        error = answer.get("error") or {}
        raise UnreadableError(f"what-if {answer.get('status')}: {error.get('message', error)}")
    for change in answer["changes"]:
        if not isinstance(change, dict) or not all(
            isinstance(change.get(name), str) for name in ("resourceId", "changeType")
        ):
            raise UnreadableError(f"a change has no resourceId or changeType: {change!r}")
    return list(answer["changes"])


def properties(delta: list[dict[str, Any]], above: tuple[str, ...] = ()) -> Iterator[Difference]:
    """Yield every property that would change, at any depth."""
    for entry in delta:
        path = (*above, *str(entry["path"]).split("."))
        children = entry.get("children") or []
        if not children:
            kind = entry["propertyChangeType"]
            yield Difference(path, kind, entry.get("before"), entry.get("after"))
        yield from properties(children, path)


def known_noise(answer: Any) -> Iterator[str]:
    """Yield the changes that would stop the deployment if they were not noise, with the reason."""
    for change in answer["changes"]:
        resource = short(change["resourceId"])
        for difference in properties(change.get("delta") or []):
            reason = noise(difference, of_type(resource))
            if reason and forbidden(difference):
                yield f"{resource}:{'.'.join(difference.path)}: {reason}"


def short(resource_id: str) -> str:
    """Return a resource's type and name, without its subscription and group."""
    return resource_id.rsplit("/providers/", 1)[-1]


def of_type(resource: str) -> str:
    """Return the type in a short id: PROVIDER/TYPE/NAME, then TYPE/NAME for each child."""
    parts = resource.split("/")
    return "/".join([*parts[:1], *parts[1::2]])


def unseen(answer: Any) -> Iterator[str]:
    """Yield the resources that what-if could not look at. A person should look at them."""
    for change in answer["changes"]:
        if change["changeType"] == "Unsupported":
            yield f"{short(change['resourceId'])}: {change.get('unsupportedReason')}"
    for diagnostic in answer.get("diagnostics") or []:
        yield f"{diagnostic.get('code')}: {diagnostic.get('message')}"


def main(arguments: list[str] | None = None) -> int:
    """List what would change; return 1 if something stops the deployment, 2 without an answer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("answer", type=Path)
    parser.add_argument(
        "--accept", default="", help="names of changes that may pass, separated by commas"
    )
    options = parser.parse_args(arguments)
    accepted = {name.strip() for name in options.accept.split(",")}
    try:
        answer = json.loads(options.answer.read_text(encoding="utf-8"))
        stopping = list(stops(answer))
    except (OSError, ValueError, UnreadableError) as error:
        print(f"##vso[task.logissue type=error]{options.answer}: {error}")
        return 2
    for change in answer["changes"]:
        print(f"{change['changeType']:<12} {short(change['resourceId'])}")
    for passed in known_noise(answer):
        print(f"passed over: {passed}")
    for unknown in unseen(answer):
        print(f"##vso[task.logissue type=warning]not looked at: {unknown}")
    for stop in stopping:
        kind = "warning" if stop.name in accepted else "error"
        print(f"##vso[task.logissue type={kind}]{stop.name}: {stop.reason}")
    return 1 if any(stop.name not in accepted for stop in stopping) else 0


if __name__ == "__main__":
    sys.exit(main())
