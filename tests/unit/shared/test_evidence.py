"""What the rules may ask about an order."""

from tests.unit.shared.evidence_of import evidence


def test_money_is_written_to_the_cent_in_the_currency_of_the_catalogue() -> None:
    assert evidence(currency="EUR").money(12_345_678) == "1,234.57 EUR"
    assert evidence(currency="USD").money(-5_000) == "-0.50 USD"


def test_a_history_without_unknown_products_is_what_it_starts_from() -> None:
    unpriced = evidence().unpriced
    assert (unpriced.with_unknown, unpriced.total.unpriced, unpriced.by_rep) == (0, 0, {})
