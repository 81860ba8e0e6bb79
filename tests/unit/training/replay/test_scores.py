"""The score of an order: what was decided at arrival, and what is known at the end."""

from dataclasses import replace

import pytest

from shared.assessment import Assessment
from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState, Revisit
from shared.formats import alert_id
from shared.model import packaged_bundle
from shared.policy import Policy
from shared.scoring import Scorer
from tests.orders import an_order
from training.replay.scores import score_all

SCORER = Scorer(packaged_bundle(), packaged_catalogue(), Policy())


def assessed(name: str, *revisits: Revisit) -> Assessment:
    """Return an assessment with a suspected added item, and what it says of earlier orders."""
    (assessment,), _ = SCORER.score_many([an_order(order_id=name)], EpisodeState())
    return replace(assessment, p_added_item=0.5, revisits=revisits)


def revisit(name: str, probability: float) -> Revisit:
    return Revisit(alert_id(name, 0), "Annie Corns", probability, 100, 39_900, known=False)


def test_a_score_keeps_the_figures_of_arrival_and_the_size_of_the_order() -> None:
    assessment = assessed("o-1")
    (score,) = score_all([assessment])
    assert (score.order_id, score.revision, score.units) == ("o-1", 0, 3)
    assert (score.p_added_item, score.p_hidden_discount) == (0.5, assessment.p_hidden_discount)
    assert score.final_probability == score.probability == assessment.probability


def test_later_orders_revise_the_final_probability_upwards_and_nothing_else() -> None:
    first, second = assessed("o-1"), assessed("o-2", revisit("o-1", 0.8))
    before, _ = score_all([first, assessed("o-2")])
    after, _ = score_all([first, second])
    assert after.final_probability == pytest.approx(0.9)  # 1 - (1 - 0.5) * (1 - 0.8)
    assert replace(after, final_probability=before.final_probability) == before
    lowered, _, _ = score_all([first, second, assessed("o-3", revisit("o-1", 0.1))])
    assert lowered.final_probability == after.final_probability
