"""The data of a night: the same sources give the same version, and damage is repaired."""

from dataclasses import replace

from shared.containers import TRAINING
from shared.policy import Policy
from tests.unit.training.nightly.night_world import NOW, NightWorld, a_company, bodies
from training.history.dataset import Dataset, Reference, gather_dataset
from training.models import reference_files


def gathered(world: NightWorld, reference: Reference) -> Dataset:
    data = gather_dataset(world.blobs, world.documents, reference, "orders", NOW)
    assert data is not None
    return data


def test_an_archive_without_orders_is_no_dataset() -> None:
    world = NightWorld()
    reference = reference_files.read(world.blobs)
    assert gather_dataset(world.blobs, world.documents, reference, "orders", NOW) is None


def test_the_same_sources_give_the_same_version_without_reading_the_archive_again() -> None:
    world = a_company()
    first = world.dataset()
    world.blobs.reads.clear()
    again = world.dataset()
    assert (again.version, again.orders) == (first.version, first.orders)
    assert len(first.orders) == 600
    assert not any(name.endswith(".avro") for name in world.blobs.reads)


def test_another_policy_or_another_order_is_another_version() -> None:
    world = a_company()
    reference = reference_files.read(world.blobs)
    first = gathered(world, reference)
    stricter = gathered(world, replace(reference, policy=Policy(recall_tolerance=0.5)))
    assert stricter.version != first.version
    assert stricter.snapshot_sha256 == first.snapshot_sha256
    world.archive(bodies()[600:601], 2)
    assert gathered(world, reference).snapshot_sha256 != first.snapshot_sha256


def test_a_snapshot_that_was_damaged_is_made_again() -> None:
    world = a_company()
    first = world.dataset()
    name = f"snapshots/{first.snapshot_sha256}.parquet"
    whole = world.blobs.content(TRAINING, name)
    world.blobs.put(TRAINING, name, whole[:-100])
    again = world.dataset()
    assert (again.orders, again.version) == (first.orders, first.version)
    assert world.blobs.content(TRAINING, name) == whole


def test_the_history_is_as_long_as_the_policy_says() -> None:
    world = a_company()
    reference = reference_files.read(world.blobs)
    for number, day in enumerate((20, 29)):
        world.archive(bodies()[600 + number : 601 + number], day)
    recent = gathered(world, replace(reference, policy=Policy(history_days=5)))
    # The window of day 20 may reach beyond the first of the five days, so it counts, too.
    assert (recent.quality.files, len(recent.orders)) == (2, 2)
    assert gathered(world, reference).quality.files == 3
