"""What the orders' hub says of itself, as the watcher needs it, and the command that asks it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions import hub
from functions.hub import OrdersHub, main
from functions.progress import HubSeen, PartitionSeen
from shared.stores.settings import HubSettings

CREATED = datetime(2026, 2, 1, tzinfo=UTC)
LAST = datetime(2026, 3, 1, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FakeReader:
    """Answers as the SDK does: a partition without events has a last time all the same."""

    def __init__(self, settings: HubSettings, consumer_group: str) -> None:
        self.group = consumer_group

    async def properties(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return {"created_at": CREATED}, [partition("0", 99, LAST), partition("1", -1, EPOCH)]


def partition(name: str, last: int, at: datetime) -> dict[str, Any]:
    return {
        "id": name,
        "beginning_sequence_number": 0,
        "last_enqueued_sequence_number": last,
        "last_enqueued_time_utc": at,
        "is_empty": last < 0,
    }


async def test_a_partition_that_never_had_an_event_has_no_last_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "HubReader", FakeReader)
    seen = await OrdersHub(HubSettings("orders", "a connection", None), "scorer").look()
    assert seen == HubSeen(CREATED, (PartitionSeen("0", 0, 99, LAST), PartitionSeen("1", 0, -1)))


def test_a_missing_setting_is_one_line_and_the_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.environ", {})
    assert main(["look"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("ORDERS_HUB is not set")
