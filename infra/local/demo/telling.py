"""How the demo talks: one console, one way to say things and to run a command."""

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
    """One line of what happens next."""
    shown = printable(text)
    console.print(shown, style="bold", highlight=False, markup=False, soft_wrap=not wrapped)


def run(module: str, *arguments: str, settings: Mapping[str, str] | None = None) -> None:
    """Run one of the project's own commands, as a user would; its output is shown.

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
