"""A build says its steps, and leaves a whole zip or the old one."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.locked_packages import PackageError
from infra.package import Package, Release, build, main

RELEASE = Release("1", "c")


@pytest.mark.parametrize("out", ["file", "file/below", "/proc/sheriff"])
def test_a_place_where_no_folder_can_be_is_one_line(
    out: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(["--out", str(tmp_path / out), "--installed"]) == 2
    said, err = capsys.readouterr()
    assert (said, err.count("\n")) == ("", 1)
    assert err.startswith("package: ")
    assert str(tmp_path / out.removesuffix("/below")) in err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_build_says_its_steps_and_a_failed_one_leaves_the_old_zip(tmp_path: Path) -> None:
    said: list[str] = []
    small = Package("scorer", ("host.json", "function_app.py"), "none.txt")
    (tmp_path / "none.txt").write_text("")
    lock = tmp_path / "none.txt"
    kept = build(
        replace(small, requirements=str(lock)), tmp_path, RELEASE, installed=True, say=said.append
    )
    assert [line.split()[1] for line in said] == ["copies", "compiles", "writes"]
    before = kept.read_bytes()
    lock.write_text("no-such-package==1\n")
    with pytest.raises(PackageError, match="no-such-package is not installed"):
        build(replace(small, requirements=str(lock)), tmp_path, RELEASE, installed=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none.txt", "scorer.zip"]
    assert kept.read_bytes() == before
