#!/usr/bin/env python3
"""Stops a deployment that would delete something, or change what cannot be changed in place.

    az deployment group what-if ... --no-pretty-print --output json > what-if.json
    python3 infra/pipelines/what_if.py what-if.json [--accept NAME,NAME]

Every change is listed; each one that stops the deployment has a name, and a reason. Once a person
has decided for it, ``--accept`` lets exactly this one pass. What-if also shows differences after a
deployment that changed nothing; those that are known (`noise`) stop nothing and are named with
their source. Ends with 1 if any change stops the deployment. Needs nothing but Python, of the
agent's own version.
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
"""Of a SKU: throughput units. The pipeline passes on what auto-inflate has made of them; more may
be asked for, fewer stop the deployment."""

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
reported as noise. The templates name none of them, so what-if shows each as one that would be
deleted, which no deployment does."""


class UnreadableError(Exception):
    """The answer is not one of what-if."""


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
    """What stops a deployment with this answer of what-if.

    Raises:
        UnreadableError: it is no such answer, or what-if failed.
    """
    for change in changes(answer):
        resource = short(change["resourceId"])
        if change["changeType"] == "Delete":
            yield Stop(f"{resource}:delete", "the resource would be deleted")
        for one in properties(change.get("delta") or []):
            reason = None if noise(one, of_type(resource)) else forbidden(one)
            if reason:
                yield Stop(f"{resource}:{'.'.join(one.path)}", reason)


def forbidden(one: Difference) -> str | None:
    """Why a property may not change so without a person; None where it may."""
    protected = next((part for part in one.path if part in PROTECTED), None)
    if protected is None:
        return None
    if one.path[-1] == CAPACITY:
        return "producers would be throttled until it grows again" if fewer(one) else None
    return PROTECTED[protected]


def fewer(one: Difference) -> bool:
    """Whether a number would become less; one that goes away altogether becomes Azure's default."""
    if not isinstance(one.before, int | float):
        return False
    return one.after is None or (isinstance(one.after, int | float) and one.after < one.before)


def noise(one: Difference, resource_type: str) -> str | None:
    """Why a difference is none, with its source where that is a public report; None where it is."""
    if one.kind == "NoEffect":
        return "what-if itself says that it has no effect"
    if alike(one.before, one.after):
        return "both are the same but for the case of letters, or are both empty"
    place = (resource_type.casefold(), ".".join(one.path))
    source = next(
        (why for (kind, path), why in FILLED_IN.items() if (kind.casefold(), path) == place), None
    )
    return f"the service fills it in ({source})" if source and one.kind == "Delete" else None


def alike(before: Any, after: Any) -> bool:
    """Whether two values mean the same to Azure: `pergb2018` is PerGB2018, and nothing is an empty
    list. Two that are both missing say nothing."""
    if before is None and after is None:
        return False
    if isinstance(before, str) and isinstance(after, str):
        return before.casefold() == after.casefold()
    return (before is None and after in ([], {}, "")) or (after is None and before in ([], {}, ""))


def changes(answer: Any) -> list[dict[str, Any]]:
    """The changes, resource by resource.

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
    """Every property that would change, at any depth."""
    for one in delta:
        path = (*above, *str(one["path"]).split("."))
        children = one.get("children") or []
        if not children:
            yield Difference(path, one["propertyChangeType"], one.get("before"), one.get("after"))
        yield from properties(children, path)


def overheard(answer: Any) -> Iterator[str]:
    """What would have stopped the deployment, had it not been known for noise; with the reason."""
    for change in answer["changes"]:
        resource = short(change["resourceId"])
        for one in properties(change.get("delta") or []):
            reason = noise(one, of_type(resource))
            if reason and forbidden(one):
                yield f"{resource}:{'.'.join(one.path)}: {reason}"


def short(resource_id: str) -> str:
    """A resource's type and name, without its subscription and group."""
    return resource_id.rsplit("/providers/", 1)[-1]


def of_type(resource: str) -> str:
    """The type of a resource by its short id: PROVIDER/TYPE/NAME, then TYPE/NAME for each child."""
    parts = resource.split("/")
    return "/".join([*parts[:1], *parts[1::2]])


def unseen(answer: Any) -> Iterator[str]:
    """What what-if could not look at, so that a person should."""
    for change in answer["changes"]:
        if change["changeType"] == "Unsupported":
            yield f"{short(change['resourceId'])}: {change.get('unsupportedReason')}"
    for one in answer.get("diagnostics") or []:
        yield f"{one.get('code')}: {one.get('message')}"


def main(arguments: list[str] | None = None) -> int:
    """List what would change; 1 where something stops the deployment, 2 without an answer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("answer", type=Path)
    parser.add_argument("--accept", default="", help="names that may pass, commas between")
    options = parser.parse_args(arguments)
    accepted = {name.strip() for name in options.accept.split(",")}
    try:
        answer = json.loads(options.answer.read_text(encoding="utf-8"))
        found = list(stops(answer))
    except (OSError, ValueError, UnreadableError) as error:
        print(f"##vso[task.logissue type=error]{options.answer}: {error}")
        return 2
    for change in answer["changes"]:
        print(f"{change['changeType']:<12} {short(change['resourceId'])}")
    for passed in overheard(answer):
        print(f"passed over: {passed}")
    for unknown in unseen(answer):
        print(f"##vso[task.logissue type=warning]not looked at: {unknown}")
    for stop in found:
        kind = "warning" if stop.name in accepted else "error"
        print(f"##vso[task.logissue type={kind}]{stop.name}: {stop.reason}")
    return 1 if any(stop.name not in accepted for stop in found) else 0


if __name__ == "__main__":
    sys.exit(main())
