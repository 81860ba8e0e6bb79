"""python -m infra.audit: check what Sheriff takes from others (`make audit`).

It looks for known vulnerabilities of the locked packages, secrets in the repository, licences that
are not allowed, and old API versions. A check that needs a network and has no network fails, and
says so. `audit.toml` names the findings that are allowed, each with its reason.
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Any

from infra.checks.bicep import bench
from infra.checks.checkov import CHECKOV
from infra.checks.compiler import CompilerError
from infra.checks.tool import ToolError, answered
from infra.components import licences
from infra.local import commands
from infra.locked_packages import locked
from infra.package import ROOT
from shared.errors import SheriffError

LOCKS = ("requirements.txt", "requirements-train.txt", "requirements-dev.txt")
NPM = ("infra/local", "infra/checks")
TOOLS = (".venv-checkov", ".venv-audit")
"""Separate environments; the audit looks at every package installed there."""

_PIP_AUDIT = ROOT / ".venv-audit" / "bin" / "pip-audit"
_SECRETS = ROOT / ".checkov-secrets.yaml"
_CONFIGURATION = "infra/bicepconfig.json"
_RECENT = "use-recent-api-versions"


class AuditError(SheriffError):
    """A part could not be checked: in an audit, that is a finding too."""


def allowed(kind: str) -> Mapping[str, str]:
    """Return the allowed findings with their reasons, as `audit.toml` has them.

    ``kind`` is ``advisories`` or ``secrets``.
    """
    table: dict[str, dict[str, str]] = tomllib.loads((ROOT / "infra/audit.toml").read_text())
    return table[kind]


def python_advisories() -> Iterator[str]:
    """Yield the known vulnerabilities of the locked Python packages, by PyPI's own table."""
    files = [option for name in LOCKS for option in ("-r", name)]
    command = [str(_PIP_AUDIT), *files, "--disable-pip", "--format", "json"]
    yield from wrong_python(answered([*command, "--progress-spinner", "off"])["dependencies"])


def wrong_python(dependencies: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the findings in pip-audit's answer; a package that it skipped is one, too."""
    _say(f"{len(dependencies)} packages of {len(LOCKS)} lock files")
    skipped = [package for package in dependencies if "skip_reason" in package]
    if skipped:
        why = skipped[0]["skip_reason"]
        yield f"{len(skipped)} of {len(dependencies)} packages were not checked; the first: {why}"
    for package in dependencies:
        for advisory in package.get("vulns", ()):
            if not {advisory["id"], *advisory["aliases"]} & allowed("advisories").keys():
                versions = ", ".join(advisory["fix_versions"]) or "no version yet"
                yield (
                    f"{package['name']} {package['version']}: {advisory['id']}, fixed in {versions}"
                )


def npm_advisories() -> Iterator[str]:
    """Yield the known vulnerabilities of the locked npm packages, by npm's own table."""
    for folder in NPM:
        command = ["npm", "audit", "--json", "--package-lock-only"]
        answer = answered(command, ROOT / folder)
        yield from (f"{folder}: {finding}" for finding in wrong_npm(answer))


def wrong_npm(answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the findings in npm's answer."""
    if "metadata" in answer:
        _say(f"{answer['metadata']['dependencies']['total']} packages")
    if "vulnerabilities" not in answer:
        yield f"npm got no answer: {answer.get('message') or answer.get('error')}"
    for name, package in answer.get("vulnerabilities", {}).items():
        for why in package["via"]:
            # A text names another package, which has its own entry here.
            if isinstance(why, dict) and why["url"].rpartition("/")[2] not in allowed("advisories"):
                yield f"{name} {package['range']}: {why['severity']}: {why['title']}, {why['url']}"


def secrets() -> Iterator[str]:
    """Yield what looks like a key or a password in the files of the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = [name for name in listed.stdout.split("\0") if name]
    _say(f"{len(names)} files")
    files = [option for name in names for option in ("--file", name)]
    answer = answered([str(CHECKOV), "--config-file", str(_SECRETS), *files])
    if "results" not in answer:  # if it finds nothing, it prints only a summary
        yield from _stale(set())
        return
    secrets_by_key = {
        f"{Path(secret['file_abs_path']).relative_to(ROOT)} {secret['check_id']}": secret
        for secret in answer["results"]["failed_checks"]
    }
    for key in sorted(secrets_by_key.keys() - allowed("secrets").keys()):
        secret = secrets_by_key[key]
        yield f"{key} {secret['check_name']}, line {secret['file_line_range'][0]}"
    yield from _stale(set(secrets_by_key))


def _stale(keys: set[str]) -> Iterator[str]:
    """Yield the allowed secrets that are no longer there."""
    for key in sorted(allowed("secrets").keys() - keys):
        yield f"infra/audit.toml allows {key}, which is no longer there: take it out"


def wrong_licences() -> Iterator[str]:
    """Yield the packages whose licence the table does not allow, or that do not say theirs."""
    python, npm = list(_installed()), list(_npm_packages())
    _say(f"{len(python)} packages of Python, {len(npm)} of npm")
    deployed = locked(ROOT / "requirements-train.txt")  # the scorer's packages are among them
    for package in python:
        spdx = licences().of(package.metadata)
        if package.name in deployed or not _of_development(package.name, spdx):
            yield from _wrong_licence(package.name, package.version, spdx)
    for name, entry in npm:
        spdx = licences().npm.get(name) or licences().spdx(entry.get("license"))
        yield from _wrong_licence(name, entry["version"], spdx)


def _of_development(name: str, spdx: str | None) -> bool:
    """Return whether a package has a licence that is allowed if the package is not deployed."""
    return spdx is not None and licences().development.get(name) == spdx


def _wrong_licence(name: str, version: str, spdx: str | None) -> Iterator[str]:
    if spdx is None:
        yield f"{name} {version} does not say its licence: read it, and name it in licences.toml"
    elif not licences().permits(spdx):
        yield f"{name} {version} has the licence {spdx}, which licences.toml does not allow"


def _installed() -> Iterator[Distribution]:
    for name in locked(ROOT / "requirements-dev.txt"):  # the other two are parts of it
        try:
            yield distribution(name)
        except PackageNotFoundError:
            raise AuditError(f"{name} is locked and not installed: run `make setup`") from None
    for tool in TOOLS:
        places = [str(place) for place in (ROOT / tool).glob("lib/python*/site-packages")]
        if not places:
            raise AuditError(f"{tool} is not there: `make audit` makes it")
        yield from distributions(path=places)


def _npm_packages() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for folder in NPM:
        lock = json.loads((ROOT / folder / "package-lock.json").read_text())
        for path, entry in lock["packages"].items():
            if path:  # the entry without a path is the project itself
                yield path.rpartition("node_modules/")[2], entry


def old_versions() -> Iterator[str]:
    """Yield the API versions that the linter calls old. It goes by the calendar: no build fails."""
    configuration = json.loads((ROOT / _CONFIGURATION).read_text())
    configuration["analyzers"]["core"]["rules"][_RECENT] = {"level": "warning"}
    try:
        with bench({_CONFIGURATION: json.dumps(configuration)}) as on:
            said = on.compiler.compile(on.folder / "infra" / "main.bicep").diagnostics
    except CompilerError as error:
        raise AuditError(str(error)) from error
    yield from (line for line in said if f": {_RECENT}:" in line)


PARTS: Mapping[str, tuple[Callable[[], Iterator[str]], bool]] = {
    "vulnerabilities of Python packages": (python_advisories, True),
    "vulnerabilities of npm packages": (npm_advisories, True),
    "secrets in the repository": (secrets, True),
    "licences": (wrong_licences, True),
    "API versions by the calendar": (old_versions, False),
}
"""The checks by name, and whether a finding of each fails the audit."""


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def main() -> int:
    """Run every check and print its findings; return 1 if a check failed."""
    return commands.run("audit", _audit)


def _audit() -> int:
    failed = []
    for name, (part, counts) in PARTS.items():
        print(f"{name}:", flush=True)
        try:
            findings, fails = list(part()), counts
        except (AuditError, ToolError) as error:
            findings, fails = [str(error)], True
        if findings and fails:
            failed.append(name)
        for finding in findings:
            _say(finding)
        _say("nothing found" if not findings else "FAILED" if fails else "a warning")
    print(f"FAILED: {', '.join(failed)}" if failed else "the audit found nothing to act on")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
