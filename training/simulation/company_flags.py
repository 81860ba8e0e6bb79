"""The command-line flags that describe a simulated company."""

import argparse
from collections.abc import Iterable

from shared.errors import ConfigurationError
from training.console import ArgumentParser, day, numbers, percents, real, whole
from training.simulation.company import (
    AddedItems,
    Company,
    Drift,
    Generosity,
    HiddenDiscounts,
    Ladder,
    Promotion,
    Rounding,
    Volume,
)

Group = argparse._ArgumentGroup  # what `add_argument_group` returns; it has no public name

_SHARE = real(0, 1)

MOST_DAYS = 36_500
DAYS = whole(1, MOST_DAYS)


def add_company_flags(flags: ArgumentParser) -> None:
    """Add a flag for every figure that can be changed; the defaults are those of `Company`."""
    company = Company()
    _add_volume_flags(flags, company)
    discounts = flags.add_argument_group("discounts and frauds")
    _add_ladder_flags(discounts, company.ladder)
    _add_fraud_flags(discounts, company.added, company.hidden)
    _add_rounding_flags(discounts)
    _add_honest_flags(flags, company)
    _add_catalogue_flags(flags)


def company_from(options: argparse.Namespace) -> Company:
    """Return the company that the flags describe.

    Raises:
        ConfigurationError: a figure is outside its range.
    """
    rounding: Rounding = "cents" if options.cents else "float32" if options.float32 else "exact"
    return Company(
        volume=Volume(
            start=options.start,
            orders_per_day=options.orders_per_day,
            yearly_growth=options.yearly_growth,
        ),
        ladder=Ladder(
            steps_bp=percents(options.ladder),
            shares=numbers(options.ladder_shares) if options.ladder_shares else (),
            rate=options.discount_rate,
        ),
        drift=_drift(options),
        generosity=_generosity(options),
        promotions=_promotions(options),
        added=AddedItems(rate=options.added_rate, steps_bp=percents(options.added_percents)),
        hidden=HiddenDiscounts(
            percents_bp=percents(options.hidden_percent),
            rate=options.hidden_rate,
            episodes=options.episodes,
            episode_days=_range_of_days(options.episode_days),
        ),
        reps=options.reps,
        customers=options.customers,
        rounding=rounding,
    )


def _drift(options: argparse.Namespace) -> Drift | None:
    if options.drift_ladder is None:
        return None
    towards = Ladder(
        steps_bp=percents(options.drift_ladder),
        shares=numbers(options.drift_shares) if options.drift_shares else (),
        rate=options.drift_rate,
    )
    return Drift(towards, options.drift_start or options.start, options.drift_days)


def _generosity(options: argparse.Namespace) -> Generosity | None:
    if options.generous_reps == 0:
        return None
    ladder = Ladder(
        steps_bp=percents(options.ladder),
        shares=numbers(options.generous_shares) if options.generous_shares else (),
        rate=options.generous_rate,
    )
    return Generosity(options.generous_reps, ladder)


def _promotions(options: argparse.Namespace) -> tuple[Promotion, ...]:
    if options.promotion is None:
        return ()
    (discount_bp, *others) = percents(options.promotion_percent)
    if others:
        raise ConfigurationError(f"{options.promotion_percent!r}: a promotion has one percent")
    subcategories = tuple(name.strip() for name in options.promotion.split(","))
    first = options.promotion_start or options.start
    return (Promotion(subcategories, discount_bp, first, options.promotion_days),)


def _range_of_days(text: str) -> tuple[int, int]:
    """Read ``2`` or ``1-5`` as the shortest and the longest number of days."""
    shortest, _, longest = text.partition("-")
    try:
        days = int(shortest), int(longest or shortest)
    except ValueError as error:
        raise ConfigurationError(f"episode days {text!r}: expected days as 1-5") from error
    if max(days) > MOST_DAYS:
        raise ConfigurationError(f"episode days {text!r}: expected at most {MOST_DAYS}")
    return days


def _percents_text(discounts_bp: Iterable[int]) -> str:
    return ",".join(f"{discount_bp / 100:g}" for discount_bp in discounts_bp)


def _add_volume_flags(flags: ArgumentParser, company: Company) -> None:
    volume = company.volume
    group = flags.add_argument_group("volume and people")
    group.add_argument("--start", type=day, default=volume.start, help="first day (%(default)s)")
    group.add_argument(
        "--orders-per-day",
        type=real(0, 1e7),
        default=volume.orders_per_day,
        help="mean at the start (%(default)s)",
    )
    group.add_argument(
        "--yearly-growth",
        type=real(0, 1e3),
        default=volume.yearly_growth,
        help="factor a year (%(default)s)",
    )
    group.add_argument(
        "--reps", type=whole(1, 1_000_000), default=company.reps, help="sales reps (%(default)s)"
    )
    group.add_argument(
        "--customers",
        type=whole(1, 10_000_000),
        default=company.customers,
        help="customers (%(default)s)",
    )


def _add_ladder_flags(group: Group, ladder: Ladder) -> None:
    group.add_argument(
        "--ladder", default=_percents_text(ladder.steps_bp), help="percents of a unit (%(default)s)"
    )
    group.add_argument("--ladder-shares", default="", help="one for each step; empty: evenly")
    group.add_argument(
        "--discount-rate",
        type=_SHARE,
        default=ladder.rate,
        help="share of units with a step (%(default)s)",
    )


def _add_fraud_flags(group: Group, added: AddedItems, hidden: HiddenDiscounts) -> None:
    group.add_argument(
        "--added-rate", type=_SHARE, default=added.rate, help="share of orders (%(default)s)"
    )
    group.add_argument(
        "--added-percents",
        default=_percents_text(added.steps_bp),
        help="percents off an added unit (%(default)s)",
    )
    group.add_argument(
        "--hidden-percent",
        default=_percents_text(hidden.percents_bp),
        help="percents off whole orders (%(default)s)",
    )
    group.add_argument(
        "--hidden-rate", type=_SHARE, default=hidden.rate, help="share of days (%(default)s)"
    )
    group.add_argument(
        "--episodes",
        type=whole(0, 100_000),
        default=hidden.episodes,
        help="number of episodes (default: by the rate)",
    )
    group.add_argument(
        "--episode-days",
        default="{}-{}".format(*hidden.episode_days),
        help="days an episode lasts (%(default)s)",
    )


def _add_rounding_flags(group: Group) -> None:
    rounding = group.add_mutually_exclusive_group()
    rounding.add_argument("--cents", action="store_true", help="round charges to whole cents")
    rounding.add_argument("--float32", action="store_true", help="single-precision noise")


def _add_honest_flags(flags: ArgumentParser, company: Company) -> None:
    group = flags.add_argument_group("what looks like fraud and is not")
    group.add_argument("--promotion", default=None, help="subcategories, as 'Gloves,Fenders'")
    group.add_argument(
        "--promotion-percent", default="12", help="percent off each unit (%(default)s)"
    )
    group.add_argument("--promotion-start", type=day, default=None, help="(default: --start)")
    group.add_argument(
        "--promotion-days", type=DAYS, default=21, help="days that it runs (%(default)s)"
    )
    group.add_argument(
        "--generous-reps",
        type=whole(0, 1_000_000),
        default=0,
        help="reps with a rate of their own (%(default)s)",
    )
    group.add_argument(
        "--generous-rate", type=_SHARE, default=0.75, help="share of their units (%(default)s)"
    )
    group.add_argument("--generous-shares", default="", help="one for each step; empty: evenly")
    group.add_argument("--drift-ladder", default=None, help="percents that the ladder moves to")
    group.add_argument("--drift-shares", default="", help="one for each step; empty: evenly")
    group.add_argument(
        "--drift-rate",
        type=_SHARE,
        default=company.ladder.rate,
        help="share of units with a step in the end (%(default)s)",
    )
    group.add_argument("--drift-start", type=day, default=None, help="(default: --start)")
    group.add_argument(
        "--drift-days", type=DAYS, default=365, help="days until all units have moved (%(default)s)"
    )


def _add_catalogue_flags(flags: ArgumentParser) -> None:
    group = flags.add_argument_group("catalogue")
    flags.reads("--catalogue", group=group, help="CSV (default: packaged)")
    group.add_argument(
        "--price-factor",
        type=real(0, 1e6),
        default=1.0,
        help="multiplies every price (%(default)s)",
    )
    group.add_argument(
        "--price-spread",
        type=_SHARE,
        default=0.0,
        help="moves each price by up to this share (%(default)s)",
    )
    group.add_argument("--prices-from", type=day, default=None, help="day of the new prices")
    group.add_argument("--currency", default=None, help="ISO 4217 (default: the catalogue's)")
    flags.writes("--catalogue-out", group=group, help="the prices used, for the scorer")
