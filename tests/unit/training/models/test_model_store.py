"""The model store: whole versions, one pointer, moved only from where it was read."""

from datetime import UTC, datetime

import pytest

from shared.champion import (
    CHALLENGER,
    CHAMPION,
    CHAMPION_COPY,
    bundle_path,
    card_path,
    parse_pointer,
)
from shared.containers import MODELS, REFERENCE
from shared.errors import BundleError, ConfigurationError, WriteConflict
from shared.model import encode_bundle
from tests.bundles import a_bundle
from tests.unit.training.world import FakeBlobs
from training.models import model_store
from training.models.model_card import ModelCard, ModelCardData, encode_card
from training.models.model_store import Moved

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = "2026-01-01T00:00:00Z"


def put(blobs: FakeBlobs, version: str) -> str:
    """Put a whole version into the model store, and return its hash."""
    data, sha256 = encode_bundle(a_bundle(version))
    card = ModelCard(version, sha256, ModelCardData(DAY, DAY, "0" * 64))
    model_store.publish(blobs, version, data, encode_card(card))
    return sha256


def serving(blobs: FakeBlobs) -> str:
    return parse_pointer(blobs.content(MODELS, CHAMPION)).version


def test_a_version_is_promoted_by_one_write_of_the_pointer_which_is_then_copied() -> None:
    blobs = FakeBlobs()
    sha256 = put(blobs, "v1")
    blobs.writes.clear()
    pointer = model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    assert (pointer.version, pointer.sha256) == ("v1", sha256)
    assert blobs.writes == [f"{MODELS}/{CHAMPION}", f"{MODELS}/{CHAMPION_COPY}"]
    assert blobs.content(MODELS, CHAMPION_COPY) == blobs.content(MODELS, CHAMPION)
    assert model_store.promote(blobs, "v1", NOW, None, by_hand=False) == pointer
    assert len(blobs.writes) == 2  # again changes nothing
    blobs.delete(MODELS, CHAMPION_COPY)  # a run died before it
    model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    assert blobs.content(MODELS, CHAMPION_COPY) == blobs.content(MODELS, CHAMPION)


def test_a_pointer_that_is_gone_is_no_pointer_that_never_was() -> None:
    blobs = FakeBlobs()
    assert model_store.read_pointer(blobs) == (None, None)
    put(blobs, "v1")
    model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    blobs.delete(MODELS, CHAMPION)
    with pytest.raises(BundleError, match="was there and is gone"):
        model_store.read_pointer(blobs)
    with pytest.raises(BundleError, match="was there and is gone"):
        model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    assert model_store.promote(blobs, "v1", NOW, None, by_hand=True).version == "v1"
    assert serving(blobs) == "v1"


def test_a_pointer_says_who_moved_it_and_what_lay_in_reference_then() -> None:
    blobs = FakeBlobs()
    put(blobs, "v1")
    put(blobs, "v2")
    pointer = model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    assert (pointer.moved_by, pointer.reference) == (None, ())
    blobs.put(REFERENCE, "catalogue.csv", b"prices")
    blobs.put(REFERENCE, "catalogue.previous.csv", b"older prices")
    pointer = model_store.promote(blobs, "v2", NOW, None, by_hand=True, moved_by="ann")
    assert (pointer.moved_by, pointer.reference) == ("ann", ("catalogue.csv",))
    pointer = model_store.roll_back(blobs, NOW, "bo")
    assert (pointer.moved_by, pointer.reference) == ("bo", ("catalogue.csv",))
    assert parse_pointer(blobs.content(MODELS, CHAMPION_COPY)) == pointer


def test_a_version_goes_up_bundle_first_and_card_last_and_again_is_as_good_as_once() -> None:
    blobs = FakeBlobs()
    put(blobs, "v1")
    assert blobs.writes == [f"{MODELS}/{bundle_path('v1')}", f"{MODELS}/{card_path('v1')}"]
    put(blobs, "v1")
    blobs.put(MODELS, bundle_path("v2"), b"half a bun")  # a run died while it wrote
    put(blobs, "v2")
    assert model_store.promote(blobs, "v2", NOW, None, by_hand=False).version == "v2"


def test_a_whole_version_is_never_replaced_by_another_bundle() -> None:
    blobs = FakeBlobs()
    put(blobs, "v1")
    with pytest.raises(WriteConflict):
        model_store.publish(blobs, "v1", b"another", b"{}")


@pytest.mark.parametrize("missing", [bundle_path("v2"), card_path("v2")])
def test_half_a_version_is_not_promoted(missing: str) -> None:
    blobs = FakeBlobs()
    put(blobs, "v1")
    model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    put(blobs, "v2")
    blobs.delete(MODELS, missing)
    for by_hand in (False, True):
        with pytest.raises(BundleError):
            model_store.promote(blobs, "v2", NOW, "v1", by_hand=by_hand)
    assert serving(blobs) == "v1"


def test_a_tampered_bundle_is_not_promoted() -> None:
    blobs = FakeBlobs()
    put(blobs, "v1")
    data = blobs.content(MODELS, bundle_path("v1"))
    blobs.put(MODELS, bundle_path("v1"), data.replace(b"0.5", b"0.9", 1))
    with pytest.raises(BundleError, match="SHA-256"):
        model_store.promote(blobs, "v1", NOW, None, by_hand=True)


def test_a_decision_against_another_champion_is_out_of_date() -> None:
    blobs = FakeBlobs()
    for version in ("v1", "v2", "v3"):
        put(blobs, version)
    model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    model_store.promote(blobs, "v2", NOW, "v1", by_hand=False)
    with pytest.raises(Moved, match="v2 serves by now; v3 was judged against v1"):
        model_store.promote(blobs, "v3", NOW, "v1", by_hand=False)
    assert serving(blobs) == "v2"


def test_two_that_move_the_pointer_at_once_do_not_both() -> None:
    blobs = FakeBlobs()
    for version in ("v1", "v2"):
        put(blobs, version)
    model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    read = blobs.read

    def while_another_writes(container: str, name: str) -> tuple[bytes, str] | None:
        found = read(container, name)
        if name == CHAMPION:
            blobs.write(container, name, blobs.content(container, name), None, replace=True)
        return found

    blobs.read = while_another_writes  # type: ignore[method-assign]
    with pytest.raises(Moved, match="at the same time"):
        model_store.promote(blobs, "v2", NOW, "v1", by_hand=False)
    assert serving(blobs) == "v1"


def test_what_was_rolled_back_serves_again_only_by_hand() -> None:
    blobs = FakeBlobs()
    for version in ("v1", "v2"):
        put(blobs, version)
    model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    model_store.promote(blobs, "v2", NOW, "v1", by_hand=False)
    assert model_store.roll_back(blobs, NOW).version == "v1"
    with pytest.raises(Moved, match="rolled back"):
        model_store.promote(blobs, "v2", NOW, "v1", by_hand=False)
    assert model_store.promote(blobs, "v2", NOW, None, by_hand=True).version == "v2"


def test_a_rollback_to_a_bundle_that_is_gone_changes_nothing() -> None:
    blobs = FakeBlobs()
    with pytest.raises(ConfigurationError, match="nothing to go back from"):
        model_store.roll_back(blobs, NOW)
    for version in ("v1", "v2"):
        put(blobs, version)
        model_store.promote(blobs, version, NOW, None, by_hand=True)
    blobs.delete(MODELS, bundle_path("v1"))
    with pytest.raises(BundleError, match=r"v1/bundle\.json is not there"):
        model_store.roll_back(blobs, NOW)
    assert serving(blobs) == "v2"


def test_an_unreadable_pointer_is_an_error_until_a_hand_replaces_it() -> None:
    blobs = FakeBlobs()
    put(blobs, "v1")
    blobs.put(MODELS, CHAMPION, b"{half")
    with pytest.raises(BundleError, match="pointer is not readable"):
        model_store.promote(blobs, "v1", NOW, None, by_hand=False)
    assert model_store.promote(blobs, "v1", NOW, None, by_hand=True).version == "v1"


def test_a_challenger_is_named_and_forgotten() -> None:
    blobs = FakeBlobs()
    put(blobs, "v1")
    model_store.challenge(blobs, "v1", NOW)
    assert parse_pointer(blobs.content(MODELS, CHALLENGER)).version == "v1"
    model_store.challenge(blobs, None, NOW)
    assert blobs.read(MODELS, CHALLENGER) is None
    with pytest.raises(BundleError, match="missing or incomplete in the model store"):
        model_store.challenge(blobs, "v9", NOW)
