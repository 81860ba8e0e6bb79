"""`python -m training.train`: learns a bundle from a history of orders, with its card."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from shared.catalogue import Catalogue
from shared.decision import Decision
from shared.errors import BundleError
from shared.ladder import DiscountShare
from shared.model import ModelBundle, decode_bundle, encode_bundle
from shared.printable import printable
from training.command_files import replacing
from training.console import ArgumentParser, run, version
from training.history.decisions import read_decisions
from training.history.orders import OrderFile, read_history
from training.history.price_arrays import read_catalogue
from training.learning.learn import Learned, learn
from training.learning.weak_labels import with_classifier
from training.models.golden import with_golden
from training.models.model_card import encode_card, make_card, parse_card

BUNDLE_FILE = "bundle.json"
CARD_FILE = "card.json"


def train(
    history: OrderFile,
    catalogue: Catalogue,
    name: str | None,
    decisions: Sequence[Decision] = (),
) -> Learned:
    """Learn from a history and what analysts decided, golden orders included.

    The name of the bundle defaults to the history's last day and hash.
    """
    name = name or f"{history.last:%Y%m%d}-{history.sha256[:8]}"
    learned = learn(history.orders, catalogue, name)
    learned = with_classifier(learned, history.orders, catalogue, decisions)
    return replace(learned, bundle=with_golden(learned.bundle, history.orders, catalogue))


def save(folder: Path, learned: Learned, history: OrderFile, catalogue: Catalogue) -> None:
    """Write the bundle, then its card: a folder with a card has the bundle that it describes."""
    folder.mkdir(parents=True, exist_ok=True)
    data, sha256 = encode_bundle(learned.bundle)
    with replacing(folder / BUNDLE_FILE) as file:
        file.write(data)
    with replacing(folder / CARD_FILE) as file:
        file.write(encode_card(make_card(learned, history, catalogue, sha256)))


def load(folder: Path) -> ModelBundle:
    """The bundle of a training run, checked against its card.

    Raises:
        BundleError: card or bundle are missing, unreadable or do not belong together.
    """
    try:
        card = parse_card((folder / CARD_FILE).read_bytes())
        data = (folder / BUNDLE_FILE).read_bytes()
    except FileNotFoundError as error:
        raise BundleError(
            f"{folder}: no {CARD_FILE} and {BUNDLE_FILE} of a training run"
        ) from error
    except NotADirectoryError as error:
        raise BundleError(f"{folder} is a file, expected the folder of a training run") from error
    except BundleError as error:
        raise BundleError(f"{folder / CARD_FILE}: {error}") from error
    return decode_bundle(data, card.bundle_sha256)


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
    print(f"a hidden discount runs for {bundle.hidden_episode_days:.1f} days on average")
    print(f"charges within {bundle.charge_tolerance_e4 / 1e4:.5f} of their exact value")
    product_groups = len(bundle.baskets.product_groups)
    print(f"{len(bundle.baskets.companions)} products with companions, of {product_groups} kinds")
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
        ConfigurationError: the history holds no order that can be priced, or a line of the
            decisions is none.
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
