"""The policy: every threshold checked before it counts."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import ConfigurationError
from shared.policy import PACKAGED, Policy, parse_policy
from tests.schemas import violations

ODD_VALUES: list[Any] = [None, True, -1, 0, 0.25, 1, 2, 10**15, "", "x", [], {}]


def policy_of(**thresholds: Any) -> Policy:
    return parse_policy(json.dumps(thresholds).encode())


def complaint_about(data: bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_policy(data)
    return str(caught.value)


def test_thresholds_left_out_keep_the_packaged_values() -> None:
    policy = policy_of(alert_probability=0.8)
    assert msgspec.structs.replace(policy, version=PACKAGED) == Policy(alert_probability=0.8)


def test_a_policy_without_a_version_is_named_by_its_content() -> None:
    versions = [
        policy_of(alert_probability=0.8, reviews_per_day=9).version,
        policy_of(reviews_per_day=9, alert_probability=0.8).version,
        policy_of(alert_probability=0.9, reviews_per_day=9).version,
    ]
    assert versions[0] == versions[1] != versions[2]
    assert len(versions[0]) == 12


def test_a_version_of_ones_own_is_kept() -> None:
    assert policy_of(version="strict-2026").version == "strict-2026"


def test_no_file_can_pass_itself_off_as_the_packaged_policy() -> None:
    assert Policy().version == PACKAGED
    assert policy_of(version=PACKAGED).version != PACKAGED


def test_a_byte_order_mark_is_fine() -> None:
    assert parse_policy(b"\xef\xbb\xbf{}") == parse_policy(b"{}")


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ('{"alert_probability": 2}', "alert_probability is 2, expected `float` <= 1.0"),
        ('{"alert_probability": "0.5"}', 'alert_probability is "0.5", expected `float`'),
        ('{"reviews_per_day": 1.5}', "reviews_per_day is 1.5, expected `int`"),
        ('{"overcharge_tolerance_e4": -1}', "overcharge_tolerance_e4 is -1, expected `int` >= 0"),
        ('{"schema_version": 2}', "schema_version is 2, expected `int` <= 1"),
        ('{"version": ""}', 'version is "", expected `str` of length >= 1'),
        ('{"alert_probabilty": 0.5}', "unknown key alert_probabilty, expected one of schema_ver"),
        ('{"alert_probability": 1e999}', "alert_probability is"),
        ('{"alert_probability": NaN}', "not JSON"),
        ('{"alert_probability": 2, ', "not JSON"),
        ("[1]", "the document is [1], expected `object`"),
        ("", "not JSON"),
        ("[" * 60_000, "policy: "),
        (" " * 70_000, "70000 bytes, expected at most 65536"),
    ],
)
def test_what_is_wrong_is_named_with_its_value_and_what_was_expected(
    document: str, complaint: str
) -> None:
    assert complaint in complaint_about(document.encode())


@given(st.binary())
@example(b"{}")
def test_any_bytes_are_a_policy_or_a_complaint_about_one(data: bytes) -> None:
    complaint = "policy: none"
    try:
        parse_policy(data)
    except ConfigurationError as error:
        complaint = str(error)
    assert complaint.startswith("policy: ")


@given(
    st.dictionaries(
        st.sampled_from([*Policy.__struct_fields__, "unknown"]), st.sampled_from(ODD_VALUES)
    )
)
def test_the_published_schema_accepts_what_the_parser_accepts(document: dict[str, Any]) -> None:
    if violations("policy", document):
        complaint_about(json.dumps(document).encode())
    else:
        policy_of(**document)
