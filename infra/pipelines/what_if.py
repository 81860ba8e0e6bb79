#!/usr/bin/env python3
"""Stops a deployment that would delete something, or change what cannot be changed in place.

    az deployment group what-if ... --no-pretty-print --output json > what-if.json
    python3 infra/pipelines/what_if.py what-if.json [--accept NAME,NAME]

Every change is listed; each one that stops the deployment has a name, and a reason. Once a person
has decided for it, ``--accept`` lets exactly this one pass. Ends with 1 if any stops it. Needs
nothing but Python, of the agent's own version.
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

SCALED = "capacity"
"""Of a SKU: throughput units, which auto-inflate raises too; said, and not stopped for."""


class UnreadableError(Exception):
    """The answer is not one of what-if."""


@dataclass(frozen=True)
class Stop:
    """One change that stops the deployment: a name to accept it by, and the reason."""

    name: str
    reason: str


def stops(answer: Any) -> Iterator[Stop]:
    """What stops a deployment with this answer of what-if.

    Raises:
        UnreadableError: it is no such answer, or what-if failed.
    """
    for change in changes(answer):
        resource = short(change["resourceId"])
        if change["changeType"] == "Delete":
            yield Stop(f"{resource}:delete", "the resource would be deleted")
        for path, kind in properties(change.get("delta") or []):
            protected = next((part for part in path if part in PROTECTED), None)
            if protected and path[-1] != SCALED and kind != "NoEffect":
                yield Stop(f"{resource}:{'.'.join(path)}", PROTECTED[protected])


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
        if not isinstance(change, dict) or not {"resourceId", "changeType"} <= change.keys():
            raise UnreadableError(f"a change has no resourceId or changeType: {change!r}")
    return list(answer["changes"])


def properties(delta: list[dict[str, Any]], above: tuple[str, ...] = ()) -> Iterator[Any]:
    """The path and the kind of every property that would change; the whole, before its parts."""
    for one in delta:
        path = (*above, *str(one["path"]).split("."))
        children = one.get("children") or []
        if not children:
            yield path, one["propertyChangeType"]
        yield from properties(children, path)


def short(resource_id: str) -> str:
    """A resource's type and name, without its subscription and group."""
    return resource_id.rsplit("/providers/", 1)[-1]


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
    for unknown in unseen(answer):
        print(f"##vso[task.logissue type=warning]not looked at: {unknown}")
    for stop in found:
        kind = "warning" if stop.name in accepted else "error"
        print(f"##vso[task.logissue type={kind}]{stop.name}: {stop.reason}")
    return 1 if any(stop.name not in accepted for stop in found) else 0


if __name__ == "__main__":
    sys.exit(main())
