"""The packages of a lock file: their versions, and the files of them that the app uses."""

from pathlib import Path, PurePosixPath

import pytest

from infra.locked_packages import PackageError, copy_packages, locked, used


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
