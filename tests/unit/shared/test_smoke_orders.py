"""Only what has both the reserved rep and the reserved prefix is no order of the company's."""

import pytest

from shared.order import parse_order
from shared.smoke_orders import is_smoke_order
from tests.orders import order_body


@pytest.mark.parametrize(
    ("rep", "order_id", "marked"),
    [
        ("smoke-test", "smoke-20260301-good", True),
        ("smoke-test", "o-1", False),
        ("Annie Corns", "smoke-1", False),
    ],
)
def test_an_order_is_marked_by_rep_and_prefix_together(
    rep: str, order_id: str, marked: bool
) -> None:
    assert is_smoke_order(parse_order(order_body(rep_id=rep, order_id=order_id))) is marked
