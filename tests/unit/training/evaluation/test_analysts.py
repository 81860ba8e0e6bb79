"""Simulated analysts decide truthfully, on the likeliest alerts of a day."""

from datetime import UTC, datetime, timedelta
from itertools import count

from shared.policy import Policy
from shared.profiles import Profiles
from tests.orders import an_order
from training.comparison.metrics import Truth
from training.evaluation.analysts import DELAY, decide
from training.replay.forward_scoring import Example, Window


def window(*p_added_items: float, days: int = 1) -> Window:
    """Return a window with an order of each probability on each day."""
    numbers = count()
    examples = [
        Example(
            an_order(order_id=f"o-{next(numbers)}", ordered_at=f"2026-03-{day:02d}T10:00:00Z"),
            p_added_item,
            0.0,
            (),
        )
        for day in range(1, days + 1)
        for p_added_item in p_added_items
    ]
    return Window(tuple(examples), Profiles(), datetime(2026, 3, 31, tzinfo=UTC))


def truths(examined: Window) -> dict[str, Truth]:
    return {
        example.order.order_id: Truth(example.p_added_item > 0.7, hidden_discount=False)
        for example in examined.examples
    }


def test_the_likeliest_alerts_of_each_day_are_decided_and_never_one_below_the_threshold() -> None:
    examined = window(0.9, 0.6, 0.8, 0.4, days=3)
    decisions = decide(examined, truths(examined), Policy(reviews_per_day=2))
    assert [decision.order_id for decision in decisions] == [
        "o-0", "o-2", "o-4", "o-6", "o-8", "o-10",
    ]  # fmt: skip
    everything = decide(examined, truths(examined), Policy(reviews_per_day=1_000))
    assert len(everything) == 9


def test_a_decision_says_the_truth_some_days_after_the_order() -> None:
    examined = window(0.9, 0.6)
    fraud, innocent = decide(examined, truths(examined), Policy())
    assert (fraud.decision, innocent.decision) == ("confirmed", "dismissed")
    assert fraud.at == datetime(2026, 3, 1, 10, tzinfo=UTC) + DELAY
    assert timedelta(0) < DELAY
