"""Prints the rows of a query on a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shared.printable import printable

_TIME = re.compile(r"^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)\.\d{6}Z$")
_ROWS = 20
_PLAIN, _LONGEST = 24, 240  # characters of a cell: of an id or a time; of any cell before it is cut


def show(container: str, sql: str, rows: Sequence[Any]) -> None:
    """Print a short table, or a block a row if the terminal is too narrow for a table."""
    console = Console()
    console.print(f"{container}: {printable(sql, lines=True)}", style="dim", markup=False)
    shown = [row if isinstance(row, dict) else {"value": row} for row in rows[:_ROWS]]
    names = list(dict.fromkeys(name for row in shown for name in row))
    cells = [[_cell(row.get(name)) for name in names] for row in shown]
    if shown:
        heads = [printable(name) for name in names]
        widths = [_least(column) for column in zip(heads, *cells, strict=True)]
        if sum(widths) + 3 * len(widths) <= console.width:
            console.print(_table(heads, widths, cells))
        else:
            for row in cells:
                console.print(_block(heads, row))
    cut = f"; only the first {_ROWS} are shown, --json prints all" if len(rows) > _ROWS else ""
    console.print(f"{len(rows)} {'row' if len(rows) == 1 else 'rows'}{cut}", highlight=False)


def _table(heads: Sequence[str], widths: Sequence[int], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for head, width in zip(heads, widths, strict=True):
        table.add_column(escape(head), min_width=width, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    return table


def _block(heads: Sequence[str], row: Sequence[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for head, cell in zip(heads, row, strict=True):
        table.add_row(escape(head), escape(cell))
    return table


def _least(column: Sequence[str]) -> int:
    """Return the width that a column needs: its longest cell, but no more than `_PLAIN`."""
    return min(max(map(len, column)), _PLAIN)


def _cell(value: Any) -> str:
    """Return a value on one line: findings as sentences, times to the second, 4 decimals."""
    if isinstance(value, list) and all(isinstance(e, dict) and "message" in e for e in value):
        value = " ".join(str(finding["message"]) for finding in value)
    if isinstance(value, float):  # only certainty is written as 1
        value = ">0.9999" if 0.9999 < value < 1 else f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, str):
        value = _TIME.sub(r"\1 \2", value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    shown = printable("" if value is None else text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 3]}..."
