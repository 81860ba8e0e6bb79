"""python -m infra.audit: what Sheriff takes from others, looked through (`make audit`).

Known vulnerabilities of the locked packages, secrets in the repository, licences, and the API
versions that have grown old. What needs a network and finds none has failed, and says so. What is
found and let pass stands in `audit.toml`, with its reason.
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
from infra.package import ROOT, locked
from shared.errors import SheriffError

LOCKS = ("requirements.txt", "requirements-train.txt", "requirements-dev.txt")
NPM = ("infra/local", "infra/checks")
TOOLS = (".venv-checkov", ".venv-audit")
"""Environments of their own, of which every installed package is looked at."""

_PIP_AUDIT = ROOT / ".venv-audit" / "bin" / "pip-audit"
_SECRETS = ROOT / ".checkov-secrets.yaml"
_CONFIGURATION = "infra/bicepconfig.json"
_RECENT = "use-recent-api-versions"


class AuditError(SheriffError):
    """A part could not be looked at: in an audit, that is a finding."""


def allowed(kind: str) -> Mapping[str, str]:
    """What is let pass, with the reasons: ``advisories`` or ``secrets`` of ``audit.toml``."""
    table: dict[str, dict[str, str]] = tomllib.loads((ROOT / "infra/audit.toml").read_text())
    return table[kind]


def python_advisories() -> Iterator[str]:
    """Known vulnerabilities of what the lock files name, by PyPI's own table."""
    files = [option for name in LOCKS for option in ("-r", name)]
    command = [str(_PIP_AUDIT), *files, "--disable-pip", "--format", "json"]
    yield from wrong_python(answered([*command, "--progress-spinner", "off"])["dependencies"])


def wrong_python(dependencies: list[dict[str, Any]]) -> Iterator[str]:
    """What pip-audit's answer comes to; a package that it skipped was not looked at."""
    _say(f"{len(dependencies)} packages of {len(LOCKS)} lock files")
    skipped = [one for one in dependencies if "skip_reason" in one]
    if skipped:
        why = skipped[0]["skip_reason"]
        yield f"{len(skipped)} of {len(dependencies)} packages were not looked at; the first: {why}"
    for one in dependencies:
        for found in one.get("vulns", ()):
            if not {found["id"], *found["aliases"]} & allowed("advisories").keys():
                mended = ", ".join(found["fix_versions"]) or "no version yet"
                yield f"{one['name']} {one['version']}: {found['id']}, mended by {mended}"


def npm_advisories() -> Iterator[str]:
    """Known vulnerabilities of what npm's lock files name, by npm's own table."""
    for folder in NPM:
        command = ["npm", "audit", "--json", "--package-lock-only"]
        yield from (f"{folder}: {one}" for one in wrong_npm(answered(command, ROOT / folder)))


def wrong_npm(answer: Mapping[str, Any]) -> Iterator[str]:
    """What npm's answer comes to."""
    if "metadata" in answer:
        _say(f"{answer['metadata']['dependencies']['total']} packages")
    if "vulnerabilities" not in answer:
        yield f"npm was not answered: {answer.get('message') or answer.get('error')}"
    for name, one in answer.get("vulnerabilities", {}).items():
        for why in one["via"]:
            # A text names another package, which stands here by itself.
            if isinstance(why, dict) and why["url"].rpartition("/")[2] not in allowed("advisories"):
                yield f"{name} {one['range']}: {why['severity']}: {why['title']}, {why['url']}"


def secrets() -> Iterator[str]:
    """What looks like a key or a password in a file that git knows."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    names = [name for name in listed.stdout.split("\0") if name]
    _say(f"{len(names)} files")
    files = [option for name in names for option in ("--file", name)]
    answer = answered([str(CHECKOV), "--config-file", str(_SECRETS), *files])
    if "results" not in answer:  # with nothing found it prints a summary alone
        yield from _stale(set())
        return
    found = {
        f"{Path(one['file_abs_path']).relative_to(ROOT)} {one['check_id']}": one
        for one in answer["results"]["failed_checks"]
    }
    for key in sorted(found.keys() - allowed("secrets").keys()):
        yield f"{key} {found[key]['check_name']}, line {found[key]['file_line_range'][0]}"
    yield from _stale(set(found))


def _stale(found: set[str]) -> Iterator[str]:
    for key in sorted(allowed("secrets").keys() - found):
        yield f"infra/audit.toml: {key} is let pass and no longer found"


def wrong_licences() -> Iterator[str]:
    """Licences that the table does not allow, and packages that do not say theirs."""
    python, npm = list(_installed()), list(_of_npm())
    _say(f"{len(python)} packages of Python, {len(npm)} of npm")
    deployed = locked(ROOT / "requirements-train.txt")  # the scorer's packages are among them
    for found in python:
        spdx = licences().of(found.metadata)
        if found.name in deployed or not _of_development(found.name, spdx):
            yield from _wrong_licence(found.name, found.version, spdx)
    for name, one in npm:
        spdx = licences().npm.get(name) or licences().spdx(one.get("license"))
        yield from _wrong_licence(name, one["version"], spdx)


def _of_development(name: str, spdx: str | None) -> bool:
    """Whether a package has the licence that it may have as long as it is not deployed."""
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
            raise AuditError(f"{name} is locked and not installed: make setup") from None
    for tool in TOOLS:
        places = [str(place) for place in (ROOT / tool).glob("lib/python*/site-packages")]
        if not places:
            raise AuditError(f"{tool} is not there: make audit makes it")
        yield from distributions(path=places)


def _of_npm() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for folder in NPM:
        lock = json.loads((ROOT / folder / "package-lock.json").read_text())
        for path, one in lock["packages"].items():
            if path:  # the one without is the project itself
                yield path.rpartition("node_modules/")[2], one


def old_versions() -> Iterator[str]:
    """API versions that the linter calls old. It goes by the calendar, so it breaks no build."""
    configuration = json.loads((ROOT / _CONFIGURATION).read_text())
    configuration["analyzers"]["core"]["rules"][_RECENT] = {"level": "warning"}
    try:
        with bench({_CONFIGURATION: json.dumps(configuration)}) as on:
            said = on.compiler.compile(on.folder / "infra" / "main.bicep").diagnostics
    except CompilerError as error:
        raise AuditError(str(error)) from error
    yield from (one for one in said if f": {_RECENT}:" in one)


PARTS: Mapping[str, tuple[Callable[[], Iterator[str]], bool]] = {
    "vulnerabilities of Python packages": (python_advisories, True),
    "vulnerabilities of npm packages": (npm_advisories, True),
    "secrets in the repository": (secrets, True),
    "licences": (wrong_licences, True),
    "API versions by the calendar": (old_versions, False),
}
"""What is looked at, and whether a finding fails the audit."""


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def main() -> int:
    """Look at every part and print what is found; 1 where a part has failed."""
    return commands.run("audit", _audit)


def _audit() -> int:
    failed = []
    for name, (part, counts) in PARTS.items():
        print(f"{name}:", flush=True)
        try:
            found, fails = list(part()), counts
        except (AuditError, ToolError) as error:
            found, fails = [str(error)], True
        if found and fails:
            failed.append(name)
        for one in found:
            _say(one)
        _say("nothing found" if not found else "FAILED" if fails else "a warning")
    print(f"FAILED: {', '.join(failed)}" if failed else "the audit found nothing to act on")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
