"""What was decided about a version: stored, read back, and done."""

import msgspec

from shared.champion import CHALLENGER, CHAMPION, CHAMPION_COPY, parse_pointer
from shared.containers import MODELS, TRAINING
from tests.unit.training.nightly.night_world import NOW, NightWorld
from training.models import model_store
from training.nightly.results import Result, apply_result, read_result, result_path, write_result

PROMOTED = Result(
    version="v2",
    sha256="0" * 64,
    champion="v1",
    outcome="promoted",
    reasons=("It finds more.",),
    checks=(),
    metrics={"recall": 0.5},
    snapshot_sha256="1" * 64,
    decided_at="2026-03-01T02:00:00Z",
)


def a_company() -> NightWorld:
    """Return a company that v1 serves and that has learned v2."""
    company = NightWorld()
    for version in ("v1", "v2"):
        company.publish(version)
    model_store.promote(company.blobs, "v1", NOW, None, by_hand=True)
    return company


def test_a_result_is_read_back_as_it_was_written() -> None:
    blobs = NightWorld().blobs
    write_result(blobs, PROMOTED)
    assert read_result(blobs, "v2") == PROMOTED
    assert read_result(blobs, "v1") is None


def test_a_result_that_cannot_be_read_counts_as_none() -> None:
    blobs = NightWorld().blobs
    blobs.put(TRAINING, result_path("v2"), b'{"of": "another release"}')
    assert read_result(blobs, "v2") is None


def test_what_was_promoted_serves_and_doing_it_again_changes_nothing() -> None:
    company = a_company()
    assert apply_result(company.blobs, PROMOTED, NOW).champion == "v2"
    before = dict(company.blobs.blobs)
    assert apply_result(company.blobs, PROMOTED, NOW).champion == "v2"
    assert company.blobs.blobs == before


def test_what_scores_in_shadow_is_the_challenger_until_it_is_refused() -> None:
    company = a_company()
    applied = apply_result(company.blobs, msgspec.structs.replace(PROMOTED, outcome="shadow"), NOW)
    assert applied.champion == "v1"
    assert parse_pointer(company.blobs.content(MODELS, CHALLENGER)).version == "v2"
    apply_result(company.blobs, msgspec.structs.replace(PROMOTED, outcome="refused"), NOW)
    assert company.blobs.read(MODELS, CHALLENGER) is None


def test_a_decision_that_was_overtaken_changes_nothing() -> None:
    """The pointer moved by hand between the decision and its doing."""
    company = a_company()
    late = msgspec.structs.replace(PROMOTED, champion="somebody-else")
    applied = apply_result(company.blobs, late, NOW)
    assert applied.champion == company.champion == "v1"
    assert "serves by now" in applied.refusal


def test_every_night_mends_the_copy_of_the_pointer() -> None:
    """A promotion by hand may have died between the two."""
    company = a_company()
    company.blobs.delete(MODELS, CHAMPION_COPY)
    apply_result(company.blobs, msgspec.structs.replace(PROMOTED, outcome="refused"), NOW)
    pointer = company.blobs.content(MODELS, CHAMPION)
    assert company.blobs.content(MODELS, CHAMPION_COPY) == pointer
