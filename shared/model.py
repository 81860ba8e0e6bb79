"""All that training learned, frozen: the tables the scorer decides by, and their file format."""

import hashlib
from functools import cache
from importlib.resources import files
from typing import Annotated

import msgspec

from shared.classifier import Classifier, read_classifier
from shared.errors import BundleError

_NULL = msgspec.Raw(b"null")
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class DiscountShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One discount and how often it is given.

    ``basis_points`` are hundredths of a percent of the list price (10 % = 1000), ``share`` is a
    probability, ``orders`` the number of orders the figure rests on.
    """

    basis_points: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    share: Share
    orders: Annotated[int, msgspec.Meta(ge=0)] = 0


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Products that go with the same others, and how far the rates misjudge their baskets.

    ``products`` are those of the kind, ``partners`` those they go with.
    ``corrections[q][r][c]`` (> 0) is a factor on the odds that a product of the kind was added to
    a basket in which it has ``q + 1`` units beside ``r`` other units of the kind and ``c`` units
    of partners; the last entry of each counts for more, too. ``orders`` is the number of orders
    it rests on.
    """

    products: frozenset[str]
    partners: frozenset[str]
    corrections: tuple[tuple[tuple[float, ...], ...], ...]
    orders: Annotated[int, msgspec.Meta(ge=0)] = 0


class BasketTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is bought together, learned from any history.

    ``orders`` is the number of orders it rests on (0: nothing is known). ``companions[p][q]`` is
    the number of lines of ``q`` that one unit of ``p`` brings along on average; ``alone[q]`` the
    number per order that come by themselves and are not explained by added items. Rates are >= 0;
    those left out are 0. ``kinds`` correct what follows from the rates alone; no product is of two.
    """

    orders: Annotated[int, msgspec.Meta(ge=0)] = 0
    companions: dict[str, dict[str, float]] = {}
    alone: dict[str, float] = {}
    kinds: tuple[Kind, ...] = ()


class GoldenOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order whose verdict is known: whoever serves the bundle must come to the same.

    ``order`` is the order as a producer sends it (JSON text); the probabilities (0-1) are those of
    the trainer's scorer with `Golden.catalogue`, each order scored alone, and ``alerted`` is what
    the packaged policy made of them.
    """

    order: str
    p_added_item: Share
    p_hidden_discount: Share
    alerted: bool


class Golden(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Golden orders and the prices they are scored at (CSV), which never change with the company's.

    All verdicts are clear ones, so a good challenger of another night agrees with them, too.
    """

    catalogue: str = ""
    orders: tuple[GoldenOrder, ...] = ()


class ModelBundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
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
        reps: every rep seen in the history.
        rep_ladders: the ladders of those reps whose own departs from the common one, by rep.
        degraded: the tables are packaged defaults, not learned from this company's orders.
        golden: orders that tell whether this bundle is served as it was trained.
        classifier: what analysts' decisions add to the tables; None where there were none.
        refused_classifier: why the classifier of the file does not serve with this version of
            Sheriff, while the tables do; set as the file is read.
    """

    version: str
    trained_orders: int
    ladder: tuple[DiscountShare, ...]
    off_ladder: tuple[DiscountShare, ...]
    hidden: tuple[DiscountShare, ...]
    added_item_rate: Share
    hidden_discount_rate: Share
    charge_tolerance_e4: Annotated[float, msgspec.Meta(gt=0)]
    baskets: BasketTable
    hidden_run_days: Annotated[float, msgspec.Meta(gt=0)] = 3.0
    hidden_unseen_share: Share = 0.5
    reps: frozenset[str] = frozenset()
    rep_ladders: dict[str, tuple[DiscountShare, ...]] = {}
    degraded: bool = False
    golden: Golden = Golden()
    classifier: Classifier | None = None
    refused_classifier: str | None = None
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
        BundleError: the hash differs, or the file is not a bundle of this schema.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise BundleError(f"bundle has SHA-256 {found}, expected {sha256}: refused")
    try:
        fields = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        classifier, refused = read_classifier(fields.pop("classifier", _NULL))
        bundle = msgspec.json.decode(msgspec.json.encode(fields), type=ModelBundle)
    except msgspec.DecodeError as error:
        raise BundleError(f"bundle is not readable: {error}") from error
    bundle = msgspec.structs.replace(bundle, classifier=classifier, refused_classifier=refused)
    if bundle.schema_version != 1:
        raise BundleError(f"bundle has schema_version {bundle.schema_version}, expected 1")
    return bundle


@cache
def packaged_bundle() -> ModelBundle:
    """The default tables that serve a cold start; alerts made with them say ``degraded``.

    They know a ladder, deep discounts and rates, but no company's baskets or reps.
    """
    data = files("shared").joinpath("data", "bundle.json").read_bytes()
    return msgspec.json.decode(data, type=ModelBundle)
