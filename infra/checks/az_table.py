"""Prints Azure CLI's own table of commands as JSON, for those whose names are given.

It runs under the Python of `.venv-azure-cli`, where Azure CLI is; `infra.checks.az_commands` calls
it. Each command has its options, as the groups of names that mean the same, and which are required.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from azure.cli.core import get_default_cli
from azure.cli.core.file_util import create_invoker_and_load_cmds_and_args


def main(names: list[str]) -> None:
    """Print the table of the named commands, and of those that begin with a name."""
    cli = get_default_cli()
    create_invoker_and_load_cmds_and_args(cli)
    table = cli.invocation.commands_loader.command_table
    print(json.dumps({name: options(table[name].arguments) for name in names if name in table}))


def options(arguments: Any) -> list[dict[str, Any]]:
    """The options of a command; positional arguments have no name with a hyphen."""
    found = []
    for one in arguments.values():
        # A few are objects that carry a deprecated name.
        named = [getattr(name, "target", name) for name in one.options_list or ()]
        required = bool(one.type.settings.get("required"))
        found.append({"names": [str(name) for name in named], "required": required})
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
