"""The stamp that packaging leaves beside the code."""

from pathlib import Path

import pytest

from functions.release import STAMP, release


def test_a_package_says_which_release_it_is(tmp_path: Path) -> None:
    stamp = tmp_path / "version.json"
    stamp.write_text('{"version": "20261124.3", "commit": "abc"}')
    assert release(stamp) == {"version": "20261124.3", "commit": "abc"}


def test_a_repository_is_no_release() -> None:
    assert not STAMP.exists()
    assert release() is None


@pytest.mark.parametrize("text", ["", "{}", '{"version": 3, "commit": ""}'])
def test_a_stamp_that_cannot_be_read_is_none(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    stamp = tmp_path / "version.json"
    stamp.write_text(text)
    assert release(stamp) is None
    assert "version.json cannot be read" in caplog.text
