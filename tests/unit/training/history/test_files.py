"""Files of orders: every line that is not blank, good or bad, in its place."""

from pathlib import Path

import pytest

from shared.errors import ConfigurationError, OrderError
from tests.orders import an_order, order_body
from training.history.files import read_lines, reading_text, write_lines


def test_lines_keep_their_number_and_a_bad_order_is_returned_as_its_error(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b"\n" + order_body() + b"\n  \nno json\n")
    good, bad = read_lines(path)
    assert (good.number, good.order, good.body) == (2, an_order(), order_body())
    assert bad.number == 4
    assert isinstance(bad.order, OrderError)
    assert bad.order.code == "not_json"


def test_a_file_without_a_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b"\n \n")
    with pytest.raises(ConfigurationError, match="no orders in this file"):
        list(read_lines(path))


def test_what_was_written_is_read_back_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    assert write_lines(path, [order_body(order_id=name) for name in ("a", "b")]) == 2
    assert [line.order.order_id for line in read_lines(path)] == ["a", "b"]  # type: ignore[union-attr]


def test_a_table_that_is_not_utf_8_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"\xff\xfe")
    with (
        pytest.raises(ConfigurationError, match=r"table\.csv: expected UTF-8"),
        reading_text(path) as file,
    ):
        file.read()
