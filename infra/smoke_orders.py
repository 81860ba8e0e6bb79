"""Two orders whose verdicts are clear, for what serves now: one good, one a fraud.

Baskets are those of the serving bundle's golden orders, charged at the prices of the catalogue that
serves, so that neither a new model nor new prices turn a verdict round. Whatever the partitions
believe about a hidden discount, the scorer itself must say so before an order is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from shared.assessment import Assessment
from shared.episodes import EpisodeState
from shared.errors import ConfigurationError
from shared.formats import alert_id, money, time_text
from shared.order import Order, OrderLine, parse_order
from shared.scoring import Scorer
from shared.smoke_orders import MARKED_PREFIX, MARKED_REP

GOOD, FRAUD = 0.1, 0.9
"""Clear probabilities: at most that of a good order, at least that of a fraud."""

_SINGLE_PRODUCTS = 50  # tried where a bundle has no golden orders

type Basket = tuple[OrderLine, ...]
type Verdict = Callable[[Assessment], bool]


@dataclass(frozen=True, slots=True)
class Marked:
    """An order to send, and which finding its alert must have (None: it must get no alert)."""

    order_id: str
    body: bytes
    typology: str | None

    @property
    def alert_id(self) -> str:
        """The id that its alert has, or would have."""
        return alert_id(self.order_id, 0)


def marked_orders(
    scorer: Scorer, episodes: Sequence[EpisodeState], name: str, now: datetime
) -> tuple[Marked, Marked]:
    """A good order and a fraud, named ``smoke-{name}-good`` and ``-fraud``.

    ``episodes`` are what the partitions believe now; both verdicts are clear under each of them.

    Raises:
        ConfigurationError: with this bundle, catalogue and policy there are none.
    """
    chooser = _Chooser(scorer, (EpisodeState(), *episodes), now)
    prefix = f"{MARKED_PREFIX}{name}"
    return chooser.good(f"{prefix}-good"), chooser.fraud(f"{prefix}-fraud")


@dataclass(frozen=True, slots=True)
class _Chooser:
    scorer: Scorer
    episodes: tuple[EpisodeState, ...]
    now: datetime

    def good(self, order_id: str) -> Marked:
        """An order charged at list price, by which nobody can have taken anything."""
        for basket in self._baskets(alerted=False):
            body = self._body(order_id, basket, self._totals(basket)[0])
            if self._all(body, _is_good):
                return Marked(order_id, body, None)
        raise ConfigurationError("no order at list price is clearly good by what serves")

    def fraud(self, order_id: str) -> Marked:
        """An order with a unit that was added, if the bundle knows baskets; else far below cost.

        A charge below cost is a fact of arithmetic, which every policy but one alerts.
        """
        for basket, charged_e4 in self._with_an_added_unit():
            body = self._body(order_id, basket, charged_e4)
            if self._all(body, _is_added):
                return Marked(order_id, body, "added_item")
        for basket in self._baskets(alerted=False):
            body = self._body(order_id, basket, self._totals(basket)[1] // 100)
            if self._all(body, _is_below_cost):
                return Marked(order_id, body, "below_cost")
        raise ConfigurationError("no order is clearly a fraud by what serves")

    def _with_an_added_unit(self) -> Iterator[tuple[Basket, int]]:
        """Golden baskets, most of one unit's price taken off again: the dearest unit first."""
        steps = sorted(self.scorer.bundle.off_ladder, key=lambda one: -one.share)
        for basket in self._golden(alerted=True):
            listed, _ = self._totals(basket)
            prices = sorted(map(self._price, basket), reverse=True)
            for price in prices:
                for step in steps:
                    yield basket, listed - price * step.discount_bp // 10_000

    def _baskets(self, *, alerted: bool) -> Iterator[Basket]:
        golden = list(self._golden(alerted=alerted))
        yield from golden
        if not golden:
            products = dict.fromkeys(one.product_id for one in self.scorer.catalogue)
            for product in islice(products, _SINGLE_PRODUCTS):
                yield (OrderLine(product, 1),)

    def _golden(self, *, alerted: bool) -> Iterator[Basket]:
        """The golden baskets with that verdict whose products all have a price now."""
        for golden in self.scorer.bundle.golden.orders:
            basket = parse_order(golden.order.encode()).lines
            if golden.alerted == alerted and all(self._price(line) for line in basket):
                yield basket

    def _price(self, line: OrderLine) -> int:
        """List price (e4) of one unit; 0 where there is none."""
        product = self.scorer.catalogue.product(line.product_id, self.now)
        return 0 if product is None else product.list_e4

    def _totals(self, basket: Basket) -> tuple[int, int]:
        """List price and cost (e4) of a basket."""
        priced = self.scorer.catalogue.price(parse_order(self._body("priced", basket, 0)))
        return priced.list_total_e4, priced.cost_total_e4

    def _body(self, order_id: str, basket: Basket, charged_e4: int) -> bytes:
        lines = [{"product_id": one.product_id, "quantity": one.quantity} for one in basket]
        return json.dumps(
            {
                "order_id": order_id,
                "ordered_at": time_text(self.now),
                "rep_id": MARKED_REP,
                "customer_id": MARKED_REP,
                "lines": lines,
                "charged_price": money(charged_e4),
            }
        ).encode()

    def _all(self, body: bytes, verdict: Verdict) -> bool:
        """Whether an order gets this verdict whatever its partition believes."""
        return all(verdict(found) for found in self._assessed(parse_order(body)))

    def _assessed(self, order: Order) -> Iterable[Assessment]:
        for episode in self.episodes:
            (found,), _ = self.scorer.score_many([order], episode)
            yield found


def _is_good(found: Assessment) -> bool:
    return not found.alerted and found.probability <= GOOD


def _is_added(found: Assessment) -> bool:
    return found.alerted and found.p_added_item >= FRAUD and found.p_hidden_discount <= GOOD


def _is_below_cost(found: Assessment) -> bool:
    return found.alerted and any(one.typology == "below_cost" for one in found.findings)
