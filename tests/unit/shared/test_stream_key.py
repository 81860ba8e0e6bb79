"""The name of a partition."""

from shared.stream_key import StreamKey


def test_a_key_is_written_as_hub_group_and_partition() -> None:
    assert str(StreamKey("orders", "$Default", "12")) == "orders.$Default.12"


def test_the_same_partition_read_by_another_group_has_another_key() -> None:
    keys = {StreamKey("orders", group, "0") for group in ("$Default", "scorers", "$Default")}
    assert len(keys) == 2
