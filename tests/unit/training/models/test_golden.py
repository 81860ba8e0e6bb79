"""Golden orders are chosen from the history: clear ones of every kind, and nobody's."""

import json
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from shared.catalogue import Catalogue, packaged_catalogue
from shared.classifier import Classifier, Term
from shared.episodes import EpisodeState
from shared.features import FEATURE_NAMES
from shared.golden import check_golden, disagreements, verdicts
from shared.model import ModelBundle, decode_bundle, encode_bundle, packaged_bundle
from shared.order import Order, parse_order
from shared.policy import Policy
from shared.scoring import Scorer
from tests.unit.training.companies import simulated
from training.learning.learn import learn
from training.models.golden import SURE, with_golden
from training.simulation.company import Company


@pytest.fixture(scope="module")
def history() -> list[Order]:
    return simulated(Company(), 3000, seed=5)


@pytest.fixture(scope="module")
def plain(history: list[Order]) -> ModelBundle:
    return learn(history, packaged_catalogue(), "v1").bundle


@pytest.fixture(scope="module")
def bundle(plain: ModelBundle, history: list[Order]) -> ModelBundle:
    return with_golden(plain, history, packaged_catalogue())


def test_a_dozen_and_more_are_chosen_of_frauds_and_of_none(bundle: ModelBundle) -> None:
    orders = bundle.golden.orders
    assert 12 <= len(orders) <= 24
    assert sum(order.alerted for order in orders) >= 4
    assert sum(not order.alerted for order in orders) >= 8
    names = [json.loads(order.order)["order_id"] for order in orders]
    assert names == [f"golden-{n:02d}" for n in range(1, len(orders) + 1)]


def test_every_verdict_is_clear(bundle: ModelBundle) -> None:
    for order in bundle.golden.orders:
        assert order.p_hidden_discount < SURE
        assert order.p_added_item > 1 - SURE if order.alerted else order.p_added_item < SURE


def test_some_are_at_list_price_and_some_at_a_discount(bundle: ModelBundle) -> None:
    catalogue = Catalogue.from_csv(bundle.golden.catalogue.encode())
    parsed = [parse_order(one.order.encode()) for one in bundle.golden.orders if not one.alerted]
    gaps = [catalogue.price(order).list_total_e4 - order.charged_e4 for order in parsed]
    assert sum(abs(gap) < 100 for gap in gaps) >= 4
    assert sum(gap > 100 for gap in gaps) >= 2
    assert len({sum(line.quantity for line in order.lines) for order in parsed}) >= 4


def test_they_name_nobody(bundle: ModelBundle, history: list[Order]) -> None:
    text = msgspec.json.encode(bundle.golden).decode()
    people = {order.rep_id for order in history} | {order.customer_id for order in history}
    for order in bundle.golden.orders:
        document = json.loads(order.order)
        assert (document["rep_id"], document["customer_id"]) == ("golden-rep", "golden-customer")
    assert not any(f'"{name}"' in text for name in people)
    assert not any(order.order_id in text for order in history)


def test_the_bundle_passes_its_own_orders_also_from_its_file(bundle: ModelBundle) -> None:
    assert disagreements(bundle) == ()
    check_golden(decode_bundle(*encode_bundle(bundle)))


def test_choosing_twice_gives_the_same(
    bundle: ModelBundle, plain: ModelBundle, history: list[Order]
) -> None:
    assert with_golden(plain, history, packaged_catalogue()) == bundle


def test_scores_do_not_depend_on_them(
    bundle: ModelBundle, plain: ModelBundle, history: list[Order]
) -> None:
    scores = [
        Scorer(one, packaged_catalogue(), Policy()).score_many(history[:200], EpisodeState())
        for one in (bundle, plain)
    ]
    assert scores[0] == scores[1]


def test_a_bundle_of_another_night_comes_to_the_same_verdicts(bundle: ModelBundle) -> None:
    other = learn(simulated(Company(), 3000, seed=77), packaged_catalogue(), "v2").bundle
    found = verdicts(other, bundle.golden)
    assert [*found.values()] == [order.alerted for order in bundle.golden.orders]


def test_a_bundle_that_knows_no_added_items_fails_them(bundle: ModelBundle) -> None:
    blind = msgspec.structs.replace(bundle, added_item_rate=1e-12)
    failed = {
        json.loads(order.order)["order_id"] for order in bundle.golden.orders if order.alerted
    }
    assert {*disagreements(blind)} >= failed


def test_prices_that_changed_are_those_of_each_orders_time(
    plain: ModelBundle, history: list[Order]
) -> None:
    middle = history[-40].ordered_at
    header, *rows = _csv(packaged_catalogue())
    dearer = [
        f"{name},{name},c,s,{price * 2},{cost},USD,{(middle + timedelta(seconds=1)).isoformat()}"
        for name, price, cost in rows
    ]
    both = [f"{n},{n},c,s,{p},{c},USD,2000-01-01T00:00:00Z" for n, p, c in rows] + dearer
    catalogue = Catalogue.from_csv("\n".join([header, *both]).encode())
    raised = [
        replace(order, charged_e4=order.charged_e4 * 2) if order.ordered_at > middle else order
        for order in history
    ]
    bundle = with_golden(plain, raised, catalogue)
    assert len(bundle.golden.orders) >= 12
    assert disagreements(bundle) == ()
    small = Catalogue.from_csv(bundle.golden.catalogue.encode())
    for one in bundle.golden.orders:
        order = parse_order(one.order.encode())
        assert small.price(order).list_total_e4 == catalogue.price(order).list_total_e4


def _csv(catalogue: Catalogue) -> tuple[str, *tuple[tuple[str, float, float], ...]]:
    header = "product_id,name,category,subcategory,list_price,standard_cost,currency,valid_from"
    latest = {product.product_id: product for product in catalogue}
    return header, *((p.product_id, p.list_e4 / 1e4, p.cost_e4 / 1e4) for p in latest.values())


def test_they_are_clear_with_the_classifier_and_without(
    plain: ModelBundle, history: list[Order]
) -> None:
    terms = tuple(Term(name, (), (0.0,), (0,)) for name in FEATURE_NAMES)
    doubting = msgspec.structs.replace(plain, classifier=Classifier(1.0, -3.0, terms))
    bundle = with_golden(doubting, history, packaged_catalogue())
    assert any(order.alerted for order in bundle.golden.orders)
    check_golden(bundle)
    check_golden(msgspec.structs.replace(bundle, classifier=None, refused_classifier="other"))


def test_where_no_order_is_clear_single_products_at_list_price_stand_in(
    history: list[Order],
) -> None:
    unknown = [replace(order, currency="EUR") for order in history]
    for orders in ([], unknown):
        bundle = with_golden(packaged_bundle(), orders, packaged_catalogue())
        assert len(bundle.golden.orders) == 7
        assert not any(order.alerted for order in bundle.golden.orders)
        check_golden(decode_bundle(*encode_bundle(bundle)))
