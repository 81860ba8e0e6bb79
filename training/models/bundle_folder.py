"""A folder on disk with a bundle and its card: what `training.train` writes and others load."""

from pathlib import Path

from shared.catalogue import Catalogue
from shared.errors import BundleError
from shared.model import ModelBundle, decode_bundle, encode_bundle
from training.command_files import replacing
from training.history.orders import OrderFile
from training.learning.learned import Learned
from training.models.model_card import encode_card, make_card, parse_card

BUNDLE_FILE = "bundle.json"
CARD_FILE = "card.json"


def save(folder: Path, learned: Learned, history: OrderFile, catalogue: Catalogue) -> None:
    """Write the bundle, then its card, so that a card never lies without its bundle."""
    folder.mkdir(parents=True, exist_ok=True)
    data, sha256 = encode_bundle(learned.bundle)
    with replacing(folder / BUNDLE_FILE) as file:
        file.write(data)
    with replacing(folder / CARD_FILE) as file:
        file.write(encode_card(make_card(learned, history, catalogue, sha256)))


def load(folder: Path) -> ModelBundle:
    """Read the bundle of a training run, and check it against its card.

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
