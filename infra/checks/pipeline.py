"""python -m infra.checks.pipeline: everything that can be said of the pipelines without Azure.

Microsoft's language service for Azure Pipelines checks tasks, inputs and shape; our own rules
check the order of things, the templates' parameters, who signs in where, and the scripts. What
Azure DevOps decides only in a run (connections, approvals, agents) nothing here can see.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from infra.checks import names, pipeline_path, pipeline_rules, pipeline_scripts
from infra.checks.compiler import LOCATION, NOBODY
from infra.checks.parameters import FROM_ENVIRONMENT
from infra.checks.pipeline_model import Expansion
from infra.checks.pipeline_rules import Node, steps

ROOT = Path(__file__).parents[2]
MAIN, ROLL_BACK = "azure-pipelines.yml", "infra/pipelines/roll-back.yml"
VALIDATE, COMPILER = "infra/pipelines/validate.yml", "infra/pipelines/compiler.sh"

SNAPSHOT = (
    f"nobody={NOBODY}\n",
    '--tenant-id "$nobody"',
    '--subscription-id "$nobody"',
    "--deployment-name sheriff",
    '--resource-group "rg-sheriff-$environment"',
    f"--location {LOCATION}",
)
"""What the committed snapshots were made with (infra/checks/compiler.py)."""

_SECRET = re.compile(
    r"(?i)(password|passwd|secret|account_?key|api_?key|shared_?access_?key|access_?token|"
    r"connection_?string|client_?key|\bsas\b)\w*['\"]?\s*[:=]\s*['\"]?(?![\s'\"$<|>]|%s|$)\S+"
)
_KEY = re.compile(
    r"(?<![\w/+=-])(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==|[a-z2-7]{52})(?![\w/+=])"
)

_NAMED = re.compile(r"(?i)password|passwd|secret|key$|token|connection_?string")

_linted: dict[tuple[str, str], list[str]] = {}


def sources() -> dict[str, str]:
    """The pipelines and their scripts by path, as they lie in the repository."""
    places = [ROOT / MAIN, *sorted((ROOT / "infra/pipelines").rglob("*"))]
    return {
        file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8")
        for file in places
        if file.suffix in {".yml", ".sh"}
    }


def lint(texts: Sequence[tuple[str, str]]) -> None:
    """Let the language service look at files, all of them in one process; remembers the answers."""
    unknown = [one for one in dict.fromkeys(texts) if one not in _linted]
    if not unknown:
        return
    schema = files("check_jsonschema") / "builtin_schemas/vendor/azure-pipelines.json"
    asked = {f"{number}.yml": text for number, (_, text) in enumerate(unknown)}
    done = subprocess.run(
        ["node", "pipeline_lint.js", str(schema)],
        cwd=Path(__file__).parent,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    for number, one in enumerate(unknown):
        _linted[one] = answer[f"{number}.yml"]


def problems(overlay: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with the pipelines, a line each; ``overlay`` replaces files by path."""
    texts = sources() | dict(overlay or {})
    # Empty stands for a file that is gone.
    texts = {path: text for path, text in texts.items() if text}
    pipelines = [(path, text) for path, text in texts.items() if path.endswith(".yml")]
    lint(pipelines)
    found = [f"{path}:{one}" for path, text in pipelines for one in _linted[path, text]]
    for path, text in texts.items():
        found += [f"{path}:{number}: looks like a secret" for number in secrets(text)]
        found += names.local({path: text})
        if path.endswith(".sh"):
            found += pipeline_scripts.of_file(path, text)
    found += _expanded(texts)
    return list(dict.fromkeys(found))


def secrets(text: str) -> Iterator[int]:
    """The lines that may hold a secret."""
    for number, line in enumerate(text.splitlines(), 1):
        if _SECRET.search(line) or _KEY.search(line):
            yield number


def _named_secrets(node: Any, path: str) -> Iterator[str]:
    """Variables by a secret's name that have a value."""
    if isinstance(node, dict):
        named, value = str(node.get("name", "")), str(node.get("value", "$"))
        if _NAMED.search(named) and not value.startswith("$"):
            yield f"{path}: {named} has a value"
    for one in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _named_secrets(one, path)


def _expanded(texts: Mapping[str, str]) -> Iterator[str]:
    if MAIN not in texts or ROLL_BACK not in texts:
        yield f"{MAIN} or {ROLL_BACK} is missing"
        return
    used = Expansion(texts)
    whole = used.pipeline(MAIN, lastEnvironment="prod", modelVersion="7")
    backs = [used.pipeline(ROLL_BACK, environment=environment, run="1")
             for environment in pipeline_rules.ENVIRONMENTS]  # fmt: skip
    yield from used.problems
    yield from (f"{MAIN}: {one}" for one in _rules(whole, texts))
    yield from (f"{MAIN}: {one}" for one in pipeline_path.to_production(whole))
    for last in pipeline_rules.ENVIRONMENTS:
        some = used.pipeline(MAIN, lastEnvironment=last)
        yield from (f"{MAIN}: {one}" for one in pipeline_path.no_further_than(some, last))
    for back in backs:
        yield from (f"{ROLL_BACK}: {one}" for one in _rules(back, texts))
        yield from (f"{ROLL_BACK}: {one}" for one in pipeline_path.rolling_back(back))
    yield from _named_secrets([whole, *backs], MAIN)
    for check in (_compiles, _pinned, _given):
        yield from check(texts)
    yield from _literal_connections(texts)


def _rules(pipeline: Node, texts: Mapping[str, str]) -> Iterator[str]:
    for rule in pipeline_rules.ALWAYS:
        yield from rule(pipeline)
    yield from pipeline_rules.own_pools(pipeline, texts)
    python = (ROOT / ".python-version").read_text().strip()
    yield from pipeline_rules.python_version(pipeline, python)
    for step in steps(pipeline):
        yield from pipeline_scripts.inline(step)
        for script in re.findall(r"[\w./-]+\.sh\b", step.script):
            if script not in texts:
                yield f"{step.place}: there is no script {script}"


def _compiles(texts: Mapping[str, str]) -> Iterator[str]:
    """The templates are compiled and held against their snapshots, as these were made."""
    script = texts.get("infra/pipelines/bicep.sh", "")
    for command in ("lint", "build", "build-params", "snapshot"):
        if f'"$bicep" {command} ' not in script:
            yield f"infra/pipelines/bicep.sh: bicep {command} is missing"
    for option in SNAPSHOT:
        if option not in script:
            yield f"infra/pipelines/bicep.sh: {option} is missing: snapshots are made with it"


def _pinned(texts: Mapping[str, str]) -> Iterator[str]:
    """Every script and step uses the pinned compiler, and only the first stage fetches it."""
    if "sha256sum --check" not in texts.get(COMPILER, ""):
        yield f"{COMPILER}: the compiler's hash is not checked"
    for path, text in texts.items():
        if "az bicep" in text or (".bicepparam" in text and "az deployment" in text):
            yield f"{path}: the compiler of az is not the pinned one"
        if "compiler.sh --fetch" in text and path not in (VALIDATE, COMPILER):
            yield f"{path}: an agent without a way out cannot fetch the compiler"


def _given(texts: Mapping[str, str]) -> Iterator[str]:
    """What parameter files read from the environment is given."""
    scripts = {one["variable"]: one["set_by"] for one in FROM_ENVIRONMENT.values()}
    for setting, script in scripts.items():
        if not re.search(rf"\b{setting}=", texts.get(script, "")):
            yield f"{script}: {setting} is not given to the parameters of an environment"
    for file in sorted((ROOT / "infra/environments").glob("*.bicepparam")):
        for setting in re.findall(r"readEnvironmentVariable\('(\w+)'", file.read_text("utf-8")):
            if setting not in scripts:
                yield f"{file.name}: nothing gives {setting}"


def _literal_connections(texts: Mapping[str, str]) -> Iterator[str]:
    for path, text in texts.items():
        for connection in re.findall(r"azureSubscription:\s*(.+)", text):
            if "${{ parameters." not in connection and "$(" not in connection:
                yield f"{path}: the service connection {connection} is no parameter"


def main() -> int:
    """Print the problems; 1 where there are any."""
    found = problems()
    print("\n".join(found) if found else f"{len(sources())} files are well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
