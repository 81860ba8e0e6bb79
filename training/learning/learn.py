"""Learns the scorer's tables from unlabelled orders, by counting.

Everything rests on one calculation read in two directions: the discounts that explain a charge.
Nothing about a company is assumed but its catalogue: the steps of its ladder, the discounts of
added items, hidden percentages, rates, rounding and baskets are all counted. Where the history is
too short to count, the packaged table stands in, and the card says so.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from shared.arrays import Bools
from shared.catalogue import Catalogue
from shared.model import BasketTable, ModelBundle, packaged_bundle
from shared.order import Order
from training.history.orders import History, price_history
from training.learning.baskets import learn_baskets
from training.learning.coherent_baskets import find_coherent
from training.learning.groundwork import (
    Groundwork,
    added_item_rate,
    lay_groundwork,
    refit_no_discount,
)
from training.learning.hidden_tables import HiddenTables, learn_hidden
from training.learning.ladder_tables import SMALL, Ladders, learn_ladders
from training.learning.learned import Learned, OrPackaged
from training.learning.product_groups import learn_product_groups
from training.learning.size_limits import most_ladders, reps_of, within_room
from training.learning.unpriced_products import learn_unpriced

ENOUGH_ORDERS = 300
"""Orders below which no ladder is learned."""


def learn(orders: Sequence[Order], catalogue: Catalogue, version: str) -> Learned:
    """Learn every table of a bundle.

    Args:
        orders: the history in time order, each order at its highest revision.
        catalogue: prices as of the orders' times.
        version: name of the run.

    Raises:
        ConfigurationError: the catalogue prices not one of the orders.
    """
    history = price_history(tuple(orders), catalogue)
    if len(history.orders) < ENOUGH_ORDERS:
        return _too_short(orders, history, catalogue, version)
    work = lay_groundwork(history)
    hidden = learn_hidden(work)
    added = added_item_rate(work)
    p_no_discount = refit_no_discount(work, hidden.share)
    baskets = _learn_baskets(work, p_no_discount)
    honest = ~work.rare.holds & ~hidden.lost
    coherent = find_coherent(history, baskets, honest, SMALL, added.value)
    ladders = learn_ladders(work, coherent, p_no_discount, hidden.share)
    bundle = _bundle(version, work, hidden, added.value, baskets, ladders)
    figures = _figures(work, orders, hidden.lost)
    figures |= {"hidden_runs": hidden.episodes, "reps_with_own_ladder": len(ladders.own)}
    defaults = _defaults(hidden, added, ladders)
    return Learned(_with_people_and_products(bundle, orders, catalogue), figures, defaults)


def _too_short(
    orders: Sequence[Order], history: History, catalogue: Catalogue, version: str
) -> Learned:
    """The packaged tables, with nothing of the company's but its reps and unknown products."""
    why = f"{len(history.orders)} orders, fewer than {ENOUGH_ORDERS}"
    packaged = msgspec.structs.replace(packaged_bundle(), version=version)
    bundle = _with_people_and_products(packaged, orders, catalogue)
    return Learned(bundle, {"orders": len(history.orders)}, {"all": why})


def _learn_baskets(work: Groundwork, p_no_discount: float) -> BasketTable:
    """What is bought together."""
    history = work.history
    table = learn_baskets(history.orders, work.undiscounted.tolist(), p_no_discount)
    innocent = [
        {line.product_id: line.quantity for line in history.orders[at].lines}
        for at in np.flatnonzero(work.undiscounted).tolist()
    ]
    product_groups = learn_product_groups(
        table, innocent, history.prices.product_ids, p_no_discount
    )
    return msgspec.structs.replace(table, product_groups=product_groups)


def _bundle(
    version: str,
    work: Groundwork,
    hidden: HiddenTables,
    added_rate: float,
    baskets: BasketTable,
    ladders: Ladders,
) -> ModelBundle:
    """The bundle of everything that is learned from priced orders."""
    return ModelBundle(
        version=version,
        trained_orders=len(work.history.orders),
        ladder=ladders.common.value,
        off_ladder=ladders.off_ladder.value,
        hidden=hidden.percents.value,
        added_item_rate=added_rate,
        hidden_discount_rate=hidden.rate,
        hidden_episode_days=hidden.days.value,
        hidden_unseen_share=hidden.unseen_share,
        charge_tolerance_e4=work.tolerance_e4,
        baskets=within_room(baskets),
        rep_ladders=most_ladders(ladders.own),
    )


def _with_people_and_products(
    bundle: ModelBundle, orders: Sequence[Order], catalogue: Catalogue
) -> ModelBundle:
    """The bundle with the reps, and with the products that the catalogue does not know."""
    reps, more_reps = reps_of(orders)
    unpriced = learn_unpriced(orders, catalogue, bundle.charge_tolerance_e4)
    return msgspec.structs.replace(
        bundle,
        reps=reps,
        more_reps=more_reps,
        usual_prices=unpriced.usual_prices,
        unpriced=unpriced.unpriced,
    )


def _defaults(hidden: HiddenTables, added: OrPackaged[float], ladders: Ladders) -> dict[str, str]:
    """Why some tables are the packaged ones, by the table's name on the card."""
    reasons = {
        "added_item_rate": added.reason,
        "off_ladder": ladders.off_ladder.reason,
        "ladder": ladders.common.reason,
        "hidden_run_days": hidden.days.reason,
        "hidden": hidden.percents.reason,
    }
    return {name: reason for name, reason in reasons.items() if reason}


def _figures(work: Groundwork, orders: Sequence[Order], lost: Bools) -> dict[str, float]:
    """Counts that say how much the tables rest on."""
    history = work.history
    return {
        "orders": len(orders),
        "orders_unpriced": len(orders) - len(history.orders),
        "orders_undiscounted": int(work.undiscounted.sum()),
        "orders_charged_above_list": int((history.gap_e4 < -work.tolerance_e4).sum()),
        "orders_with_rare_product": int(work.rare.holds.sum()),
        "orders_at_hidden_percent": int(lost.sum()),
        "products_rare": int(work.rare.rare.sum()),
        "units_per_order": round(float(history.units.mean()), 4),
    }
