"""The catalogue: exact prices as of a time, and every broken file refused with its line."""

import csv
import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.catalogue import COLUMNS, Catalogue, packaged_catalogue
from shared.errors import ConfigurationError, OrderError
from tests.orders import an_order
from tests.schemas import violations

HEADER = ",".join(COLUMNS)
BIKE = "bike,Bike,Bikes,Road Bikes,100,60,EUR,2020-01-01T00:00:00Z"
DEARER_BIKE = "bike,Bike,Bikes,Road Bikes,110.5,60,EUR,2021-01-01T00:00:00+01:00"
BELL = 'bell,"Bell, small",Accessories,Bells,2.4999,3.5,EUR,2020-01-01T00:00:00Z'


def catalogue_of(*lines: str, header: str = HEADER) -> Catalogue:
    return Catalogue.from_csv("\n".join([header, *lines, ""]).encode())


def complaint_about(data: bytes) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Catalogue.from_csv(data)
    return str(caught.value)


class TestPrices:
    def test_every_column_is_read_and_money_is_exact(self) -> None:
        bell = catalogue_of(BELL).product("bell", datetime(2022, 1, 1, tzinfo=UTC))
        assert bell is not None
        assert (bell.name, bell.category, bell.subcategory) == (
            "Bell, small",
            "Accessories",
            "Bells",
        )
        assert (bell.list_e4, bell.cost_e4) == (24_999, 35_000)
        assert bell.valid_from == datetime(2020, 1, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("at", "list_e4"),
        [
            (datetime(1999, 1, 1, tzinfo=UTC), 1_000_000),
            (datetime(2020, 12, 31, 22, 59, 59, 999_999, UTC), 1_000_000),
            (datetime(2020, 12, 31, 23, tzinfo=UTC), 1_105_000),
            (datetime(2999, 1, 1, tzinfo=UTC), 1_105_000),
        ],
    )
    def test_a_price_holds_from_its_time_and_the_first_one_also_before(
        self, at: datetime, list_e4: int
    ) -> None:
        product = catalogue_of(DEARER_BIKE, BELL, BIKE).product("bike", at)
        assert product is not None
        assert product.list_e4 == list_e4

    @given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, unique=True), st.data())
    def test_the_price_is_the_latest_one_that_has_begun(
        self, times: list[datetime], data: st.DataObject
    ) -> None:
        rows = [BIKE.rsplit(",", 1)[0] + "," + time.isoformat() for time in times]
        at = data.draw(st.sampled_from(times) | st.datetimes(timezones=st.just(UTC)))
        product = catalogue_of(*rows).product("bike", at)
        assert product is not None
        assert product.valid_from == max((t for t in times if t <= at), default=min(times))

    def test_an_unknown_product_has_no_price(self) -> None:
        assert catalogue_of(BIKE).product("car", datetime(2022, 1, 1, tzinfo=UTC)) is None

    def test_currency_and_number_of_products_are_known(self) -> None:
        catalogue = catalogue_of(BIKE, DEARER_BIKE, BELL)
        assert (catalogue.currency, catalogue.products) == ("EUR", 2)
        assert [product.list_e4 for product in catalogue] == [1_000_000, 1_105_000, 24_999]

    def test_the_version_follows_the_content(self) -> None:
        versions = {catalogue_of(BIKE).version, catalogue_of(BELL).version}
        assert len(versions) == 2
        assert all(len(version) == 12 for version in versions)


class TestPricingAnOrder:
    def test_totals_are_sums_over_units_of_known_products(self) -> None:
        lines = [{"product_id": "bell", "quantity": 3}, {"product_id": "bike", "quantity": 2}]
        order = an_order(lines=[*lines, {"product_id": "car", "quantity": 9}])
        priced = catalogue_of(BIKE, BELL).price(order)
        assert priced.list_total_e4 == 2 * 1_000_000 + 3 * 24_999
        assert priced.cost_total_e4 == 2 * 600_000 + 3 * 35_000
        assert [(line.product.product_id, line.quantity) for line in priced.lines] == [
            ("bell", 3),
            ("bike", 2),
        ]
        assert priced.unknown == ("car",)
        assert priced.order is order

    def test_an_order_in_the_catalogues_currency_is_priced(self) -> None:
        assert catalogue_of(BIKE).price(an_order(currency="EUR")).lines == ()

    def test_an_order_in_another_currency_is_the_senders_error(self) -> None:
        with pytest.raises(OrderError, match="currency is USD, expected EUR") as caught:
            catalogue_of(BIKE).price(an_order(currency="USD"))
        assert (caught.value.code, caught.value.field) == ("currency_mismatch", "currency")


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("100", "-1", "line 3: list_price is '-1', expected a number 0 to 1e9"),
            ("100", "1.00001", "line 3: list_price is '1.00001', expected at most 4 decimals"),
            ("100", "NaN", "line 3: list_price is 'NaN', expected a number"),
            ("100", "1e10", "line 3: list_price is '1e10', expected a number"),
            ("60", "", "line 3: standard_cost is '', expected a number"),
            ("EUR", "eur", "line 3: currency is 'eur', expected three letters"),
            ("EUR", "USD", "line 3: currency is 'USD', expected EUR"),
            ("Z", "", "line 3: valid_from is '2020-01-01T00:00:00', expected an RFC 3339"),
            ("bike,", ",", "line 3: product_id is '', expected 1 to 64"),
            ("bike,", "a" * 65 + ",", "line 3: product_id is 'aaa"),
            ("bike,", "bell,", "line 3: valid_from is '2020-01-01T00:00:00Z', expected one price"),
            (",EUR", "", "line 3: 7 cells, expected 8"),
            ("Bike,", '"Bike', "line 3: unexpected end of data"),
        ],
    )
    def test_a_broken_line_is_named_with_column_value_and_what_was_expected(
        self, old: str, new: str, complaint: str
    ) -> None:
        lines = [HEADER, BELL, BIKE.replace(old, new, 1)]
        assert complaint in complaint_about("\n".join(lines).encode())

    @pytest.mark.parametrize(
        ("data", "complaint"),
        [
            (b"", "product_id, name, category"),
            (HEADER.encode(), "no products"),
            (HEADER.replace("currency,", "").encode(), "line 1: currency missing"),
            ((HEADER + ",name").encode(), "line 1: name repeated"),
            (b"\xff", "not UTF-8"),
            (b"PK\x03\x04\x00\x00", "missing"),
            (b"a" * 200_000, "field larger than field limit"),
            (b" " * (32 * 1024 * 1024 + 1), "33554433 bytes, expected at most 33554432"),
        ],
    )
    def test_a_file_that_is_no_catalogue_is_named(self, data: bytes, complaint: str) -> None:
        assert complaint in complaint_about(data)

    @given(st.binary() | st.text().map(lambda text: f"{HEADER}\n{text}".encode(errors="replace")))
    def test_no_file_raises_anything_else(self, data: bytes) -> None:
        assert complaint_about(data).startswith("catalogue")


class TestWhatIsTolerated:
    def test_a_byte_order_mark_windows_line_ends_and_blank_lines(self) -> None:
        data = b"\xef\xbb\xbf" + f"{HEADER}\r\n\r\n{BIKE}\r\n\r\n".encode()
        assert Catalogue.from_csv(data).products == 1

    def test_columns_in_another_order_and_columns_of_ones_own(self) -> None:
        header = "remark," + ",".join(reversed(COLUMNS))
        row = "x," + ",".join(reversed(BIKE.split(",")))
        assert list(catalogue_of(row, header=header)) == list(catalogue_of(BIKE))

    def test_a_cost_above_the_list_price(self) -> None:
        assert catalogue_of(BELL).products == 1


class TestThePackagedCatalogue:
    def test_it_has_294_products_in_dollars(self) -> None:
        catalogue = packaged_catalogue()
        assert (catalogue.products, catalogue.currency) == (294, "USD")

    def test_it_is_read_once(self) -> None:
        assert packaged_catalogue() is packaged_catalogue()

    def test_every_row_follows_the_published_schema(self) -> None:
        path = Path(__file__).parents[3] / "shared" / "data" / "catalogue.csv"
        with path.open(encoding="utf-8", newline="") as file:
            assert [
                found for row in csv.DictReader(file) for found in violations("catalogue", row)
            ] == []

    @pytest.mark.reference
    @pytest.mark.skipif("SHERIFF_SHARED" not in os.environ, reason="needs the reference folder")
    def test_its_figures_are_the_reference_catalogues(self) -> None:
        path = Path(os.environ["SHERIFF_SHARED"]) / "data" / "catalogue.csv"
        with path.open(encoding="utf-8", newline="") as file:
            expected = {
                row["product_id"]: (
                    *(row["name"], row["category"], row["subcategory"]),
                    *(Decimal(row[column]) * 10_000 for column in ("list_price", "standard_cost")),
                )
                for row in csv.DictReader(file)
            }
        assert expected == {
            p.product_id: (p.name, p.category, p.subcategory, p.list_e4, p.cost_e4)
            for p in packaged_catalogue()
        }
