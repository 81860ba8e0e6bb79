"""What a challenger has learned that the champion does not say: only what moved beyond chance."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.ladder import DiscountShare
from shared.model import ModelBundle

BEYOND_CHANCE = 3.0
"""Standard errors that a share must move by."""

NOTICEABLE = 0.05
"""Share of itself that a figure must move by to be worth a line."""

NAMED = 8
"""Reps that a line names before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line: what of which table, before and after, in words."""

    table: str
    what: str
    champion: str
    challenger: str


def changes(champion: ModelBundle, challenger: ModelBundle) -> tuple[Change, ...]:
    """Every change worth a line, in the order people ask for them."""
    return (
        *_steps("Ladder", champion.ladder, challenger.ladder),
        *_steps("Added item", champion.off_ladder, challenger.off_ladder),
        *_steps("Hidden discount", champion.hidden, challenger.hidden),
        *_rates(champion, challenger),
        *_reps(champion, challenger),
        *_rest(champion, challenger),
    )


def step_name(discount_bp: int) -> str:
    """A discount as people write it.

    >>> step_name(150), step_name(0)
    ('1.5 %', 'no discount')
    """
    return f"{discount_bp / 100:g} %" if discount_bp else "no discount"


def _steps(
    table: str, before: Sequence[DiscountShare], after: Sequence[DiscountShare]
) -> Iterator[Change]:
    old, new = ({step.discount_bp: step for step in steps} for steps in (before, after))
    for points in sorted(old.keys() | new.keys()):
        one, other = old.get(points), new.get(points)
        if one is None or other is None or _moved(one, other):
            yield Change(table, step_name(points), _share(one), _share(other))


def _moved(one: DiscountShare, other: DiscountShare) -> bool:
    """Whether two shares differ by more than counting so few orders makes them.

    A share that rests on n orders has a relative error of about one by the root of n; packaged
    ones rest on none and have no error.
    """
    error = math.hypot(
        *(step.share / math.sqrt(step.orders) for step in (one, other) if step.orders)
    )
    apart = abs(one.share - other.share)
    return apart > max(BEYOND_CHANCE * error, NOTICEABLE * max(one.share, other.share))


def _share(step: DiscountShare | None) -> str:
    return "not there" if step is None else f"{step.share:.1%}".replace("%", " %")


def _rates(champion: ModelBundle, challenger: ModelBundle) -> Iterator[Change]:
    for table, name in (
        ("Orders with an added item", "added_item_rate"),
        ("Orders under a hidden discount", "hidden_discount_rate"),
    ):
        old, new = (float(getattr(bundle, name)) for bundle in (champion, challenger))
        error = math.hypot(*(_error(getattr(one, name), one) for one in (champion, challenger)))
        if abs(old - new) > max(BEYOND_CHANCE * error, NOTICEABLE * max(old, new)):
            yield Change("Rates", table, f"{100 * old:.2f} %", f"{100 * new:.2f} %")
    for what, old, new, words in (
        ("Mean length of a hidden discount", champion.hidden_episode_days,
         challenger.hidden_episode_days, "{:.1f} days"),
        ("Rounding: how far a charge may be off", champion.charge_tolerance_e4 / 1e4,
         challenger.charge_tolerance_e4 / 1e4, "{:.5f}"),
    ):  # fmt: skip
        if abs(old - new) > NOTICEABLE * max(old, new):
            yield Change("Rates", what, words.format(old), words.format(new))


def _error(rate: float, bundle: ModelBundle) -> float:
    orders = bundle.trained_orders
    return math.sqrt(rate * (1 - rate) / orders) if orders else 0.0


def _reps(champion: ModelBundle, challenger: ModelBundle) -> Iterator[Change]:
    if champion.reps != challenger.reps:
        old, new = (f"{len(bundle.reps):,}" for bundle in (champion, challenger))
        fresh = sorted(challenger.reps - champion.reps)
        yield Change("Reps", "known", old, f"{new}{_new(fresh) if champion.reps else ''}")
    own, other = (sorted(bundle.rep_ladders) for bundle in (champion, challenger))
    if own != other:
        yield Change("Reps", "with a ladder of their own", _named(own), _named(other))


def _new(reps: Sequence[str]) -> str:
    return f" (new: {_named(reps)})" if reps else ""


def _named(reps: Sequence[str]) -> str:
    if not reps:
        return "none"
    more = f" and {len(reps) - NAMED} more" if len(reps) > NAMED else ""
    return ", ".join(reps[:NAMED]) + more


def _rest(champion: ModelBundle, challenger: ModelBundle) -> Iterator[Change]:
    old, new = (_decisions(bundle) for bundle in (champion, challenger))
    if old != new:
        yield Change("Classifier", "learned from decisions", old, new)
    if champion.degraded != challenger.degraded:
        words = {True: "packaged defaults", False: "learned from your orders"}
        yield Change("Tables", "where from", words[champion.degraded], words[challenger.degraded])


def _decisions(bundle: ModelBundle) -> str:
    return "no classifier" if bundle.classifier is None else f"{bundle.classifier.decisions:,}"
