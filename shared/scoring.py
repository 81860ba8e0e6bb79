"""From orders to assessments: the one scorer that the function, the backtest and training share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.assessment import Assessment
from shared.baskets import Baskets
from shared.beliefs import Beliefs, weigh_evidence
from shared.charge_explanation import explanation_of
from shared.classifier import adjust, model_reasons
from shared.discounts import CACHE_BYTES, E8_PER_E4, LARGEST_TOTAL_E4, DiscountTables, UnitDiscounts
from shared.episodes import EpisodeState, EpisodeThresholds, Step, Waiting, advance, hidden_e4
from shared.evidence import Evidence, Suspect
from shared.features import build_features
from shared.findings import Finding, Reason, fraud_findings
from shared.formats import alert_id
from shared.hypotheses import Posterior, Rates, weigh
from shared.profiles import NO_PROFILES
from shared.rules import RULES, all_reasons
from shared.typologies import FACT_TYPOLOGIES
from shared.units import unit_prices
from shared.unpriced import CERTAIN, Certainty, certainty, with_assumed_prices
from shared.unseen import UnseenPercents

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shared.beliefs import Outlook
    from shared.catalogue import Catalogue, PricedOrder
    from shared.ladder import DiscountShare
    from shared.model import ModelBundle
    from shared.order import Order
    from shared.policy import Policy
    from shared.units import UnitPrices

WORTH_A_LOOK = 0.05
"""Findings, reasons and an explanation are worked out from this probability on: it is well below
any threshold for an alert, and they cost more than the score itself."""


PACKAGED_TABLES = (("bundle", "nothing was learned from this company's orders yet"),)
"""What is degraded where the packaged bundle serves, and nobody says more."""


class Scorer:
    """Scores orders with one bundle, one catalogue and one policy; holds no state of a stream.

    Not safe to share between threads: the tables of discounts made so far are kept.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        catalogue: Catalogue,
        policy: Policy,
        degraded: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Take what serves; ``degraded`` names each packaged table among it, and why it serves."""
        self.degraded = degraded or (PACKAGED_TABLES if bundle.degraded else ())
        self.bundle = bundle
        self.catalogue = catalogue
        self.policy = policy
        self._ladder_bp = frozenset(step.discount_bp for step in bundle.ladder)
        self._profiles = NO_PROFILES if bundle.classifier is None else bundle.classifier.profiles
        self._common = self._tables(bundle.ladder)
        self._by_rep = {rep: self._tables(own) for rep, own in bundle.rep_ladders.items()}
        hidden_bp = [step.discount_bp for step in bundle.hidden]
        shares = [step.share for step in bundle.hidden]
        self._unseen = UnseenPercents(bundle.ladder, bundle.charge_tolerance_e4, hidden_bp)
        self._beliefs = Beliefs(
            hidden_bp,
            shares,
            rate=bundle.hidden_discount_rate,
            episode_days=bundle.hidden_episode_days,
            unseen=self._unseen.count,
            unseen_share=bundle.hidden_unseen_share,
        )
        self._baskets = Baskets(bundle.baskets, catalogue.products)
        self._thresholds = EpisodeThresholds(policy.incident_belief, policy.alert_probability)

    def _tables(self, ladder: Sequence[DiscountShare]) -> DiscountTables:
        """The tables of one ladder; all of a bundle's ladders share the room there is."""
        bundle = self.bundle
        return DiscountTables(
            ladder,
            bundle.off_ladder,
            bundle.charge_tolerance_e4,
            room=CACHE_BYTES // (1 + len(bundle.rep_ladders)),
        )

    def _discounts(self, order: Order) -> DiscountTables:
        """The tables of an order's rep: those of the rep's own ladder, if there is one."""
        return self._by_rep.get(order.rep_id, self._common)

    def score_many(
        self, orders: Sequence[Order], state: EpisodeState, names: Sequence[str] = ()
    ) -> tuple[list[Assessment], EpisodeState]:
        """Assess orders of one partition in their order of arrival; pure and deterministic.

        ``score_many(a + b)`` gives the same as ``score_many(a)`` then ``score_many(b)``.

        Args:
            orders: each once.
            episode: what the partition believed before.
            names: ids of the orders' alerts; where they are left out, each is that of an order
                whose id was never used before.

        Raises:
            OrderError: ``currency_mismatch`` where an order names another currency than the
                catalogue's.
        """
        names = names or [alert_id(order.order_id, order.revision) for order in orders]
        assessments = []
        for order, name in zip(orders, names, strict=True):
            assessment, state = self._score(order, state, name)
            assessments.append(assessment)
        return assessments, state

    def _score(
        self, order: Order, state: EpisodeState, name: str
    ) -> tuple[Assessment, EpisodeState]:
        outlook = self._beliefs.outlook(state.belief, order.ordered_at)
        case = self._weigh(self.catalogue.price(order), outlook)
        step = self._advance(case, state, name)
        return self._assess(case, step, name), step.state

    def _advance(self, case: _Case, state: EpisodeState, name: str) -> Step:
        """What an order does to the belief and the run of its partition; undecided, nothing.

        Nor does an order of long ago: it came late, and says nothing about now.
        """
        order, posterior = case.priced.order, case.posterior
        if not posterior.likelihoods or case.outlook.late:
            return Step(state)
        none, *running = posterior.likelihoods
        fits = self._unseen.fits(case.prices, order.charged_e4, none)
        if case.certainty is not CERTAIN:
            fits = {bp: case.certainty.as_priced * fit for bp, fit in fits.items()}
        exact = dict(zip(case.outlook.watched_bp, running, strict=True))
        evidence = weigh_evidence(
            none, exact, fits, posterior.unlisted_likelihood, posterior.unlisted
        )
        belief = self._beliefs.after(state.belief, order.ordered_at, case.outlook.prior, evidence)
        waiting = Waiting(
            alert_id=name,
            order_id=order.order_id,
            rep_id=order.rep_id,
            ordered_at=order.ordered_at,
            charged_e4=order.charged_e4,
            p_hidden=posterior.any_hidden,
            factors=tuple(evidence.factors.items()),
            other=evidence.other,
        )
        return advance(state, belief, waiting, self._thresholds)

    def _assess(self, case: _Case, step: Step, name: str) -> Assessment:
        order = case.priced.order
        evidence = self._evidence(case)
        hits = [hit for rule in RULES if (hit := rule(evidence, self.policy)) is not None]
        posterior = case.posterior
        features = build_features(evidence, self._ladder_bp, self._profiles)
        p_added, model = self._classify(posterior.any_added_item, features)
        p_hidden = posterior.any_hidden
        facts = (hit.finding for hit in hits if hit.finding)
        findings = (*fraud_findings(evidence, p_added), *facts)
        return Assessment(
            order=order,
            p_added_item=p_added,
            p_hidden_discount=p_hidden,
            probability=1.0 - (1.0 - p_added) * (1.0 - p_hidden),
            expected_loss_e4=round(sum(f.probability * f.amount_e4 for f in findings)),
            findings=findings,
            reasons=all_reasons(hits, model),
            explanation=explanation_of(evidence),
            features=features,
            model_version=self.bundle.version,
            policy_version=self.policy.version,
            degraded=self.degraded,
            alerted=self._is_alert(p_added, p_hidden, findings),
            belief_before=case.outlook.prior.running,
            belief_after=step.state.belief.running,
            episodes=step.changed,
            belongs=step.belongs,
            revisits=step.revisits,
            waits=_waits(name, step),
            charge_likelihood=posterior.charge_likelihood,
            alert_id=name,
            catalogue_version=self.catalogue.version,
            currency=self.catalogue.currency,
        )

    def _classify(
        self, p_core: float, features: Mapping[str, float]
    ) -> tuple[float, tuple[Reason, ...]]:
        """The probability of an added item with what analysts decided, and the model's reasons.

        Below `WORTH_A_LOOK` the core's own stands: nobody decides on such orders, so decisions
        say nothing about them.
        """
        classifier = self.bundle.classifier
        if classifier is None or p_core < WORTH_A_LOOK:
            return p_core, ()
        p_added, contributions = adjust(classifier, p_core, features)
        return p_added, model_reasons(contributions, features)

    def _weigh(self, priced: PricedOrder, outlook: Outlook) -> _Case:
        """What the hypotheses make of an order; of one without any known price, nothing.

        Only what the catalogue knows can have been added: that is what is drawn from.
        """
        basket = {line.product.product_id: line.quantity for line in priced.lines}
        odds = self._baskets.added_odds(basket)
        sure = CERTAIN
        if priced.unknown:
            priced = with_assumed_prices(priced, self.bundle.usual_prices)
            sure = self._certainty(priced)
        if not priced.lines or priced.list_total_e4 > LARGEST_TOTAL_E4:
            return _Case(priced, (), odds, _UNDECIDED, outlook)
        prices = unit_prices([(line.product.list_e4, line.quantity) for line in priced.lines])
        discounts = self._discounts(priced.order)
        likelihoods = discounts.explain(prices, priced.order.charged_e4, outlook.watched_bp)
        price_of = {line.product.product_id: line.product.list_e4 for line in priced.lines}
        window = 2.0 * self.bundle.charge_tolerance_e4 / max(priced.list_total_e4, 1)
        rates = Rates(self.bundle.added_item_rate, outlook.chances)
        if sure is not CERTAIN:
            likelihoods = likelihoods.times(sure.as_priced)
        posterior = weigh(likelihoods, price_of, odds, rates, min(window, 1.0), sure.otherwise)
        return _Case(priced, prices, odds, posterior, outlook, sure)

    def _certainty(self, priced: PricedOrder) -> Certainty:
        ladder = self.bundle.rep_ladders.get(priced.order.rep_id, self.bundle.ladder)
        none = sum(step.share for step in ladder if not step.discount_bp)
        largest_bp = max(step.discount_bp for step in ladder)
        return certainty(priced, none, largest_bp, self.bundle.charge_tolerance_e4)

    def _evidence(self, case: _Case) -> Evidence:
        """The facts of a case; for one worth a look also its likeliest explanation."""
        posterior = case.posterior
        hidden_bp = _likeliest_hidden(case)
        product = _likeliest_product(posterior)
        found = UnitDiscounts((), 0)
        suspect: Suspect | None = None
        if max(posterior.any_added_item, posterior.any_hidden, posterior.unlisted) >= WORTH_A_LOOK:
            price = case.price_of(product) if product else None
            found = self._discounts(case.priced.order).most_likely(
                case.prices,
                case.priced.order.charged_e4,
                case.outlook.watched_bp,
                order_bp=hidden_bp,
                off_ladder_price=price,
            )
            if product and price and found.discounts:
                discount_bp = found.discounts[0][1]
                suspect = Suspect(product, discount_bp, price * discount_bp // E8_PER_E4)
        return Evidence(
            priced=case.priced,
            currency=self.catalogue.currency,
            rep_known=self._knows(case.priced.order.rep_id),
            basket_odds=case.basket_odds,
            posterior=posterior,
            suspect=suspect,
            hidden_bp=hidden_bp,
            hidden_e4=hidden_e4(case.priced.order.charged_e4, hidden_bp),
            unit_discounts=found.discounts,
            unexplained_e4=found.unexplained_e4,
            own_case=case.outlook.own_case,
            unpriced=self.bundle.unpriced,
        )

    def _knows(self, rep_id: str) -> bool:
        """Whether a rep is in the history, as far as the bundle can tell."""
        return not self.bundle.reps or self.bundle.more_reps or rep_id in self.bundle.reps

    def _is_alert(self, p_added: float, p_hidden: float, findings: Sequence[Finding]) -> bool:
        if max(p_added, p_hidden) >= self.policy.alert_probability:
            return True
        return any(finding.typology in FACT_TYPOLOGIES for finding in findings)


@dataclass(frozen=True, slots=True)
class _Case:
    """One order with what the hypotheses made of it; ``prices`` (e4) of its units descend.

    ``outlook`` is what was believed before it, ``certainty`` how sure its prices are.
    """

    priced: PricedOrder
    prices: UnitPrices
    basket_odds: Mapping[str, float]
    posterior: Posterior
    outlook: Outlook
    certainty: Certainty = CERTAIN

    def price_of(self, product_id: str) -> int:
        """List price (e4) of one of the order's products."""
        return next(
            line.product.list_e4
            for line in self.priced.lines
            if line.product.product_id == product_id
        )


_UNDECIDED = Posterior({}, (1.0,), 0.0, {}, 1.0)


def _likeliest_product(posterior: Posterior) -> str | None:
    """The product likeliest to have been added, if any is worth a look."""
    if posterior.any_added_item < WORTH_A_LOOK:
        return None
    return max(posterior.added_item, key=posterior.added_item.__getitem__)


def _likeliest_hidden(case: _Case) -> int:
    """The hidden percentage (basis points) an order is likeliest under; 0 is none.

    A percentage counts as soon as it is worth a look, so that a finding can name it.
    """
    if case.posterior.any_hidden < WORTH_A_LOOK:
        return 0
    hidden = case.posterior.hidden[1:]
    return case.outlook.watched_bp[hidden.index(max(hidden))]


def _waits(name: str, step: Step) -> bool:
    """Whether an order may be revisited by a later one, or is by itself; it comes last of all."""
    return any(one[-1].alert_id == name for one in (step.state.waiting, step.revisits) if one)
