"""From orders to assessments: the one scorer that the function, the backtest and training share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.assessment import (
    ADDED_ITEM,
    DATA_QUALITY_TYPOLOGIES,
    FRAUD_TYPOLOGIES,
    HIDDEN_DISCOUNT,
    Assessment,
    Explanation,
    Finding,
    Reason,
    UnitDiscount,
)
from shared.baskets import Baskets
from shared.discounts import CACHE_BYTES, E8_PER_E4, LARGEST_TOTAL_E4, DiscountTables, UnitDiscounts
from shared.episodes import Episodes, order_priors
from shared.features import build_features
from shared.hypotheses import Posterior, Rates, weigh
from shared.rules import RULES, Evidence, RuleHit, Suspect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.catalogue import Catalogue, PricedOrder
    from shared.episodes import EpisodeState
    from shared.model import DiscountShare, ModelBundle
    from shared.order import Order
    from shared.policy import Policy

WORTH_A_LOOK = 0.05
"""Findings, reasons and an explanation are worked out from this probability on: it is well below
any threshold for an alert, and they cost more than the score itself."""


class Scorer:
    """Scores orders with one bundle, one catalogue and one policy; holds no state of a stream.

    Not safe to share between threads: the tables of discounts made so far are kept.
    """

    def __init__(self, bundle: ModelBundle, catalogue: Catalogue, policy: Policy) -> None:
        self.bundle = bundle
        self.catalogue = catalogue
        self.policy = policy
        self._common = self._tables(bundle.ladder)
        self._by_rep = {rep: self._tables(own) for rep, own in bundle.rep_ladders.items()}
        self._baskets = Baskets(bundle.baskets, catalogue.products)
        percents = [step.basis_points for step in bundle.hidden]
        shares = [step.share for step in bundle.hidden]
        self._episodes = Episodes(
            percents, shares, bundle.hidden_discount_rate, bundle.hidden_run_days
        )

    def _tables(self, ladder: Sequence[DiscountShare]) -> DiscountTables:
        """The tables of one ladder; all of a bundle's ladders share the room there is."""
        bundle = self.bundle
        return DiscountTables(
            ladder,
            bundle.off_ladder,
            bundle.hidden,
            bundle.charge_tolerance_e4,
            room=CACHE_BYTES // (1 + len(bundle.rep_ladders)),
        )

    def _discounts(self, order: Order) -> DiscountTables:
        """The tables of an order's rep: those of the rep's own ladder, if there is one."""
        return self._by_rep.get(order.rep_id, self._common)

    def score_many(
        self, orders: Sequence[Order], episode: EpisodeState
    ) -> tuple[list[Assessment], EpisodeState]:
        """Assess orders of one partition in their order of arrival; pure and deterministic.

        ``score_many(a + b)`` gives the same as ``score_many(a)`` then ``score_many(b)``.

        Raises:
            OrderError: ``currency_mismatch`` where an order names another currency than the
                catalogue's.
        """
        assessments = []
        for order in orders:
            assessment, episode = self._score(order, episode)
            assessments.append(assessment)
        return assessments, episode

    def _score(self, order: Order, episode: EpisodeState) -> tuple[Assessment, EpisodeState]:
        before = self._episodes.before(episode, order.ordered_at)
        case = self._weigh(self.catalogue.price(order), order_priors(before))
        if case.posterior.likelihoods:
            likelihoods = case.posterior.likelihoods
            episode = self._episodes.after(episode, order.ordered_at, before, likelihoods)
        return self._assess(case), episode

    def _assess(self, case: _Case) -> Assessment:
        order = case.priced.order
        evidence = self._evidence(case)
        hits = [hit for rule in RULES if (hit := rule(evidence, self.policy)) is not None]
        findings = (*_fraud_findings(evidence), *(hit.finding for hit in hits if hit.finding))
        posterior = case.posterior
        p_added, p_hidden = posterior.any_added_item, posterior.any_hidden
        return Assessment(
            order=order,
            p_added_item=p_added,
            p_hidden_discount=p_hidden,
            probability=1.0 - (1.0 - p_added) * (1.0 - p_hidden),
            expected_loss_e4=round(sum(f.probability * f.amount_e4 for f in findings)),
            findings=findings,
            reasons=_reasons(hits),
            explanation=self._explanation(case, evidence),
            features=build_features(case.priced, case.basket_odds, posterior),
            model_version=self.bundle.version,
            policy_version=self.policy.version,
            degraded=self.bundle.degraded,
            alerted=self._is_alert(p_added, p_hidden, findings),
        )

    def _weigh(self, priced: PricedOrder, hidden: Sequence[float]) -> _Case:
        """What the hypotheses make of an order; of one with unknown prices, nothing."""
        basket = {line.product.product_id: line.quantity for line in priced.lines}
        odds = self._baskets.added_odds(basket)
        if priced.unknown or priced.list_total_e4 > LARGEST_TOTAL_E4:
            return _Case(priced, (), odds, _UNDECIDED)
        prices = _unit_prices(priced)
        likelihoods = self._discounts(priced.order).explain(prices, priced.order.charged_e4)
        price_of = {line.product.product_id: line.product.list_e4 for line in priced.lines}
        window = 2.0 * self.bundle.charge_tolerance_e4 / max(priced.list_total_e4, 1)
        rates = Rates(self.bundle.added_item_rate, hidden)
        posterior = weigh(likelihoods, price_of, odds, rates, min(window, 1.0))
        return _Case(priced, prices, odds, posterior)

    def _evidence(self, case: _Case) -> Evidence:
        """The facts of a case; for one worth a look also its likeliest explanation."""
        posterior = case.posterior
        percent = self._likeliest_percent(posterior)
        product = _likeliest_product(posterior)
        found = UnitDiscounts((), 0)
        suspect: Suspect | None = None
        if max(posterior.any_added_item, posterior.any_hidden, posterior.unlisted) >= WORTH_A_LOOK:
            price = case.price_of(product) if product else None
            found = self._discounts(case.priced.order).most_likely(
                case.prices,
                case.priced.order.charged_e4,
                order_percent=percent,
                off_ladder_price=price,
            )
            if product and price and found.discounts:
                step = found.discounts[0][1]
                suspect = Suspect(product, step, price * step // E8_PER_E4)
        return Evidence(
            priced=case.priced,
            currency=self.catalogue.currency,
            rep_known=not self.bundle.reps or case.priced.order.rep_id in self.bundle.reps,
            basket_odds=case.basket_odds,
            posterior=posterior,
            suspect=suspect,
            hidden_basis_points=percent,
            hidden_e4=_hidden_amount(case.priced.order.charged_e4, percent),
            unit_discounts=found.discounts,
            unexplained_e4=found.unexplained_e4,
        )

    def _likeliest_percent(self, posterior: Posterior) -> int:
        """The hidden percentage (basis points) an order is likeliest under; 0 is none.

        A percentage counts as soon as it is worth a look, so that a finding can name it.
        """
        if posterior.any_hidden < WORTH_A_LOOK:
            return 0
        hidden = posterior.hidden[1:]
        return self._common.order_percents[1 + hidden.index(max(hidden))]

    def _is_alert(self, p_added: float, p_hidden: float, findings: Sequence[Finding]) -> bool:
        if max(p_added, p_hidden) >= self.policy.alert_probability:
            return True
        own_facts = (*FRAUD_TYPOLOGIES, *DATA_QUALITY_TYPOLOGIES)
        return any(finding.typology not in own_facts for finding in findings)

    def _explanation(self, case: _Case, evidence: Evidence) -> Explanation:
        listed, charged = case.priced.list_total_e4, case.priced.order.charged_e4
        return Explanation(
            list_total_e4=listed,
            charged_e4=charged,
            gap_e4=listed - charged,
            unit_discounts=_name_units(case.priced, evidence),
            order_discount_percent=evidence.hidden_basis_points / 100,
            unexplained_e4=evidence.unexplained_e4,
        )


@dataclass(frozen=True, slots=True)
class _Case:
    """One order with what the hypotheses made of it; ``prices`` (e4) of its units descend."""

    priced: PricedOrder
    prices: tuple[int, ...]
    basket_odds: Mapping[str, float]
    posterior: Posterior

    def price_of(self, product_id: str) -> int:
        """List price (e4) of one of the order's products."""
        return next(
            line.product.list_e4
            for line in self.priced.lines
            if line.product.product_id == product_id
        )


_UNDECIDED = Posterior({}, (1.0,), 0.0, {}, 1.0)


def _unit_prices(priced: PricedOrder) -> tuple[int, ...]:
    units = [price for line in priced.lines for price in [line.product.list_e4] * line.quantity]
    units.sort(reverse=True)
    return tuple(units)


def _likeliest_product(posterior: Posterior) -> str | None:
    """The product likeliest to have been added, if any is worth a look."""
    if posterior.any_added_item < WORTH_A_LOOK:
        return None
    return max(posterior.added_item, key=posterior.added_item.__getitem__)


def _hidden_amount(charged_e4: int, basis_points: int) -> int:
    """What a hidden percentage took off: ``charged = (1 - h) x`` and so ``h x`` in e4."""
    return round(charged_e4 * basis_points / (E8_PER_E4 - basis_points))


def _fraud_findings(evidence: Evidence) -> tuple[Finding, ...]:
    """The frauds worth a look, with what they cost."""
    findings = []
    p_added, p_hidden = evidence.posterior.any_added_item, evidence.posterior.any_hidden
    if evidence.suspect is not None:
        suspect = evidence.suspect
        percent = suspect.basis_points / 100
        message = (
            f"One {suspect.product_id} was probably added to the order and taken off again at "
            f"{percent:g} % ({evidence.money(suspect.amount_e4)})."
        )
        findings.append(
            Finding(ADDED_ITEM, p_added, suspect.amount_e4, message, suspect.product_id, percent)
        )
    if evidence.hidden_basis_points:
        percent = evidence.hidden_basis_points / 100
        message = (
            f"The whole order was probably charged {percent:g} % too little "
            f"({evidence.money(evidence.hidden_e4)})."
        )
        findings.append(
            Finding(HIDDEN_DISCOUNT, p_hidden, evidence.hidden_e4, message, percent=percent)
        )
    return tuple(findings)


def _reasons(hits: Sequence[RuleHit]) -> tuple[Reason, ...]:
    """Every rule's reason, the weightiest first."""
    ordered = sorted(hits, key=lambda hit: -hit.contribution)
    return tuple(Reason("rule", hit.code, hit.message, hit.contribution) for hit in ordered)


def _name_units(priced: PricedOrder, evidence: Evidence) -> tuple[UnitDiscount, ...]:
    """Unit discounts by product; the tables know prices only, and products may share one.

    The suspect's own discount comes first; the others go to products of that price in the order
    of their ids, no product getting more discounts than it has units.
    """
    if not evidence.unit_discounts:
        return ()
    left = {line.product.product_id: line.quantity for line in priced.lines}
    named: Counter[tuple[str, int]] = Counter()
    for at, (price, basis_points) in enumerate(evidence.unit_discounts):
        product = (
            evidence.suspect.product_id
            if at == 0 and evidence.suspect is not None
            else next(
                line.product.product_id
                for line in priced.lines
                if line.product.list_e4 == price and left[line.product.product_id]
            )
        )
        left[product] -= 1
        named[product, basis_points] += 1
    return tuple(
        UnitDiscount(product, units, basis_points / 100)
        for (product, basis_points), units in named.items()
    )
