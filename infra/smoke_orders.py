"""Two smoke orders whose verdicts are clear for what serves now: a good order and a fraud.

They take the baskets of the serving bundle's golden orders and the prices of the serving catalogue,
so neither a new model nor new prices change a verdict. Before an order is sent, the scorer itself
must give that verdict under everything the partitions believe about a hidden discount.
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
"""A good order has at most the first probability, a fraud at least the second."""

_SINGLE_PRODUCTS = 50  # to try if a bundle has no golden orders

type Basket = tuple[OrderLine, ...]
type Verdict = Callable[[Assessment], bool]


@dataclass(frozen=True, slots=True)
class SmokeOrder:
    """An order to send, and the finding that its alert must have (None: it must get no alert)."""

    order_id: str
    body: bytes
    typology: str | None

    @property
    def alert_id(self) -> str:
        """The id of its alert, if it gets one."""
        return alert_id(self.order_id, 0)


def smoke_orders(
    scorer: Scorer, episodes: Sequence[EpisodeState], name: str, now: datetime
) -> tuple[SmokeOrder, SmokeOrder]:
    """Return a good order and a fraud, named ``smoke-{name}-good`` and ``-fraud``.

    ``episodes`` are what the partitions believe now; both verdicts are clear under each of them.

    Raises:
        ConfigurationError: this bundle, catalogue and policy give no clear verdict.
    """
    chooser = _Chooser(scorer, (EpisodeState(), *episodes), now)
    prefix = f"{MARKED_PREFIX}{name}"
    return chooser.good(f"{prefix}-good"), chooser.fraud(f"{prefix}-fraud")


@dataclass(frozen=True, slots=True)
class _Chooser:
    scorer: Scorer
    episodes: tuple[EpisodeState, ...]
    now: datetime

    def good(self, order_id: str) -> SmokeOrder:
        """Return an order charged at list price: nobody can have taken anything."""
        for basket in self._baskets(alerted=False):
            body = self._body(order_id, basket, self._totals(basket)[0])
            if self._all(body, _is_good):
                return SmokeOrder(order_id, body, None)
        raise ConfigurationError("the model that serves finds no order at list price clearly good")

    def fraud(self, order_id: str) -> SmokeOrder:
        """Return an order with an added unit if the bundle knows baskets, else one below cost.

        A charge below cost needs no model: arithmetic shows it, and all but one policy alert it.
        """
        for basket, charged_e4 in self._with_an_added_unit():
            body = self._body(order_id, basket, charged_e4)
            if self._all(body, _is_added):
                return SmokeOrder(order_id, body, "added_item")
        for basket in self._baskets(alerted=False):
            body = self._body(order_id, basket, self._totals(basket)[1] // 100)
            if self._all(body, _is_below_cost):
                return SmokeOrder(order_id, body, "below_cost")
        raise ConfigurationError("the model that serves finds no order clearly a fraud")

    def _with_an_added_unit(self) -> Iterator[tuple[Basket, int]]:
        """Yield golden baskets with a charge without most of one unit, the dearest unit first."""
        steps = sorted(self.scorer.bundle.off_ladder, key=lambda step: -step.share)
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
            products = dict.fromkeys(product.product_id for product in self.scorer.catalogue)
            for product_id in islice(products, _SINGLE_PRODUCTS):
                yield (OrderLine(product_id, 1),)

    def _golden(self, *, alerted: bool) -> Iterator[Basket]:
        """Yield the golden baskets with that verdict whose products all have a price now."""
        for golden in self.scorer.bundle.golden.orders:
            basket = parse_order(golden.order.encode()).lines
            if golden.alerted == alerted and all(self._price(line) for line in basket):
                yield basket

    def _price(self, line: OrderLine) -> int:
        """Return the list price (e4) of one unit; 0 if the product has none."""
        product = self.scorer.catalogue.product(line.product_id, self.now)
        return 0 if product is None else product.list_e4

    def _totals(self, basket: Basket) -> tuple[int, int]:
        """Return list price and cost (e4) of a basket."""
        priced = self.scorer.catalogue.price(parse_order(self._body("priced", basket, 0)))
        return priced.list_total_e4, priced.cost_total_e4

    def _body(self, order_id: str, basket: Basket, charged_e4: int) -> bytes:
        lines = [{"product_id": line.product_id, "quantity": line.quantity} for line in basket]
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
        """Return whether an order gets this verdict under every belief of a partition."""
        return all(verdict(assessment) for assessment in self._assessed(parse_order(body)))

    def _assessed(self, order: Order) -> Iterable[Assessment]:
        for episode in self.episodes:
            (assessment,), _ = self.scorer.score_many([order], episode)
            yield assessment


def _is_good(assessment: Assessment) -> bool:
    return not assessment.alerted and assessment.probability <= GOOD


def _is_added(assessment: Assessment) -> bool:
    return (
        assessment.alerted
        and assessment.p_added_item >= FRAUD
        and assessment.p_hidden_discount <= GOOD
    )


def _is_below_cost(assessment: Assessment) -> bool:
    return assessment.alerted and any(
        finding.typology == "below_cost" for finding in assessment.findings
    )
