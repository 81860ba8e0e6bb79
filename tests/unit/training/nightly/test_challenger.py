"""A challenger learns from all but the latest orders, once, and lies whole in the model store."""

import pytest

from shared.champion import bundle_path
from shared.containers import MODELS
from shared.errors import BundleError
from shared.golden import check_golden
from shared.model import encode_bundle
from tests.bundles import a_bundle
from tests.unit.training.nightly.night_world import NightWorld, a_company
from training.history.dataset import Dataset
from training.nightly.challenger import (
    Challenger,
    find_challenger,
    first_later,
    keep_challenger,
    learn_challenger,
)


@pytest.fixture(scope="module")
def world() -> NightWorld:
    return a_company()


@pytest.fixture(scope="module")
def data(world: NightWorld) -> Dataset:
    return world.dataset()


@pytest.fixture(scope="module")
def challenger(data: Dataset) -> Challenger:
    return learn_challenger(data)


def test_a_challenger_does_not_learn_from_the_latest_fifth_of_the_orders(
    data: Dataset, challenger: Challenger
) -> None:
    assert first_later(data) == 480
    assert challenger.learned.bundle.trained_orders == 480
    assert challenger.card.data.sha256 == data.snapshot_sha256
    assert challenger.search is not None


def test_a_challenger_has_the_name_of_its_data_and_may_serve(
    data: Dataset, challenger: Challenger
) -> None:
    bundle = challenger.learned.bundle
    assert bundle.version == challenger.card.version == data.version
    assert bundle.golden.orders
    check_golden(bundle)


def test_a_challenger_that_was_kept_is_found_and_not_learned_again(
    world: NightWorld, data: Dataset, challenger: Challenger
) -> None:
    assert find_challenger(world.blobs, data) is None
    keep_challenger(world.blobs, challenger)
    known = find_challenger(world.blobs, data)
    assert known is not None
    assert (known.learned, known.encoded, known.card) == (
        challenger.learned,
        challenger.encoded,
        challenger.card,
    )
    assert known.search is None
    assert world.blobs.content(MODELS, f"{data.version}/bundle.json") == challenger.encoded


def test_a_kept_bundle_that_is_not_the_one_of_its_card_is_refused(
    data: Dataset, challenger: Challenger
) -> None:
    company = NightWorld()
    keep_challenger(company.blobs, challenger)
    another, _ = encode_bundle(a_bundle(data.version))
    company.blobs.put(MODELS, bundle_path(data.version), another)
    with pytest.raises(BundleError):
        find_challenger(company.blobs, data)
