"""A model's code: what goes along with it to MLflow, and that it is enough."""

import subprocess
import sys
from pathlib import Path

from training.models.pyfunc_model import write_code


def test_a_models_code_is_the_core_without_the_stores_and_needs_no_sdk(tmp_path: Path) -> None:
    write_code(tmp_path)
    copied = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")}
    assert {"training/models/pyfunc_model.py", "shared/scoring.py", "shared/order.py"} <= copied
    assert [path for path in copied if "stores" in path] == []
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import training.models.pyfunc_model as model\n"
        "assert model.__file__.startswith(sys.argv[1])\n"
        "print(*{name.split('.')[0] for name in sys.modules} & {'azure', 'functions', 'mlflow'})"
    )
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", script, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert loaded.stdout.split() == []
