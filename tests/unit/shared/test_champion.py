"""The pointer: what serves, what served before, and what must not serve again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.champion import (
    MOST_EARLIER,
    Pointer,
    encode_pointer,
    parse_pointer,
    promoted,
    rolled_back,
)
from shared.errors import BundleError, ConfigurationError
from tests.schemas import violations

NOW = "2026-03-01T12:00:00.000000Z"


def sha(version: str) -> str:
    return version.encode().hex().rjust(64, "0")


def after(*versions: str) -> Pointer:
    pointer = None
    for version in versions:
        pointer = promoted(pointer, version, sha(version), NOW)
    assert pointer is not None
    return pointer


def test_promoting_the_champion_again_changes_nothing() -> None:
    before = after("v1", "v2")
    assert promoted(before, "v2", sha("v2"), "later") is before


def test_a_rollback_serves_the_champion_before_and_withdraws_the_last() -> None:
    back = rolled_back(after("v1", "v2", "v3"), NOW)
    assert (back.version, back.sha256, back.withdrawn) == ("v2", sha("v2"), ("v3",))
    again = rolled_back(back, NOW)
    assert (again.version, again.withdrawn, again.earlier) == ("v1", ("v2", "v3"), ())
    with pytest.raises(ConfigurationError, match="no bundle served before v1"):
        rolled_back(again, NOW)


def test_a_version_that_was_rolled_back_is_not_withdrawn_once_a_hand_promotes_it_again() -> None:
    back = rolled_back(after("v1", "v2"), NOW)
    assert promoted(back, "v2", sha("v2"), NOW).withdrawn == ()


def test_only_so_many_champions_before_are_remembered_the_latest_ones() -> None:
    pointer = after(*(f"v{number}" for number in range(MOST_EARLIER + 10)))
    assert len(pointer.earlier) == MOST_EARLIER
    assert pointer.earlier[0].version == f"v{MOST_EARLIER + 8}"


def test_what_serves_is_never_among_the_withdrawn() -> None:
    there_and_back = rolled_back(rolled_back(after("v1", "v2", "v1", "v2"), NOW), NOW)
    assert there_and_back.version == "v2"
    assert there_and_back.withdrawn == ("v1",)


@given(st.lists(st.sampled_from([f"v{n}" for n in range(40)]), min_size=1, max_size=60))
def test_a_pointer_survives_its_file_follows_its_schema_and_stays_small(names: list[str]) -> None:
    pointer = after(*names)
    data = encode_pointer(pointer)
    assert parse_pointer(data) == pointer
    assert violations("champion", json.loads(data)) == []
    assert len(pointer.earlier) <= MOST_EARLIER
    assert pointer.version == names[-1]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"version": "../x", "sha256": "' + b"0" * 64 + b'"}',
        b'{"version": "v1", "sha256": "00"}',
        b'{"version": "v1", "sha256": "' + b"0" * 64 + b'", "schema_version": 2}',
        b"\xff",
        b'{"version": "v1\\n", "sha256": "' + b"0" * 64 + b'"}',
        b'{"version": "v1", "sha256": "' + b"0" * 64 + b'\\n"}',
        b'{"version": "v1", "sha256": "' + b"0" * 64 + b'", "moved_at": "9999-99"}',
        b'{"version": "v1", "sha256": "'
        + b"0" * 64
        + b'", "withdrawn": ['
        + b'"v",' * 20
        + b'"v"]}',
        b'{"version": "v1", "sha256": "'
        + b"0" * 64
        + b'", "x": '
        + b"[" * 10**5
        + b"]" * 10**5
        + b"}",
        b'{"version": "\xff"}',
        b"[" * 10_000,
        b" " * 70_000,
    ],
)
def test_what_is_no_pointer_is_refused(data: bytes) -> None:
    with pytest.raises(BundleError, match="pointer is not readable"):
        parse_pointer(data)


def test_a_pointer_of_the_first_form_is_still_read() -> None:
    old = b'{"schema_version": 1, "version": "v1", "sha256": "' + b"a" * 64 + b'"}'
    assert parse_pointer(old).earlier == ()
