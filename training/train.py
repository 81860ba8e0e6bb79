"""`python -m training.train`: learns a bundle from a file of orders, and its card."""

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from shared.catalogue import Catalogue
from shared.decision import Decision
from shared.ladder import DiscountShare
from shared.printable import printable
from training.console import ArgumentParser, run, version
from training.history.decisions import read_decisions
from training.history.orders import OrderFile, read_history
from training.history.price_arrays import read_catalogue
from training.learning.learn import learn
from training.learning.learned import Learned
from training.learning.weak_labels import with_classifier
from training.models.bundle_folder import BUNDLE_FILE, CARD_FILE, save
from training.models.golden import with_golden


def train(
    history: OrderFile,
    catalogue: Catalogue,
    name: str | None,
    decisions: Sequence[Decision] = (),
) -> Learned:
    """Learn from a history and analysts' decisions, and choose golden orders.

    The bundle's name defaults to the history's last day and hash.
    """
    name = name or f"{history.last:%Y%m%d}-{history.sha256[:8]}"
    learned = learn(history.orders, catalogue, name)
    learned = with_classifier(learned, history.orders, catalogue, decisions)
    return replace(learned, bundle=with_golden(learned.bundle, history.orders, catalogue))


def show(learned: Learned) -> None:
    """Print the learned tables."""
    bundle = learned.bundle
    table = Table(title=f"bundle {bundle.version}: {bundle.trained_orders} orders")
    for column in ("table", "percent", "share", "orders"):
        table.add_column(column, justify="left" if column == "table" else "right")
    for name, discounts in (
        ("ladder", bundle.ladder),
        ("added item", bundle.off_ladder),
        ("hidden", bundle.hidden),
    ):
        for discount in discounts:
            table.add_row(name, *_cells(discount))
    console = Console()
    console.print(table)
    print(f"added items {bundle.added_item_rate:.2%} of orders")
    print(f"hidden discounts {bundle.hidden_discount_rate:.2%} of orders")
    print(f"a hidden discount lasts {bundle.hidden_episode_days:.1f} days on average")
    print(f"charges within {bundle.charge_tolerance_e4 / 1e4:.5f} of their exact value")
    companions, groups = len(bundle.baskets.companions), len(bundle.baskets.product_groups)
    print(f"{companions} products with companions, in {groups} product groups")
    apart = ", ".join(sorted(bundle.rep_ladders)) or "none"
    print(printable(f"{len(bundle.reps)} reps; with a ladder of their own: {apart}"))
    if bundle.classifier is not None:
        count, weight = bundle.classifier.decisions, bundle.classifier.decision_weight
        print(f"classifier from {count} decisions, each worth {weight:g} weak labels")
    unpriced, usual = bundle.unpriced, len(bundle.usual_prices)
    if unpriced.with_unknown:
        print(f"{unpriced.with_unknown} orders with unknown products; usual prices of {usual}")
    for name, why in learned.defaults.items():
        print(f"packaged default for {name}: {why}")


def _cells(discount: DiscountShare) -> tuple[str, str, str]:
    percent = f"{discount.discount_bp / 100:g}" if discount.discount_bp else "none"
    return percent, f"{discount.share:.2%}", str(discount.orders)


def main(arguments: list[str] | None = None) -> None:
    """Learn, write, show.

    Raises:
        ConfigurationError: not one order of the history can be priced, or a line of the decisions
            is not a decision.
    """
    flags = ArgumentParser(
        prog="training.train", description="Learn a model bundle from unlabelled orders."
    )
    flags.reads("--history", required=True, help="orders, one a line")
    flags.writes(
        "--out",
        required=True,
        files=(BUNDLE_FILE, CARD_FILE),
        help="folder of bundle.json, card.json",
    )
    flags.reads("--catalogue", help="CSV (default: packaged)")
    flags.reads("--decisions", help="analysts' decisions, one a line (optional)")
    flags.add_argument("--version", type=version, help="name of the run (default: from the data)")
    options = flags.parse(arguments)
    catalogue = read_catalogue(options.catalogue)
    decisions = () if options.decisions is None else read_decisions(options.decisions)
    history = read_history(options.history)
    learned = train(history, catalogue, options.version, decisions)
    save(options.out, learned, history, catalogue)
    show(learned)


if __name__ == "__main__":
    run(main)
