"""Aliases on servers that have none: a tag stands for each, on one version at a time."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.models import versions


class ServerError(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.error_code = code


@dataclass
class Version:
    version: str
    tags: dict[str, str]
    creation_timestamp: int = 0


@dataclass
class Model:
    aliases: dict[str, str]


class Page(list[Version]):
    token: str | None = None


@dataclass
class Server:
    """A registry whose client refuses aliases with `refusal`; with None it takes them."""

    refusal: Exception | None
    held: list[Version] = field(
        default_factory=lambda: [Version(str(n), {"bundle_version": f"v{n}"}) for n in (1, 2, 3)]
    )
    aliases: dict[str, str] = field(default_factory=dict)

    def get_registered_model(self, name: str) -> Any:
        return Model(dict(self.aliases))

    def search_model_versions(
        self, filter_string: str | None, max_results: int, *, page_token: str | None
    ) -> Page:
        at = int(page_token or 0)  # one a page
        page = Page(self.held[at : at + 1])
        page.token = str(at + 1) if at + 1 < len(self.held) else None
        return page

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        if self.refusal:
            raise self.refusal
        self.aliases[alias] = version

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        if self.refusal:
            raise self.refusal
        self.aliases.pop(alias, None)

    def set_model_version_tag(self, name: str, version: str, key: str, value: str) -> None:
        self.held[int(version) - 1].tags[key] = value

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        del self.held[int(version) - 1].tags[key]


REFUSALS = [
    ServerError("ENDPOINT_NOT_FOUND"),
    ServerError("NOT_IMPLEMENTED"),
    ServerError("FEATURE_DISABLED"),
    NotImplementedError(),
    AttributeError("set_registered_model_alias"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_tag_stands_for_an_alias_where_the_server_has_none(refusal: Exception) -> None:
    server = Server(refusal)
    versions.point(server, "sheriff", "champion", 2)
    assert versions.pointed(server, "sheriff", "champion") == 2
    assert [one.aliases for one in versions.versions(server, "sheriff")] == [(), ("champion",), ()]
    versions.clear(server, "sheriff", "champion")
    assert versions.pointed(server, "sheriff", "champion") is None


@given(
    st.lists(st.tuples(st.sampled_from(["champion", "challenger"]), st.integers(1, 3))),
    st.booleans(),
)
def test_an_alias_names_the_version_it_was_last_pointed_to_and_no_other(
    moves: list[tuple[str, int]], has_aliases: bool
) -> None:
    server = Server(None if has_aliases else ServerError("ENDPOINT_NOT_FOUND"))
    expected: dict[str, int] = {}
    for alias, number in moves:
        versions.point(server, "sheriff", alias, number)
        expected[alias] = number
        assert dict(versions.pointers(server, "sheriff")) == expected
        assert len(list(versions.pointers(server, "sheriff"))) == len(expected)


def test_an_alias_proper_counts_more_than_a_tag_left_from_before() -> None:
    server = Server(ServerError("ENDPOINT_NOT_FOUND"))
    versions.point(server, "sheriff", "champion", 1)
    server.refusal = None
    versions.point(server, "sheriff", "champion", 3)
    assert versions.pointed(server, "sheriff", "champion") == 3
    versions.clear(server, "sheriff", "champion")
    assert versions.pointed(server, "sheriff", "champion") is None


@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "INTERNAL_ERROR", "INVALID_STATE"])
def test_any_other_refusal_is_an_error(code: str) -> None:
    server = Server(ServerError(code))
    with pytest.raises(ServerError):
        versions.point(server, "sheriff", "champion", 1)
    with pytest.raises(ServerError):
        versions.clear(server, "sheriff", "champion")


def test_versions_are_found_on_every_page() -> None:
    server = Server(None)
    assert versions.find(server, "sheriff", "v3") == (3, None)
    assert versions.bundle_version_of(server, "sheriff", 3) == "v3"
    assert versions.find(server, "sheriff", "v4") is None
