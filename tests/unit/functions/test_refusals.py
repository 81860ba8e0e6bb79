"""Orders whose alerts a store refuses become dead letters."""

import json
from typing import Any

from functions.batch import Batch, receive
from functions.handlers import score_batch
from functions.judgement import judge
from functions.refusals import Refusal, pending_refusal, refused
from shared.order import parse_order
from shared.stream import StreamState
from shared.uses import Admission, Use
from tests.unit.functions.streams import (
    EPISODE,
    real_scorer,
    undisturbed,
)
from tests.unit.functions.world import KEY, NOON, FakeScorer, World, event, order_event


async def test_a_set_aside_order_is_scored_when_it_is_sent_again() -> None:
    world = await undisturbed()
    world.scorer, world.refused = FakeScorer(), set()
    again = [order_event(10, "c"), order_event(11, "d")]
    await score_batch(world.context(), KEY, again)
    assert {"c.0", "d.0"} <= set(world.alerts_by_id)


async def test_an_order_before_an_episode_whose_alert_is_refused_becomes_a_dead_letter() -> None:
    world = World(refused={"alert doubtful.0"})
    await score_batch(world.context(real_scorer()), KEY, EPISODE)
    [(place, letter)] = world.letters.items()
    assert (place, letter.code) == (("0", 2), "store_refused")
    assert json.loads(letter.event.body) == json.loads(EPISODE[2].body)
    assert (world.state.orders_scored, world.state.dead_lettered) == (len(EPISODE) - 1, 1)


def judgement_of(*events: Any) -> Any:
    received = tuple(receive(one) for one in events)
    return judge(Batch(FakeScorer(), KEY, StreamState(), received, NOON))  # type: ignore[arg-type]


def test_an_order_that_is_refused_moves_from_the_scored_to_the_dead_letters() -> None:
    judgement = judgement_of(event(1), event(2), event(3))
    order = judgement.scored[1]
    after = refused(judgement, KEY, [Refusal(order.event, order.use, "413 too large")], NOON)
    assert [one.event.sequence_number for one in after.scored] == [1, 3]
    [letter] = after.dead_letters
    assert (letter.event, letter.code, letter.message) == (
        event(2),
        "store_refused",
        "413 too large",
    )
    assert (after.state.orders_scored, after.state.dead_lettered) == (2, 1)
    assert after.state.sequence_number == judgement.state.sequence_number == 3


def test_an_order_that_is_refused_is_forgotten_and_the_judgement_before_is_left_as_it_was() -> None:
    judgement = judgement_of(event(1))
    order = judgement.scored[0]
    after = refused(judgement, KEY, [Refusal(order.event, order.use, "413")], NOON)
    again = parse_order(event(1).body)
    assert after.state.recent.judge(again).admission is Admission.SCORE
    assert judgement.state.recent.judge(again).admission is Admission.DUPLICATE


def test_without_refusals_the_judgement_is_the_same() -> None:
    judgement = judgement_of(event(1))
    assert refused(judgement, KEY, [], NOON) is judgement


def test_a_pending_alert_holds_all_that_its_dead_letter_needs() -> None:
    document = judgement_of(event(1)).scored[0].alert
    refusal = pending_refusal(document, "413")
    assert parse_order(refusal.event.body) == parse_order(event(1).body)
    assert (refusal.event.sequence_number, refusal.event.enqueued_at) == (1, event(1).enqueued_at)
    assert refusal.event.partition_key == "Annie Corns"
    assert refusal.use == Use.of(parse_order(event(1).body))
