"""`python -m training.erase`: removes a customer's orders from everything that keeps them.

    python -m training.erase --customer ID             counts what there is, and changes nothing
    python -m training.erase --customer ID --for-good  removes it

Alerts and dead letters are deleted, files of the archive are written anew without the customer's
orders, and what is made from the archive is deleted: snapshots, and the files of the days that the
customer ordered on. Doing it again is as good as
once. What it cannot remove it names: bundles that know the customer's habits.
"""

import base64
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from shared.containers import ARCHIVE, DEAD_LETTERS, MODELS, TRAINING
from shared.errors import ConfigurationError
from shared.printable import printable
from training.console import ArgumentParser, progress, run
from training.history.avro_files import without
from training.history.day_files import DAYS, names_customer
from training.ports import Blobs, Stored
from training.settings import TrainingSettings

SNAPSHOTS = "snapshots/"


class Alerts(Protocol):
    """The alerts; whatever is asked of them raises TransientError where it may work next time."""

    def alerts_of(self, customer_id: str) -> list[tuple[str, str]]:
        """The alerts on a customer's orders: id and rep of each."""

    def delete_alert(self, alert_id: str, rep_id: str) -> None:
        """Delete an alert; it is fine where there is none."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was found, and removed if that was asked for.

    ``days`` counts files of days that hold the customer's orders, or cannot be read; ``unreadable``
    are files and dead letters that must be looked at by hand, ``bundles`` those on the shelf that
    name the customer.
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
    """Whether an event is an order of the customer, or no order and yet contains the name."""
    try:
        order = json.loads(body)
    except (ValueError, RecursionError):
        return customer.encode() in body
    if isinstance(order, dict) and isinstance(order.get("customer_id"), str):
        return bool(order["customer_id"] == customer)
    return customer.encode() in body


def erase(blobs: Blobs, alerts: Alerts, customer: str, *, for_good: bool) -> Erased:
    """Find everything of a customer, and remove it if ``for_good``.

    Raises:
        Conflict: a file was changed meanwhile, perhaps by another erasure: do it again.
        TransientError: a store failed: do it again.
    """
    unreadable: list[str] = []
    archive = _Archive(blobs, customer, for_good, unreadable)
    orders = [archive.cleaned(file) for file in progress(blobs.list(ARCHIVE), "archive")]
    letters = list(_letters(blobs, customer, unreadable))
    snapshots = blobs.list(TRAINING, SNAPSHOTS)
    days = list(_days(blobs, customer))
    found = alerts.alerts_of(customer)
    if for_good:
        for letter in letters:
            blobs.delete(DEAD_LETTERS, letter)
        for name in (*days, *(snapshot.name for snapshot in snapshots)):
            blobs.delete(TRAINING, name)
        for alert, rep in found:
            alerts.delete_alert(alert, rep)
    return Erased(
        orders=sum(orders),
        files=sum(count > 0 for count in orders),
        dead_letters=len(letters),
        alerts=len(found),
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
        """Orders of the customer in a file, which is written without them if that is asked for."""
        found = self.blobs.read(ARCHIVE, file.name)
        if found is None:
            return 0
        content, version = found
        try:
            rest, dropped = without(content, lambda body: concerns(body, self.customer))
        except ConfigurationError:
            self.unreadable.append(f"{ARCHIVE}/{file.name}")
            return 0
        if dropped and self.for_good:
            self.blobs.write(ARCHIVE, file.name, rest, version)
        return dropped


def _letters(blobs: Blobs, customer: str, unreadable: list[str]) -> Iterator[str]:
    """The dead letters of a customer, by name."""
    for letter in blobs.list(DEAD_LETTERS):
        found = blobs.read(DEAD_LETTERS, letter.name)
        try:
            body = b"" if found is None else base64.b64decode(json.loads(found[0])["body"])
        except (ValueError, KeyError, TypeError):
            unreadable.append(f"{DEAD_LETTERS}/{letter.name}")
            continue
        if concerns(body, customer):
            yield letter.name


def _days(blobs: Blobs, customer: str) -> Iterator[str]:
    """The files of days to be made anew: the next night reads those days from the archive."""
    for file in progress(blobs.list(TRAINING, DAYS), "days"):
        found = blobs.read(TRAINING, file.name)
        if found is not None and names_customer(found[0], customer):
            yield file.name


def _bundles(blobs: Blobs, customer: str) -> Iterator[str]:
    """Bundles on the shelf that name the customer, whose habits a classifier knows."""
    name = msgspec.json.encode(customer)
    for file in blobs.list(MODELS):
        if file.name.endswith("/bundle.json"):
            found = blobs.read(MODELS, file.name)
            if found is not None and name in found[0]:
                yield file.name.removesuffix("/bundle.json")


def report(erased: Erased, *, for_good: bool) -> Iterator[str]:
    """What was found, and what is left to do, a line each."""
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
        yield f"knows the customer's habits: bundle {version}; train anew, then delete its folder"
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
        "Settings are those of the nightly run.",
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
