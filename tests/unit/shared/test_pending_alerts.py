"""What becomes of an order's document: stored, held, or nothing."""

from dataclasses import replace

from shared.assessment import Assessment
from shared.beliefs import Belief
from shared.episodes import Episode, EpisodeState, Revisit, Waiting
from shared.explanation import Explanation
from shared.pending_alerts import LARGEST_HELD, concerns, enter, still_held
from tests.orders import an_order

ORDER = an_order()
NORMAL = Assessment(
    ORDER, 0.0, 0.1, 0.1, 0, (), (), Explanation(0, 0, 0, (), 0.0, 0), {}, "m", "p", False, False
)
RUN = Episode("o-9.0", 100, ORDER.ordered_at, ORDER.ordered_at, ORDER.ordered_at)
REVISIT = Revisit("o-1.0", "Annie Corns", 0.9, 100, 10_000, known=False)
DOCUMENT = {"id": "o-1.0", "findings": []}


def test_a_normal_order_leaves_nothing() -> None:
    assert not concerns(NORMAL)


def test_an_alert_is_stored_and_not_held() -> None:
    held: dict[str, dict[str, object]] = {}
    entry = enter(replace(NORMAL, alerted=True, waits=True), DOCUMENT, held, "USD")
    assert (entry.alert, held) == (DOCUMENT, {})


def test_an_order_that_waits_is_held_and_not_stored() -> None:
    held: dict[str, dict[str, object]] = {}
    waiting = replace(NORMAL, waits=True)
    assert concerns(waiting)
    assert enter(waiting, DOCUMENT, held, "USD").alert is None
    assert held == {"o-1.0": DOCUMENT}


def test_a_revisited_order_that_was_no_alert_comes_with_its_document() -> None:
    held = {"o-1.0": DOCUMENT}
    (one,) = enter(
        replace(NORMAL, episodes=(RUN,), revisits=(REVISIT,)), None, held, "USD"
    ).revisited
    assert (one.episode, one.document, held) == ("o-9.0", DOCUMENT, {})
    assert one.finding is not None
    assert one.finding.message == (
        "The whole order was probably charged 1 % too little (1.00 USD)."
    )


def test_a_revisited_order_that_had_the_finding_gets_none() -> None:
    known = replace(REVISIT, known=True)
    (one,) = enter(replace(NORMAL, episodes=(RUN,), revisits=(known,)), None, {}, "USD").revisited
    assert (one.finding, one.document) == (None, None)


def test_an_order_too_large_to_be_held_is_not() -> None:
    held: dict[str, dict[str, object]] = {}
    enter(replace(NORMAL, waits=True), DOCUMENT | {"order": "x" * LARGEST_HELD}, held, "USD")
    assert held == {}


def test_documents_are_held_for_as_long_as_their_orders_wait() -> None:
    waiting = Waiting("o-1.0", "o-1", "Annie Corns", ORDER.ordered_at, 1, 0.1, (), 0.1)
    held = {"o-1.0": DOCUMENT, "o-0.0": DOCUMENT}
    assert still_held(held, EpisodeState(Belief(), None, (waiting,))) == {"o-1.0": DOCUMENT}
