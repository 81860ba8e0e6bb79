"""Orders in memory are scored as the partitions of a hub would score them."""

import pytest

from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.model import packaged_bundle
from shared.order import Order
from shared.partitions import partition_for_key
from shared.policy import Policy
from shared.scoring import Scorer
from tests.unit.training.companies import simulated
from training.replay import score_stream as module
from training.replay.score_stream import score_stream
from training.simulation.company import Company

SCORER = Scorer(packaged_bundle(), packaged_catalogue(), Policy())


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return simulated(Company(), 120, 3)


def test_one_partition_scores_all_orders_with_one_belief(orders: list[Order]) -> None:
    alone, _ = SCORER.score_many(orders, EpisodeState())
    assert score_stream(SCORER, orders, 1) == alone


def test_each_of_four_partitions_scores_its_own_orders_and_the_order_of_the_input_stays(
    orders: list[Order],
) -> None:
    assessments = score_stream(SCORER, orders, 4)
    assert [assessment.order for assessment in assessments] == orders
    in_third = [row for row, o in enumerate(orders) if partition_for_key(o.rep_id, 4) == 2]
    alone, _ = SCORER.score_many([orders[row] for row in in_third], EpisodeState())
    assert [assessments[row] for row in in_third] == alone


def test_the_belief_goes_on_from_chunk_to_chunk(
    orders: list[Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = score_stream(SCORER, orders, 2)
    monkeypatch.setattr(module, "CHUNK", 7)
    assert score_stream(SCORER, orders, 2) == at_once
