"""python -m infra.local.stack up|down|status|env: the whole product on one machine.

Azurite (blobs), the Event Hubs emulator, the Cosmos DB emulator and the functions host each run as
a child process, with a log. All of them keep their data in one state folder. Events, checkpoints
and alerts belong together: keep the folder whole, or remove it whole.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.local import commands, processes, services
from infra.local.processes import StackError
from infra.local.stack import DEFAULT_PORTS, DEFAULT_STATE, Stack


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 1 on a StackError, and for `status` if a part is down."""
    options = _parser().parse_args(arguments)

    def command() -> int:
        app = None if options.no_host else services.ROOT
        stack = Stack(options.state, dict(options.ports), app, options.hosts)
        return _COMMANDS[options.command](stack)

    return commands.run("stack", command)


def _up(stack: Stack) -> int:
    stack.up()
    return _status(stack)


def _down(stack: Stack) -> int:
    stack.down()
    return 0


def _status(stack: Stack) -> int:
    parts = stack.status()
    for part in parts:
        state = f"up, pid {part.pid}" if part.pid else "down"
        address = f"{processes.HOST}:{part.port}" if part.port else "-"
        print(f"{part.name:<10} {address:<16} {state:<15} {part.log}")
    return 0 if all(part.pid for part in parts) else 1


def _env(stack: Stack) -> int:
    if not any(part.pid for part in stack.status()):
        raise StackError(f"nothing of {stack.state} is up: start it with `stack up` first")
    for name, value in stack.settings().items():
        if name.isidentifier():  # a shell takes no other name, such as AzureWebJobs.NAME.Disabled
            print(f"export {name}={shlex.quote(value)}")
    return 0


_COMMANDS = {"up": _up, "down": _down, "status": _status, "env": _env}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.stack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=_COMMANDS, help="env prints the settings for a shell")
    parser.add_argument("--state", type=Path, default=DEFAULT_STATE, help="default: %(default)s")
    ports = " ".join(f"{name}={port}" for name, port in DEFAULT_PORTS.items())
    parser.add_argument(
        "--ports",
        type=_port,
        nargs="+",
        default=[],
        metavar="NAME=PORT",
        help=f"0: any free port, which the stack keeps (default: {ports})",
    )
    parser.add_argument("--hosts", type=_hosts, default=1, help="hosts that share the load (1)")
    parser.add_argument("--no-host", action="store_true", help="start the servers only")
    return parser


def _hosts(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 32:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number 1 to 32")
    return int(text)


def _port(text: str) -> tuple[str, int]:
    name, equals, port = text.partition("=")
    if name not in DEFAULT_PORTS or not equals or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected NAME=PORT, {', '.join(DEFAULT_PORTS)}"
        )
    return name, int(port)


if __name__ == "__main__":
    sys.exit(main())
