"""`python -m training.pipeline`: the nightly run, by timer, by hand or as a job.

It learns from the archive, judges, records in MLflow, and promotes or not. Of two runs at the same
time one leaves, and a killed run is continued by the next. The settings are in docs/settings.md.
"""

import os
from datetime import UTC, datetime

from shared.containers import TRAINING
from shared.printable import printable
from training.console import ArgumentParser, run
from training.ports import LeaseHeld
from training.settings import TrainingSettings

LEASE = "lease"


def say(text: str) -> None:
    """Print a line of progress, which the timer function logs."""
    print(printable(text), flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Run one night.

    Raises:
        SheriffError: the run failed; the champion serves on.
    """
    flags = ArgumentParser(
        prog="training.pipeline",
        description="Train from the archive, judge against the champion, record, promote.",
    )
    flags.parse_args(arguments)
    settings = TrainingSettings.from_environ(os.environ)
    try:
        _run(settings)
    except LeaseHeld:
        say("another run is at work: this one leaves")


def _run(settings: TrainingSettings) -> None:
    # These imports take seconds, so --help and a wrong setting do not wait for them.
    from training.models.registry import Registry  # noqa: PLC0415
    from training.nightly.night import Night  # noqa: PLC0415
    from training.stores import opened  # noqa: PLC0415

    with opened(settings) as (blobs, documents), blobs.lease(TRAINING, LEASE) as lease:
        Night(
            blobs=blobs,
            documents=documents,
            record=Registry.open(settings.mlflow_tracking_uri),
            lease=lease,
            hub=settings.orders_hub,
            now=datetime.now(UTC),
            say=say,
        ).run()


if __name__ == "__main__":
    run(main)
