"""Shows what the demo does: its console, a printed line, a command with its output."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

from rich.console import Console

from infra.local.processes import StackError
from infra.local.services import ROOT
from shared.printable import printable

console = Console()


def say(text: str, *, wrapped: bool = True) -> None:
    """Print what happens next, on one line."""
    shown = printable(text)
    console.print(shown, style="bold", highlight=False, markup=False, soft_wrap=not wrapped)


def run(module: str, *arguments: str, settings: Mapping[str, str] | None = None) -> None:
    """Run a command of the project as a user would, and show its output.

    Raises:
        StackError: it failed.
    """
    shown = " ".join(argument.replace(f"{ROOT}/", "") for argument in arguments)
    typed = f"$ python -m {module} {shown}"
    console.print(typed, style="dim", highlight=False, markup=False, soft_wrap=True)
    environment = {**os.environ, **(settings or {})}
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if done.returncode:
        raise StackError(f"{module} ended with code {done.returncode}")
