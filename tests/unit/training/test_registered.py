"""The list of registered versions, in the terminal."""

from datetime import UTC, datetime
from io import StringIO

from rich.console import Console

from training.models.versions import RegisteredVersion
from training.registered import table


def test_the_list_shows_number_bundle_aliases_outcome_and_average_precision() -> None:
    tags = {"outcome": "promoted", "average_precision": "0.984", "bundle_sha256": "ab"}
    at = datetime(2026, 3, 14, 2, 10, tzinfo=UTC)
    versions = [
        RegisteredVersion(2, "20260314-73504098", at, ("champion",), tags),
        RegisteredVersion(1, None, at, (), {}),
    ]
    file = StringIO()
    Console(width=120, file=file).print(table("sheriff", versions))
    shown = file.getvalue()
    for cell in (
        "sheriff",
        "20260314-73504098",
        "2026-03-14 02:10",
        "champion",
        "promoted",
        "0.984",
    ):
        assert cell in shown
    assert "None" not in shown
