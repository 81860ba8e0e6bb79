"""Tools of others, each in an environment of its own (`.venv-NAME`), and what they answer."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.checks.compiler import ROOT
from shared.errors import SheriffError


class ToolError(SheriffError):
    """A tool is not there, or its answer cannot be read."""


def answered(command: Sequence[str], folder: Path = ROOT) -> Any:
    """What a tool prints as JSON; it may end with any code, for it does so where it finds a thing.

    Raises:
        ToolError: it is not there, or printed something else.
    """
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        return json.loads(done.stdout)
    except FileNotFoundError:
        raise ToolError(f"{command[0]} is not there; its make target installs it") from None
    except ValueError:
        said = (done.stderr.strip() or "nothing").splitlines()[-1]
        raise ToolError(f"{Path(command[0]).name} gave no answer; it said: {said[:300]}") from None
