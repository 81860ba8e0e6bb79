"""Checkov as a second opinion on the templates: `make checkov`.

It lives in an environment of its own, for its pins conflict with Sheriff's. Its own reader of Bicep
follows no module, works out no parameter and fails on types; so it gets what production comes to,
from the committed snapshot. A template that it cannot read is a failure here: it would otherwise
pass unseen.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.checks.compiler import ROOT
from infra.checks.tool import ToolError, answered

CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
CONFIGURATION = ROOT / ".checkov.yaml"
SNAPSHOT = ROOT / "infra" / "environments" / "prod.snapshot.json"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
LEAST_CHECKS = 80
"""Fewer than these would mean that it looked at next to nothing."""


def problems(report: Mapping[str, Any]) -> Iterator[str]:
    """What a report of Checkov complains of, and what it could not read."""
    results, summary = report["results"], report["summary"]
    for file in results["parsing_errors"]:
        yield f"{file}: Checkov cannot read it"
    for failed in results["failed_checks"]:
        yield f"{failed['resource']}: {failed['check_id']} {failed['check_name']}"
    if summary["passed"] + summary["failed"] < LEAST_CHECKS:
        yield f"Checkov looked at {summary['passed']} things only, expected {LEAST_CHECKS}"


def template(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """What an environment comes to, as a template of Azure Resource Manager."""
    made = [
        {name: one for name, one in resource.items() if name != "id"}
        for resource in snapshot["predictedResources"]
    ]
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": made}


def report() -> dict[str, Any]:
    """Run Checkov on what production comes to.

    Raises:
        ToolError: it is not installed (`make checkov` does that), failed, or found no template.
    """
    snapshot = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    command = [str(CHECKOV), "--config-file", str(CONFIGURATION), "--output", "json", "--soft-fail"]
    with tempfile.TemporaryDirectory(prefix="sheriff-checkov-") as folder:
        (Path(folder) / "production.json").write_text(json.dumps(template(snapshot), indent=1))
        found = answered([*command, "--directory", folder])
    if not isinstance(found, dict) or "results" not in found:
        raise ToolError("Checkov found no template")
    return found


def main() -> int:
    """Print what is wrong; the exit code: 0 where nothing is."""
    try:
        found = list(problems(report()))
    except ToolError as error:
        found = [str(error)]
    print("\n".join(found) or "Checkov: nothing to complain of")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
