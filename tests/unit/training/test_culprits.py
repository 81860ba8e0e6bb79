"""One culprit injected in an otherwise innocent order is the first reason of its alert."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import msgspec
import pytest

from shared.assessment import Assessment
from shared.catalogue import packaged_catalogue
from shared.classifier import Classifier
from shared.episodes import EpisodeState
from shared.model import ModelBundle
from shared.order import Order, OrderLine, parse_order
from shared.policy import Policy
from shared.scoring import Scorer
from training.comparison.metrics import Truth
from training.evaluation.analysts import decide
from training.history.price_arrays import price_table
from training.learning.additive import fit_columns
from training.learning.learn import learn
from training.learning.weak_labels import score_forward, to_columns
from training.simulation.company import AddedItems, Company, HiddenDiscounts
from training.simulation.order_bodies import order_bodies, order_ids, truth_rows
from training.simulation.synthesis import SimulatedOrders, draw_orders

CATALOGUE = packaged_catalogue()
PRICES = price_table(CATALOGUE)
INJECTED = 120
"""Orders of each kind."""


@dataclass(frozen=True)
class Plant:
    """An order with one culprit, and what the first reason must be and must say."""

    order: Order
    codes: frozenset[str]
    names: str


def parsed(drawn: SimulatedOrders, company: Company, prefix: str) -> list[Order]:
    bodies = order_bodies(drawn, PRICES, company, order_ids(drawn, prefix), "USD")
    return list(map(parse_order, bodies))


@pytest.fixture(scope="module")
def bundle() -> ModelBundle:
    """Learned tables with a classifier that analysts taught, so that both give reasons."""
    company = Company(hidden=HiddenDiscounts(episodes=4))
    drawn = draw_orders(company, PRICES, 5_000, seed=11)
    orders = parsed(drawn, company, "h-")
    rows = truth_rows(drawn, PRICES, order_ids(drawn, "h-"))
    truth = {order_id: Truth(bool(added), bool(hidden)) for order_id, added, hidden, *_ in rows}
    forward = score_forward(orders, CATALOGUE, 2_500)
    classifier = fit_columns(to_columns(forward, decide(forward, truth, Policy())), 1.0, 0.3)
    assert largest_term(classifier) > 0.2
    return msgspec.structs.replace(learn(orders, CATALOGUE, "v").bundle, classifier=classifier)


def largest_term(classifier: Classifier) -> float:
    return max(abs(nats) for term in classifier.terms for nats in term.log_odds)


@pytest.fixture(scope="module")
def innocent() -> list[Order]:
    """Orders charged their full list total."""
    company = Company(added=AddedItems(rate=0.0), hidden=HiddenDiscounts(episodes=0))
    orders = parsed(draw_orders(company, PRICES, 2_000, seed=12), company, "i-")
    full = [one for one in orders if CATALOGUE.price(one).list_total_e4 == one.charged_e4]
    assert len(full) > 3 * INJECTED
    return full


def off(price_e4: int, discount_bp: int) -> int:
    return round(price_e4 * discount_bp / 10_000)


def deepest(bundle: ModelBundle) -> list[int]:
    """The discounts of added items that are no steps of the ladder."""
    ladder = {step.discount_bp for step in bundle.ladder}
    found = [s.discount_bp for s in bundle.off_ladder if s.discount_bp not in ladder]
    assert len(found) >= 2
    return found


def misfits(bundle: ModelBundle, orders: list[Order]) -> Iterator[Plant]:
    """A product that is never sold, added at a deep discount."""
    sold = {*bundle.baskets.companions}
    rare = sorted(
        (product for product in CATALOGUE if product.product_id not in sold),
        key=lambda product: product.product_id,
    )
    steps = deepest(bundle)
    for at, order in enumerate(orders):
        product, step = rare[at % len(rare)], steps[at % len(steps)]
        lines = (*order.lines, OrderLine(product.product_id, 1))
        charged = order.charged_e4 + product.list_e4 - off(product.list_e4, step)
        changed = replace(
            order,
            lines=tuple(sorted(lines, key=lambda line: line.product_id)),
            charged_e4=charged,
            list_e4=None,  # recorded totals would have the added item in them
            cost_e4=None,
        )
        codes = frozenset({"item_does_not_belong", "off_ladder_discount"})
        yield Plant(changed, codes, product.product_id)


def deep_discounts(bundle: ModelBundle, orders: list[Order]) -> Iterator[Plant]:
    """A unit that belongs, at a discount that no rep gives."""
    steps = deepest(bundle)
    for at, order in enumerate(orders):
        priced = CATALOGUE.price(order).lines
        product, step = priced[at % len(priced)].product, steps[at % len(steps)]
        changed = replace(order, charged_e4=order.charged_e4 - off(product.list_e4, step))
        yield Plant(changed, frozenset({"off_ladder_discount"}), product.product_id)


def hidden(bundle: ModelBundle, orders: list[Order]) -> Iterator[Plant]:
    """A percentage off the whole order."""
    percent = bundle.hidden[0].discount_bp
    for order in orders:
        changed = replace(order, charged_e4=order.charged_e4 - off(order.charged_e4, percent))
        yield Plant(changed, frozenset({"hidden_discount"}), f"{percent / 100:g} %")


def named_first(found: Assessment, plant: Plant) -> bool:
    first = found.reasons[0] if found.reasons else None
    return first is not None and first.code in plant.codes and plant.names in first.message


def test_the_first_reason_of_an_alert_names_what_was_injected(
    bundle: ModelBundle, innocent: list[Order]
) -> None:
    parts = [innocent[at * INJECTED : (at + 1) * INJECTED] for at in range(3)]
    scorer = Scorer(bundle, CATALOGUE, Policy())
    right, alerts, model_reasons = 0, 0, 0
    for kind, orders in zip((misfits, deep_discounts, hidden), parts, strict=True):
        plants = list(kind(bundle, orders))
        found = [scorer.score_many([plant.order], EpisodeState())[0][0] for plant in plants]
        seen = [(one, plant) for one, plant in zip(found, plants, strict=True) if one.alerted]
        named = sum(named_first(one, plant) for one, plant in seen)
        print(f"{kind.__name__}: {len(seen)} of {len(plants)} alert, {named} named first")
        assert len(seen) >= 0.8 * len(plants), kind.__name__
        assert named >= 0.95 * len(seen), kind.__name__
        right, alerts = right + named, alerts + len(seen)
        model_reasons += sum(r.source == "model" for one, _ in seen for r in one.reasons)
    assert alerts >= 300
    assert right >= 0.95 * alerts
    assert model_reasons > 0


def test_an_innocent_order_has_no_reason_at_all(bundle: ModelBundle, innocent: list[Order]) -> None:
    scorer = Scorer(bundle, CATALOGUE, Policy())
    for order in innocent[:INJECTED]:
        assert scorer.score_many([order], EpisodeState())[0][0].reasons == ()
