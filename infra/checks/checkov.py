"""Checkov as a second opinion on the templates: `make checkov`.

It lives in an environment of its own, for its pins conflict with Sheriff's. Its own reader of Bicep
follows no module, works out no parameter and fails on types; so it gets what production comes to,
from the committed snapshot. A template that it cannot read is a failure here: it would otherwise
pass unseen.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.checks.compiler import ROOT
from shared.errors import SheriffError

CHECKOV = ROOT / ".venv-checkov" / "bin" / "checkov"
CONFIGURATION = ROOT / ".checkov.yaml"
SNAPSHOT = ROOT / "infra" / "environments" / "prod.snapshot.json"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
LEAST_CHECKS = 80
"""Fewer than these would mean that it looked at next to nothing."""


class CheckovError(SheriffError):
    """Checkov did not run, or said nothing that can be read."""


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
        CheckovError: it is not installed (`make checkov` does that), or failed.
    """
    snapshot = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="sheriff-checkov-") as folder:
        (Path(folder) / "production.json").write_text(json.dumps(template(snapshot), indent=1))
        return _asked(folder)


def _asked(folder: str) -> dict[str, Any]:
    command = [str(CHECKOV), "--config-file", str(CONFIGURATION), "--directory", folder]
    command += ["--output", "json", "--soft-fail"]
    try:
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        found = json.loads(ran.stdout)
    except FileNotFoundError as error:
        raise CheckovError(f"{CHECKOV} is not there: make checkov installs it") from error
    except subprocess.CalledProcessError as error:
        raise CheckovError(
            f"Checkov ended with {error.returncode}: {error.stderr[-500:]}"
        ) from error
    except ValueError as error:
        raise CheckovError("Checkov said nothing that can be read") from error
    if not isinstance(found, dict) or "results" not in found:
        raise CheckovError("Checkov found no template")
    return found


def main() -> int:
    """Print what is wrong; the exit code: 0 where nothing is."""
    try:
        found = list(problems(report()))
    except CheckovError as error:
        found = [str(error)]
    print("\n".join(found) or "Checkov: nothing to complain of")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
