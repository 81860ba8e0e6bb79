"""The pipelines' shell scripts: through shellcheck and bash, and free of what Azure puts in."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from infra.checks.pipeline_rules import Step

_MACRO = re.compile(r"\$\([A-Za-z_][\w.]*\)|\$\{\{|\$\[")
_USED = re.compile(r"(?<!\\)\$\{?([A-Z][A-Z0-9_]+)")
_GIVEN = re.compile(r"^(AGENT|BUILD|PIPELINE|SYSTEM)_|^(HOME|PATH)$")
_OPTIONS = "set -euo pipefail"
_HIDDEN = re.compile(r"\|\|\s*(?:true|:|exit 0|echo)\b|set \+e|set \+o pipefail")
_MODULE = re.compile(r"-m ((?:infra|training|tests|functions)[\w.]*)")
ROOT = Path(__file__).parents[2]


@cache
def shell_problems(script: str) -> tuple[str, ...]:
    """What bash and shellcheck say of a script, a line each."""
    checked = subprocess.run(
        ["bash", "-n"], input=script, capture_output=True, text=True, check=False
    )
    found = checked.stderr.splitlines()
    shellcheck = Path(sys.executable).with_name("shellcheck")
    command = [str(shellcheck), "--shell=bash", "--format=gcc", "--severity=style", "-"]
    # SC2154 is what `_unset` below says more exactly.
    command.insert(1, "--exclude=SC2154")
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    return (*found, *done.stdout.splitlines())


def inline(step: Step) -> Iterator[str]:
    """What is wrong with a step's inline script."""
    if not step.script:
        return
    # What a person can choose reaches a script through its environment, never as its text.
    yield from (f"{step.place}: {found} is put into the script's text"
                for found in _MACRO.findall(step.script))  # fmt: skip
    lines = step.script.strip().splitlines()
    if len(lines) > 1 and _is_sequence(lines) and lines[0] != _OPTIONS:
        yield f"{step.place}: a script of several commands starts with {_OPTIONS}"
    yield from (f"{step.place}: {one}" for one in shell_problems(step.script))
    yield from (f"{step.place}: {one}" for one in _careless(step.script))
    yield from (f"{step.place}: {one}" for one in _options(step.script))
    yield from (f"{step.place}: ${one} is not in its env" for one in _unset(step))


def _is_sequence(lines: list[str]) -> bool:
    return any(not line.endswith("\\") for line in lines[:-1])


def _unset(step: Step) -> Iterator[str]:
    given: Mapping[str, object] = step.node.get("env") or {}
    for used in sorted(set(_USED.findall(step.script))):
        if used not in given and not _GIVEN.match(used):
            yield used


def _careless(script: str) -> Iterator[str]:
    """Failures that are hidden, and a token where other processes could read it."""
    yield from (f"{found!r} hides a failure" for found in _HIDDEN.findall(script))
    for line in script.splitlines():
        if "$SYSTEM_ACCESSTOKEN" in line and "<<<" not in line:
            yield f"SYSTEM_ACCESSTOKEN belongs into standard input: {line.strip()}"


def _options(script: str) -> Iterator[str]:
    """Options of our own commands that the command does not have."""
    for module in _MODULE.findall(script):
        file = ROOT / (module.replace(".", "/") + ".py")
        if not file.exists():
            continue
        known = set(re.findall(r"[\"'](--[a-z-]+)[\"']", file.read_text(encoding="utf-8")))
        lines = [
            line for line in script.splitlines() if f"-m {module}" in line or "options+=" in line
        ]
        used = set(re.findall(r"(?<![\w-])(--[a-z-]+)", "\n".join(lines)))
        yield from (f"{module} has no option {one}" for one in sorted(used - known))


def of_file(path: str, text: str) -> Iterator[str]:
    """What is wrong with a script that is a file."""
    if not text.startswith("#!/usr/bin/env bash\n") or f"\n{_OPTIONS}\n" not in text:
        yield f"{path}: expected bash, and {_OPTIONS}"
    yield from (f"{path}: {one}" for one in (*shell_problems(text), *_careless(text)))
