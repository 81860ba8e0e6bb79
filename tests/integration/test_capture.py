"""Capture on a real Azurite: every event in the archive once, in order, whatever is restarted."""

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import fastavro
import pytest
from azure.core.exceptions import ServiceRequestError
from azure.eventhub import EventData
from azure.eventhub.aio import EventHubProducerClient
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from infra.local import processes, services
from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.capture import CaptureSettings, PartitionCapture
from infra.local.eventhubs.capture_files import SCHEMA
from infra.local.eventhubs.hubs import Partition
from infra.local.eventhubs.log import PartitionLog
from infra.local.eventhubs.messages import Message
from tests.patience import PATIENCE

PREFIX = "local/orders/0/"
START_MS = 1_750_000_000_000  # 2025-06-15 15:06:40 UTC
NAME = re.compile(r"local/orders/\d/\d{4}/\d\d/\d\d/\d\d/\d\d/\d\d\.avro")


@pytest.fixture
async def container(azurite: str, unique_name: str) -> AsyncIterator[ContainerClient]:
    async with BlobServiceClient.from_connection_string(azurite) as service:
        yield await service.create_container(unique_name)


@pytest.fixture
def partition() -> Partition:
    return Partition("0", PartitionLog())


def put(partition: Partition, second: float, *bodies: str, key: str | None = None) -> None:
    """Events enqueued `second` seconds after START_MS."""
    messages = [
        Message(key, (), amqp.described(frames.DATA, amqp.binary(body.encode()))) for body in bodies
    ]
    partition.log.append(messages, START_MS + int(second * 1000))


def capture(
    partition: Partition, container: ContainerClient, seconds: float = 60, size_bytes: int = 1 << 20
) -> PartitionCapture:
    settings = CaptureSettings(container.container_name, "local", seconds, size_bytes)
    return PartitionCapture(PREFIX, partition, container, settings)


def at(second: float) -> int:
    return START_MS + int(second * 1000)


async def archive(container: ContainerClient, prefix: str = PREFIX) -> dict[str, list[Any]]:
    """The records of every file, by its name."""
    files = {}
    async for blob in container.list_blobs(prefix):
        content = await (await container.download_blob(blob.name)).readall()
        reader = fastavro.reader(io.BytesIO(content))
        files[blob.name] = list(reader)
    return files


def bodies(files: dict[str, list[Any]]) -> list[list[str]]:
    return [[record["Body"].decode() for record in records] for records in files.values()]


async def test_a_window_is_written_when_its_time_is_up(
    partition: Partition, container: ContainerClient
) -> None:
    writer = capture(partition, container)
    put(partition, 0, "a", "b", key="Ann")
    put(partition, 59, "c")

    await writer.write_due(at(59.9))
    early = await archive(container)
    put(partition, 60, "d")
    await writer.write_due(at(60))

    files = await archive(container)
    assert early == {}
    assert list(files) == [PREFIX + "2025/06/15/15/06/40.avro"]
    assert bodies(files) == [["a", "b", "c"]]


async def test_records_are_the_services(partition: Partition, container: ContainerClient) -> None:
    properties = [
        (amqp.string("text"), amqp.string("x")),
        (amqp.string("whole"), amqp.integer(7)),
        (amqp.string("flag"), amqp.TRUE),
        (amqp.string("none"), amqp.NULL),
        (amqp.string("huge"), amqp.ulong(2**64 - 1)),
    ]
    content = amqp.described(frames.APPLICATION_PROPERTIES, amqp.amqp_map(properties))
    content += amqp.described(frames.DATA, amqp.binary(b"body"))
    partition.log.append([Message("Ann", (), content)], START_MS + 20)

    await capture(partition, container).write_due(at(61))

    [[record]] = (await archive(container)).values()
    assert record == {
        "SequenceNumber": 0,
        "Offset": "0",
        "EnqueuedTimeUtc": "6/15/2025 3:06:40 PM",
        "SystemProperties": {"x-opt-enqueued-time": START_MS + 20, "x-opt-partition-key": "Ann"},
        "Properties": {"text": "x", "whole": 7, "flag": 1, "none": None, "huge": str(2**64 - 1)},
        "Body": b"body",
    }
    [name] = await archive(container)
    content = await (await container.download_blob(name)).readall()
    assert fastavro.parse_schema(fastavro.reader(io.BytesIO(content)).writer_schema) == SCHEMA


async def test_a_window_ends_with_the_event_that_fills_it(
    partition: Partition, container: ContainerClient
) -> None:
    writer = capture(partition, container, size_bytes=1000)
    for _ in range(5):
        put(partition, 0, "x" * 300)

    await writer.write_due(at(0))

    assert [len(records) for records in (await archive(container)).values()] == [3]
    await writer.write_due(at(60))
    assert [len(records) for records in (await archive(container)).values()] == [3, 2]


async def test_windows_of_the_same_second_get_files_of_their_own_in_order(
    partition: Partition, container: ContainerClient
) -> None:
    put(partition, 0, *"abc")
    put(partition, 1, *"de")

    await capture(partition, container, size_bytes=1).write_due(at(1))

    files = await archive(container)
    assert bodies(files) == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert [name[-7:-5] for name in files] == ["40", "41", "42", "43", "44"]


async def test_nothing_is_written_when_nothing_came(
    partition: Partition, container: ContainerClient
) -> None:
    await capture(partition, container).write_due(at(3600))

    assert await archive(container) == {}


async def test_after_a_restart_capture_goes_on_where_it_was(
    partition: Partition, container: ContainerClient
) -> None:
    put(partition, 0, "a", "b")
    await capture(partition, container).write_due(at(60))
    put(partition, 100, "c")

    await capture(partition, container).write_due(at(160))
    await capture(partition, container).write_due(at(220))

    assert bodies(await archive(container)) == [["a", "b"], ["c"]]


async def test_a_file_whose_writer_died_unheard_is_not_written_again(
    partition: Partition, container: ContainerClient
) -> None:
    """Both writers start before either has written: what a late upload of a dead one looks like."""
    dead, alive = capture(partition, container), capture(partition, container)
    await dead.write_due(at(0))
    await alive.write_due(at(0))
    put(partition, 0, "a", "b")
    await dead.write_due(at(60))
    put(partition, 59, "c")

    await alive.write_due(at(119))

    assert bodies(await archive(container)) == [["a", "b"], ["c"]]


async def test_a_log_that_began_anew_is_captured_from_its_beginning(
    partition: Partition, container: ContainerClient
) -> None:
    put(partition, 0, "old", "older")
    await capture(partition, container).write_due(at(60))
    fewer = Partition("0", PartitionLog())
    put(fewer, 100, "new")
    await capture(fewer, container).write_due(at(160))
    more = Partition("0", PartitionLog())
    put(more, 200, "newest", "of", "all")
    await capture(more, container).write_due(at(260))

    assert bodies(await archive(container)) == [["old", "older"], ["new"], ["newest", "of", "all"]]


async def test_a_storage_that_fails_loses_nothing(
    partition: Partition, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upload arrives, its answer does not."""
    writer = capture(partition, container)
    put(partition, 0, "a")
    real = container.get_blob_client

    def cut_off(name: str) -> Any:
        blob = real(name)
        upload = blob.upload_blob

        async def upload_and_fail(*arguments: Any, **options: Any) -> None:
            await upload(*arguments, **options)
            raise ServiceRequestError("cut off")

        blob.upload_blob = upload_and_fail
        return blob

    with monkeypatch.context() as outage:
        outage.setattr(container, "get_blob_client", cut_off)
        with pytest.raises(ServiceRequestError):
            await writer.write_due(at(60))
    put(partition, 61, "b")
    await writer.write_due(at(121))

    assert bodies(await archive(container)) == [["a"], ["b"]]


async def test_what_an_outage_took_from_the_storage_is_written_again(
    partition: Partition, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = capture(partition, container)
    put(partition, 0, "a")
    await writer.write_due(at(60))
    put(partition, 61, "b")

    def away(name: str) -> Any:
        raise ServiceRequestError("away")

    with monkeypatch.context() as outage:
        outage.setattr(container, "get_blob_client", away)
        with pytest.raises(ServiceRequestError):
            await writer.write_due(at(121))
    await container.delete_blob(PREFIX + "2025/06/15/15/06/40.avro")
    await writer.write_due(at(121))

    assert bodies(await archive(container)) == [["a"], ["b"]]


async def test_events_forgotten_before_their_capture_are_named(
    container: ContainerClient, caplog: pytest.LogCaptureFixture
) -> None:
    partition = Partition("0", PartitionLog(retain=4))
    writer = capture(partition, container)
    await writer.write_due(at(0))
    put(partition, 0, *"abcdef")

    await writer.write_due(at(60))

    assert "events 0 to 2 were forgotten before they were captured" in caplog.text
    assert bodies(await archive(container)) == [["d", "e", "f"]]


async def test_the_archive_is_whole_after_the_emulator_was_killed_again_and_again(
    azurite: str, container: ContainerClient, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "infra.local.eventhubs", "orders:2"]
    command += ["--dir", str(tmp_path / "state"), "--capture", container.container_name]
    command += ["--capture-seconds", "0.4", "--capture-bytes", "5000"]
    environ = {"PYTHONPATH": str(services.ROOT), "BLOB_CONNECTION": azurite}
    sent: dict[str, list[str]] = {"0": [], "1": []}
    for turn in range(3):
        child = processes.start("eventhubs", [*command, "--port", "0"], tmp_path / "log", environ)
        async with EventHubProducerClient.from_connection_string(
            services.event_hub_connection(child.port), eventhub_name="orders"
        ) as client:
            for number in range(60):
                body, to = f"{turn}-{number}-{'x' * 300}", str(number % 2)
                await client.send_event(EventData(body), partition_id=to)
                sent[to].append(body)
        processes.kill(child)  # in the middle of some window, or of writing it

    child = processes.start("eventhubs", [*command, "--port", "0"], tmp_path / "log", environ)
    async with asyncio.timeout(PATIENCE):
        # A storage has no event to await.
        while sum(map(len, (await archive(container, "local/")).values())) < 180:  # noqa: ASYNC110
            await asyncio.sleep(0.2)
    processes.stop(child, 10)

    for partition_id, texts in sent.items():
        files = await archive(container, f"local/orders/{partition_id}/")
        records = [record for found in files.values() for record in found]
        assert [record["Body"].decode() for record in records] == texts
        assert [record["SequenceNumber"] for record in records] == list(range(len(texts)))
        assert len(files) >= 6
        assert all(NAME.fullmatch(name) for name in files)
