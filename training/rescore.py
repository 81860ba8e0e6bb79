"""`python -m training.rescore`: scores orders of the past again, into files of their own.

    python -m training.rescore --from 2026-03-01 --to 2026-03-02 --out DIR [--version V]

The orders come from the archive, the bundle from the model store; catalogue and policy are the ones
that serve. Scoring is the same as in the backtest. Stores are only read, so alerts stay as they
are.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.catalogue import Catalogue
from shared.errors import BundleError, ConfigurationError
from shared.formats import money, time_text
from shared.model import ModelBundle, packaged_bundle
from shared.order import Order, OrderLine
from shared.scoring import Scorer
from training.console import ArgumentParser, run, version
from training.history.archive import read_archive
from training.history.files import ReadLine
from training.models import reference_files
from training.models.model_store import read_bundle, read_card, read_pointer
from training.ports import Blobs
from training.replay.replay import Replay
from training.replay.replay_files import replayed
from training.settings import TrainingSettings

FILES = ("scores.csv", "alerts.jsonl", "incidents.jsonl")

_SENT_AS = {"charged_e4": "charged_price", "list_e4": "list_price", "cost_e4": "standard_cost"}
"""Fields that have another name in an order's JSON."""

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)

LATE = timedelta(days=1)
"""Orders count if they reached the hub at most this long after the time was over."""


def rescore(
    blobs: Blobs, hub: str, start: datetime, end: datetime, out: Path, version: str | None
) -> None:
    """Score the orders placed from ``start`` until ``end`` (exclusive), each at its last revision.

    Write ``scores.csv``, ``alerts.jsonl`` and ``incidents.jsonl`` to the folder ``out``. Every
    partition begins without a belief in a hidden discount.

    Args:
        version: a bundle in the model store; None for the one that serves.

    Raises:
        ConfigurationError: there are no such orders, or catalogue or policy are wrong.
        BundleError: the version is not in the model store, or must not serve.
        TransientError: the store failed.
    """
    reference = reference_files.read(blobs)
    catalogue = Catalogue.from_csv(reference.catalogue_csv)
    scorer = Scorer(_bundle(blobs, version), catalogue, reference.policy)
    archived = read_archive(blobs, hub, start, end + LATE)
    orders = [order for order in archived.orders if start <= order.ordered_at < end]
    if not orders:
        raise ConfigurationError(
            f"no orders from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} in the archive of {hub}"
        )
    out.mkdir(parents=True, exist_ok=True)
    replay = Replay(scorer, _partitions(archived.files))
    scores, alerts, incidents = (out / name for name in FILES)
    replayed(replay, _lines(orders), scores, alerts, incidents)
    print(f"by {scorer.bundle.version}, in {out}")


def _bundle(blobs: Blobs, version: str | None) -> ModelBundle:
    """Read a bundle, by default the champion; the packaged one where none was ever promoted."""
    if version is None:
        pointer, _ = read_pointer(blobs)
        if pointer is None:
            return packaged_bundle()
        return read_bundle(blobs, pointer.version, pointer.sha256)
    card = read_card(blobs, version)
    if card is None:
        raise BundleError(f"{version} is missing or incomplete in the model store")
    return read_bundle(blobs, version, card.bundle_sha256)


def _partitions(files: Iterable[str]) -> int:
    """Return the partitions of the hub by the highest number; a quiet one may have left no file."""
    numbers = [int(part) for name in files if (part := name.split("/")[2]).isdecimal()]
    return max(numbers, default=0) + 1


def _lines(orders: Iterable[Order]) -> Iterator[ReadLine]:
    for number, order in enumerate(orders, start=1):
        yield ReadLine(number, body_of(order), order)


def body_of(order: Order) -> bytes:
    """Return an order as a producer could have sent it; parsing it gives the same order."""
    values = ((field.name, getattr(order, field.name)) for field in fields(order))
    document = {
        _SENT_AS.get(name, name): _sent(name, value) for name, value in values if value is not None
    }
    return json.dumps(document).encode()


def _sent(name: str, value: Any) -> Any:
    """Return a field's value for JSON; a type without a JSON form fails later, in json."""
    if name.endswith("_e4"):
        return money(value)
    if isinstance(value, datetime):
        return time_text(value)
    if name == "lines":
        return [sent for line in value for sent in _lines_sent(line)]
    return value


def _lines_sent(line: OrderLine) -> Iterator[dict[str, Any]]:
    """Split a line into lines of at most 1000 units, the most that a line may have."""
    for done in range(0, line.quantity, 1000):
        yield asdict(replace(line, quantity=min(line.quantity - done, 1000)))


def _time(flag: str, text: str) -> datetime:
    """Parse a day or time, in UTC unless it names another zone, within the years of orders."""
    try:
        time = datetime.fromisoformat(text)
        moment = (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"{flag} is {text!r}, expected a day or time") from error
    if not _EARLIEST <= moment <= _LATEST:
        raise ConfigurationError(f"{flag} is {text!r}, expected a time in the years 1970 to 9998")
    return moment


def main(arguments: list[str] | None = None) -> None:
    """Score orders of the past again.

    Raises:
        SheriffError: as `rescore`, or a flag or setting cannot be used.
    """
    flags = ArgumentParser(
        prog="training.rescore",
        description="Score orders of the archive again, into files of their own. "
        "Days and times are UTC; settings are the same as for the nightly run.",
    )
    flags.add_argument("--from", dest="start", required=True, help="day or time, inclusive")
    flags.add_argument("--to", dest="end", required=True, help="day or time, exclusive")
    flags.writes("--out", required=True, files=FILES, help="folder for the three files")
    flags.add_argument(
        "--version", type=version, help="bundle in the model store (default: the one that serves)"
    )
    options = flags.parse(arguments)
    start, end = _time("--from", options.start), _time("--to", options.end)
    if start >= end:
        raise ConfigurationError(f"--to is {options.end}, expected a time after {options.start}")
    settings = TrainingSettings.from_environ(os.environ)
    from training.stores import opened  # noqa: PLC0415 - the SDKs, not for --help

    with opened(settings) as (blobs, _):
        rescore(blobs, settings.orders_hub, start, end, options.out, options.version)


if __name__ == "__main__":
    run(main)
