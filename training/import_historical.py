"""`python -m training.import_historical`: turns the wide historical table into orders.

The table has a column for each product, which holds quantities. Its money carries noise of single
precision and is rounded to 4 decimals. Its dates are days; an order is placed at noon UTC, so that
the day is the same in every American time zone.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec

from shared.catalogue import Catalogue
from shared.errors import ConfigurationError, OrderError
from shared.formats import shortened
from shared.order import parse_order
from training.console import ArgumentParser, progress, run
from training.history.files import reading_text, write_lines
from training.history.price_arrays import read_catalogue

NEEDED = ("date", "RepName", "CustId", "ItemCount", "ListPrice", "StandardCost", "ChargedPrice")
"""Columns that the table must have."""

KNOWN = (
    *NEEDED, "row", "State", "Region", "Division", "Name", "Age", "AdditionalFamilyMembers",
    "CurrentDatetime", "PreviousPrice",
)  # fmt: skip
"""Columns that are not products. ``row`` names the orders; without it rows count from 0."""

NOTHING = {"", "0"}
"""Cells that stand for no unit of a product, as most cells do."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """The positions of the table's columns."""

    named: dict[str, int]
    products: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Imported:
    """An order's JSON with its place: by day, then row."""

    day: date
    row: int
    body: bytes


def read_table(path: Path, catalogue: Catalogue) -> list[bytes]:
    """Read the orders of a wide table as JSON, sorted by date, then row.

    Raises:
        ConfigurationError: names the column, or the line and what is wrong in it.
    """
    with reading_text(path) as file:
        reader = csv.reader(file)
        columns = _columns(next(reader, []), {product.product_id for product in catalogue})
        imported = list(_rows(progress(reader, "reading rows"), columns))
    if not imported:
        raise ConfigurationError(f"{path}: no rows in this table")
    imported.sort(key=lambda order: (order.day, order.row))
    return [order.body for order in imported]


def _columns(header: list[str], product_ids: set[str]) -> _Columns:
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise ConfigurationError(f"columns missing: {', '.join(missing)}")
    repeated = {name for name in header if header.count(name) > 1}
    if repeated:
        raise ConfigurationError(f"columns repeated: {', '.join(sorted(repeated))}")
    unknown = [name for name in header if name not in KNOWN and name not in product_ids]
    if unknown:
        shown = ", ".join(shortened(name) for name in unknown[:5])
        raise ConfigurationError(
            f"{len(unknown)} columns are no products of the catalogue: {shown}"
            + (", ..." if len(unknown) > 5 else "")
        )
    return _Columns(
        {name: at for at, name in enumerate(header) if name in KNOWN},
        tuple((name, at) for at, name in enumerate(header) if name not in KNOWN),
    )


def _rows(rows: Iterator[list[str]], columns: _Columns) -> Iterator[_Imported]:
    for number, cells in enumerate(rows):
        try:
            yield _imported(cells, columns, number)
        except (ValueError, IndexError, OrderError) as error:
            message = f"line {number + 2} of the table: {error}"  # line 1 is the header
            raise ConfigurationError(message) from error


def _imported(cells: Sequence[str], columns: _Columns, number: int) -> _Imported:
    def cell(name: str) -> str:
        return cells[columns.named[name]].strip()

    day = date.fromisoformat(cell("date")[:10])
    row = int(cell("row")) if "row" in columns.named else number
    bought = {name: _count(cells[at]) for name, at in columns.products if cells[at] not in NOTHING}
    units = sum(bought.values())
    if units != _count(cell("ItemCount")):
        raise ValueError(f"ItemCount is {cell('ItemCount')}, but its quantities add up to {units}")
    order = {
        "order_id": f"row-{row}",
        "ordered_at": f"{day}T12:00:00Z",
        "rep_id": cell("RepName"),
        "customer_id": cell("CustId"),
        "lines": [
            {"product_id": name, "quantity": quantity}
            for name, quantity in bought.items()
            if quantity
        ],
        "charged_price": round(float(cell("ChargedPrice")), 4),
        "list_price": round(float(cell("ListPrice")), 4),
        "standard_cost": round(float(cell("StandardCost")), 4),
    }
    if "State" in columns.named and cell("State"):
        order["state"] = cell("State")
    body = msgspec.json.encode(order)
    parse_order(body)  # refuse here what the scorer would refuse later
    return _Imported(day, row, body)


def _count(text: str) -> int:
    quantity = float(text)
    if not quantity.is_integer():
        raise ValueError(f"quantity {text}: expected a whole number")
    return int(quantity)


def main(arguments: list[str] | None = None) -> None:
    """Read the table, write the orders."""
    flags = ArgumentParser(
        prog="training.import_historical",
        description="The wide historical table to orders, in order of date, then row.",
    )
    flags.reads("table", help="CSV, one column a product")
    flags.writes("--out", required=True, help="orders, one JSON object a line")
    flags.reads("--catalogue", help="CSV (default: packaged)")
    options = flags.parse(arguments)
    bodies = read_table(options.table, read_catalogue(options.catalogue))
    print(f"{write_lines(options.out, bodies)} orders in {options.out}")


if __name__ == "__main__":
    run(main)
