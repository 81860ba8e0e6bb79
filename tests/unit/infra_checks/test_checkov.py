import re
from pathlib import Path
from typing import Any

import pytest

from infra.checks import checkov
from infra.checks.checkov import CONFIGURATION, LEAST_CHECKS, problems
from infra.checks.compiler import ROOT
from infra.checks.tool import ToolError

FAILED = {
    "check_id": "CKV_AZURE_1",
    "check_name": "something is safe",
    "resource": "Microsoft.Web/sites.desk",
}


def report(**results: Any) -> dict[str, Any]:
    """A report as Checkov writes it."""
    found = {"parsing_errors": [], "failed_checks": []} | results
    return {"results": found, "summary": {"passed": LEAST_CHECKS, "failed": 0}}


def test_a_clean_report_is_clean() -> None:
    assert list(problems(report())) == []


def test_a_template_that_cannot_be_read_is_a_failure() -> None:
    found = list(problems(report(parsing_errors=["production.json"])))
    assert found == ["production.json: Checkov cannot read it"]


def test_a_failed_check_is_named_with_its_place() -> None:
    found = list(problems(report(failed_checks=[FAILED])))
    assert found == ["Microsoft.Web/sites.desk: CKV_AZURE_1 something is safe"]


def test_a_report_of_next_to_nothing_is_a_failure() -> None:
    nothing = report() | {"summary": {"passed": 3, "failed": 0}}
    assert list(problems(nothing)) == [f"Checkov looked at 3 things only, expected {LEAST_CHECKS}"]


def test_it_is_given_what_production_comes_to_and_must_answer_with_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "checkov"
    script = """#!/bin/sh
for last; do :; done
printf '{"results": %s}' "$(cat "$last"/production.json)"
"""
    stand_in.write_text(script)
    stand_in.chmod(0o755)
    monkeypatch.setattr(checkov, "CHECKOV", stand_in)
    types = {one["type"] for one in checkov.report()["results"]["resources"]}
    assert {"Microsoft.Web/sites", "Microsoft.Network/privateEndpoints"} <= types
    stand_in.write_text("#!/bin/sh\necho '[]'\n")
    with pytest.raises(ToolError, match="found no template"):
        checkov.report()


def test_every_skip_has_its_reason() -> None:
    skipped = re.findall(r"(?m)^  - CKV_\w+(.*)$", CONFIGURATION.read_text(encoding="utf-8"))
    assert len(skipped) > 10
    assert all(re.fullmatch(r" +# \S.{10,}", reason) for reason in skipped)


@pytest.mark.parametrize("package", ["checkov==3.3.30"])
def test_its_packages_are_locked_with_their_hashes(package: str) -> None:
    locked = (ROOT / "infra/checks/requirements-checkov.txt").read_text(encoding="utf-8")
    assert f"{package} \\\n    --hash=sha256:" in locked
