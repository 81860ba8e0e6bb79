"""Microsoft's Bicep compiler, kept warm: what it says of templates, and what they come to.

The compiler is the one that ``SHERIFF_BICEP`` names, else that of the reference folder
(``SHERIFF_SHARED``), else the pinned version, which the client downloads once.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from anthonycmartin.bicep_rpc_client import (
    BicepClient,
    BicepClientConfiguration,
    BicepClientFactory,
    CompileParamsRequest,
    CompileRequest,
    FormatRequest,
    GetDeploymentGraphRequest,
    GetSnapshotRequest,
    RpcError,
    SnapshotMetadata,
)

from shared.errors import SheriffError

ROOT = Path(__file__).parents[2]
PINNED = (
    (ROOT / "infra/pipelines/bicep-version").read_text(encoding="utf-8").strip().removeprefix("v")
)
"""The version that the pipeline and the tests use."""

NOBODY = "00000000-0000-0000-0000-000000000000"
"""Subscription and tenant of every evaluation."""

LOCATION = "westeurope"
"""Region of every evaluation."""


_PROFILING = "DOTNET_TieredPGO"


class CompilerError(SheriffError):
    """There is no compiler, or it is another version, or it could not do what was asked."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template as Azure gets it, and what compiler and linter say of its source."""

    template: Mapping[str, Any]
    diagnostics: tuple[str, ...]


class Compiler:
    """One warm process of the compiler."""

    def __init__(self, client: BicepClient) -> None:
        self._client = client
        self._modules: dict[str, dict[str, str]] = {}

    def compile(self, file: Path) -> Compiled:
        """A ``.bicep`` file as a template; an empty one where it does not compile."""
        with _named(file):
            found = self._client.compile(CompileRequest(file))
        template = json.loads(found.contents) if found.contents else {}
        return Compiled(template, _lines(found.diagnostics))

    def parameters(self, file: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
        """What a ``.bicepparam`` file gives, by name, and what the compiler says of it."""
        with _named(file):
            found = self._client.compile_params(CompileParamsRequest(file))
        written = json.loads(found.parameters) if found.parameters else {"parameters": {}}
        given = {name: one.get("value") for name, one in written["parameters"].items()}
        return given, _lines(found.diagnostics)

    def snapshot(self, file: Path, resource_group: str) -> dict[str, Any]:
        """What a ``.bicepparam`` file comes to: ``predictedResources``, ``outputs``.

        Raises:
            CompilerError: it comes to nothing: the first thing that the compiler says of it.
        """
        where = SnapshotMetadata(
            tenant_id=NOBODY,
            subscription_id=NOBODY,
            resource_group=resource_group,
            location=LOCATION,
            deployment_name="sheriff",
        )
        try:
            with _named(file):
                found = self._client.get_snapshot(GetSnapshotRequest(file, where))
        except CompilerError:
            _, said = self.parameters(file)
            if said:
                raise CompilerError(said[0]) from None
            raise
        snapshot: dict[str, Any] = json.loads(found.snapshot)
        return snapshot

    def formatted(self, file: Path) -> str:
        """A file as ``bicep format`` writes it."""
        with _named(file):
            return self._client.format(FormatRequest(file)).contents

    def modules(self, file: Path) -> dict[str, str]:
        """The modules that a file calls: symbol, and path from that file's folder."""
        text = file.read_text(encoding="utf-8")
        if text not in self._modules:
            with _named(file):
                graph = self._client.get_deployment_graph(GetDeploymentGraphRequest(file))
            called = (one for one in graph.nodes if one.get("relativePath"))
            self._modules[text] = {one["name"]: one["relativePath"] for one in called}
        return self._modules[text]


@cache
def compiler() -> Compiler:
    """The compiler of this process; it ends with it.

    Raises:
        CompilerError: none can be had, or it is not the pinned version.
    """
    configuration = BicepClientConfiguration(PINNED, _at_hand())
    try:
        with _environment():
            client = BicepClientFactory().initialize(configuration)
    except (OSError, RuntimeError, EOFError) as error:
        raise CompilerError(
            f"no Bicep compiler {PINNED}: {error}; name one with SHERIFF_BICEP"
        ) from error
    atexit.register(client.close)
    if client.get_version() != PINNED:
        raise CompilerError(f"the Bicep compiler is {client.get_version()}, expected {PINNED}")
    return Compiler(client)


def _at_hand() -> Path | None:
    """A compiler on this machine; a copy where its run bit is missing."""
    named = os.environ.get("SHERIFF_BICEP")
    if named:
        return Path(named)
    reference = Path(os.environ.get("SHERIFF_SHARED", "/nowhere")) / "tools" / "bicep"
    if not reference.exists():
        return None
    if os.access(reference, os.X_OK):
        return reference
    folder = Path(tempfile.mkdtemp(prefix="sheriff-bicep-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = Path(shutil.copy(reference, folder))
    copy.chmod(copy.stat().st_mode | stat.S_IXUSR)
    return copy


@contextmanager
def _environment() -> Iterator[None]:
    """The compiler's environment, which its client takes from this process.

    It lacks what parameter files read, so that they come to the same anywhere. .NET's profiling of
    its own code is off: it makes every compilation dearer, and pays off only after minutes.
    """
    before = dict(os.environ)
    for name in before:
        if name.startswith("SHERIFF_"):
            del os.environ[name]
    os.environ[_PROFILING] = "0"
    try:
        yield
    finally:
        del os.environ[_PROFILING]
        os.environ.update(before)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    try:
        yield
    except (RpcError, OSError, EOFError, ValueError) as error:
        raise CompilerError(f"{file.name}: {error}") from error


def _lines(diagnostics: tuple[dict[str, Any], ...]) -> tuple[str, ...]:
    """A line each, without those of no consequence (the linter's hints)."""
    return tuple(
        f"{Path(one['source']).name}:{one['range']['start']['line'] + 1}: "
        f"{one['code']}: {one['message']}"
        for one in diagnostics
        if one["level"] in {"Error", "Warning"}
    )
