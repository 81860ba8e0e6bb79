"""Every check of the templates at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from infra.checks import (
    access,
    alarms,
    delivery,
    flex,
    hardening,
    names,
    operations,
    parameters,
    private,
    sign_in,
    versions,
    vocabulary,
)
from infra.checks.deployment import Deployment, Files, deployed
from infra.checks.mutants import ROOT, Overlay
from infra.checks.parameters import ENVIRONMENTS
from infra.checks.syntax import BicepError, parsed
from shared.errors import SheriffError

_READ = (
    "infra/*.bicep",
    "infra/modules/*.bicep",
    "infra/environments/*.bicepparam",
    "infra/workbook.json",
    "infra/bicepconfig.json",
    "docs/settings.md",
    "functions/*.py",
    "training/settings.py",
    "local.settings.example.json",
    "host.json",
    "pyproject.toml",
)

ELSEWHERE = {"mlflowTrackingUri": "https://mlflow.example.com"}
"""MLflow on another server."""

NAMED = {
    "pipelinePrincipalId": "pipeline-object-id",
    "deskClientId": "desk-client-id",
    "analystGroupId": "analyst-group-id",
}
"""What the pipeline gives, and a file leaves empty."""


_POLICIES = (hardening, flex, access, private, operations, alarms, sign_in, vocabulary)


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
    """What is wrong with the templates, a line each, as it is found; none where all is well."""
    files = read_files(overlay)
    try:
        broken = list(_files(files))
        yield from broken
        if not broken:
            yield from _environments(files)
    except (SheriffError, LookupError, AttributeError, TypeError, ValueError) as error:
        # A template that is not even of the right shape comes to nothing.
        yield str(error) if isinstance(error, SheriffError) else f"no template: {error!r}"


def _files(files: Files) -> Iterator[str]:
    for file, text in files.items():
        if file.endswith((".bicep", ".bicepparam")):
            try:
                parsed(file, text)
            except BicepError as error:
                yield str(error)
                continue
            yield from hardening.secret_functions(file, text)
            yield from versions.problems(file, text)
    yield from access.named_roles(files)
    yield from access.named_by_principal(files)
    yield from versions.unused(files)
    yield from names.documents(files)


def _environments(files: Files) -> Iterator[str]:
    for environment in ENVIRONMENTS:
        asked = deployed(files, parameters.given(files, environment))
        yield from parameters.problems(files, environment, asked)
        yield from operations.production(asked)
    for deployment in every_deployment(files):
        yield from _policies(files, deployment)


def every_deployment(files: Files) -> Iterator[Deployment]:
    """Each environment as its file says and with the network's switch the other way; then with
    what the pipeline gives, and with MLflow elsewhere.

    Raises:
        BicepError: one of them comes to nothing.
    """
    for environment in ENVIRONMENTS:
        given = parameters.given(files, environment)
        for changed in ({}, {"privateNetwork": not given["privateNetwork"]}):
            yield deployed(files, given | changed)
        if environment == "dev":
            yield deployed(files, given | NAMED)
            yield deployed(files, given | NAMED | ELSEWHERE)


def _policies(files: Files, deployment: Deployment) -> Iterator[str]:
    for check in _POLICIES:
        yield from check.problems(deployment)
    yield from names.problems(files, deployment)
    yield from delivery.problems(files, deployment)
    yield from versions.order(deployment)
