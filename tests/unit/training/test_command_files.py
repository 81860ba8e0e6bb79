"""The files of a command: checked before anything is done, and written whole or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from training.command_files import check_files, check_folder
from training.history.files import write_lines


@pytest.fixture(autouse=True)
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with something of every kind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "input").write_bytes(b"precious input")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    return tmp_path


def test_an_output_appears_whole_or_not_at_all_and_leaves_nothing_behind(at: Path) -> None:
    def bodies() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_lines(at / "input", bodies())
    assert (at / "input").read_bytes() == b"precious input"
    assert not list(at.glob(".*"))


def test_a_file_that_only_looks_like_a_part_of_the_output_is_left_alone(at: Path) -> None:
    (at / "out.part").write_bytes(b"somebody's")
    write_lines(at / "out", [b"line"])
    assert (at / "out.part").read_bytes() == b"somebody's"


def test_a_link_keeps_leading_to_its_file_when_that_is_replaced(at: Path) -> None:
    (at / "link").symlink_to("input")
    write_lines(at / "link", [b"new"])
    assert (at / "link").is_symlink()
    assert (at / "input").read_bytes() == b"new\n"


@pytest.mark.parametrize("name", ["folder", "pipe", "/dev/null"])
def test_nothing_but_a_file_is_ever_replaced(name: str) -> None:
    with pytest.raises(ConfigurationError, match="expected a file"):
        write_lines(Path(name), [b"line"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_what_this_user_must_not_touch_is_named(at: Path) -> None:
    (at / "input").chmod(0o000)
    with pytest.raises(ConfigurationError, match="may not read"):
        check_files([at / "input"], [])
    (at / "input").chmod(0o400)
    with pytest.raises(ConfigurationError, match="may not write"):
        check_files([], [at / "input"])
    (at / "folder").chmod(0o500)
    with pytest.raises(ConfigurationError, match="may not write"):
        check_files([], [at / "folder" / "new"])


def test_a_link_in_a_circle_leads_nowhere(at: Path) -> None:
    (at / "one").symlink_to("two")
    (at / "two").symlink_to("one")
    with pytest.raises(ConfigurationError, match="one"):
        check_files([at / "one"], [])
    with pytest.raises(ConfigurationError, match="one"):
        check_files([], [at / "one"])


def test_two_outputs_under_two_names_are_still_one_file(at: Path) -> None:
    (at / "alias").symlink_to("input")
    with pytest.raises(ConfigurationError, match="is the output"):
        check_files([], [at / "input", at / "alias"])


def test_a_folder_may_be_made_but_not_inside_a_file(at: Path) -> None:
    check_folder(at / "new" / "deeper")
    assert not (at / "new").exists()
    with pytest.raises(ConfigurationError, match="is a file, expected a folder"):
        check_folder(at / "input" / "deeper")
