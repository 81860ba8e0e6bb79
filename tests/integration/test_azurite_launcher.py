"""Azurite loses nothing that it acknowledged, killed at any moment or out of disk."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient, ContainerClient

from infra.local import processes, services

NAME = "dead-letters"


class Launched:
    """An Azurite of a test's own, to be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, processes.free_port()
        self.child: processes.Child | None = None

    def start(self) -> None:
        service = services.azurite(self.port, self.folder)
        self.child = processes.start("azurite", service.command, self.folder / "log")

    def restart(self) -> None:
        self.kill()
        self.start()

    def kill(self) -> None:
        if self.child:
            processes.kill(self.child)

    def limit_files(self, size: int) -> None:
        """Let no file grow past ``size`` bytes: what would fill the disk fails after a part."""
        assert self.child is not None
        resource.prlimit(self.child.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def container(self, attempts: int = 1) -> ContainerClient:
        connection = services.blob_connection(self.port)
        service = BlobServiceClient.from_connection_string(connection, retry_total=attempts - 1)
        return service.get_container_client(NAME)


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    azurite = Launched(tmp_path)
    azurite.start()
    azurite.container().create_container()
    yield azurite
    azurite.kill()


def stored(azurite: Launched) -> dict[str, bytes]:
    with azurite.container() as container:
        names = [blob.name for blob in container.list_blobs()]
        return {name: container.download_blob(name).readall() for name in names}


def test_a_kill_right_after_an_answer_loses_no_blob(launched: Launched) -> None:
    expected: dict[str, bytes] = {}
    for life in range(2):
        with launched.container() as container:
            for n in range(20):
                expected[f"orders/{life}/{n}.json"] = body = f"{life} {n}".encode()
                container.upload_blob(f"orders/{life}/{n}.json", body)
            expected["champion.json"] = f"{life}".encode()
            container.upload_blob("champion.json", expected["champion.json"], overwrite=True)
            container.delete_blob(f"orders/{life}/7.json")
            del expected[f"orders/{life}/7.json"]
        launched.restart()
        assert stored(launched) == expected


def test_what_a_kill_left_is_in_the_metadata_after_a_graceful_stop(launched: Launched) -> None:
    with launched.container() as container:
        container.upload_blob("one", b"1")
    launched.restart()
    assert launched.child is not None
    processes.stop(launched.child, grace=10)
    assert list(launched.folder.glob("*.journal-*")) == []
    launched.start()
    assert stored(launched) == {"one": b"1"}


def test_a_blob_that_replaced_another_is_never_missing_between_the_two(launched: Launched) -> None:
    with launched.container() as container:
        container.upload_blob("champion.json", b"old")
        container.upload_blob("champion.json", b"new", overwrite=True)
    launched.kill()
    [journal] = launched.folder.glob("__azurite_db_blob__.json.journal-*")
    lines = journal.read_bytes().splitlines(keepends=True)
    for kept in (lines[:-1], [*lines[:-1], lines[-1][:-2]]):  # without the last line, or torn
        journal.write_bytes(b"".join(kept))
        launched.start()
        assert set(stored(launched)) == {"champion.json"}
        launched.kill()


def test_a_change_that_the_disk_does_not_take_is_not_acknowledged(launched: Launched) -> None:
    launched.container().upload_blob("first", b"1")
    journals = launched.folder.glob("__azurite_db_blob__.json.journal-*")
    acknowledged = {"first"}
    launched.limit_files(max(file.stat().st_size for file in journals) + 100)
    with launched.container() as container, pytest.raises(AzureError):
        container.upload_blob("second", b"2")
    launched.limit_files(psutil.RLIM_INFINITY)
    launched.container(attempts=3).upload_blob("third", b"3")
    acknowledged.add("third")
    launched.restart()
    assert acknowledged <= set(stored(launched))
