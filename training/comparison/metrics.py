"""Measures how well known frauds are found: precision, recall and average precision."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared.errors import ConfigurationError
from training.comparison.quality import average_precision
from training.history.files import reading_text

MOST = 200_000
"""Units of the largest order that the contract allows."""

SIZES = ((1, 2), (3, 3), (4, 4), (5, 5), (6, 7), (8, MOST))
"""Bands of order size in units, both ends included."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The frauds that really are in one order."""

    added_item: bool
    hidden_discount: bool

    @property
    def fraud(self) -> bool:
        """Whether either fraud is in the order."""
        return self.added_item or self.hidden_discount


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion about an order, and the truth.

    ``flagged`` says whether the typology reached the threshold for an alert. Orders are ranked by
    ``probability`` (0-1). ``units`` is the size of the order.
    """

    flagged: bool
    probability: float
    fraud: bool
    units: int


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of detection of one typology; a share is None where it would divide by 0."""

    orders: int
    frauds: int
    flagged: int
    found: int
    average_precision: float | None

    @property
    def precision(self) -> float | None:
        """The share of the flagged orders that are frauds."""
        return self.found / self.flagged if self.flagged else None

    @property
    def recall(self) -> float | None:
        """The share of the frauds that are flagged."""
        return self.found / self.frauds if self.frauds else None


def judge(verdicts: Sequence[Verdict]) -> Quality:
    """Count which frauds were found."""
    return Quality(
        orders=len(verdicts),
        frauds=sum(verdict.fraud for verdict in verdicts),
        flagged=sum(verdict.flagged for verdict in verdicts),
        found=sum(verdict.flagged and verdict.fraud for verdict in verdicts),
        average_precision=_average_precision(verdicts),
    )


def _average_precision(verdicts: Sequence[Verdict]) -> float | None:
    return average_precision(
        np.array([verdict.probability for verdict in verdicts]),
        np.array([verdict.fraud for verdict in verdicts], dtype=bool),
    )


def by_size(verdicts: Sequence[Verdict]) -> list[tuple[str, Quality]]:
    """Count which frauds were found for each band of `SIZES` that occurs, with its name."""
    result = []
    for first, last in SIZES:
        band = [verdict for verdict in verdicts if first <= verdict.units <= last]
        name = str(first) if first == last else f"{first}-{last}" if last < MOST else f"{first}+"
        if band:
            result.append((name, judge(band)))
    return result


def read_truth(path: Path) -> dict[str, Truth]:
    """Read a truth file by order id.

    Raises:
        ConfigurationError: a column is missing, or a cell is not 0 or 1; the text names the line.
    """
    needed = ("order_id", "added_item", "hidden_discount")
    with reading_text(path) as file:
        reader = csv.DictReader(file)
        missing = [name for name in needed if name not in (reader.fieldnames or ())]
        if missing:
            raise ConfigurationError(f"{path}: column {', '.join(missing)} missing")
        return {
            row["order_id"]: Truth(
                *(_flag(row, name, f"{path} line {reader.line_num}") for name in needed[1:])
            )
            for row in reader
        }


def _flag(row: dict[str, str | None], column: str, where: str) -> bool:
    text = row[column]
    if text not in {"0", "1"}:
        raise ConfigurationError(f"{where}: {column} is {text!r}, expected 0 or 1")
    return text == "1"
