"""`python -m training.promote`: shows what serves, and changes it by hand.

    python -m training.promote                  what serves, and what served before
    python -m training.promote --version N      promote a registered version, or a bundle's name
    python -m training.promote --version N --anyway     although a night refused it
    python -m training.promote --rollback       the champion before this one serves again

A night promotes by itself what it finds better (`training.comparison.promotion`). By hand every
bundle that is whole may be promoted. Scorers load it within half a minute, and the pointer says who
moved it.
"""

import os
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from shared.champion import Pointer
from shared.containers import TRAINING
from shared.errors import ConfigurationError
from training.comparison.promotion import PROMOTED, REFUSED
from training.console import ArgumentParser, run
from training.models.model_store import promote, read_pointer, roll_back
from training.models.mover import mover
from training.models.registry import MODEL, RULES_MODEL, Registry
from training.nightly.results import read_result, result_path
from training.ports import Blobs, Record
from training.settings import TrainingSettings


def named(record: Record, text: str) -> str:
    """Return the bundle that a registered number stands for; another text names a bundle itself.

    Raises:
        ConfigurationError: the record has no version of this number.
    """
    if not text.isdecimal():
        return text
    version = record.bundle_version_of(MODEL, int(text))
    if version is None:
        raise ConfigurationError(f"--version {text}: {MODEL} has no version of this number")
    return version


def said_of(blobs: Blobs, version: str, *, anyway: bool) -> str:
    """Return what a night said against a version; empty where no night said anything.

    Raises:
        ConfigurationError: the night refused the version, or its result cannot be read, and the
            version is not to be promoted ``anyway``.
    """
    result = read_result(blobs, version)
    if result is None and blobs.read(TRAINING, result_path(version)) is not None:
        said = f"what the night said of it cannot be read ({result_path(version)})."
        if not anyway:
            raise ConfigurationError(f"{version}: {said} To promote it all the same, add --anyway")
        return said
    if result is None or result.outcome == PROMOTED:
        return ""
    verdict = "refused it" if result.outcome == REFUSED else "left it in shadow"
    said = f"the night of {result.decided_at[:10]} {verdict}: {' '.join(result.reasons)}"
    if result.outcome == REFUSED and not anyway:
        raise ConfigurationError(f"{version}: {said} To promote it all the same, add --anyway")
    return said


def follow(record: Record, pointer: Pointer) -> None:
    """Move the aliases in MLflow to the version that the pointer names."""
    for name in (MODEL, RULES_MODEL):
        record.repair(name, pointer.version)


def show(blobs: Blobs) -> None:
    """Print what serves and what served before it, the latest first."""
    pointer, _ = read_pointer(blobs)
    if pointer is None:
        print("nothing was ever promoted: scorers serve the packaged tables")
        return
    table = Table("", "version", "decided", "why")
    rows = [
        ("serves", pointer.version),
        *(("before", served.version) for served in pointer.earlier),
    ]
    rows += [("rolled back", version) for version in pointer.withdrawn]
    for place, version in rows:
        result = read_result(blobs, version)
        outcome = ("by hand", "") if result is None else (result.outcome, " ".join(result.reasons))
        table.add_row(place, version, *outcome)
    Console().print(table)
    if pointer.moved_at is not None:
        print(f"moved there {pointer.moved_at} by {pointer.moved_by or 'a night'}")


def main(arguments: list[str] | None = None) -> None:
    """Show, promote or roll back.

    Raises:
        BundleError: the version is not whole, or must not serve.
        ConfigurationError: a setting or flag is wrong, or there is nothing to go back to.
    """
    flags = ArgumentParser(
        prog="training.promote", description="Show what serves; promote or roll back by hand."
    )
    choice = flags.add_mutually_exclusive_group()
    choice.add_argument("--version", help="number in MLflow's registry, or a bundle's version")
    choice.add_argument(
        "--rollback", action="store_true", help="go back to the champion before this one"
    )
    flags.add_argument(
        "--anyway", action="store_true", help="promote --version although a night refused it"
    )
    options = flags.parse_args(arguments)
    if options.anyway and not options.version:
        flags.error("--anyway goes with --version")
    settings = TrainingSettings.from_environ(os.environ)
    from training.stores import opened  # noqa: PLC0415 - the SDKs, not for --help

    with opened(settings) as (blobs, _):
        if not options.version and not options.rollback:
            show(blobs)
            return
        record = Registry.open(settings.mlflow_tracking_uri)
        now = datetime.now(UTC)
        if options.rollback:
            pointer = roll_back(blobs, now, mover(os.environ))
        else:
            version = named(record, options.version)
            if said := said_of(blobs, version, anyway=options.anyway):
                print(said)
            moved_by = mover(os.environ)
            pointer = promote(blobs, version, now, None, by_hand=True, moved_by=moved_by)
        print(f"{pointer.version} serves, moved there by {pointer.moved_by or 'a night'}")
        follow(record, pointer)


if __name__ == "__main__":
    run(main)
