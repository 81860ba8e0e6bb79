"""List the events that were set aside, show one, or send them again.

    python -m functions.dead_letters list [--code CODE] [--all]
    python -m functions.dead_letters show NAME
    python -m functions.dead_letters redrive (NAME ... | --code CODE | --everything)

It reads the app's own settings from the environment (docs/settings.md).
"""

import argparse
import asyncio
import base64
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from functions.settings import Settings
from functions.stores import BlobDeadLetters
from shared.errors import ConfigurationError, NotThereError, SheriffError, WriteConflict
from shared.formats import time_text
from shared.printable import printable
from shared.stores.aio.blobs import Blobs
from shared.stores.aio.event_hubs import HubSender
from shared.stores.settings import HubSettings

_MESSAGE = 90  # characters of a message in a list


class Letters(Protocol):
    """Dead letters by name, each with its version."""

    async def paths(self) -> list[str]:
        """Return every name."""

    async def read(self, path: str) -> tuple[dict[str, Any], str]:
        """Return a dead letter and its version; raise NotThereError if there is none."""

    async def replace(self, path: str, document: dict[str, Any], version: str) -> None:
        """Replace a dead letter; raise WriteConflict if it is no longer that version."""


class Sender(Protocol):
    """Sends events to the hub."""

    async def send(self, body: bytes, partition_key: str | None) -> None:
        """Send one event; raise TransientError if the hub did not take it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A dead letter as the store keeps it."""

    path: str
    document: dict[str, Any]
    version: str

    @property
    def body(self) -> bytes:
        return base64.b64decode(self.document["body"])

    @property
    def redriven(self) -> bool:
        return self.document["redriven_at"] is not None


async def choose(
    letters: Letters, paths: Sequence[str] = (), code: str | None = None, redriven: bool = False
) -> list[Kept]:
    """Return dead letters in the order of their stream.

    Args:
        letters: the dead letters.
        paths: their names; empty: all there are.
        code: only these; None: of any code.
        redriven: also those that were sent again already.

    Raises:
        NotThereError: one of the names is no dead letter.
        ConfigurationError: a blob of the container is something else.
    """
    chosen = []
    for path in sorted(paths or await letters.paths(), key=_place):
        kept = await _read(letters, path)
        if code in (None, kept.document["code"]) and (redriven or not kept.redriven):
            chosen.append(kept)
    return chosen


async def _read(letters: Letters, path: str) -> Kept:
    try:
        document, version = await letters.read(path)
        kept = Kept(path, document, version)
        assert {"code", "message", "time", "event"} <= document.keys()
        assert isinstance(kept.redriven, bool)
        assert isinstance(kept.body, bytes)
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
        raise ConfigurationError(f"{path} is not written as a dead letter") from None
    return kept


async def redrive(
    letters: Letters,
    hub: Sender,
    chosen: Sequence[Kept],
    now: Callable[[], datetime],
    say: Callable[[str], None],
) -> int:
    """Send dead letters again, each as it came, and mark each as sent; return how many.

    Sending comes first. If the command dies before it marks one, it sends that one again the next
    time. Scoring recognises the order by its id and revision, and nothing is lost.
    """
    for kept in chosen:
        await hub.send(kept.body, partition_key(kept))
        marked = kept.document | {"redriven_at": time_text(now())}
        try:
            await letters.replace(kept.path, marked, kept.version)
            say(f"{printable(kept.path)}: sent")
        except WriteConflict:
            say(f"{printable(kept.path)}: sent, and by somebody else too")
    return len(chosen)


def partition_key(kept: Kept) -> str | None:
    """Return the rep of the order, or the key it came with if no rep can be read."""
    try:
        body = json.loads(kept.body)
    except (ValueError, RecursionError):
        body = None
    rep = body.get("rep_id") if isinstance(body, dict) else None
    came_with: str | None = kept.document["event"]["partition_key"]
    return rep if isinstance(rep, str) and rep else came_with


def line(kept: Kept) -> str:
    """Return one line about a dead letter, without characters that control the terminal."""
    document = kept.document
    sent = f"  sent again {document['redriven_at']}" if kept.redriven else ""
    message = printable(document["message"])
    if len(message) > _MESSAGE:
        message = f"{message[: _MESSAGE - 3]}..."
    return printable(f"{kept.path}  {document['time']}  {document['code']}  {message}{sent}")


def shown(kept: Kept) -> str:
    """Return a dead letter with its body, without characters that control the terminal."""
    document = json.dumps(kept.document, indent=2, ensure_ascii=False)
    body = kept.body.decode("utf-8", "backslashreplace")
    return printable(f"{document}\n{body}", lines=True)


def _place(path: str) -> tuple[Any, ...]:
    """Return a sort key of a name: hub, partition and sequence number, as numbers."""
    parts = path.removesuffix(".json").replace(".", "/").split("/")
    return tuple((part.isdigit(), int(part) if part.isdigit() else part) for part in parts)


async def _list(letters: Letters, arguments: argparse.Namespace) -> None:
    chosen = await choose(letters, code=arguments.code, redriven=arguments.all)
    for kept in chosen:
        print(line(kept))
    print(f"{len(chosen)} dead letters", file=sys.stderr)


async def _show(letters: Letters, arguments: argparse.Namespace) -> None:
    [kept] = await choose(letters, [arguments.name], redriven=True)
    print(shown(kept))


async def _redrive(letters: Letters, arguments: argparse.Namespace) -> None:
    chosen = await choose(letters, arguments.names, arguments.code)
    hub = HubSender(HubSettings.from_environ(os.environ))
    try:
        sent = await redrive(letters, hub, chosen, lambda: datetime.now(UTC), print)
    finally:
        await hub.close()
    print(f"{sent} dead letters sent again", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m functions.dead_letters",
        description="Orders that were set aside: list them, look into one, send them again.",
        epilog="Settings come from the environment: docs/settings.md.",
    )
    commands = parser.add_subparsers(required=True, metavar="list|show|redrive")
    listing = commands.add_parser("list", help="one line for each that was not sent again")
    listing.add_argument("--code", help="only those with this code, such as not_json")
    listing.add_argument(
        "--all", action="store_true", help="also those that were sent again already"
    )
    listing.set_defaults(act=_list)
    showing = commands.add_parser("show", help="print one dead letter with its body")
    showing.add_argument("name", help="name from the list: HUB/PARTITION/NUMBER.json")
    showing.set_defaults(act=_show)
    driving = commands.add_parser("redrive", help="send them to the hub again, each only once")
    which = driving.add_mutually_exclusive_group(required=True)
    which.add_argument("names", nargs="*", default=[], metavar="NAME", help="names from the list")
    which.add_argument("--code", help="all with this code")
    which.add_argument("--everything", action="store_true", help="all of them")
    driving.set_defaults(act=_redrive, code=None)
    return parser


async def _run(arguments: argparse.Namespace) -> None:
    blobs = Blobs(Settings.from_environ(os.environ).blobs)
    try:
        await arguments.act(BlobDeadLetters(blobs), arguments)
    finally:
        await blobs.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 1 after one line on standard error if it cannot be done.

    It is 130 after Ctrl-C, and 141 where the reader closed the pipe (`| head`).
    """
    arguments = _parser().parse_args(argv)
    try:
        asyncio.run(_run(arguments))
        sys.stdout.flush()
    except NotThereError as error:
        return _said(f"there is no dead letter {error}")
    except SheriffError as error:
        return _said(str(error))
    except KeyboardInterrupt:
        _said("interrupted")
        return 130
    except BrokenPipeError:
        # Nobody reads what is still buffered; the interpreter would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def _said(line: str) -> int:
    print(printable(line), file=sys.stderr)
    return 1


if __name__ == "__main__":
    for library in ("azure", "asyncio"):  # they write pages about an error that takes one line
        logging.getLogger(library).setLevel(logging.CRITICAL)
    sys.exit(main())
