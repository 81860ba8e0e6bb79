"""The scores of a replay: each order's probabilities at arrival and at the end of the stream."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared.assessment import Assessment
from shared.formats import alert_id


@dataclass(frozen=True, slots=True)
class Score:
    """One line of the scores file, with the order's size; probabilities are 0-1.

    ``alerted`` was decided at arrival; ``final_probability`` is what is known at the end of the
    stream.
    """

    order_id: str
    revision: int
    p_added_item: float
    p_hidden_discount: float
    probability: float
    alerted: bool
    final_probability: float
    units: int


def score_of(assessment: Assessment) -> Score:
    """Return the figures of an assessment that a backtest keeps."""
    order = assessment.order
    return Score(
        order_id=order.order_id,
        revision=order.revision,
        p_added_item=assessment.p_added_item,
        p_hidden_discount=assessment.p_hidden_discount,
        probability=assessment.probability,
        alerted=assessment.alerted,
        final_probability=assessment.probability,
        units=sum(line.quantity for line in order.lines),
    )


def score_all(assessments: Iterable[Assessment]) -> list[Score]:
    """Return a score for each assessment, revised by what later orders have shown."""
    scores: list[Score] = []
    place: dict[str, int] = {}
    for assessment in assessments:
        score = score_of(assessment)
        place[alert_id(score.order_id, score.revision)] = len(scores)
        scores.append(score)
        for revisit in assessment.revisits:
            at = place[revisit.alert_id]
            scores[at] = _revisited(scores[at], revisit.probability)
    return scores


def _revisited(score: Score, p_hidden: float) -> Score:
    """Return the score of an order whose hidden discount turned out to be this likely."""
    final = 1.0 - (1.0 - score.p_added_item) * (1.0 - p_hidden)
    return replace(score, final_probability=max(final, score.final_probability))
