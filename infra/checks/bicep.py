"""Every check of the templates at once."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from infra.checks import (
    access,
    alarms,
    delivery,
    flex,
    hardening,
    names,
    operations,
    order,
    parameters,
    private,
    queries,
    sign_in,
    versions,
)
from infra.checks.compiler import ROOT, Compiler, CompilerError, compiler
from infra.checks.deployment import Deployment, Templates
from infra.checks.splice import spliced
from infra.local import commands

type Files = Mapping[str, str]
"""Paths from the repository's root, and texts."""

type Overlay = Mapping[str, str]
"""Files that differ from those on disk: path from the repository's root, and text."""

ENVIRONMENTS = ("dev", "test", "prod")

FAILED = "no template: "
"""How a line begins that says that a check could not be made."""

_READ = (
    "infra/*.bicep",
    "infra/modules/*.bicep",
    "infra/environments/*.bicepparam",
    "infra/workbook.json",
    "infra/bicepconfig.json",
    "README.md",
    "docs/*.md",
    "functions/*.py",
    "training/settings.py",
    "shared/stores/settings.py",
    "local.settings.example.json",
    "host.json",
    "pyproject.toml",
)

_POLICIES = (hardening, flex, access, private, operations, alarms, sign_in, order)


@dataclass(frozen=True, slots=True)
class Bench:
    """The compiler, and a folder with all that it reads, some of it replaced."""

    compiler: Compiler
    folder: Path
    files: Files

    def environment(self, name: str) -> Path:
        """The parameter file of an environment."""
        return self.folder / "infra" / "environments" / f"{name}.bicepparam"


@contextmanager
def bench(overlay: Overlay) -> Iterator[Bench]:
    """Put the files that are checked into a folder of their own.

    Raises:
        CompilerError: there is no compiler.
    """
    files = read_files(overlay)
    folder = Path(tempfile.mkdtemp(prefix="sheriff-templates-"))
    try:
        for name, text in files.items():
            if name.startswith("infra/"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(text, encoding="utf-8")
        yield Bench(compiler(), folder, files)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_files(overlay: Overlay) -> dict[str, str]:
    """Every file the checks look at, some of them replaced."""
    return _on_disk() | dict(overlay)


@cache
def _on_disk() -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for pattern in _READ
        for path in sorted(ROOT.glob(pattern))
    }


def problems(overlay: Overlay) -> Iterator[str]:
    """What is wrong with the templates, a line each, as it is found; none where all is well.

    Raises:
        CompilerError: there is no compiler.
    """
    with bench(overlay) as on:
        try:
            yield from _found(on, _templates(on, overlay))
        except CompilerError as error:
            yield str(error)
        except (LookupError, AttributeError, TypeError, ValueError) as error:
            # A template that is not even of the right shape comes to nothing.
            yield f"{FAILED}{error!r}"


def _templates(on: Bench, overlay: Overlay) -> Templates:
    """The templates, compiled; where one module differs from those on disk, that one alone."""
    compiled = None
    if len(overlay) == 1:
        compiled = spliced(on.compiler, on.folder, whole(), *overlay)
    return Templates.of(on.compiler, on.folder, compiled=compiled)


@cache
def whole() -> Templates:
    """The templates on disk, compiled.

    Raises:
        CompilerError: there is no compiler.
    """
    with bench({}) as on:
        return Templates.of(on.compiler, on.folder)


def _found(on: Bench, templates: Templates) -> Iterator[str]:
    yield from templates.compiled.diagnostics
    if templates.compiled.diagnostics:
        return
    yield from _files(on.files)
    yield from access.named_by_principal(templates.compiled.template)
    yield from versions.problems(templates.compiled.template)
    yield from parameters.unbounded(templates.compiled.template)
    given = {}
    for environment in reversed(ENVIRONMENTS):  # production first: it has most of what there is
        given[environment], said = _given(on, templates, environment)
        yield from (one for one in said if one not in templates.compiled.diagnostics)
        yield from parameters.problems(environment, given[environment])
        deployment = templates.deployed(on.compiler, given[environment])
        yield from operations.production(deployment)
        yield from _policies(on.files, deployment)
    for deployment in _combinations(on, templates, given):
        yield from _policies(on.files, deployment)
    yield from parameters.refused(templates, on.compiler, given["dev"])
    first = on.compiler.compile(on.folder / "infra" / "network.bicep")
    yield from (one for one in first.diagnostics if one not in templates.compiled.diagnostics)
    yield from private.network_first(templates.compiled.template, first.template)


def _files(files: Files) -> Iterator[str]:
    for file, text in files.items():
        if file.endswith((".bicep", ".bicepparam")):
            yield from hardening.secret_functions(file, text)
        if file.endswith(".bicepparam"):
            yield from parameters.from_environment(file, text)
        if file.endswith(".bicep") and not text.startswith("// "):
            yield f"{file}: does not begin with what it is for"
    yield from access.named_roles(files)
    yield from names.documents(files)
    yield from queries.problems(files)


_known: dict[tuple[str, str], tuple[dict[str, Any], tuple[str, ...]]] = {}


def _given(
    on: Bench, templates: Templates, environment: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What an environment's file gives, and what the compiler says of it; asked once.

    It follows from the file and from the parameters that main.bicep declares.
    """
    declared = {one: templates.compiled.template.get(one) for one in ("parameters", "definitions")}
    key = (on.environment(environment).read_text(encoding="utf-8"), json.dumps(declared))
    if key not in _known:
        _known[key] = on.compiler.parameters(on.environment(environment))
    return _known[key]


def _combinations(
    on: Bench, templates: Templates, given: Mapping[str, Mapping[str, Any]]
) -> Iterator[Deployment]:
    for switched in parameters.pairs():
        yield templates.deployed(on.compiler, {**given[switched["environmentName"]], **switched})


@cache
def deployments() -> list[Deployment]:
    """What the templates on disk come to: in every environment, then in every combination.

    Raises:
        CompilerError: one of them comes to nothing.
    """
    with bench({}) as on:
        templates = Templates.of(on.compiler, on.folder)
        given = {one: _given(on, templates, one)[0] for one in ENVIRONMENTS}
        each = [templates.deployed(on.compiler, given[one]) for one in ENVIRONMENTS]
        return [*each, *_combinations(on, templates, given)]


def snapshot(on: Bench, environment: str) -> str:
    """What an environment comes to, as it is committed: keys in order."""
    found = on.compiler.snapshot(on.environment(environment), f"rg-sheriff-{environment}")
    return json.dumps(found, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _policies(files: Files, deployment: Deployment) -> Iterator[str]:
    for check in _POLICIES:
        yield from check.problems(deployment)
    yield from names.problems(files, deployment)
    yield from delivery.problems(files, deployment)


def main() -> int:
    """Print what is wrong with the templates; with ``--snapshots``, renew what is committed."""
    parser = argparse.ArgumentParser("python -m infra.checks.bicep", description=__doc__)
    parser.add_argument("--snapshots", action="store_true", help="write ENVIRONMENT.snapshot.json")
    asked = parser.parse_args()
    return commands.run("bicep", _renew if asked.snapshots else _say, bad=2)


def _renew() -> int:
    with bench({}) as on:
        for environment in ENVIRONMENTS:
            file = ROOT / "infra" / "environments" / f"{environment}.snapshot.json"
            file.write_text(snapshot(on, environment), encoding="utf-8")
            print(file.relative_to(ROOT))
    return 0


def _say() -> int:
    found = list(dict.fromkeys(problems({})))
    print("\n".join(found) if found else "the templates are well")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
