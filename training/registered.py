"""`python -m training.registered`: the versions of the registered models, the latest first."""

import os

from rich.console import Console
from rich.table import Table

from training.console import ArgumentParser, cell, run
from training.models.registry import MODEL, RULES_MODEL, Registry
from training.models.versions import RegisteredVersion
from training.settings import DEFAULT_TRACKING_URI

SHOWN = {"outcome": "outcome", "average_precision": "AP"}
"""The tags that have a column, each with its heading."""


def table(name: str, versions: list[RegisteredVersion]) -> Table:
    """Return the table of one model's versions."""
    shown = Table(title=name, title_justify="left")
    for column in ("number", "bundle", "registered (UTC)", "aliases", *SHOWN.values()):
        shown.add_column(column, no_wrap=column == "bundle")
    for version in versions:
        shown.add_row(
            str(version.number),
            cell(version.bundle_version or ""),
            f"{version.registered_at:%Y-%m-%d %H:%M}",
            cell(", ".join(version.aliases)),
            *(cell(version.tags.get(tag, "")) for tag in SHOWN),
        )
    return shown


def main(arguments: list[str] | None = None) -> None:
    """Print what is registered in the store that ``MLFLOW_TRACKING_URI`` names.

    Raises:
        ConfigurationError: Sheriff cannot use a store of this kind.
        RegistryError: MLflow fails.
    """
    flags = ArgumentParser(
        prog="training.registered", description="List the registered models' versions."
    )
    flags.parse_args(arguments)
    registry = Registry.open(os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_TRACKING_URI)
    for name in (MODEL, RULES_MODEL):
        Console().print(table(name, registry.versions(name)))


if __name__ == "__main__":
    run(main)
