"""Conditions in the SDKs' words."""

from azure.core import MatchConditions

from shared.stores.conditional_write import blob_write, only_over, unless_still


def test_a_blob_is_created_replaced_as_it_was_read_or_written_in_any_case() -> None:
    over = {"etag": '"1"', "match_condition": MatchConditions.IfNotModified}
    assert blob_write(None) == {"overwrite": False}
    assert blob_write('"1"') == {"overwrite": True, **over}
    assert blob_write('"1"', replace=True) == blob_write(None, replace=True) == {"overwrite": True}
    assert only_over('"1"') == over


def test_a_read_is_answered_only_if_the_version_has_changed() -> None:
    assert unless_still('"1"') == {"etag": '"1"', "match_condition": MatchConditions.IfModified}
