"""`python -m training.simulate`: orders with known frauds, to files and to Event Hubs."""

import argparse
import asyncio
import csv
import io
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time
from itertools import batched
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from shared.catalogue import Catalogue
from shared.errors import ConfigurationError, TransientError
from shared.partitions import partition_for_key
from shared.stores.settings import HubSettings
from training.command_files import replacing
from training.console import COUNT, SEED, ArgumentParser, progress, real, run
from training.history.files import write_lines
from training.history.price_arrays import (
    price_table,
    read_catalogue,
    repriced,
    repriced_from,
)
from training.simulation.company_flags import add_company_flags, company_from
from training.simulation.order_bodies import order_bodies, order_ids, truth_rows
from training.simulation.synthesis import draw_orders

if TYPE_CHECKING:
    from shared.stores.aio.event_hubs import HubSender

TRUTH_COLUMNS = ("order_id", "added_item", "hidden_discount", "product_id", "percent")
SEND_CHUNK = 5_000
"""Orders in memory between file and hub."""


def write_truth(path: Path, rows: Iterable[tuple[str, int, int, str, str]]) -> None:
    """Write the truth file: `TRUTH_COLUMNS`, one line an order."""
    with replacing(path) as file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(TRUTH_COLUMNS)
        writer.writerows(rows)


async def send(path: Path, connection: str, hub: str, rate: float | None = None) -> int:
    """Send a file of orders to Event Hubs, each partition's orders in the file's order.

    The service would give each order to the partition of its rep, so the partition is computed here
    and named. Sending by rep would take a batch for each rep, and would mix up the orders of reps
    that share a partition. Memory holds `SEND_CHUNK` orders. With a ``rate`` that many go out a
    second. Returns how many were sent.

    Raises:
        ConfigurationError: the connection cannot be used.
        TransientError: the hub failed; a part of the orders may have been sent.
    """
    # Only --send needs the SDK.
    from shared.stores.aio.event_hubs import HubSender  # noqa: PLC0415

    sender = HubSender(HubSettings(hub, connection, namespace=None))
    try:
        return await _send_all(sender, path, rate)
    except TransientError as error:
        raise TransientError(f"not everything was sent: {error}") from error
    finally:
        await sender.close()


async def _send_all(sender: "HubSender", path: Path, rate: float | None) -> int:
    sent, partitions = 0, await sender.partitions()
    with path.open("rb") as file:
        started = monotonic()
        for chunk in batched(file, round(rate / 4) or 1 if rate else SEND_CHUNK, strict=False):
            queues = _by_partition(chunk, partitions)
            await asyncio.gather(*(sender.send_in_order(*queue) for queue in queues.items()))
            sent += len(chunk)
            if rate:
                await asyncio.sleep(max(started + sent / rate - monotonic(), 0))
    return sent


class _Addressed(msgspec.Struct):
    """The part of an order that decides which partition it goes to."""

    rep_id: str


def _by_partition(lines: Iterable[bytes], partitions: int) -> dict[int, list[bytes]]:
    queues: dict[int, list[bytes]] = {}
    for line in lines:
        body = line.rstrip(b"\r\n")
        queues.setdefault(partition_for_key(_key_of(body), partitions), []).append(body)
    return queues


def _key_of(body: bytes) -> str:
    """Return the rep of an order. A line without one is sent too: the scorer judges it."""
    try:
        return msgspec.json.decode(body, type=_Addressed).rep_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def parser() -> ArgumentParser:
    """The command's flags; the defaults are those of `Company`."""
    flags = ArgumentParser(
        prog="training.simulate",
        description="Orders with known frauds, in time order; the same flags give the same bytes.",
        epilog="--send takes its connection from EventHubConnection and the hub from ORDERS_HUB.",
    )
    flags.add_argument("--orders", type=COUNT, required=True, help="number of orders")
    flags.add_argument(
        "--seed", type=SEED, default=1, help="seed of all random draws (%(default)s)"
    )
    flags.writes("--out", required=True, help="orders, one JSON object a line")
    flags.writes("--truth", required=True, help=f"CSV: {','.join(TRUTH_COLUMNS)}")
    flags.add_argument("--send", action="store_true", help="also send them to Event Hubs")
    flags.add_argument("--rate", type=real(0, 1e6), help="orders a second to send (all)")
    flags.add_argument("--prefix", type=_prefix, help="prefix of order ids (default: sim-SEED-)")
    add_company_flags(flags)
    return flags


def _prefix(text: str) -> str:
    if re.fullmatch(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,49})?", text) is None:
        expected = "up to 50 characters of A-Z a-z 0-9 . _ -, a letter or digit first"
        raise argparse.ArgumentTypeError(f"{text!r}: expected {expected}")
    return text


def _catalogue(options: argparse.Namespace) -> Catalogue:
    """The catalogue that orders are drawn at, written out where a file is named."""
    catalogue = read_catalogue(options.catalogue)
    factor, spread, seed = options.price_factor, options.price_spread, options.seed
    if options.prices_from is None:
        data = repriced(
            catalogue, factor=factor, spread=spread, currency=options.currency, seed=seed
        )
    elif options.currency is None:
        since = datetime.combine(options.prices_from, time(), UTC)
        data = repriced_from(catalogue, since, factor=factor, spread=spread, seed=seed)
    else:
        raise ConfigurationError("a catalogue has one currency: --prices-from goes without one")
    if options.catalogue_out is not None:
        with replacing(options.catalogue_out) as file:
            file.write(data)
    elif options.price_factor != 1 or options.price_spread != 0 or options.currency is not None:
        raise ConfigurationError("changed prices need --catalogue-out, or nobody can check them")
    return Catalogue.from_csv(data)


def main(arguments: list[str] | None = None) -> None:
    """Draw, write and perhaps send.

    Raises:
        ConfigurationError: a figure is out of its range, or the hub is not named.
    """
    options = parser().parse(arguments)
    if options.rate is not None and not options.rate > 0:
        raise ConfigurationError(f"--rate {options.rate:g}: expected more than 0 orders a second")
    company = company_from(options)
    connection, hub = _hub(os.environ) if options.send else ("", "")
    catalogue = _catalogue(options)
    prices = price_table(catalogue)
    orders = draw_orders(company, prices, options.orders, options.seed)
    prefix = f"sim-{options.seed}-" if options.prefix is None else options.prefix
    ids = order_ids(orders, prefix)
    write_truth(options.truth, truth_rows(orders, prices, ids))
    bodies = order_bodies(orders, prices, company, ids, catalogue.currency)
    write_lines(options.out, progress(bodies, "writing orders", total=len(ids)))
    added, hidden = int(orders.units.added.sum()), int((orders.hidden_bp > 0).sum())
    print(f"{len(ids)} orders in {options.out}: {added} added items, {hidden} hidden discounts")
    if options.send:
        print(
            f"{asyncio.run(send(options.out, connection, hub, options.rate))} orders sent to {hub}"
        )


def _hub(environment: Mapping[str, str]) -> tuple[str, str]:
    connection, hub = environment.get("EventHubConnection"), environment.get("ORDERS_HUB")
    if not connection or not hub:
        raise ConfigurationError("--send needs EventHubConnection and ORDERS_HUB to be set")
    return connection, hub


if __name__ == "__main__":
    run(main)
