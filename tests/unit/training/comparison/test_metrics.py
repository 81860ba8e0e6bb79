"""Detection quality, counted by hand once and by scikit-learn's definition."""

from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from training.comparison.metrics import Truth, Verdict, by_size, judge, read_truth

VERDICTS = [
    Verdict(True, 0.9, True, 2),
    Verdict(True, 0.8, False, 3),
    Verdict(False, 0.4, True, 7),
    Verdict(False, 0.1, False, 12),
]


def test_precision_counts_flags_and_recall_counts_frauds() -> None:
    quality = judge(VERDICTS)
    assert (quality.precision, quality.recall) == (0.5, 0.5)
    assert quality.average_precision == pytest.approx((1 / 1 + 2 / 3) / 2)


def test_nothing_flagged_or_nothing_true_is_not_a_share() -> None:
    quality = judge([Verdict(False, 0.2, False, 2)])
    assert quality.precision is None
    assert quality.recall is None
    assert quality.average_precision is None


def test_every_order_is_in_one_band_of_sizes() -> None:
    bands = by_size(VERDICTS)
    assert [name for name, _ in bands] == ["1-2", "3", "6-7", "8+"]
    assert sum(quality.orders for _, quality in bands) == len(VERDICTS)


def test_a_truth_file_is_read_by_order_id(tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text("order_id,added_item,hidden_discount,product_id,percent\na,1,0,X,30\nb,0,1,,\n")
    assert read_truth(path) == {"a": Truth(True, False), "b": Truth(False, True)}


@pytest.mark.parametrize(
    ("text", "message"),
    [("order_id,added_item\na,1\n", "hidden_discount missing"),
     ("order_id,added_item,hidden_discount\na,1,yes\n", "line 2: hidden_discount is 'yes'"),
     ("order_id,added_item,hidden_discount\na,1\n", "line 2: hidden_discount is None"),
     ("", "missing")],
)  # fmt: skip
def test_a_truth_file_that_is_none_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_truth(path)
