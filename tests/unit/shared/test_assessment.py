"""An assessment is a value: scored again, an order comes to the same."""

from dataclasses import FrozenInstanceError

import pytest

from shared.assessment import Assessment
from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.model import packaged_bundle
from shared.policy import Policy
from shared.scoring import Scorer
from tests.orders import an_order


def assessed() -> Assessment:
    scorer = Scorer(packaged_bundle(), packaged_catalogue(), Policy())
    return scorer.score_many([an_order(charged_price=399)], EpisodeState())[0][0]


def test_an_order_that_is_scored_again_has_an_equal_assessment() -> None:
    assert assessed() == assessed()


def test_an_assessment_never_changes() -> None:
    with pytest.raises(FrozenInstanceError):
        assessed().alerted = True  # type: ignore[misc]


def test_an_assessment_names_everything_that_it_was_made_with() -> None:
    found = assessed()
    assert (found.alert_id, found.order.order_id) == ("o-1.0", "o-1")
    assert (found.model_version, found.policy_version) == ("packaged", "packaged")
    assert (found.catalogue_version, found.currency) == (packaged_catalogue().version, "USD")
    assert found.degraded == (("bundle", "nothing was learned from this company's orders yet"),)
