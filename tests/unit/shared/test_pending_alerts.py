"""What becomes of an order's document: stored, pending, or nothing."""

from dataclasses import replace

from shared.assessment import Assessment
from shared.beliefs import Belief
from shared.charge_explanation import Explanation
from shared.episodes import Episode, EpisodeState, Revisit, Waiting
from shared.pending_alerts import LARGEST_HELD, concerns, decide, still_pending
from tests.orders import an_order

ORDER = an_order()
NORMAL = Assessment(
    ORDER, 0.0, 0.1, 0.1, 0, (), (), Explanation(0, 0, 0, (), 0.0, 0), {}, "m", "p", False, False
)
EPISODE = Episode("o-9.0", 100, ORDER.ordered_at, ORDER.ordered_at, ORDER.ordered_at)
REVISIT = Revisit("o-1.0", "Annie Corns", 0.9, 100, 10_000, known=False)
DOCUMENT = {"id": "o-1.0", "findings": []}


def test_a_normal_order_leaves_nothing() -> None:
    assert not concerns(NORMAL)


def test_an_alert_is_stored_and_not_pending() -> None:
    outcome = decide(replace(NORMAL, alerted=True, waits=True), DOCUMENT, {}, "USD")
    assert (outcome.alert, outcome.pending) == (DOCUMENT, {})


def test_an_order_that_waits_is_pending_and_not_stored() -> None:
    waiting = replace(NORMAL, waits=True)
    assert concerns(waiting)
    outcome = decide(waiting, DOCUMENT, {}, "USD")
    assert (outcome.alert, outcome.pending) == (None, {"o-1.0": DOCUMENT})


def test_a_revisited_order_that_was_no_alert_comes_with_its_document() -> None:
    before = {"o-1.0": DOCUMENT, "o-2.0": DOCUMENT}
    outcome = decide(replace(NORMAL, episodes=(EPISODE,), revisits=(REVISIT,)), None, before, "USD")
    (order,) = outcome.revisited
    assert (order.episode, order.document) == ("o-9.0", DOCUMENT)
    assert outcome.pending == {"o-2.0": DOCUMENT}
    assert before.keys() == {"o-1.0", "o-2.0"}  # what was given is left as it was
    assert order.finding is not None
    assert order.finding.message == (
        "The whole order was probably charged 1 % too little (1.00 USD)."
    )


def test_a_revisited_order_that_had_the_finding_gets_none() -> None:
    known = replace(REVISIT, known=True)
    assessment = replace(NORMAL, episodes=(EPISODE,), revisits=(known,))
    (order,) = decide(assessment, None, {}, "USD").revisited
    assert (order.finding, order.document) == (None, None)


def test_an_order_too_large_to_be_kept_in_the_state_is_not_pending() -> None:
    large = DOCUMENT | {"order": "x" * LARGEST_HELD}
    assert decide(replace(NORMAL, waits=True), large, {}, "USD").pending == {}


def test_alerts_are_pending_for_as_long_as_their_orders_wait() -> None:
    waiting = Waiting("o-1.0", "o-1", "Annie Corns", ORDER.ordered_at, 1, 0.1, (), 0.1)
    pending = {"o-1.0": DOCUMENT, "o-0.0": DOCUMENT}
    assert still_pending(pending, EpisodeState(Belief(), None, (waiting,))) == {"o-1.0": DOCUMENT}
