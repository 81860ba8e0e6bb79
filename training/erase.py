"""`python -m training.erase`: removes a customer's orders from everything that keeps them.

    python -m training.erase --customer ID             counts what there is, and changes nothing
    python -m training.erase --customer ID --for-good  removes it

It deletes alerts and dead letters, and writes files of the archive anew without the customer's
orders. It deletes what was made from the archive: all snapshots, and the files of the days on which
the customer ordered. Doing it again changes nothing. It names what it cannot remove: bundles that
have the customer's profile.
"""

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from shared.containers import ARCHIVE, DEAD_LETTERS, MODELS, TRAINING
from shared.documents import Stored
from shared.errors import ConfigurationError
from shared.printable import printable
from training.console import ArgumentParser, progress, run
from training.history.avro_files import without
from training.history.day_files import DAYS, names_customer
from training.ports import Blobs
from training.settings import TrainingSettings

SNAPSHOTS = "snapshots/"


class Alerts(Protocol):
    """The alerts; both methods raise TransientError where the same call may work next time."""

    def alerts_of(self, customer_id: str) -> list[tuple[str, str]]:
        """Return id and rep of each alert on a customer's orders."""

    def delete_alert(self, alert_id: str, rep_id: str) -> None:
        """Delete an alert; do nothing where there is no such alert."""


@dataclass(frozen=True, slots=True)
class Erased:
    """The data found of a customer, and removed if that was asked for.

    ``days`` counts the files of days that hold the customer's orders or cannot be read.
    ``unreadable`` are files and dead letters that a person must look at, ``bundles`` the versions
    in the model store that name the customer.
    """

    orders: int
    files: int
    dead_letters: int
    alerts: int
    snapshots: int
    days: int
    unreadable: tuple[str, ...]
    bundles: tuple[str, ...]


def concerns(body: bytes, customer: str) -> bool:
    """Return whether an event is an order of the customer, or an unreadable event with the name."""
    try:
        order = json.loads(body)
    except (ValueError, RecursionError):
        return customer.encode() in body
    if isinstance(order, dict) and isinstance(order.get("customer_id"), str):
        return bool(order["customer_id"] == customer)
    return customer.encode() in body


def erase(blobs: Blobs, alerts: Alerts, customer: str, *, for_good: bool) -> Erased:
    """Find all data of a customer, and remove it if ``for_good``.

    Raises:
        WriteConflict: a file was changed meanwhile, perhaps by another erasure: do it again.
        TransientError: a store failed: do it again.
    """
    unreadable: list[str] = []
    archive = _Archive(blobs, customer, for_good, unreadable)
    orders = [archive.cleaned(file) for file in progress(blobs.list(ARCHIVE), "archive")]
    letters = list(_letters(blobs, customer, unreadable))
    snapshots = blobs.list(TRAINING, SNAPSHOTS)
    days = list(_days(blobs, customer))
    on_orders = alerts.alerts_of(customer)
    if for_good:
        for letter in letters:
            blobs.delete(DEAD_LETTERS, letter)
        for name in (*days, *(snapshot.name for snapshot in snapshots)):
            blobs.delete(TRAINING, name)
        for alert, rep in on_orders:
            alerts.delete_alert(alert, rep)
    return Erased(
        orders=sum(orders),
        files=sum(count > 0 for count in orders),
        dead_letters=len(letters),
        alerts=len(on_orders),
        snapshots=len(snapshots),
        days=len(days),
        unreadable=tuple(unreadable),
        bundles=tuple(_bundles(blobs, customer)),
    )


@dataclass(frozen=True, slots=True)
class _Archive:
    blobs: Blobs
    customer: str
    for_good: bool
    unreadable: list[str]

    def cleaned(self, file: Stored) -> int:
        """Count the customer's orders in a file, and write it without them if ``for_good``."""
        blob = self.blobs.read(ARCHIVE, file.name)
        if blob is None:
            return 0
        content, version = blob
        try:
            rest, dropped = without(content, lambda body: concerns(body, self.customer))
        except ConfigurationError:
            self.unreadable.append(f"{ARCHIVE}/{file.name}")
            return 0
        if dropped and self.for_good:
            self.blobs.write(ARCHIVE, file.name, rest, version)
        return dropped


def _letters(blobs: Blobs, customer: str, unreadable: list[str]) -> Iterator[str]:
    """Yield the names of a customer's dead letters."""
    for letter in blobs.list(DEAD_LETTERS):
        blob = blobs.read(DEAD_LETTERS, letter.name)
        try:
            body = b"" if blob is None else base64.b64decode(json.loads(blob[0])["body"])
        except (ValueError, KeyError, TypeError):
            unreadable.append(f"{DEAD_LETTERS}/{letter.name}")
            continue
        if concerns(body, customer):
            yield letter.name


def _days(blobs: Blobs, customer: str) -> Iterator[str]:
    """Yield the files of days with the customer's orders; the next night makes them anew."""
    for file in progress(blobs.list(TRAINING, DAYS), "days"):
        blob = blobs.read(TRAINING, file.name)
        if blob is not None and names_customer(blob[0], customer):
            yield file.name


def _bundles(blobs: Blobs, customer: str) -> Iterator[str]:
    """Yield the versions in the model store whose classifier knows the customer."""
    name = msgspec.json.encode(customer)
    for file in blobs.list(MODELS):
        if file.name.endswith("/bundle.json"):
            blob = blobs.read(MODELS, file.name)
            if blob is not None and name in blob[0]:
                yield file.name.removesuffix("/bundle.json")


def report(erased: Erased, *, for_good: bool) -> Iterator[str]:
    """Yield lines that say what was found, and what is left to do."""
    done = "removed" if for_good else "found"
    yield (
        f"{done}: {erased.orders} orders in {erased.files} files of the archive, "
        f"{erased.dead_letters} dead letters, {erased.alerts} alerts"
    )
    yield (
        f"{'deleted' if for_good else 'would be deleted'}: {erased.snapshots} snapshots, "
        f"{erased.days} files of days"
    )
    for name in erased.unreadable:
        yield f"not readable, look at it by hand: {name}"
    for version in erased.bundles:
        yield f"has the customer's profile: bundle {version}; train anew, then delete its folder"
    if not for_good:
        yield "nothing was changed; --for-good removes it"


def main(arguments: list[str] | None = None) -> None:
    """Find a customer's data, or remove it.

    Raises:
        SheriffError: as `erase`, or a setting is wrong.
    """
    flags = ArgumentParser(
        prog="training.erase",
        description="Remove a customer's orders from archive, dead letters, snapshots and alerts. "
        "Settings are the same as for the nightly run.",
    )
    flags.add_argument("--customer", required=True, metavar="ID", help="the customer_id")
    flags.add_argument("--for-good", action="store_true", help="remove it, not only count it")
    options = flags.parse_args(arguments)
    if not options.customer:
        raise ConfigurationError("--customer is empty, expected a customer_id")
    settings = TrainingSettings.from_environ(os.environ)
    from training.stores import opened  # noqa: PLC0415 - the SDKs, not for --help

    with opened(settings) as (blobs, documents):
        erased = erase(blobs, documents, options.customer, for_good=options.for_good)
    for line in report(erased, for_good=options.for_good):
        print(printable(line))


if __name__ == "__main__":
    run(main)
