"""What is wrong with a zip, on small ones made by hand."""

import py_compile
import zipfile
from pathlib import Path

import pytest

from infra.checks.package import main, wrong_files
from infra.package import Release, zipped

SITE = ".python_packages/lib/site-packages"
MODES = py_compile.PycInvalidationMode


# The first 20 bytes of a shared object, by elf(5): class, byte order, and the machine at byte 18.
LINUX_X86_64 = "\x7fELF\x02\x01\x01" + "\0" * 9 + "\x03\0" + "\x3e\0"
LINUX_ARM = LINUX_X86_64.replace("\x3e", "\x28")
LINUX_I386 = LINUX_X86_64.replace("\x3e", "\x03").replace("F\x02", "F\x01")
WINDOWS = "MZ" + "\0" * 30


def package(folder: Path, mode: MODES = MODES.UNCHECKED_HASH, **more: str) -> Path:
    tree = folder / "tree"
    files = {
        "host.json": "{}",
        "function_app.py": "x = 1\n",
        "version.json": Release("1", "c").json,
        "sbom.cdx.json": "{}",
        f"{SITE}/numpy-2.dist-info/WHEEL": "Tag: cp313-cp313-manylinux_2_28_x86_64\n",
    }
    for name, text in (
        files | {key.replace("__", "/"): value for key, value in more.items()}
    ).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    source = tree / "function_app.py"
    py_compile.compile(str(source), dfile=source.name, invalidation_mode=mode)
    zipped(tree, folder / "scorer.zip", 1)
    return folder / "scorer.zip"


def test_a_good_package_has_nothing_wrong(tmp_path: Path) -> None:
    assert list(wrong_files(package(tmp_path))) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{SITE}/pandas/__init__.py", "pandas does not belong into scorer"),
        ("tests/test_x.py", "tests does not belong"),
        ("training/nightly/night.py", "training does not belong"),
        ("local.settings.json", "local.settings.json does not belong"),
        (f"{SITE}/x/core.cpython-312-x86_64-linux-gnu.so", "is not for Python 3.13"),
        (f"{SITE}/x/core.cpython-313-darwin.so", "is not for Python 3.13"),
        ("functions/score.py", "functions/score.py has no bytecode"),
        ("functions/__pycache__/gone.cpython-313.pyc", "is the bytecode of nothing"),
    ],
)
def test_what_does_not_belong_is_named(tmp_path: Path, name: str, said: str) -> None:
    found = list(wrong_files(package(tmp_path, **{name: "x = 1\n"})))
    assert any(said in one for one in found), found


@pytest.mark.parametrize(
    "machine", [LINUX_ARM, LINUX_I386, WINDOWS, ""], ids=["arm", "i386", "windows", "nothing"]
)
@pytest.mark.parametrize("name", ["core.cpython-313-x86_64-linux-gnu.so", "core.abi3.so", "x.so.1"])
def test_an_extension_for_another_machine_is_named_whatever_its_file_says(
    tmp_path: Path, name: str, machine: str
) -> None:
    path = f"{SITE}/x/{name}"
    (tmp_path / "right").mkdir()
    assert list(wrong_files(package(tmp_path / "right", **{path: LINUX_X86_64}))) == []
    (tmp_path / "wrong").mkdir()
    [fault] = wrong_files(package(tmp_path / "wrong", **{path: machine}))
    assert fault == f"{path} is not for Python 3.13 on Linux x86_64"


@pytest.mark.parametrize(
    "tag",
    [
        "cp313-cp313-win_amd64",
        "cp313-cp313-macosx_11_0_arm64",
        "cp313-cp313-musllinux_1_2_x86_64",
        "cp313-cp313-linux_x86_64",
        "cp313-cp313-manylinux_2_28_aarch64",
        "cp312-cp312-manylinux_2_28_x86_64",
    ],
)
def test_wheels_of_another_system_are_named(tmp_path: Path, tag: str) -> None:
    wheel = {f"{SITE}/x-1.dist-info/WHEEL": f"Tag: {tag}\n"}
    [fault] = wrong_files(package(tmp_path, **wheel))
    assert "x-1.dist-info is not for Python 3.13 on Linux" in fault


def test_bytecode_that_a_changed_time_would_void_is_refused(tmp_path: Path) -> None:
    [fault] = wrong_files(package(tmp_path, MODES.TIMESTAMP))
    assert "would be held against its source" in fault


def test_a_package_that_does_not_say_what_it_is_made_of_is_refused(tmp_path: Path) -> None:
    path = package(tmp_path)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as wrong, zipfile.ZipFile(path) as good:
        for name in good.namelist():
            if name != "sbom.cdx.json":
                wrong.writestr(name, good.read(name))
    (tmp_path / "in.zip").rename(path)
    assert list(wrong_files(path)) == ["sbom.cdx.json is not at the root"]


def test_a_package_without_host_json_at_its_root_is_refused(tmp_path: Path) -> None:
    path = package(tmp_path)
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as wrong, zipfile.ZipFile(path) as good:
        for name in good.namelist():
            wrong.writestr(f"app/{name}", good.read(name))
    (tmp_path / "in.zip").rename(path)
    assert "host.json is not at the root" in list(wrong_files(path))


def test_a_zip_is_the_same_whenever_it_is_written(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert package(first).read_bytes() == package(second).read_bytes()


def test_the_inspection_says_what_it_does_and_ends_with_a_verdict_on_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = package(tmp_path)
    bad = good.rename(tmp_path / "trainer.zip")
    package(tmp_path)
    found = {good: [], bad: ["one thing", "another"]}
    monkeypatch.setattr("infra.checks.package.faults", lambda zip_file, _: iter(found[zip_file]))
    assert main([str(good), str(bad)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "  is unpacked read-only, imported, and indexed as scorer and as desk"
    assert said[-4:] == [
        "  one thing",
        "  another",
        f"{good}: fit to be deployed",
        f"{bad}: NOT FIT to be deployed, faults: 2",
    ]
    assert main([str(good)]) == 0


@pytest.mark.parametrize("name", ["scorer.zip", "scorer.tar", "other.zip"])
def test_what_is_no_package_is_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    file.write_text("no zip")
    assert main([str(file)]) == 1
    assert main([str(tmp_path / "missing" / "scorer.zip")]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 2)
    assert err.startswith(f"package: {file}: ")
