"""`python -m training.pipeline`: the nightly run, by timer, by hand or as a job.

It trains from the archive, judges, records in MLflow and promotes. Run twice at once, one run
leaves; killed, the next one goes on. The settings are in docs/settings.md.
"""

import os
from datetime import UTC, datetime

from training.console import ArgumentParser, run
from training.night import Night
from training.ports import LeaseHeld
from training.results import TRAINING
from training.settings import TrainingSettings

LEASE = "lease"


def say(text: str) -> None:
    """A line of progress, which the timer function logs."""
    print(text, flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Run once.

    Raises:
        SheriffError: the run failed; the champion serves on.
    """
    flags = ArgumentParser(
        prog="training.pipeline",
        description="Train from the archive, judge against the champion, record, promote.",
    )
    flags.parse_args(arguments)
    settings = TrainingSettings.from_environ(os.environ)
    from training.registry import Registry  # noqa: PLC0415 - MLflow takes seconds
    from training.stores import open_blobs, open_documents  # noqa: PLC0415 - nor the SDKs

    blobs = open_blobs(settings)
    try:
        with blobs.lease(TRAINING, LEASE) as lease:
            night = Night(
                blobs=blobs,
                documents=open_documents(settings),
                record=Registry.open(settings.mlflow_tracking_uri),
                lease=lease,
                hub=settings.orders_hub,
                now=datetime.now(UTC),
                say=say,
            )
            night.run()
    except LeaseHeld:
        say("another run is at work: this one leaves")


if __name__ == "__main__":
    run(main)
