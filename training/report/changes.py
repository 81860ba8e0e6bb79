"""Lists the differences between two bundles, without those that chance alone explains."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.ladder import DiscountShare
from shared.model import ModelBundle

BEYOND_CHANCE = 3.0
"""A share must differ by this many standard errors to be worth a line."""

NOTICEABLE = 0.05
"""A figure must differ by this share of itself to be worth a line."""

NAMED = 8
"""Most reps that a line names; the others are counted."""


@dataclass(frozen=True, slots=True)
class Change:
    """One line in words: which table, what in it, its value before and after."""

    table: str
    what: str
    champion: str
    challenger: str


def changes(champion: ModelBundle, challenger: ModelBundle) -> tuple[Change, ...]:
    """Return every change worth a line, in the order in which people ask for them."""
    return (
        *_steps("Ladder", champion.ladder, challenger.ladder),
        *_steps("Added item", champion.off_ladder, challenger.off_ladder),
        *_steps("Hidden discount", champion.hidden, challenger.hidden),
        *_rates(champion, challenger),
        *_reps(champion, challenger),
        *_rest(champion, challenger),
    )


def step_name(discount_bp: int) -> str:
    """Write a discount as people do.

    >>> step_name(150), step_name(0)
    ('1.5 %', 'no discount')
    """
    return f"{discount_bp / 100:g} %" if discount_bp else "no discount"


def _steps(
    table: str, before: Sequence[DiscountShare], after: Sequence[DiscountShare]
) -> Iterator[Change]:
    old, new = ({step.discount_bp: step for step in steps} for steps in (before, after))
    for discount_bp in sorted(old.keys() | new.keys()):
        had, has = old.get(discount_bp), new.get(discount_bp)
        if had is None or has is None or _moved(had, has):
            yield Change(table, step_name(discount_bp), _share(had), _share(has))


def _moved(had: DiscountShare, has: DiscountShare) -> bool:
    """Return whether two shares differ by more than chance explains, and noticeably.

    A share that was counted on n orders has a relative error of about 1 / sqrt(n). Packaged shares
    were not counted, and have no error.
    """
    error = math.hypot(*(step.share / math.sqrt(step.orders) for step in (had, has) if step.orders))
    apart = abs(had.share - has.share)
    return apart > max(BEYOND_CHANCE * error, NOTICEABLE * max(had.share, has.share))


def _share(step: DiscountShare | None) -> str:
    return "not there" if step is None else f"{step.share:.1%}".replace("%", " %")


def _rates(champion: ModelBundle, challenger: ModelBundle) -> Iterator[Change]:
    for table, name in (
        ("Orders with an added item", "added_item_rate"),
        ("Orders under a hidden discount", "hidden_discount_rate"),
    ):
        old, new = (float(getattr(bundle, name)) for bundle in (champion, challenger))
        errors = (_error(getattr(bundle, name), bundle) for bundle in (champion, challenger))
        error = math.hypot(*errors)
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
    had, has = (sorted(bundle.rep_ladders) for bundle in (champion, challenger))
    if had != has:
        yield Change("Reps", "with a ladder of their own", _named(had), _named(has))


def _new(reps: Sequence[str]) -> str:
    return f" (new: {_named(reps)})" if reps else ""


def _named(reps: Sequence[str]) -> str:
    if not reps:
        return "none"
    others = f" and {len(reps) - NAMED} more" if len(reps) > NAMED else ""
    return ", ".join(reps[:NAMED]) + others


def _rest(champion: ModelBundle, challenger: ModelBundle) -> Iterator[Change]:
    old, new = (_decisions(bundle) for bundle in (champion, challenger))
    if old != new:
        yield Change("Classifier", "learned from decisions", old, new)
    if champion.degraded != challenger.degraded:
        words = {True: "packaged defaults", False: "learned from your orders"}
        yield Change("Tables", "where from", words[champion.degraded], words[challenger.degraded])


def _decisions(bundle: ModelBundle) -> str:
    return "no classifier" if bundle.classifier is None else f"{bundle.classifier.decisions:,}"
