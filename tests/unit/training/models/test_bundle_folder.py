"""A folder with a bundle and its card: whole, or refused by name."""

from pathlib import Path

import pytest

from shared.catalogue import packaged_catalogue
from shared.errors import BundleError
from tests.bundles import a_bundle
from tests.orders import an_order
from training.history.orders import OrderFile
from training.learning.learned import Learned
from training.models.bundle_folder import BUNDLE_FILE, CARD_FILE, load, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    learned = Learned(a_bundle("v1"), {"orders": 1}, {})
    history = OrderFile((an_order(),), {}, 0, "0" * 64)
    save(tmp_path / "model", learned, history, packaged_catalogue())
    return tmp_path / "model"


def test_a_bundle_is_loaded_as_it_was_saved(folder: Path) -> None:
    assert load(folder) == a_bundle("v1")
    assert {path.name for path in folder.iterdir()} == {BUNDLE_FILE, CARD_FILE}


@pytest.mark.parametrize("missing", [BUNDLE_FILE, CARD_FILE])
def test_half_a_folder_is_refused(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(BundleError, match=r"no card\.json and bundle\.json"):
        load(folder)


def test_a_bundle_that_was_changed_is_refused(folder: Path) -> None:
    path = folder / BUNDLE_FILE
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(BundleError, match="SHA-256"):
        load(folder)


def test_a_card_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / CARD_FILE).write_bytes(b"not a card")
    with pytest.raises(BundleError, match=r"card\.json: not a card"):
        load(folder)
