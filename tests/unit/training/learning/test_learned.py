"""What learning returns."""

from training.learning.learned import OrPackaged


def test_a_value_has_a_reason_only_where_the_packaged_one_stands_in() -> None:
    learned, packaged = OrPackaged(0.05), OrPackaged(0.02, "too few orders")
    assert (learned.value, learned.reason) == (0.05, "")
    assert (packaged.value, packaged.reason) == (0.02, "too few orders")
