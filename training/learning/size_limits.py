"""What of a history a bundle has room for: its file never passes its limit, whoever sells what."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from shared.ladder import DiscountShare
from shared.model import MOST_REP_LADDERS, MOST_REPS, BasketTable, ProductGroup
from shared.order import Order

PAIRS_BYTES, ALONE_BYTES, GROUPS_BYTES = 4 << 20, 2 << 20, 3 << 19
"""Of the pairs of products that go together, of the products that come by themselves, and of kinds
of products."""

MOST_PRODUCTS = 50_000
"""Products of either."""

_NUMBER_BYTES = 26
"""At most of a rate, with what stands around it."""

Ladder = tuple[DiscountShare, ...]


def reps_of(orders: Sequence[Order]) -> tuple[frozenset[str], bool]:
    """The reps with the most orders, and whether there are more of them."""
    orders_of = Counter(order.rep_id for order in orders)
    most = sorted(orders_of, key=lambda rep: (-orders_of[rep], rep))
    return frozenset(most[:MOST_REPS]), len(most) > MOST_REPS


def most_ladders(ladders: Mapping[str, Ladder]) -> dict[str, Ladder]:
    """Those of the reps with the most orders."""
    most = sorted(ladders.items(), key=lambda item: (-item[1][0].orders, item[0]))
    return dict(most[:MOST_REP_LADDERS])


def within_room(table: BasketTable) -> BasketTable:
    """The same table without its smallest rates, where it would take too much room."""
    pairs = [
        (rate, cause, effect)
        for cause, rates in table.companions.items()
        for effect, rate in rates.items()
    ]
    kept = _largest(pairs, PAIRS_BYTES, len(pairs))
    alone = _largest(
        [(rate, name) for name, rate in table.alone.items()], ALONE_BYTES, MOST_PRODUCTS
    )
    product_groups = _product_groups(table)
    sizes = (len(pairs), len(table.alone), len(table.product_groups))
    if (len(kept), len(alone), len(product_groups)) == sizes:
        return table
    companions: dict[str, dict[str, float]] = {}
    for rate, cause, effect in kept:
        companions.setdefault(cause, {})[effect] = rate
    by_itself = {name: rate for rate, name in alone}
    return msgspec.structs.replace(
        table, companions=companions, alone=by_itself, product_groups=product_groups
    )


def _product_groups(table: BasketTable) -> tuple[ProductGroup, ...]:
    """Those of the most orders, in their order."""
    kept, room = set[int](), GROUPS_BYTES
    for at in sorted(
        range(len(table.product_groups)), key=lambda at: -table.product_groups[at].orders
    ):
        room -= len(msgspec.json.encode(table.product_groups[at]))
        if room < 0:
            break
        kept.add(at)
    return tuple(kind for at, kind in enumerate(table.product_groups) if at in kept)


def _largest[Entry: tuple[float | str, ...]](
    entries: Iterable[Entry], room: int, most: int
) -> list[Entry]:
    """The entries with the largest rates, as many as there is room for."""
    kept: list[Entry] = []
    for entry in sorted(entries, key=lambda one: (-float(one[0]), one[1:])):
        room -= sum(len(msgspec.json.encode(name)) for name in entry[1:]) + _NUMBER_BYTES
        if room < 0 or len(kept) == most:
            break
        kept.append(entry)
    return kept
