"""A history put into the archive on a real Azurite comes out again as the same orders."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from azure.storage.blob import BlobServiceClient

from infra.local import archive, resources
from infra.local.archive import archive_orders
from shared.containers import ARCHIVE
from tests.integration.training_settings import settings_for
from training import simulate
from training.history.archive import Archived, read_archive
from training.history.orders import read_history
from training.stores import opened

SINCE, NOW = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "o.jsonl"
    truth = path.with_name("t.csv")
    simulate.main(["--orders", "3000", "--out", str(path), "--truth", str(truth)])
    return path


def read(azurite: str, hub: str) -> Archived:
    with opened(settings_for(azurite)) as (blobs, _):
        return read_archive(blobs, hub, SINCE, NOW)


def test_what_is_archived_is_read_back_once_however_often_it_is_archived(
    azurite: str, unique_name: str, history: Path
) -> None:
    resources.make_blob_containers(azurite)
    environment = {"BLOB_CONNECTION": azurite, "ORDERS_HUB": unique_name}
    assert archive_orders(history, environment, per_file=400) == 3000
    found = read(azurite, unique_name)
    assert found.orders == read_history(history).orders
    assert (found.records, found.duplicates, found.bad_files) == (3000, 0, ())
    archive_orders(history, environment, per_file=400)
    assert read(azurite, unique_name) == found


def test_another_history_of_the_same_time_overwrites_nothing(
    azurite: str, unique_name: str, history: Path, tmp_path: Path
) -> None:
    resources.make_blob_containers(azurite)
    environment = {"BLOB_CONNECTION": azurite, "ORDERS_HUB": unique_name}
    other = tmp_path / "other.jsonl"
    other.write_bytes(history.read_bytes().replace(b"sim-", b"other-") + b"not an order\n")
    for path in (history, other):
        archive_orders(path, environment, partitions=2)
    found = read(azurite, unique_name)
    assert len(found.orders) == 6000
    assert (found.refused, found.records) == ({"not_json": 1}, 6001)


def test_the_command_archives_and_names_what_is_missing(
    azurite: str,
    unique_name: str,
    history: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    resources.make_blob_containers(azurite)
    monkeypatch.delenv("BLOB_CONNECTION", raising=False)
    assert archive.main([str(history)]) == 2
    assert "BLOB_CONNECTION is not set" in capsys.readouterr().err
    monkeypatch.setenv("BLOB_CONNECTION", azurite)
    monkeypatch.setenv("ORDERS_HUB", unique_name)
    assert archive.main([str(history), "--now", "--namespace", "seed"]) == 0
    assert capsys.readouterr().out == "3000 orders archived under seed/\n"
    with BlobServiceClient.from_connection_string(azurite) as service:
        container = service.get_container_client(ARCHIVE)
        names = [*container.list_blob_names(name_starts_with=f"seed/{unique_name}/")]
    today = f"{datetime.now(UTC):%Y/}"
    assert names
    assert all(today in name for name in names)
    missing = history.with_name("nothing.jsonl")
    assert archive.main([str(missing)]) == 2
    assert "nothing.jsonl" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        *(["--partitions", count] for count in ("0", "-1", "33", "x", "1" * 5_000)),
        *(["--per-file", count] for count in ("0", "1.5", "²")),
        *(["--namespace", name] for name in ("", "../x", "a/b", "a b")),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        archive.main(["orders.jsonl", *words])
    assert ended.value.code == 2
    assert f"argument {words[0]}: " in capsys.readouterr().err


def test_a_connection_that_is_none_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BLOB_CONNECTION", "nonsense")
    assert archive.main([str(tmp_path / "orders.jsonl")]) == 2
    said = "archive: BLOB_CONNECTION cannot be used: expected a connection string\n"
    assert capsys.readouterr().err == said
