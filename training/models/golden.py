"""Choose golden orders (`shared.golden`) for a bundle: clear ones, and nobody's.

Real orders lend their baskets and times; whose they were is left out. Some were charged at list
price, some at ladder discounts, and to some of the first kind one more unit is added that does not
belong, most of its price taken off again. What is not clear, with or without the classifier, is
dropped: so it stays clear for a good bundle of another night.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import msgspec
import numpy as np

from shared.assessment import Assessment
from shared.catalogue import COLUMNS, Catalogue, PricedOrder, Product
from shared.formats import money, time_text
from shared.golden import assess
from shared.model import Golden, GoldenOrder, ModelBundle
from shared.order import Order
from training.history.price_arrays import catalogue_row

LIST_PRICE, ADDED, LADDER = 7, 8, 7
"""Golden orders of each kind at most: charged at list price, with an added item, discounted."""

SURE = 0.02
"""A verdict is clear when both probabilities are nearer to 0 or 1 than this."""

LOOKED_AT = 3_000
"""The latest orders, which golden ones are chosen from."""

MOST_UNITS = 8
"""Units of a golden order, so that checking them takes no time worth speaking of."""

SPARE = 4
"""Candidates of each kind for every order wanted: some turn out not to be clear."""

DRAWN = 12
"""Products drawn for an order, the dearest of which is added to it."""

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

DEEP = 3_000
"""Basis points from which on a discount of an added item is deep."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A basket at its prices and time, what to charge for it, and what it should turn out to be."""

    products: tuple[tuple[Product, int], ...]
    ordered_at: str
    charged_e4: int
    kind: str


def with_golden(bundle: ModelBundle, orders: Sequence[Order], catalogue: Catalogue) -> ModelBundle:
    """The bundle with golden orders made of the latest of ``orders`` (in time order); always the
    same ones.

    Where the orders give no clear ones, single products at list price stand in: a bundle without
    any golden order does not serve.
    """
    taken = _clear_ones(
        bundle, list(_candidates(bundle, orders[-LOOKED_AT:], catalogue)), catalogue
    )
    if not taken:
        taken = _clear_ones(bundle, _single_products(catalogue), catalogue)
    golden = _with_answers(bundle, _golden(taken, catalogue.currency))
    return msgspec.structs.replace(bundle, golden=golden)


def _clear_ones(
    bundle: ModelBundle, candidates: Sequence[_Candidate], catalogue: Catalogue
) -> list[_Candidate]:
    """Those to take: clear ones, and among themselves, too."""
    chosen = _judged(bundle, candidates, catalogue.currency)
    taken = _taken([one for one, clear in zip(candidates, chosen, strict=True) if clear])
    # The catalogue of fewer products may make an order less clear: until all that are left are.
    while taken:
        clear = _judged(bundle, taken, catalogue.currency)
        if all(clear):
            break
        taken = [one for one, is_clear in zip(taken, clear, strict=True) if is_clear]
    return taken


def _single_products(catalogue: Catalogue) -> list[_Candidate]:
    """One unit of some products, the dearest first, charged at list price."""
    latest = {product.product_id: product for product in catalogue}
    dearest = sorted(latest.values(), key=lambda product: (-product.list_e4, product.product_id))
    return [
        _Candidate(
            ((one, 1),), time_text(max(one.valid_from, _EARLIEST)), one.list_e4, "list price"
        )
        for one in dearest[: LIST_PRICE * SPARE]
    ]


def _candidates(
    bundle: ModelBundle, orders: Sequence[Order], catalogue: Catalogue
) -> Iterator[_Candidate]:
    ours = {None, catalogue.currency}
    priced = [catalogue.price(order) for order in orders if order.currency in ours]
    small = [one for one in priced if not one.unknown and one.lines and _units(one) <= MOST_UNITS]
    at_list = [one for one in small if abs(_gap_e4(one)) <= bundle.charge_tolerance_e4]
    discounted = [one for one in small if _gap_e4(one) > bundle.charge_tolerance_e4]
    for one in _of_every_size(at_list, LIST_PRICE * SPARE):
        yield _as_it_is(one, "list price")
    for one in _of_every_size(discounted, LADDER * SPARE):
        yield _as_it_is(one, "ladder")
    yield from islice(_added_to(at_list, bundle, catalogue), ADDED * SPARE)


def _of_every_size(priced: Sequence[PricedOrder], most: int) -> list[PricedOrder]:
    """Some orders: one of every number of units, then another of each, and so on."""
    by_units: dict[int, list[PricedOrder]] = {}
    for one in priced:
        by_units.setdefault(_units(one), []).append(one)
    turns = [
        (turn, units, one) for units, group in by_units.items() for turn, one in enumerate(group)
    ]
    turns.sort(key=lambda entry: entry[:2])
    return [one for _, _, one in turns[:most]]


def _added_to(
    at_list: Sequence[PricedOrder], bundle: ModelBundle, catalogue: Catalogue
) -> Iterator[_Candidate]:
    """Undiscounted orders with one dear unit more, of which a deep discount is taken off again."""
    deep = [step.discount_bp for step in bundle.off_ladder if step.discount_bp >= DEEP]
    products = sorted({product.product_id for product in catalogue})
    if not deep or not at_list:
        return
    draw = np.random.default_rng(0)
    for number, one in enumerate(_of_every_size(at_list, ADDED * SPARE)):
        at = one.order.ordered_at
        drawn = {products[place] for place in draw.permutation(len(products))[:DRAWN]}
        fresh = sorted(drawn - {line.product.product_id for line in one.lines})
        priced = [product for name in fresh if (product := catalogue.product(name, at))]
        if not priced:
            continue
        added = max(priced, key=lambda product: product.list_e4)
        off_e4 = added.list_e4 * deep[number % len(deep)] // 10_000
        yield _Candidate(
            (*((line.product, line.quantity) for line in one.lines), (added, 1)),
            time_text(at),
            one.list_total_e4 + added.list_e4 - off_e4,
            "added",
        )


def _as_it_is(one: PricedOrder, kind: str) -> _Candidate:
    lines = tuple((line.product, line.quantity) for line in one.lines)
    return _Candidate(lines, time_text(one.order.ordered_at), one.order.charged_e4, kind)


def _judged(bundle: ModelBundle, candidates: Sequence[_Candidate], currency: str) -> list[bool]:
    """Whether each comes out clearly as what it is, with the classifier and without."""
    golden = _golden(candidates, currency)
    judged = [[found for _, found in assess(bundle, golden)]]
    if bundle.classifier is not None:
        tables = msgspec.structs.replace(bundle, classifier=None)
        judged.append([found for _, found in assess(tables, golden)])
    return [
        all(_is_clear(found, candidate) for found in every)
        for candidate, *every in zip(candidates, *judged, strict=True)
    ]


def _is_clear(found: Assessment, candidate: _Candidate) -> bool:
    if found.p_hidden_discount >= SURE:
        return False
    if candidate.kind == "added":
        return found.alerted and found.p_added_item > 1 - SURE
    return not found.alerted and found.p_added_item < SURE


def _taken(clear: Iterable[_Candidate]) -> list[_Candidate]:
    left = {"list price": LIST_PRICE, "added": ADDED, "ladder": LADDER}
    taken = []
    for one in clear:
        if left[one.kind]:
            left[one.kind] -= 1
            taken.append(one)
    return taken


def _golden(candidates: Sequence[_Candidate], currency: str) -> Golden:
    """The candidates as golden orders, their answers not known yet."""
    orders = tuple(
        GoldenOrder(_body(one, f"golden-{number:02d}"), 0.0, 0.0, alerted=False)
        for number, one in enumerate(candidates, start=1)
    )
    return Golden(_csv(candidates, currency), orders) if orders else Golden()


def _with_answers(bundle: ModelBundle, golden: Golden) -> Golden:
    answered = tuple(
        GoldenOrder(known.order, found.p_added_item, found.p_hidden_discount, found.alerted)
        for known, found in assess(bundle, golden)
    )
    return msgspec.structs.replace(golden, orders=answered)


def _body(one: _Candidate, name: str) -> str:
    order = {
        "order_id": name,
        "ordered_at": one.ordered_at,
        "rep_id": "golden-rep",
        "customer_id": "golden-customer",
        "lines": [
            {"product_id": product.product_id, "quantity": quantity}
            for product, quantity in one.products
        ],
        "charged_price": money(one.charged_e4),
    }
    return json.dumps(order)


def _csv(candidates: Sequence[_Candidate], currency: str) -> str:
    """Only the prices the candidates were placed at, which therefore hold at their times."""
    prices = {
        (product.product_id, product.valid_from): product
        for one in candidates
        for product, _ in one.products
    }
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for _, product in sorted(prices.items()):
        writer.writerow(catalogue_row(product, currency))
    return text.getvalue()


def _units(one: PricedOrder) -> int:
    return sum(line.quantity for line in one.lines)


def _gap_e4(one: PricedOrder) -> int:
    return one.list_total_e4 - one.order.charged_e4
