"""What the answers of pip-audit, npm and Checkov come to; and which licences are let in."""

from collections.abc import Iterator
from email.message import Message
from typing import Any

import pytest

from infra import audit
from infra.audit import AuditError, main, wrong_npm, wrong_python
from infra.checks.tool import ToolError, answered
from infra.components import licences

# As pip-audit 2.10.1 answers with `--format json`, once without PyPI's table and once with it.
SKIPPED = {
    "name": "aiohttp",
    "skip_reason": "Dependency not found on PyPI and could not be audited",
}
WELL = {"name": "numpy", "version": "2.5.5", "vulns": []}
VULNERABLE = {
    "name": "flask",
    "version": "0.5",
    "vulns": [
        {
            "id": "PYSEC-2019-179",
            "fix_versions": ["1.0"],
            "aliases": ["CVE-2019-1010083", "GHSA-5wv5-4vpf-pj6m"],
            "description": "...",
        }
    ],
}

# As `npm audit --json` answers: where the registry has no advisories, and where it has one.
REFUSED = {
    "message": "405 Method Not Allowed - POST https://registry.example/-/npm/v1/security/...",
    "statusCode": 405,
}
ADVISED: dict[str, Any] = {
    "auditReportVersion": 2,
    "vulnerabilities": {
        "minimist": {
            "name": "minimist",
            "range": "<=0.2.3",
            "via": [
                {
                    "title": "Prototype Pollution in minimist",
                    "url": "https://github.com/advisories/GHSA-xvch-5gv4-984h",
                    "severity": "critical",
                }
            ],
        },
        "mkdirp": {"name": "mkdirp", "range": "0.4.1 - 0.5.1", "via": ["minimist"]},
    },
    "metadata": {"dependencies": {"total": 907}},
}


@pytest.fixture
def let_pass(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    table: dict[str, str] = {}
    monkeypatch.setattr(audit, "allowed", lambda _: table)
    return table


def test_a_package_that_was_not_looked_at_is_a_finding_though_the_tool_found_nothing() -> None:
    [found] = wrong_python([WELL, SKIPPED])
    assert found.startswith("1 of 2 packages were not checked")


def test_a_vulnerable_package_is_named_with_what_mends_it(let_pass: dict[str, str]) -> None:
    assert list(wrong_python([WELL, VULNERABLE])) == ["flask 0.5: PYSEC-2019-179, fixed in 1.0"]
    let_pass["CVE-2019-1010083"] = "no JSON is read"
    assert list(wrong_python([WELL, VULNERABLE])) == []


def test_an_answer_of_npm_without_advisories_is_a_finding() -> None:
    [found] = wrong_npm(REFUSED)
    assert found.startswith("npm got no answer: 405 Method Not Allowed")


def test_an_advisory_of_npm_is_named_once(let_pass: dict[str, str]) -> None:
    [found] = wrong_npm(ADVISED)
    assert found.startswith("minimist <=0.2.3: critical: Prototype Pollution")
    let_pass["GHSA-xvch-5gv4-984h"] = "only the local stack has it"
    assert list(wrong_npm(ADVISED)) == []


def test_what_is_let_pass_and_no_longer_found_is_a_finding(let_pass: dict[str, str]) -> None:
    let_pass["gone.py CKV_SECRET_6"] = "made up"
    assert list(audit._stale({"there.py CKV_SECRET_6"})) == [
        "infra/audit.toml allows gone.py CKV_SECRET_6, which is no longer there: take it out"
    ]


@pytest.mark.parametrize(
    ("said", "permitted"),
    [
        ("MIT", True),
        ("Apache Software License", True),
        ("(MIT OR GPL-3.0-or-later)", True),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", True),
        ("MIT AND GPL-3.0-or-later", False),
        ("AGPL-3.0-only", False),
        ("LGPL-2.1-only", False),
        ("SSPL-1.0", False),
    ],
)
def test_a_licence_is_let_in_by_the_table(said: str, *, permitted: bool) -> None:
    spdx = licences().spdx(said)
    assert spdx is not None
    assert licences().permits(spdx) is permitted
    assert bool(list(audit._wrong_licence("x", "1", spdx))) is not permitted


@pytest.mark.parametrize("said", [None, "", "BSD", "see LICENSE", "Copyright (c) 2001 " * 9])
def test_a_licence_that_is_not_said_is_a_finding(said: str | None) -> None:
    assert licences().spdx(said) is None
    [found] = audit._wrong_licence("x", "1", None)
    assert "does not say its licence" in found


class Installed:
    """A package that is installed here, by its name and its licence."""

    def __init__(self, name: str, licence: str) -> None:
        self.name, self.version, self.metadata = name, "1", Message()
        self.metadata["Name"], self.metadata["License-Expression"] = name, licence


@pytest.mark.parametrize(
    ("deployed", "name", "licence", "found"),
    [
        ("numpy", "pylint", "GPL-2.0-or-later", []),
        ("pylint", "pylint", "GPL-2.0-or-later", ["pylint"]),
        ("numpy", "pylint", "AGPL-3.0-only", ["pylint"]),
        ("numpy", "other", "GPL-2.0-or-later", ["other"]),
    ],
)
def test_a_tool_of_development_may_have_its_licence_unless_it_is_deployed(
    deployed: str, name: str, licence: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_installed", lambda: iter([Installed(name, licence)]))
    monkeypatch.setattr(audit, "_npm_packages", lambda: iter(()))
    monkeypatch.setattr(audit, "locked", lambda _: {deployed: "1"})
    assert [one.split()[0] for one in audit.wrong_licences()] == found


@pytest.mark.parametrize(
    ("counts", "found", "code"), [(True, ["x"], 1), (True, [], 0), (False, ["x"], 0)]
)
def test_it_fails_by_what_counts(
    monkeypatch: pytest.MonkeyPatch, *, counts: bool, found: list[str], code: int
) -> None:
    monkeypatch.setattr(audit, "PARTS", {"part": (lambda: iter(found), counts)})
    assert main() == code


def test_a_part_that_cannot_be_looked_at_fails_and_the_others_are_looked_at(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> Iterator[str]:
        raise AuditError("it is not there")

    parts = {"first": (broken, False), "second": (lambda: iter(()), True)}
    monkeypatch.setattr(audit, "PARTS", parts)
    assert main() == 1
    assert capsys.readouterr().out.splitlines() == [
        "first:",
        "  it is not there",
        "  FAILED",
        "second:",
        "  nothing found",
        "FAILED: first",
    ]


def test_a_tool_that_is_not_there_or_says_no_json_is_one_line() -> None:
    with pytest.raises(ToolError, match="no-such-tool is not there"):
        answered(["/no-such-tool"])
    with pytest.raises(ToolError, match="sh gave no answer; it said: no route"):
        answered(["/bin/sh", "-c", "echo no route >&2; exit 3"])
