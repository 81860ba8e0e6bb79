"""What is wrong with a zip, on small ones made by hand."""

import py_compile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

from infra.checks.package import wrong_files
from infra.package import PackageError, Release, copy_packages, locked, used, zipped

SITE = ".python_packages/lib/site-packages"
MODES = py_compile.PycInvalidationMode


def package(folder: Path, mode: MODES = MODES.UNCHECKED_HASH, **more: str) -> Path:
    tree = folder / "tree"
    files = {
        "host.json": "{}",
        "function_app.py": "x = 1\n",
        "version.json": Release("1", "c").json,
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
        ("training/night.py", "training does not belong"),
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


def test_wheels_of_another_system_are_named(tmp_path: Path) -> None:
    wheel = {f"{SITE}/x-1.dist-info/WHEEL": "Tag: cp313-cp313-win_amd64\n"}
    [fault] = wrong_files(package(tmp_path, **wheel))
    assert "x-1.dist-info is not for Python 3.13 on Linux" in fault


def test_bytecode_that_a_changed_time_would_void_is_refused(tmp_path: Path) -> None:
    [fault] = wrong_files(package(tmp_path, MODES.TIMESTAMP))
    assert "would be held against its source" in fault


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


def test_files_that_nothing_uses_are_left_out() -> None:
    kept = {"numpy/__init__.py", "numpy/testing/__init__.py", "azure/core/tests.py",
            "numpy-2.dist-info/METADATA", "numpy-2.dist-info/licenses/LICENSE.txt"}  # fmt: skip
    dropped = {"numpy/tests/test_x.py", "numpy/__init__.pyi", "numpy-2.dist-info/RECORD",
               "../../../bin/f2py", "bin/f2py", "x/__pycache__/y.cpython-313.pyc",
               "mlflow/server/js/build/index.html"}  # fmt: skip
    assert {name for name in kept | dropped if used(PurePosixPath(name))} == kept


def test_a_lock_file_names_its_versions(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(
        "numpy==2.5.5 \\\n    --hash=sha256:aa\nazure-core==1.41.0 \\\n    --hash=sha256:bb\n"
    )
    assert locked(lock) == {"numpy": "2.5.5", "azure-core": "1.41.0"}


@pytest.mark.parametrize(
    ("line", "said"), [("numpy==1.0", "1.0 is locked"), ("nosuch==1", "not installed")]
)
def test_another_version_than_the_locked_one_is_refused(
    tmp_path: Path, line: str, said: str
) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(line)
    with pytest.raises(PackageError, match=said):
        copy_packages(lock, tmp_path / "site")
