"""Two models are judged on the orders that neither has seen, and without orders nobody is."""

from collections.abc import Iterator

import pytest

from shared.model import Golden, GoldenOrder, packaged_bundle
from shared.policy import Policy
from tests.bundles import CATALOGUE, a_bundle
from tests.orders import order_body
from tests.unit.training.nightly.night_world import a_company
from training.comparison import fraud_injection
from training.history.dataset import Dataset
from training.nightly.champion import Champion
from training.nightly.judging import compared, decided, golden_failed, judge_challenger


@pytest.fixture(scope="module", autouse=True)
def brief() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fraud_injection, "MOST_ROUNDS", 1)
        yield


@pytest.fixture(scope="module")
def data() -> Dataset:
    return a_company().dataset()


def test_models_are_compared_only_on_orders_later_than_what_the_champion_learned(
    data: Dataset,
) -> None:
    bundle = packaged_bundle()
    everything = compared(Champion("v1", bundle, None), bundle, data)
    until = data.orders[-20].ordered_at
    rest = compared(Champion("v1", bundle, until), bundle, data)
    assert everything is not None
    assert rest is not None
    assert len(everything.later.real_days) == 120
    assert len(rest.later.real_days) == 19
    after_all = Champion("v1", bundle, data.orders[-1].ordered_at)
    assert compared(after_all, bundle, data) is None


def test_a_challenger_that_cannot_be_compared_scores_in_shadow() -> None:
    verdict = decided(None, Champion("v1", packaged_bundle(), None), Policy())
    assert verdict.outcome == "shadow"


def test_without_a_classifier_the_tables_alone_are_not_compared_once_more(data: Dataset) -> None:
    bundle = packaged_bundle()
    assert bundle.classifier is None
    judgement = judge_challenger(Champion("v1", bundle, None), bundle, data)
    assert judgement.tables_comparison is judgement.comparison
    assert judgement.tables_verdict == judgement.verdict


def test_a_golden_order_fails_where_the_challenger_decides_it_differently() -> None:
    body = order_body(order_id="golden-01", charged_price=359.1)  # a tenth off: ladder or fraud
    order = GoldenOrder(body.decode(), 0.4, 0.0, alerted=False)
    champion = a_bundle("v1", golden=Golden(CATALOGUE, (order,)))
    suspicious = a_bundle("v2", added_item_rate=0.9)
    assert golden_failed(champion, champion) == ()
    assert golden_failed(champion, suspicious) == ("golden-01",)
