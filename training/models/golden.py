"""Chooses golden orders (`shared.golden`) for a bundle: clear ones that name no rep or customer.

Their baskets and times come from real orders, without the rep and the customer. Some were charged
at list price and some at ladder discounts. A third kind is made from the first: one unit more that
does not belong, with most of its price taken off again. Every golden order is clear with the
classifier and without it, so it stays clear for a good bundle of another night.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import compress, islice

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
"""The most golden orders of each kind: charged at list price, with an added item, discounted."""

SURE = 0.02
"""A verdict is clear when both probabilities are nearer to 0 or 1 than this."""

LOOKED_AT = 3_000
"""Golden orders are chosen from so many of the latest orders."""

MOST_UNITS = 8
"""The most units of a golden order, so that checking it takes next to no time."""

SPARE = 4
"""Candidates of each kind for every golden order wanted, because some are not clear."""

DRAWN = 12
"""Products drawn for an order; the dearest of them is added to it."""

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)

DEEP = 3_000
"""A discount of an added item is deep from so many basis points on."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A basket at its prices and time, its charge, and the kind that it should turn out to be."""

    products: tuple[tuple[Product, int], ...]
    ordered_at: str
    charged_e4: int
    kind: str


def with_golden(bundle: ModelBundle, orders: Sequence[Order], catalogue: Catalogue) -> ModelBundle:
    """Return the bundle with golden orders made from the latest ``orders`` (in time order).

    The same orders always give the same golden ones. If no order is clear, single products at list
    price stand in, because a bundle without golden orders does not serve.
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
    """Return candidates that are all clear at the catalogue of their own products."""
    clear = _are_clear(bundle, candidates, catalogue.currency)
    taken = _taken(compress(candidates, clear))
    # A catalogue of fewer products may make an order less clear, so drop orders until all are.
    while taken and not all(clear := _are_clear(bundle, taken, catalogue.currency)):
        taken = list(compress(taken, clear))
    return taken


def _single_products(catalogue: Catalogue) -> list[_Candidate]:
    """Return one unit of each of the dearest products, charged at list price."""
    latest = {product.product_id: product for product in catalogue}
    dearest = sorted(latest.values(), key=lambda product: (-product.list_e4, product.product_id))
    return [
        _Candidate(
            ((product, 1),),
            time_text(max(product.valid_from, _EARLIEST)),
            product.list_e4,
            "list price",
        )
        for product in dearest[: LIST_PRICE * SPARE]
    ]


def _candidates(
    bundle: ModelBundle, orders: Sequence[Order], catalogue: Catalogue
) -> Iterator[_Candidate]:
    ours = {None, catalogue.currency}
    priced = [catalogue.price(order) for order in orders if order.currency in ours]
    small = [
        order for order in priced
        if not order.unknown and order.lines and _units(order) <= MOST_UNITS
    ]  # fmt: skip
    at_list = [order for order in small if abs(_gap_e4(order)) <= bundle.charge_tolerance_e4]
    discounted = [order for order in small if _gap_e4(order) > bundle.charge_tolerance_e4]
    for order in _of_every_size(at_list, LIST_PRICE * SPARE):
        yield _as_it_is(order, "list price")
    for order in _of_every_size(discounted, LADDER * SPARE):
        yield _as_it_is(order, "ladder")
    yield from islice(_added_to(at_list, bundle, catalogue), ADDED * SPARE)


def _of_every_size(priced: Sequence[PricedOrder], most: int) -> list[PricedOrder]:
    """Return the first order of every number of units, then the second of each, and so on."""
    by_units: dict[int, list[PricedOrder]] = {}
    for order in priced:
        by_units.setdefault(_units(order), []).append(order)
    turns = [
        (turn, units, order)
        for units, group in by_units.items()
        for turn, order in enumerate(group)
    ]
    turns.sort(key=lambda entry: entry[:2])
    return [order for _, _, order in turns[:most]]


def _added_to(
    at_list: Sequence[PricedOrder], bundle: ModelBundle, catalogue: Catalogue
) -> Iterator[_Candidate]:
    """Yield orders at list price with one dear unit more, at a deep discount."""
    deep = [step.discount_bp for step in bundle.off_ladder if step.discount_bp >= DEEP]
    products = sorted({product.product_id for product in catalogue})
    if not deep or not at_list:
        return
    draw = np.random.default_rng(0)
    for number, order in enumerate(_of_every_size(at_list, ADDED * SPARE)):
        at = order.order.ordered_at
        drawn = {products[place] for place in draw.permutation(len(products))[:DRAWN]}
        fresh = sorted(drawn - {line.product.product_id for line in order.lines})
        priced = [product for name in fresh if (product := catalogue.product(name, at))]
        if not priced:
            continue
        added = max(priced, key=lambda product: product.list_e4)
        off_e4 = added.list_e4 * deep[number % len(deep)] // 10_000
        yield _Candidate(
            (*((line.product, line.quantity) for line in order.lines), (added, 1)),
            time_text(at),
            order.list_total_e4 + added.list_e4 - off_e4,
            "added",
        )


def _as_it_is(priced: PricedOrder, kind: str) -> _Candidate:
    lines = tuple((line.product, line.quantity) for line in priced.lines)
    return _Candidate(lines, time_text(priced.order.ordered_at), priced.order.charged_e4, kind)


def _are_clear(bundle: ModelBundle, candidates: Sequence[_Candidate], currency: str) -> list[bool]:
    """Return for each candidate whether it is clear, with the classifier and without."""
    golden = _golden(candidates, currency)
    judged = [[assessment for _, assessment in assess(bundle, golden)]]
    if bundle.classifier is not None:
        tables = msgspec.structs.replace(bundle, classifier=None)
        judged.append([assessment for _, assessment in assess(tables, golden)])
    return [
        all(_is_clear(assessment, candidate) for assessment in assessments)
        for candidate, *assessments in zip(candidates, *judged, strict=True)
    ]


def _is_clear(assessment: Assessment, candidate: _Candidate) -> bool:
    if assessment.p_hidden_discount >= SURE:
        return False
    if candidate.kind == "added":
        return assessment.alerted and assessment.p_added_item > 1 - SURE
    return not assessment.alerted and assessment.p_added_item < SURE


def _taken(clear: Iterable[_Candidate]) -> list[_Candidate]:
    left = {"list price": LIST_PRICE, "added": ADDED, "ladder": LADDER}
    taken = []
    for candidate in clear:
        if left[candidate.kind]:
            left[candidate.kind] -= 1
            taken.append(candidate)
    return taken


def _golden(candidates: Sequence[_Candidate], currency: str) -> Golden:
    """Return the candidates as golden orders, whose answers are not known yet."""
    orders = tuple(
        GoldenOrder(_body(candidate, f"golden-{number:02d}"), 0.0, 0.0, alerted=False)
        for number, candidate in enumerate(candidates, start=1)
    )
    return Golden(_csv(candidates, currency), orders) if orders else Golden()


def _with_answers(bundle: ModelBundle, golden: Golden) -> Golden:
    answered = tuple(
        GoldenOrder(order.order, verdict.p_added_item, verdict.p_hidden_discount, verdict.alerted)
        for order, verdict in assess(bundle, golden)
    )
    return msgspec.structs.replace(golden, orders=answered)


def _body(candidate: _Candidate, name: str) -> str:
    order = {
        "order_id": name,
        "ordered_at": candidate.ordered_at,
        "rep_id": "golden-rep",
        "customer_id": "golden-customer",
        "lines": [
            {"product_id": product.product_id, "quantity": quantity}
            for product, quantity in candidate.products
        ],
        "charged_price": money(candidate.charged_e4),
    }
    return json.dumps(order)


def _csv(candidates: Sequence[_Candidate], currency: str) -> str:
    """Return a catalogue of the prices that the candidates were placed at, and no others."""
    prices = {
        (product.product_id, product.valid_from): product
        for candidate in candidates
        for product, _ in candidate.products
    }
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for _, product in sorted(prices.items()):
        writer.writerow(catalogue_row(product, currency))
    return text.getvalue()


def _units(priced: PricedOrder) -> int:
    return sum(line.quantity for line in priced.lines)


def _gap_e4(priced: PricedOrder) -> int:
    return priced.list_total_e4 - priced.order.charged_e4
