"""Catalogues as arrays: every price in its period, and new prices from old ones."""

from datetime import UTC, datetime

import numpy as np
import pytest

from shared.catalogue import Catalogue, packaged_catalogue
from shared.errors import ConfigurationError
from training.history.price_arrays import naive_utc, price_table, repriced, repriced_from

HEADER = "product_id,name,category,subcategory,list_price,standard_cost,currency,valid_from"
CATALOGUE = Catalogue.from_csv(
    "\n".join([
        HEADER,
        "bike,Bike,Bikes,Road,100,50,EUR,2015-01-01T00:00:00Z",
        "bike,Bike,Bikes,Road,120,60,EUR,2016-01-01T00:00:00Z",
        "bell,Bell,Parts,Bells,8,3,EUR,2015-01-01T00:00:00Z",
    ]).encode()
)  # fmt: skip


def test_a_period_begins_when_any_price_changes_and_the_first_one_holds_also_before() -> None:
    table = price_table(CATALOGUE)
    assert table.product_ids == ("bike", "bell")
    assert table.list_e4.tolist() == [[1_000_000, 1_200_000], [80_000, 80_000]]
    assert table.cost_e4.tolist() == [[500_000, 600_000], [30_000, 30_000]]
    times = [datetime(year, 1, 1, tzinfo=UTC) for year in (2014, 2015, 2016, 2030)]
    assert table.periods(naive_utc(times)).tolist() == [0, 0, 1, 1]


def test_a_factor_multiplies_every_price_and_rounds_to_cents() -> None:
    data = repriced(CATALOGUE, factor=1.111, spread=0, currency="USD", seed=1)
    changed = Catalogue.from_csv(data)
    assert changed.currency == "USD"
    assert sorted({product.list_e4 for product in changed}) == [88_900, 1_111_000, 1_333_200]


def test_new_prices_hold_from_their_day_on_and_old_ones_before() -> None:
    since = datetime(2020, 1, 1, tzinfo=UTC)
    changed = Catalogue.from_csv(repriced_from(CATALOGUE, since, factor=2, spread=0, seed=1))
    before, after = (
        changed.product("bike", datetime(year, 6, 1, tzinfo=UTC)) for year in (2019, 2020)
    )
    assert before is not None
    assert after is not None
    assert (before.list_e4, after.list_e4) == (1_200_000, 2_400_000)


@pytest.mark.parametrize(("factor", "spread"), [(0, 0), (-1, 0), (1, 1), (1, -0.1), (np.nan, 0)])
def test_prices_that_would_not_be_above_zero_are_refused(factor: float, spread: float) -> None:
    with pytest.raises(ConfigurationError, match="expected above 0"):
        repriced(CATALOGUE, factor=factor, spread=spread, currency=None, seed=1)


def test_a_catalogue_that_is_not_repriced_keeps_every_digit() -> None:
    data = repriced(packaged_catalogue(), factor=1, spread=0, currency=None, seed=1)
    assert list(Catalogue.from_csv(data)) == list(packaged_catalogue())
