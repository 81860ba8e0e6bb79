"""All that training learned, frozen: the tables the scorer decides by, and their file format."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Annotated

import msgspec

from shared.champion import Version
from shared.classifier import Classifier, read_classifier
from shared.errors import BundleError
from shared.ladder import DiscountShare, HiddenDiscounts, Ladder, OffLadder
from shared.ranges import Count, Name, Share
from shared.unpriced import MOST_USUAL_PRICES, NEVER_UNPRICED, Unpriced, UsualPrice

MAXIMUM_BYTES = 16 * 1024 * 1024
"""Of a bundle's file."""

MOST_REPS = 10_000
"""Reps that a bundle remembers, those with the most orders."""

MOST_REP_LADDERS = 500
"""Reps with a ladder of their own, those with the most orders."""

LARGEST_HIDDEN = 5_000
"""Basis points: nobody hides that more than half of an order's price is gone."""

LARGEST_ADDED_RATE = 0.9
"""No company's added items are more: some orders must be normal."""

MOST_BROUGHT = 500
"""Lines that one unit brings along on average; an order has no more than 200."""

_MOST_PRODUCTS, _MOST_GROUPS, _MOST_GOLDEN = 50_000, 1_000, 100
_ROUNDING = 1e-6
"""How far shares may be from summing to 1."""

_NULL = msgspec.Raw(b"null")
_Rate = Annotated[float, msgspec.Meta(ge=0, le=MOST_BROUGHT)]
_Products = Annotated[frozenset[Name], msgspec.Meta(max_length=_MOST_PRODUCTS)]
_Factors = Annotated[
    tuple[Annotated[float, msgspec.Meta(gt=0, le=1e12)], ...],
    msgspec.Meta(min_length=1, max_length=100),
]


class ProductGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Products that go with the same others, and how far the rates misjudge their baskets.

    ``products`` are those of the kind, ``partners`` those they go with.
    ``corrections[q][r][c]`` (> 0) is a factor on the odds that a product of the kind was added to
    a basket in which it has ``q + 1`` units beside ``r`` other units of the kind and ``c`` units
    of partners; the last entry of each counts for more, too. ``orders`` is the number of orders
    it rests on.
    """

    products: _Products
    partners: _Products
    corrections: Annotated[
        tuple[Annotated[tuple[_Factors, ...], msgspec.Meta(min_length=1, max_length=100)], ...],
        msgspec.Meta(min_length=1, max_length=100),
    ]
    orders: Count = 0


class BasketTable(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"product_groups": "kinds"}
):
    """What is bought together, learned from any history.

    ``orders`` is the number of orders it rests on (0: nothing is known). ``companions[p][q]`` is
    the number of lines of ``q`` that one unit of ``p`` brings along on average; ``alone[q]`` the
    number per order that come by themselves and are not explained by added items. Rates are >= 0;
    those left out are 0. ``kinds`` correct what follows from the rates alone; no product is of two.
    """

    orders: Count = 0
    companions: Annotated[
        dict[Name, Annotated[dict[Name, _Rate], msgspec.Meta(max_length=_MOST_PRODUCTS)]],
        msgspec.Meta(max_length=_MOST_PRODUCTS),
    ] = {}
    alone: Annotated[dict[Name, _Rate], msgspec.Meta(max_length=_MOST_PRODUCTS)] = {}
    product_groups: Annotated[tuple[ProductGroup, ...], msgspec.Meta(max_length=_MOST_GROUPS)] = ()


class GoldenOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order whose verdict is known: whoever serves the bundle must come to the same.

    ``order`` is the order as a producer sends it (JSON text); the probabilities (0-1) are those of
    the trainer's scorer with `Golden.catalogue`, each order scored alone, and ``alerted`` is what
    the packaged policy made of them.
    """

    order: Annotated[str, msgspec.Meta(max_length=64 * 1024)]
    p_added_item: Share
    p_hidden_discount: Share
    alerted: bool


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Golden orders and the prices they are scored at (CSV), which never change with the company's.

    All verdicts are clear ones, so a good challenger of another night agrees with them, too.
    """

    catalogue: Annotated[str, msgspec.Meta(max_length=1024 * 1024)] = ""
    orders: Annotated[tuple[GoldenOrder, ...], msgspec.Meta(max_length=_MOST_GOLDEN)] = ()


class ModelBundle(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"hidden_episode_days": "hidden_run_days"},
):
    """The learned tables of one training run.

    Attributes:
        version: name of the run, as every alert carries it.
        trained_orders: orders the tables were learned from; 0 for the packaged tables.
        ladder: discretionary unit discounts incl. none (0); shares sum to 1.
        off_ladder: discounts of an added item; shares sum to 1.
        hidden: percentages taken off whole orders by a hidden discount; shares sum to 1.
        added_item_rate: chance that an order holds an added item.
        hidden_discount_rate: chance that an order is charged under a hidden discount.
        charge_tolerance_e4: how far a charge may be from its exact value, in ten-thousandths.
        baskets: what is bought together.
        hidden_run_days: how long a run of a hidden discount lasts on average, in days.
        hidden_unseen_share: chance that the next hidden discount has a percentage that is none of
            ``hidden``; from a history of n runs one in n + 1, as if the next were one more kind,
            and one in two where there were none and ``hidden`` is the packaged table.
        reps: the reps seen in the history.
        more_reps: there were more than `MOST_REPS`, so one who is not among them may be known.
        rep_ladders: the ladders of those reps whose own departs from the common one, by rep.
        degraded: the tables are packaged defaults, not learned from this company's orders.
        golden: orders that tell whether this bundle is served as it was trained.
        classifier: what analysts' decisions add to the tables; None where there were none.
        refused_classifier: why the classifier of the file does not serve with this version of
            Sheriff, while the tables do; set as the file is read.
        usual_prices: of products that were sold often and that no catalogue knows, by product.
        unpriced: how often lines have no price.
    """

    version: Version
    trained_orders: Count
    ladder: Ladder
    off_ladder: OffLadder
    hidden: HiddenDiscounts
    added_item_rate: Annotated[float, msgspec.Meta(ge=0, le=LARGEST_ADDED_RATE)]
    hidden_discount_rate: Share
    charge_tolerance_e4: Annotated[float, msgspec.Meta(ge=0.1, le=1e6)]
    baskets: BasketTable
    hidden_episode_days: Annotated[float, msgspec.Meta(ge=0.001, le=36_500)] = 3.0
    hidden_unseen_share: Share = 0.5
    reps: Annotated[frozenset[Name], msgspec.Meta(max_length=10 * MOST_REPS)] = frozenset()
    more_reps: bool = False
    rep_ladders: Annotated[dict[Name, Ladder], msgspec.Meta(max_length=MOST_REP_LADDERS)] = {}
    degraded: bool = False
    golden: Golden = Golden()
    classifier: Classifier | None = None
    refused_classifier: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None
    usual_prices: Annotated[dict[Name, UsualPrice], msgspec.Meta(max_length=MOST_USUAL_PRICES)] = {}
    unpriced: Unpriced = NEVER_UNPRICED
    schema_version: int = 1


def encode_bundle(bundle: ModelBundle) -> tuple[bytes, str]:
    """The bundle's file (JSON) and its SHA-256 as lower-case hex."""
    data = msgspec.json.encode(bundle, order="sorted")
    return data, hashlib.sha256(data).hexdigest()


def decode_bundle(data: bytes, sha256: str) -> ModelBundle:
    """Load a bundle whose SHA-256 is known from elsewhere (the pointer); checked before decoding.

    A classifier that this version cannot use is left out, and the bundle says why: an upgrade
    costs the classifier until the next training, never the tables.

    Raises:
        BundleError: the hash differs, the file is not a bundle of this schema, or a figure is out
            of its range.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise BundleError(f"bundle has SHA-256 {found}, expected {sha256}: refused")
    if len(data) > MAXIMUM_BYTES:
        raise BundleError(f"bundle has {len(data)} bytes, expected at most {MAXIMUM_BYTES}")
    try:
        fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        classifier, refused = read_classifier(fields.pop("classifier", _NULL))
        bundle = msgspec.json.decode(msgspec.json.encode(fields), type=ModelBundle)
    except (ValueError, RecursionError) as error:  # msgspec.DecodeError is a ValueError
        raise BundleError(f"bundle is not readable: {error}") from error
    bundle = msgspec.structs.replace(bundle, classifier=classifier, refused_classifier=refused)
    if bundle.schema_version != 1:
        raise BundleError(f"bundle has schema_version {bundle.schema_version}, expected 1")
    for fault in faults(bundle):
        raise BundleError(f"bundle is not usable: {fault}")
    return bundle


def faults(bundle: ModelBundle) -> Iterator[str]:
    """What of a bundle's figures cannot be: facts that no single field's range can say."""
    yield from _table_faults("ladder", bundle.ladder, least=0, largest=10_000)
    yield from _table_faults("off_ladder", bundle.off_ladder, least=1, largest=10_000)
    yield from _table_faults("hidden", bundle.hidden, least=1, largest=LARGEST_HIDDEN)
    for name, ladder in (("ladder", bundle.ladder), *_named(bundle)):
        if not any(step.share > 0 for step in ladder if step.discount_bp == 0):
            yield f"{name} has no share for no discount (0)"
    for name, ladder in _named(bundle):
        yield from _table_faults(name, ladder, least=0, largest=10_000)
    product_groups = [
        product for kind in bundle.baskets.product_groups for product in kind.products
    ]
    if len(product_groups) != len(set(product_groups)):
        yield "a product is of two kinds"
    if any(sum(rates.values()) > MOST_BROUGHT for rates in bundle.baskets.companions.values()):
        yield f"a product brings more than {MOST_BROUGHT} lines along"


def _named(bundle: ModelBundle) -> Iterator[tuple[str, Sequence[DiscountShare]]]:
    return ((f"rep_ladders[{at}]", one) for at, one in enumerate(bundle.rep_ladders.values()))


def _table_faults(
    name: str, table: Sequence[DiscountShare], *, least: int, largest: int
) -> Iterator[str]:
    steps = [step.discount_bp for step in table]
    if len(steps) != len(set(steps)):
        yield f"{name} has a discount twice"
    if not all(least <= step <= largest for step in steps):
        yield f"{name} has a discount that is not {least} to {largest} basis points"
    total = math.fsum(step.share for step in table)
    if abs(total - 1.0) > _ROUNDING:
        yield f"the shares of {name} sum to {total:.6g}, expected 1"


@cache
def packaged_bundle() -> ModelBundle:
    """The default tables that serve a cold start; alerts made with them say ``degraded``.

    They know a ladder, deep discounts and rates, but no company's baskets or reps.
    """
    data = files("shared").joinpath("data", "bundle.json").read_bytes()
    return msgspec.json.decode(data, type=ModelBundle)
