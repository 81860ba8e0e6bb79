"""By hand anything may serve that is whole, but nobody passes over what a night said unaware."""

from datetime import UTC, datetime
from typing import Literal

import pytest

from shared.containers import TRAINING
from shared.errors import ConfigurationError
from tests.unit.training.world import FakeBlobs
from training import promote
from training.nightly.results import Result, result_path, write_result

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def judged(outcome: Literal["promoted", "refused", "shadow"]) -> FakeBlobs:
    blobs = FakeBlobs()
    result = Result(
        version="v3",
        sha256="0" * 64,
        champion="v2",
        outcome=outcome,
        reasons=("Recall of added items fell.", "An order takes 9 ms."),
        checks=(),
        metrics={},
        snapshot_sha256="0" * 64,
        decided_at="2026-02-28T02:10:00.000000Z",
    )
    write_result(blobs, result)
    return blobs


def test_a_version_that_a_night_refused_is_promoted_only_anyway() -> None:
    blobs = judged("refused")
    with pytest.raises(ConfigurationError) as refused:
        promote.said_of(blobs, "v3", anyway=False)
    assert str(refused.value) == (
        "v3: the night of 2026-02-28 refused it: Recall of added items fell. An order takes 9 ms. "
        "To promote it all the same, add --anyway"
    )
    assert "refused it: Recall" in promote.said_of(blobs, "v3", anyway=True)


def test_what_a_night_said_and_nobody_can_read_is_no_consent() -> None:
    blobs = FakeBlobs()
    blobs.put(TRAINING, result_path("v3"), b"oops")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        promote.said_of(blobs, "v3", anyway=False)
    assert "cannot be read" in promote.said_of(blobs, "v3", anyway=True)


def test_a_version_that_scores_in_shadow_is_promoted_with_a_word() -> None:
    said = promote.said_of(judged("shadow"), "v3", anyway=False)
    assert said.startswith("the night of 2026-02-28 left it in shadow: Recall")


def test_a_version_that_no_night_spoke_against_is_promoted_without_one() -> None:
    assert promote.said_of(judged("promoted"), "v3", anyway=False) == ""
    assert promote.said_of(FakeBlobs(), "v3", anyway=False) == ""


def test_anyway_is_said_of_a_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        promote.main(["--anyway"])
    assert "--anyway goes with --version" in capsys.readouterr().err


def test_a_missing_setting_names_the_step_that_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORDERS_HUB", "SHERIFF_LOCAL", "BLOB_CONNECTION", "COSMOS_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match=r"^ORDERS_HUB is not set; eval .*stack env"):
        promote.main(["--version", "3"])
