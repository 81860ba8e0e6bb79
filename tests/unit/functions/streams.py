"""Streams of orders for the tests of scoring, and ways to deliver them."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from functions.handlers import score_batch
from functions.scoring_context import ScoringContext
from shared.catalogue import packaged_catalogue
from shared.errors import TransientError
from shared.model import packaged_bundle
from shared.order_event import OrderEvent
from shared.policy import Policy
from shared.scoring import Scorer
from tests.unit.functions.world import KEY, NOON, Died, FakeScorer, World, event, order_event

STREAM = [
    order_event(0, "a"),
    event(1, b"not json"),
    order_event(2, "b"),
    order_event(3, "a"),  # a duplicate
    order_event(4, "a", 1),  # supersedes
    order_event(5, "c"),
    order_event(6, "d"),
    order_event(7, "a", 2),
    order_event(8, "a", 0),  # late
    order_event(9, "e"),
]
"""See `world_of_stream` for what becomes of each."""


def world_of_stream(**options: Any) -> World:
    """Return a world for `STREAM`: b is no alert, scoring c fails, d's alert is refused."""
    scorer = FakeScorer(alerts={"a", "d", "e"}, bugs={"c"})
    return World(scorer=scorer, refused={"alert d.0"}, **options)


LISTED = 3578.27 + 120.0 + 25.0
"""List total of a road bike, a hitch rack and a cable lock."""


BASKET = {"Road150Red44": 1, "HitchRack4Bike": 1, "CableLock": 1}


def charged(amount: float, **units: int) -> dict[str, Any]:
    """Return the fields of an order of these units (else of `BASKET`) that is charged so much."""
    lines = [{"product_id": name, "quantity": n} for name, n in (units or BASKET).items()]
    return {"lines": lines, "charged_price": round(amount, 4)}


async def undisturbed(stream: list[OrderEvent] = STREAM) -> World:
    world = world_of_stream()
    await score_batch(world.context(), KEY, stream)
    return world


async def deliver(world: World, context: ScoringContext, stream: list[OrderEvent]) -> None:
    """Deliver a batch as the endless retry policy does."""
    while True:
        try:
            await score_batch(context, KEY, stream)
        except TransientError:
            world.unreachable.clear()
            await asyncio.sleep(0)  # the other processes' turn
        else:
            return


def dying_at(moment: int | None) -> Callable[[str], None]:
    """Return what `World.on_write` needs to die after so many moments; None: never."""
    moments = 0

    def told(_: str) -> None:
        nonlocal moments
        moments += 1
        if moment is not None and moments > moment:
            raise Died

    return told


EPISODE = [
    *(order_event(n, f"n-{n}", **charged(LISTED)) for n in range(2)),
    order_event(2, "doubtful", **charged(0.99 * 25.0, CableLock=1)),
    *(order_event(n, f"h-{n}", **charged(0.99 * LISTED)) for n in range(3, 6)),
    *(order_event(n, f"m-{n}", **charged(LISTED)) for n in range(6, 11)),
]
"""A hidden discount of 1 % runs from the third order to the sixth. The first of them could as well
have a step of the ladder; nobody can tell until the ones after it are there."""


def real_scorer() -> Scorer:
    """Return a scorer with all that is packaged."""
    return Scorer(packaged_bundle(), packaged_catalogue(), Policy())


async def after_the_episode() -> World:
    """Return a world in which the episode is scored."""
    world = World()
    await score_batch(world.context(real_scorer()), KEY, EPISODE)
    return world


def alone(number: int, **order: Any) -> OrderEvent:
    """Return an event whose order has the time at which it entered the hub."""
    at = NOON + timedelta(seconds=number)
    return order_event(number, f"o-{number}", ordered_at=at.isoformat(), **order)


HIDDEN = charged(0.99 * LISTED)


async def commit_somehow(
    world: World, context: ScoringContext, batch: list[OrderEvent], most: int
) -> int:
    """Deliver a batch until it is committed; return how often it was not."""
    for failures in range(most):
        try:
            await score_batch(context, KEY, batch)
        except Exception:  # noqa: BLE001 - as the trigger's policy, which retries on anything
            world.later()
        else:
            return failures
    return most
