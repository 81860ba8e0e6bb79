"""Compares scores with the truth, which is known of simulated orders and from files of truth."""

from collections.abc import Sequence

from shared.errors import ConfigurationError
from training.comparison.metrics import Truth, Verdict
from training.replay.scores import Score


def verdicts(
    scores: Sequence[Score], truth: dict[str, Truth], threshold: float
) -> dict[str, list[Verdict]]:
    """Return a verdict on each order's last score, by typology and over both.

    Raises:
        ConfigurationError: an order that was scored has no truth.
    """
    last = {score.order_id: score for score in scores}
    unknown = [order_id for order_id in last if order_id not in truth]
    if unknown:
        raise ConfigurationError(f"{len(unknown)} orders have no truth, as {unknown[0]}")
    pairs = [(score, truth[order_id]) for order_id, score in last.items()]
    return {
        "added_item": [
            Verdict(s.p_added_item >= threshold, s.p_added_item, t.added_item, s.units)
            for s, t in pairs
        ],
        "hidden_discount": [
            Verdict(
                s.p_hidden_discount >= threshold, s.p_hidden_discount, t.hidden_discount, s.units
            )
            for s, t in pairs
        ],
        "either": [Verdict(s.alerted, s.probability, t.fraud, s.units) for s, t in pairs],
    }
