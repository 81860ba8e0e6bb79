"""The partition of a key, against the Event Hubs SDK's own hash."""

import pytest
from azure.eventhub._buffered_producer._partition_resolver import generate_hash_code
from hypothesis import given
from hypothesis import strategies as st

from shared.partitions import partition_for_key

# The SDK hashes code points, the service bytes: they agree on ASCII.
ascii_keys = st.text(st.characters(max_codepoint=127), max_size=64)


@given(ascii_keys, st.integers(1, 32))
def test_a_key_lands_where_the_sdk_says(key: str, partitions: int) -> None:
    assert partition_for_key(key, partitions) == abs(generate_hash_code(key)) % partitions


@given(st.text(max_size=64), st.integers(1, 32))
def test_every_key_lands_on_a_partition_that_exists(key: str, partitions: int) -> None:
    assert 0 <= partition_for_key(key, partitions) < partitions


@pytest.mark.parametrize("length", [11, 12, 13, 24, 25])
def test_keys_that_just_fill_a_block_are_hashed_like_the_others(length: int) -> None:
    key = "k" * length
    assert partition_for_key(key, 1_000) == abs(generate_hash_code(key)) % 1_000
