"""What is written of a judgement, and in which order."""

from dataclasses import replace

import pytest

from functions.handlers import score_batch
from functions.scoring_context import Limits
from shared.errors import TransientError
from tests.unit.functions.streams import (
    EPISODE,
    after_the_episode,
    real_scorer,
    undisturbed,
)
from tests.unit.functions.world import KEY, World, event, order_event


async def test_an_alert_names_the_first_higher_revision_that_superseded_it() -> None:
    alerts = (await undisturbed()).alerts_by_id
    marks = {name: alert.get("superseded_by") for name, alert in alerts.items()}
    assert marks == {"a.0": "a.1", "a.1": "a.2", "a.2": None, "e.0": None}


async def test_every_alert_of_the_episode_names_its_incident_and_no_other_does() -> None:
    alerts = (await after_the_episode()).alerts_by_id
    assert set(alerts) == {"doubtful.0", "h-3.0", "h-4.0", "h-5.0"}
    assert {alert["incident_id"] for alert in alerts.values()} == {"hidden_discount-000001"}


async def test_the_incident_is_written_before_the_alerts_that_name_it() -> None:
    kinds = [what.split(maxsplit=1)[0] for what in (await after_the_episode()).order_of_writes]
    assert list(dict.fromkeys(kinds[1:])) == ["incident", "alert", "revisit", "state"]


async def test_a_dead_letter_that_the_store_refuses_is_not_counted_as_kept() -> None:
    world = World()
    context = world.context()
    world.refused = {"letter"}
    with pytest.raises(TransientError):
        await score_batch(context, KEY, [event(0, b"not an order")])
    assert (world.state.dead_lettered, world.state.sequence_number) == (0, -1)
    world.refused = set()
    await score_batch(context, KEY, [event(0, b"not an order")])
    assert (world.state.dead_lettered, len(world.letters)) == (1, 1)


async def test_the_last_of_an_orders_revisions_is_set_aside_where_marking_is_refused() -> None:
    world = World(refused={"mark"})
    batch = [order_event(n, "a", n) for n in range(3)]
    await score_batch(world.context(), KEY, batch)
    assert set(world.letters) == {("0", 2)}


async def test_marks_that_fail_are_not_passed_over() -> None:
    world = World(unreachable={"mark a.0"})
    batch = [order_event(n, "a", n) for n in range(2)]
    with pytest.raises(TransientError):
        await score_batch(world.context(), KEY, batch)
    assert world.state.sequence_number == -1
    world.unreachable.clear()
    await score_batch(world.context(), KEY, batch)
    assert world.alerts_by_id["a.0"]["superseded_by"] == "a.1"


async def test_revisits_that_fail_are_not_passed_over() -> None:
    world = World(unreachable={"alert doubtful.0"})
    with pytest.raises(TransientError):
        await score_batch(world.context(real_scorer()), KEY, EPISODE)
    assert world.state.sequence_number == -1


async def test_an_order_of_another_rep_supersedes_nothing() -> None:
    world = World()
    fraud = order_event(0, "a")
    await score_batch(world.context(), KEY, [fraud])
    other = order_event(0, "a", 1, rep_id="Bo Ek")
    await score_batch(world.context(), replace(KEY, partition_id="1"), [other])
    assert "superseded_by" not in world.alerts_by_id["a.0"]


@pytest.mark.parametrize("chunk", [1, 50])
async def test_what_supersedes_does_not_depend_on_the_cut(chunk: int) -> None:
    """A different order under the id came after the revision, which does not stand in its place."""
    world = World()
    revised = order_event(0, "a", 1)
    other = order_event(1, "a", 0, charged_price=9, rep_id="Bo Ek")
    ours = order_event(2, "a", 2)
    context = world.context(limits=Limits(chunk=chunk))
    for batch in ([revised, other, ours],) if chunk > 1 else ([revised], [other], [ours]):
        await score_batch(context, KEY, batch)
    marks = {name: alert.get("superseded_by") for name, alert in world.alerts_by_id.items()}
    assert marks.pop("a.1") == "a.2"
    assert set(marks.values()) == {None}
