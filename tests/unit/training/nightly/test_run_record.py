"""The aliases of the registered models follow what was applied."""

from typing import Literal

import msgspec
import pytest

from tests.unit.training.world import FakeRecord
from training.models.registry import MODEL, RULES_MODEL
from training.nightly.results import Applied, Result
from training.nightly.run_record import follow

SHADOW = Result(
    version="v2",
    sha256="0" * 64,
    champion="v1",
    outcome="shadow",
    reasons=("As good.",),
    checks=(),
    metrics={"challenger.added_item.average_precision": 0.9876},
    snapshot_sha256="1" * 64,
    decided_at="2026-03-01T02:00:00Z",
)


@pytest.fixture
def record() -> FakeRecord:
    versions = {1: "v1", 2: "v2"}
    return FakeRecord(registered={MODEL: dict(versions), RULES_MODEL: dict(versions)})


def test_a_challenger_in_shadow_has_an_alias_and_the_champion_keeps_its_own(
    record: FakeRecord,
) -> None:
    follow(record, SHADOW, Applied("v1"))
    for name in (MODEL, RULES_MODEL):
        assert record.pointed(name, "challenger") == 2
        assert record.pointed(name, "champion") == 1
        assert record.version_tags[name, 2] == {"outcome": "shadow", "average_precision": "0.988"}


@pytest.mark.parametrize(("outcome", "serves"), [("promoted", "v2"), ("refused", "v1")])
def test_a_version_that_does_not_score_in_shadow_any_more_loses_that_alias(
    outcome: Literal["promoted", "refused"], serves: str, record: FakeRecord
) -> None:
    follow(record, SHADOW, Applied("v1"))
    follow(record, msgspec.structs.replace(SHADOW, outcome=outcome), Applied(serves))
    assert record.pointed(MODEL, "challenger") is None
    assert record.pointed(MODEL, "champion") == int(serves.removeprefix("v"))


def test_a_refused_version_takes_no_alias_from_another_challenger(record: FakeRecord) -> None:
    record.point(MODEL, "challenger", 1)
    follow(record, msgspec.structs.replace(SHADOW, outcome="refused"), Applied("v1"))
    assert record.pointed(MODEL, "challenger") == 1


def test_a_version_that_was_never_registered_is_passed_over() -> None:
    record = FakeRecord()
    follow(record, SHADOW, Applied("v1"))
    assert record.aliases == {}
