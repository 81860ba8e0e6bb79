"""Versions of a registered model and their aliases, also on servers without aliases.

On a server without aliases (Azure Machine Learning) the tag ``alias.{name}`` stands for one, and
only one version has it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

BUNDLE_VERSION, BUNDLE_SHA256 = "bundle_version", "bundle_sha256"
"""Tags of every registered version."""

_NO_SUCH_ENDPOINT = {"ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "FEATURE_DISABLED", "NOT_FOUND"}
_PAGE = 200


class ModelVersions(Protocol):
    """The part of MLflow's client that versions and their aliases need."""

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
    """One version of a registered model, the aliases that name it, and its tags."""

    number: int
    bundle_version: str | None
    registered_at: datetime
    aliases: tuple[str, ...]
    tags: Mapping[str, str]


def versions(client: ModelVersions, name: str) -> list[RegisteredVersion]:
    """Return every version, the latest first; empty where there is no such model."""
    aliases = list(pointers(client, name))
    registered = [_registered(version, aliases) for version in _search(client, name)]
    return sorted(registered, key=lambda version: -version.number)


def _registered(version: Any, aliases: Sequence[tuple[str, int]]) -> RegisteredVersion:
    number = int(version.version)
    return RegisteredVersion(
        number=number,
        bundle_version=version.tags.get(BUNDLE_VERSION),
        registered_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
        aliases=tuple(sorted(alias for alias, pointed in aliases if pointed == number)),
        tags=version.tags,
    )


def find(client: ModelVersions, name: str, bundle_version: str) -> tuple[int, str | None] | None:
    """Return the number and the SHA-256 of a registered bundle; None where it is not there."""
    registered = (
        (int(version.version), version.tags.get(BUNDLE_SHA256))
        for version in _search(client, name)
        if version.tags.get(BUNDLE_VERSION) == bundle_version
    )
    return min(registered, default=None, key=lambda pair: pair[0])


def bundle_version_of(client: ModelVersions, name: str, number: int) -> str | None:
    """Return the bundle of a version; None where there is no such version."""
    named = (version for version in _search(client, name) if int(version.version) == number)
    return next((version.tags.get(BUNDLE_VERSION) for version in named), None)


def _search(client: ModelVersions, name: str) -> Iterator[Any]:
    """Yield every version of a model, page by page; not every server can search for a tag."""
    page = client.search_model_versions(f"name='{name}'", _PAGE, page_token=None)
    yield from page
    while page.token:
        page = client.search_model_versions(f"name='{name}'", _PAGE, page_token=page.token)
        yield from page


def point(client: ModelVersions, name: str, alias: str, number: int) -> None:
    """Move an alias to a version."""
    try:
        client.set_registered_model_alias(name, alias, str(number))
    except Exception as error:
        if not _unsupported(error):
            raise
        _untag(client, name, alias, keep=number)
        client.set_model_version_tag(name, str(number), tag_of(alias), "true")


def pointed(client: ModelVersions, name: str, alias: str) -> int | None:
    """Return the version that an alias names; None where it names no version."""
    return next((number for known, number in pointers(client, name) if known == alias), None)


def pointers(client: ModelVersions, name: str) -> Iterator[tuple[str, int]]:
    """Yield every alias and the version it names; real aliases come before those made of tags."""
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
    """Remove an alias."""
    try:
        client.delete_registered_model_alias(name, alias)
    except Exception as error:
        if not (_missing(error) or _unsupported(error)):
            raise
    _untag(client, name, alias)


def tag_of(alias: str) -> str:
    """Return the tag that stands for an alias."""
    return f"alias.{alias}"


def _untag(client: ModelVersions, name: str, alias: str, keep: int | None = None) -> None:
    """Take an alias's tag off every version but ``keep``.

    If this breaks off in between, the alias names no version, and never two.
    """
    for version in _search(client, name):
        if tag_of(alias) in version.tags and int(version.version) != keep:
            client.delete_model_version_tag(name, str(version.version), tag_of(alias))


def _missing(error: Exception) -> bool:
    return getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST"


def _unsupported(error: Exception) -> bool:
    """Return whether an error says that a server, or a plug-in's client, has no aliases."""
    if isinstance(error, AttributeError | NotImplementedError):
        return True
    return getattr(error, "error_code", "") in _NO_SUCH_ENDPOINT
