"""The model bundle: the tables that training learned, and their file format."""

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
"""The largest file of a bundle."""

MOST_REPS = 10_000
"""The most reps that a bundle remembers: those with the most orders."""

MOST_REP_LADDERS = 500
"""The most reps with a ladder of their own: those with the most orders."""

LARGEST_HIDDEN_BP = 5_000
"""The largest hidden discount: nobody hides that more than half of an order's price is gone."""

LARGEST_ADDED_RATE = 0.9
"""The largest share of orders with an added item: some orders must be normal."""

MOST_BROUGHT = 500
"""The most lines that one unit brings along on average. An order has at most 200 lines."""

_MOST_PRODUCTS, _MOST_GROUPS, _MOST_GOLDEN = 50_000, 1_000, 100
_ROUNDING = 1e-6
"""The sum of shares may be this far from 1."""

_NULL = msgspec.Raw(b"null")
_Rate = Annotated[float, msgspec.Meta(ge=0, le=MOST_BROUGHT)]
_Products = Annotated[frozenset[Name], msgspec.Meta(max_length=_MOST_PRODUCTS)]
_Factors = Annotated[
    tuple[Annotated[float, msgspec.Meta(gt=0, le=1e12)], ...],
    msgspec.Meta(min_length=1, max_length=100),
]


class ProductGroup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Products that are bought with the same partners, and a correction of their odds.

    The rates of `BasketTable` alone misjudge some baskets, so training measures by how much.

    Attributes:
        products: the products of the group.
        partners: the products that they are bought with.
        corrections: ``corrections[q][r][c]`` (above 0) multiplies the odds that a product of the
            group was added, where the basket has ``q + 1`` units of it, ``r`` units of other
            products of the group and ``c`` units of partners. The last entry of each list also
            holds for all larger numbers.
        orders: number of orders that the corrections rest on.
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
    """The rates at which products are bought together.

    Attributes:
        orders: number of orders that the rates rest on; 0 where nothing is known.
        companions: ``companions[p][q]`` is the number of lines of ``q`` that one unit of ``p``
            brings along on average. A rate that is missing is 0.
        alone: ``alone[q]`` is the number of lines of ``q`` an order that come by themselves and
            that added items do not explain.
        product_groups: they correct the odds that follow from the rates. No product is in two of
            them. They are stored as ``kinds``.
    """

    orders: Count = 0
    companions: Annotated[
        dict[Name, Annotated[dict[Name, _Rate], msgspec.Meta(max_length=_MOST_PRODUCTS)]],
        msgspec.Meta(max_length=_MOST_PRODUCTS),
    ] = {}
    alone: Annotated[dict[Name, _Rate], msgspec.Meta(max_length=_MOST_PRODUCTS)] = {}
    product_groups: Annotated[tuple[ProductGroup, ...], msgspec.Meta(max_length=_MOST_GROUPS)] = ()


class GoldenOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order and the trainer's verdict. A process that serves must reach the same verdict.

    Attributes:
        order: JSON text, as a producer sends it.
        p_added_item: probability (0-1) of the trainer's scorer, with the prices of
            `Golden.catalogue`, and with the order scored alone.
        p_hidden_discount: the same for a hidden discount.
        alerted: whether the order is an alert under the packaged policy.
    """

    order: Annotated[str, msgspec.Meta(max_length=64 * 1024)]
    p_added_item: Share
    p_hidden_discount: Share
    alerted: bool


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Golden orders, and the catalogue (CSV) that they are scored with.

    The catalogue is part of the bundle, so the company's prices may change without changing a
    verdict. All verdicts are clear, so that a good challenger of a later night agrees with them.
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
    """The tables that one training learned.

    Attributes:
        version: name of the bundle; every alert carries it.
        trained_orders: orders that the tables were learned from; 0 for the packaged tables.
        ladder: discounts that reps give on a unit, none (0) included; shares sum to 1.
        off_ladder: discounts of an added item; shares sum to 1.
        hidden: percentages taken off whole orders by a hidden discount; shares sum to 1.
        added_item_rate: chance that an order holds an added item.
        hidden_discount_rate: chance that an order is charged under a hidden discount.
        charge_tolerance_e4: how far a charge may be from its exact value, in ten-thousandths.
        baskets: what is bought together.
        hidden_run_days: how long an episode lasts on average, in days.
        hidden_unseen_share: chance that the next hidden discount has a percentage that is not in
            ``hidden``. After a history of n episodes it is one in n + 1, as if the next one were
            new. Without any episode it is one in two, and ``hidden`` is the packaged table.
        reps: the reps in the history.
        more_reps: whether there were more than `MOST_REPS`, so that a rep who is not listed may be
            known all the same.
        rep_ladders: by rep, the ladder of each rep whose discounts differ from the common ladder.
        degraded: whether the tables are the packaged ones, which were learned from no company's
            orders.
        golden: orders that show whether the bundle is served as it was trained.
        classifier: what analysts' decisions add to the tables; None where there were none.
        refused_classifier: why the file's classifier does not work with this version of Sheriff,
            although the tables do. Set when the file is read.
        usual_prices: by product, the usual price of products that are sold often but are in no
            catalogue.
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
    """Return the bundle's file (JSON), and its SHA-256 as lower-case hex."""
    data = msgspec.json.encode(bundle, order="sorted")
    return data, hashlib.sha256(data).hexdigest()


def decode_bundle(data: bytes, sha256: str) -> ModelBundle:
    """Read a bundle, after checking its SHA-256, which the pointer names.

    A classifier that this version cannot use is left out, and the bundle says why. So an upgrade
    can cost the classifier until the next training, but never the tables.

    Raises:
        BundleError: the hash differs, the file is not a bundle of this schema, or a figure is out
            of its range.
    """
    digest = hashlib.sha256(data).hexdigest()
    if digest != sha256:
        raise BundleError(f"bundle has SHA-256 {digest}, expected {sha256}: refused")
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
    """Yield what is wrong with a bundle's figures, beyond the range of each single field."""
    yield from _table_faults("ladder", bundle.ladder, least_bp=0, largest_bp=10_000)
    yield from _table_faults("off_ladder", bundle.off_ladder, least_bp=1, largest_bp=10_000)
    yield from _table_faults("hidden", bundle.hidden, least_bp=1, largest_bp=LARGEST_HIDDEN_BP)
    for name, ladder in (("ladder", bundle.ladder), *_named(bundle)):
        if not any(step.share > 0 for step in ladder if step.discount_bp == 0):
            yield f"{name} has no share for no discount (0)"
    for name, ladder in _named(bundle):
        yield from _table_faults(name, ladder, least_bp=0, largest_bp=10_000)
    grouped = [product for group in bundle.baskets.product_groups for product in group.products]
    if len(grouped) != len(set(grouped)):
        yield "a product is in two groups"
    if any(sum(rates.values()) > MOST_BROUGHT for rates in bundle.baskets.companions.values()):
        yield f"a product brings more than {MOST_BROUGHT} lines along"


def _named(bundle: ModelBundle) -> Iterator[tuple[str, Sequence[DiscountShare]]]:
    ladders = bundle.rep_ladders.values()
    return ((f"rep_ladders[{at}]", ladder) for at, ladder in enumerate(ladders))


def _table_faults(
    name: str, table: Sequence[DiscountShare], *, least_bp: int, largest_bp: int
) -> Iterator[str]:
    table_bp = [step.discount_bp for step in table]
    if len(table_bp) != len(set(table_bp)):
        yield f"{name} has a discount twice"
    if not all(least_bp <= bp <= largest_bp for bp in table_bp):
        yield f"{name} has a discount that is not {least_bp} to {largest_bp} basis points"
    total = math.fsum(step.share for step in table)
    if abs(total - 1.0) > _ROUNDING:
        yield f"the shares of {name} sum to {total:.6g}, expected 1"


@cache
def packaged_bundle() -> ModelBundle:
    """Return the packaged tables, which serve until a first training; alerts then say ``degraded``.

    They have a ladder, deep discounts and rates, but know no company's baskets or reps.
    """
    data = files("shared").joinpath("data", "bundle.json").read_bytes()
    return msgspec.json.decode(data, type=ModelBundle)
