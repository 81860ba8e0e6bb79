"""A catalogue's prices as arrays, for arithmetic on many orders at once; and catalogue files."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from shared.arrays import Ints, Times
from shared.catalogue import COLUMNS, Catalogue, Product, packaged_catalogue
from shared.errors import ConfigurationError
from shared.formats import time_text


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices in `_e4` by product and period; a period begins when any price changes.

    ``list_e4`` and ``cost_e4`` have the shape (products, periods); ``starts`` are naive UTC.
    """

    product_ids: tuple[str, ...]
    subcategories: tuple[str, ...]
    starts: Times
    list_e4: Ints
    cost_e4: Ints

    def periods(self, times: Times) -> Ints:
        """Return the period of each time; times before the first price are in the first period."""
        periods = np.searchsorted(self.starts, times, side="right") - 1
        return np.asarray(np.maximum(periods, 0), dtype=np.int64)


def price_table(catalogue: Catalogue) -> PriceTable:
    """Return a catalogue as arrays, with the products in its own order."""
    products = {product.product_id: product for product in catalogue}
    moments = sorted({product.valid_from for product in catalogue})
    rows = [[_known(catalogue, product_id, at) for at in moments] for product_id in products]
    return PriceTable(
        product_ids=tuple(products),
        subcategories=tuple(product.subcategory for product in products.values()),
        starts=naive_utc(moments),
        list_e4=np.array([[cell.list_e4 for cell in row] for row in rows], dtype=np.int64),
        cost_e4=np.array([[cell.cost_e4 for cell in row] for row in rows], dtype=np.int64),
    )


def _known(catalogue: Catalogue, product_id: str, at: datetime) -> Product:
    product = catalogue.product(product_id, at)
    assert product is not None  # the id comes from this catalogue
    return product


def naive_utc(times: Sequence[datetime]) -> Times:
    """Return aware times as numpy's (naive UTC, microseconds)."""
    return np.array([time.replace(tzinfo=None) for time in times], dtype="datetime64[us]")


def read_catalogue(path: Path | None) -> Catalogue:
    """Read the catalogue of a file, or the packaged one without a file.

    Raises:
        ConfigurationError: the file is not a catalogue.
    """
    return packaged_catalogue() if path is None else Catalogue.from_csv(path.read_bytes())


def repriced(
    catalogue: Catalogue, *, factor: float, spread: float, currency: str | None, seed: int
) -> bytes:
    """Return a catalogue file whose prices are multiplied by ``factor`` and rounded to cents.

    Each product's list price also gets a factor of its own, evenly drawn from 1 - ``spread`` to
    1 + ``spread``; costs follow their product's list price.

    Raises:
        ConfigurationError: factor or spread would leave no price above 0.
    """
    if not factor > 0 or not 0 <= spread < 1:
        raise ConfigurationError(
            f"price factor {factor}, spread {spread}: expected above 0, and 0 up to 1"
        )
    rng = np.random.default_rng([seed, 1])  # its own stream: the orders' draws do not move
    own = {product.product_id: rng.uniform(1 - spread, 1 + spread) for product in catalogue}
    named = catalogue.currency if currency is None else currency
    return _csv([
        catalogue_row(product, named, factor * own[product.product_id]) for product in catalogue
    ])  # fmt: skip


def repriced_from(
    catalogue: Catalogue, since: datetime, *, factor: float, spread: float, seed: int
) -> bytes:
    """Return a catalogue file in which the prices of `repriced` hold from ``since`` (aware UTC) on.

    Raises:
        ConfigurationError: factor or spread would leave no price above 0.
    """
    changed = Catalogue.from_csv(
        repriced(catalogue, factor=factor, spread=spread, currency=None, seed=seed)
    )
    ids = dict.fromkeys(product.product_id for product in catalogue)
    later = [replace(_known(changed, name, since), valid_from=since) for name in ids]
    earlier = [product for product in catalogue if product.valid_from < since]
    return _csv([catalogue_row(product, catalogue.currency) for product in (*earlier, *later)])


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode()


def catalogue_row(product: Product, currency: str, by: float = 1.0) -> list[str]:
    """Return a price, multiplied by a factor, as a row of a catalogue file (`COLUMNS`)."""
    return [
        product.product_id, product.name, product.category, product.subcategory,
        _times(product.list_e4, by), _times(product.cost_e4, by),
        currency, time_text(product.valid_from),
    ]  # fmt: skip


def _times(price_e4: int, by: float) -> str:
    return f"{price_e4 / 1e4:.4f}" if by == 1 else f"{price_e4 * by / 1e4:.2f}"
