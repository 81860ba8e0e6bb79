"""Versions of a registered model, and which one an alias names, on servers with and without them.

A server without aliases (Azure Machine Learning) gets the tag ``alias.{name}`` on the version, and
only one version has it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

BUNDLE_VERSION, BUNDLE_SHA256 = "bundle_version", "bundle_sha256"
"""Tags of every registered version."""

_NO_SUCH_ENDPOINT = {"ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "FEATURE_DISABLED", "NOT_FOUND"}
_PAGE = 200


class ModelVersions(Protocol):
    """As much of MLflow's client as versions and their aliases need."""

    def get_registered_model(self, name: str) -> Any: ...
    def search_model_versions(
        self, filter_string: str | None, max_results: int, *, page_token: str | None
    ) -> Any: ...
    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None: ...
    def delete_registered_model_alias(self, name: str, alias: str) -> None: ...
    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None: ...
    def delete_model_version_tag(self, name: str, version: str, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One version of a registered model; ``aliases`` that name it, ``tags`` of the version."""

    number: int
    bundle_version: str | None
    registered_at: datetime
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


def versions(client: ModelVersions, name: str) -> list[RegisteredVersion]:
    """Every version, the latest first; none where there is no such model."""
    named = list(pointers(client, name))
    found = [
        RegisteredVersion(
            number=(number := int(one.version)),
            bundle_version=one.tags.get(BUNDLE_VERSION),
            registered_at=datetime.fromtimestamp(one.creation_timestamp / 1000, UTC),
            aliases=tuple(sorted(alias for alias, of in named if of == number)),
            tags=one.tags,
        )
        for one in _search(client, name)
    ]
    return sorted(found, key=lambda one: -one.number)


def find(client: ModelVersions, name: str, bundle_version: str) -> tuple[int, str | None] | None:
    """Number and SHA-256 of the bundle that is registered under a version; None where none is."""
    found = (
        (int(one.version), one.tags.get(BUNDLE_SHA256))
        for one in _search(client, name)
        if one.tags.get(BUNDLE_VERSION) == bundle_version
    )
    return min(found, default=None, key=lambda one: one[0])


def bundle_version_of(client: ModelVersions, name: str, number: int) -> str | None:
    """The bundle of a version; None where there is no such version."""
    found = (one for one in _search(client, name) if int(one.version) == number)
    return next((one.tags.get(BUNDLE_VERSION) for one in found), None)


def _search(client: ModelVersions, name: str) -> Iterator[Any]:
    """Page by page, and asked by name alone: not every server can ask for a tag."""
    page = client.search_model_versions(f"name='{name}'", _PAGE, page_token=None)
    yield from page
    while page.token:
        page = client.search_model_versions(f"name='{name}'", _PAGE, page_token=page.token)
        yield from page


def point(client: ModelVersions, name: str, alias: str, number: int) -> None:
    """Make an alias name a version, and no other."""
    try:
        client.set_registered_model_alias(name, alias, str(number))
    except Exception as error:
        if not _unsupported(error):
            raise
        _untag(client, name, alias, keep=number)
        client.set_model_version_tag(name, str(number), tag_of(alias), "true")


def pointed(client: ModelVersions, name: str, alias: str) -> int | None:
    """The version that an alias names; None where it names none."""
    return next((number for one, number in pointers(client, name) if one == alias), None)


def pointers(client: ModelVersions, name: str) -> Iterator[tuple[str, int]]:
    """Every alias and the version it names; an alias proper comes before one that is a tag."""
    try:
        aliases = dict(client.get_registered_model(name).aliases or {})
    except Exception as error:
        if not _missing(error):
            raise
        return
    yield from ((alias, int(number)) for alias, number in aliases.items())
    prefix = tag_of("")
    for version in _search(client, name):
        for key in version.tags:
            alias = key.removeprefix(prefix)
            if key.startswith(prefix) and alias not in aliases:
                yield alias, int(version.version)


def clear(client: ModelVersions, name: str, alias: str) -> None:
    """Make an alias name no version."""
    try:
        client.delete_registered_model_alias(name, alias)
    except Exception as error:
        if not (_missing(error) or _unsupported(error)):
            raise
    _untag(client, name, alias)


def tag_of(alias: str) -> str:
    """The tag that stands for an alias."""
    return f"alias.{alias}"


def _untag(client: ModelVersions, name: str, alias: str, keep: int | None = None) -> None:
    """Take the tag off every other version first: if this breaks off, the alias names nothing."""
    for version in _search(client, name):
        if tag_of(alias) in version.tags and int(version.version) != keep:
            client.delete_model_version_tag(name, str(version.version), tag_of(alias))


def _missing(error: Exception) -> bool:
    return getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST"


def _unsupported(error: Exception) -> bool:
    """Whether a server (or a plug-in's client) knows no aliases."""
    if isinstance(error, AttributeError | NotImplementedError):
        return True
    return getattr(error, "error_code", "") in _NO_SUCH_ENDPOINT
