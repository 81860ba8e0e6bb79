"""Checks of a deployment's apps from outside: health, release, model and functions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from functions.model_loader import ModelLoader
from infra.waiting import Broken, NotYet

FUNCTIONS = {
    "scorer": {"score_orders", "watch_hub", "health"},
    "desk": {"alerts", "health"},
    "trainer": {"retrain_nightly", "follow_training", "health"},
    "all": {
        "score_orders",
        "watch_hub",
        "alerts",
        "retrain_nightly",
        "follow_training",
        "health",
    },
}
"""The functions of an app, by its role."""

_WELL = {"ok", "degraded"}
"""The answers of health that pass. `degraded` passes too: trouble outside this release must not
roll it back."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The expectations of the command line."""

    health_urls: tuple[str, ...]
    version: str | None
    functions: frozenset[str]
    listed: tuple[str, ...]
    seconds: float


@dataclass
class DeployedApps:
    """The apps of a deployment, and the model they should use.

    Each check returns one line: what it saw.
    """

    web: aiohttp.ClientSession
    models: ModelLoader
    expected: Expected
    roles: set[str] = field(default_factory=set)

    async def health(self, url: str) -> dict[str, Any]:
        """Return what an app says of itself.

        Raises:
            NotYet: it is not well, runs another release, or refuses what it should serve. All of
                these may pass: the app looks again.
        """
        async with self.web.get(url) as answer:
            body = await _json(answer)
        if not isinstance(body, dict) or answer.status != 200 or body.get("status") not in _WELL:
            raise NotYet(f"{url} answers {answer.status}")
        if body.get("role") not in FUNCTIONS:
            raise NotYet(f"{url} names no role of Sheriff's")
        refusal = body.get("last_refusal")
        if refusal:
            raise NotYet(f"{url} refuses {refusal['what']}: {refusal['why']}")
        wanted, release = self.expected.version, body.get("release")
        if wanted is not None and not is_release(release, wanted):
            raise NotYet(f"{url} runs release {release}, expected {wanted}")
        return body

    async def well(self, url: str) -> str:
        """Check an app's health, and remember its role."""
        body = await self.health(url)
        self.roles.add(body["role"])
        release = f", release {body['release']}" if body.get("release") else ""
        model = f", model {body['bundle_version']}" if "bundle_version" in body else ""
        problems = "; ".join(str(problem) for problem in body.get("problems") or ())
        return f"{url}: {body['role']}{release}{model}{f' ({problems})' if problems else ''}"

    async def same_model(self) -> str:
        """Check that model, catalogue and policy are good, and that every app uses them."""
        try:
            scorer = await self.models.refresh()
        finally:  # also if nothing in the store may serve
            for refusal in self.models.refusals():
                raise Broken(f"{refusal['what']} must not serve: {refusal['why']}")
        mine = self.models.status()
        for url in self.expected.health_urls:
            theirs = await self.health(url)
            if theirs["role"] == "desk":  # it uses no model
                continue
            for what in ("bundle_version", "catalogue_version", "policy_version"):
                if theirs.get(what) != mine[what]:
                    raise NotYet(f"{url}: {what} is {theirs.get(what)}, expected {mine[what]}")
        return f"{scorer.bundle.version}, {scorer.bundle.trained_orders:,} orders learned from"

    async def functions(self) -> str:
        """Check that every function is listed that the apps should have."""
        wanted = self.expected.functions.union(*(FUNCTIONS[role] for role in self.roles))
        names: set[str] = set()
        for where in self.expected.listed:
            names |= listed(await self._document(where))
        if missing := sorted(wanted - names):
            raise NotYet(f"not listed: {', '.join(missing)}; listed: {', '.join(sorted(names))}")
        return ", ".join(sorted(names))

    async def _document(self, where: str) -> Any:
        """Read a JSON document from a file or a URL."""
        if "://" in where:
            async with self.web.get(where) as answer:
                return await _json(answer)
        try:
            return msgspec.json.decode(await asyncio.to_thread(Path(where).read_bytes))
        except (OSError, msgspec.DecodeError) as error:
            raise Broken(f"{where}: {error}") from error


async def _json(answer: aiohttp.ClientResponse) -> Any:
    try:
        return msgspec.json.decode(await answer.read())
    except msgspec.DecodeError as error:
        raise NotYet(f"{answer.url} answers {answer.status}, and no JSON") from error


def is_release(release: Any, wanted: str) -> bool:
    """Return whether an app's release is the wanted one, by its name, version or commit."""
    return wanted in (release.values() if isinstance(release, dict) else (release,))


def listed(document: Any) -> set[str]:
    """Return the names of the listed functions that are not disabled.

    ``az functionapp function list`` and a host's ``/admin/functions`` both print a list of objects
    with a ``name``, which may have the app's name and a slash before it.

    Raises:
        Broken: the document is no such list.
    """
    if not isinstance(document, list) or not all(isinstance(entry, dict) for entry in document):
        raise Broken("the list of functions is no list of objects")
    return {
        str(entry.get("name", "")).rpartition("/")[2]
        for entry in document
        if not entry.get("isDisabled")
    }
