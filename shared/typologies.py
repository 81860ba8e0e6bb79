"""The table of typologies: everything that Sheriff can find wrong with an order.

To add one, add a line to `TYPOLOGIES` and a rule to `shared.rules`. The alert's schema, the API's
filter and the report take theirs from this table, and tests compare the documents with it.
"""

from typing import Final, NamedTuple

ADDED_ITEM: Final = "added_item"
HIDDEN_DISCOUNT: Final = "hidden_discount"
REUSED_ID: Final = "reused_id"
UNEXPLAINED_GAP: Final = "unexplained_gap"
BELOW_COST: Final = "below_cost"
OVERCHARGE: Final = "overcharge"
PRICE_TAMPERING: Final = "price_tampering"
UNKNOWN_REP: Final = "unknown_rep"
UNKNOWN_PRODUCT: Final = "unknown_product"
UNPRICED_REP: Final = "unpriced_rep"
UNPRICED_SHARE: Final = "unpriced_share"


class Typology(NamedTuple):
    """One kind of finding.

    Attributes:
        name: as documents store it.
        words: as people read it.
        alerts: whether a finding of it can make an order an alert. The others say that data is
            missing, and are recorded only with an alert that something else made.
        loss: whether its amount counts as money lost. That is so for the two frauds, which have a
            probability. The amounts of the others may be part of theirs, or no loss at all.
    """

    name: str
    words: str
    alerts: bool = True
    loss: bool = False


TYPOLOGIES: Final = (
    Typology(REUSED_ID, "Reused order id"),
    Typology(ADDED_ITEM, "Added item", loss=True),
    Typology(HIDDEN_DISCOUNT, "Hidden discount", loss=True),
    Typology(UNEXPLAINED_GAP, "Unexplained gap"),
    Typology(BELOW_COST, "Below cost"),
    Typology(OVERCHARGE, "Overcharge"),
    Typology(PRICE_TAMPERING, "Price tampering"),
    Typology(UNKNOWN_REP, "Unknown rep", alerts=False),
    Typology(UNKNOWN_PRODUCT, "Unknown product", alerts=False),
    Typology(UNPRICED_REP, "Rep with unpriced lines"),
    Typology(UNPRICED_SHARE, "Many unpriced orders", alerts=False),
)

TYPOLOGY_NAMES: Final = tuple(typology.name for typology in TYPOLOGIES)

FRAUD_TYPOLOGIES: Final = tuple(typology.name for typology in TYPOLOGIES if typology.loss)
"""The frauds: they have a probability, and make an alert from the policy's probability on."""

DATA_QUALITY_TYPOLOGIES: Final = tuple(
    typology.name for typology in TYPOLOGIES if not typology.alerts
)
"""Recorded with an alert, never an alert by themselves."""

FACT_TYPOLOGIES: Final = tuple(
    typology.name for typology in TYPOLOGIES if typology.alerts and not typology.loss
)
"""Each finding of these makes its order an alert."""
