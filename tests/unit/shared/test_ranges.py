"""Figures and names of a bundle are checked against their ranges."""

import msgspec
import pytest

from shared.ranges import Count, Name, Share


@pytest.mark.parametrize(
    ("kind", "good"),
    [(Share, 0.0), (Share, 1.0), (Count, 0), (Count, 10**12), (Name, "x"), (Name, "x" * 64)],
)
def test_a_value_at_the_end_of_its_range_is_taken(kind: object, good: object) -> None:
    assert msgspec.convert(good, kind) == good


@pytest.mark.parametrize(
    ("kind", "bad"),
    [(Share, -0.01), (Share, 1.01), (Share, float("nan")), (Count, -1), (Count, 10**12 + 1),
     (Count, 1.5), (Name, ""), (Name, "x" * 65)],
)  # fmt: skip
def test_a_value_beyond_its_range_is_refused(kind: object, bad: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(bad, kind)
