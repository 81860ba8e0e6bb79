"""Scores against the truth: by typology, and each order at its last score."""

from dataclasses import replace

import pytest

from shared.errors import ConfigurationError
from training.comparison.metrics import Truth
from training.evaluation.verdicts import verdicts
from training.replay.scores import Score

SCORE = Score("o-1", 0, 0.6, 0.2, 0.68, alerted=True, final_probability=0.9, units=3)


def test_each_typology_is_flagged_by_its_own_probability_and_either_by_the_alert() -> None:
    judged = verdicts([SCORE], {"o-1": Truth(added_item=True, hidden_discount=False)}, 0.5)
    (added,), (hidden,), (either,) = (
        judged[name] for name in ("added_item", "hidden_discount", "either")
    )
    assert (added.flagged, added.probability, added.fraud) == (True, 0.6, True)
    assert (hidden.flagged, hidden.probability, hidden.fraud) == (False, 0.2, False)
    assert (either.flagged, either.probability, either.fraud, either.units) == (True, 0.68, True, 3)


def test_a_probability_at_the_threshold_is_flagged() -> None:
    judged = verdicts([SCORE], {"o-1": Truth(added_item=True, hidden_discount=False)}, 0.6)
    assert judged["added_item"][0].flagged


def test_an_order_counts_once_at_its_last_score() -> None:
    later = replace(SCORE, revision=1, p_added_item=0.1, alerted=False)
    truth = {"o-1": Truth(added_item=False, hidden_discount=False)}
    (verdict,) = verdicts([SCORE, later], truth, 0.5)["added_item"]
    assert (verdict.probability, verdict.flagged) == (0.1, False)


def test_a_score_without_a_truth_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="1 orders have no truth, as o-1"):
        verdicts([SCORE], {}, 0.5)
