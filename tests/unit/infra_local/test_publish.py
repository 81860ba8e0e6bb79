"""What is published by hand is checked first, and "serving" is said of nothing else."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local import publish
from shared.champion import CHAMPION, parse_pointer
from shared.containers import MODELS, REFERENCE
from shared.model import encode_bundle
from shared.reference import CATALOGUE, POLICY, previous
from tests.bundles import a_bundle, golden
from tests.unit.training.world import FakeBlobs
from training.models.model_card import ModelCard, ModelCardData, encode_card

DAY = "2026-01-01T00:00:00Z"
PRICES = golden().catalogue.encode()


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> FakeBlobs:
    made = FakeBlobs()

    @contextmanager
    def opened(_: object) -> Iterator[tuple[FakeBlobs, None]]:
        yield made, None

    monkeypatch.setattr(publish, "opened", opened)
    environ = {
        "SHERIFF_LOCAL": "on",
        "ORDERS_HUB": "orders",
        "COSMOS_ENDPOINT": "http://127.0.0.1:1",
        "BLOB_CONNECTION": "UseDevelopmentStorage=true",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("getpass.getuser", lambda: "ann")
    return made


def a_model(folder: Path, version: str, data: bytes | None = None) -> Path:
    encoded, sha256 = encode_bundle(a_bundle(version))
    made = folder / version
    made.mkdir()
    (made / "bundle.json").write_bytes(encoded if data is None else data)
    (made / "card.json").write_bytes(
        encode_card(ModelCard(version, sha256, ModelCardData(DAY, DAY, "0" * 64)))
    )
    return made


def test_what_is_good_serves_and_what_it_replaces_is_kept(
    blobs: FakeBlobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prices.csv").write_bytes(PRICES)
    (tmp_path / "policy.json").write_bytes(b'{"alert_probability": 0.7}')
    beside = [
        "--catalogue",
        str(tmp_path / "prices.csv"),
        "--policy",
        str(tmp_path / "policy.json"),
    ]
    assert publish.main([str(a_model(tmp_path, "v1")), *beside]) == 0
    (tmp_path / "policy.json").write_bytes(b'{"alert_probability": 0.8}')
    assert publish.main([str(a_model(tmp_path, "v2")), *beside]) == 0
    assert capsys.readouterr().out == (
        "serving catalogue.csv, policy.json, v1\nserving catalogue.csv, policy.json, v2\n"
    )
    pointer = parse_pointer(blobs.content(MODELS, CHAMPION))
    assert (pointer.version, pointer.moved_by) == ("v2", "ann")
    assert [one.version for one in pointer.earlier] == ["v1"]
    assert pointer.reference == (CATALOGUE, POLICY)
    assert blobs.content(REFERENCE, previous(POLICY)) == b'{"alert_probability": 0.7}'


def test_thresholds_are_published_without_a_model(
    blobs: FakeBlobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.json").write_bytes(b"{}")
    assert publish.main(["--policy", str(tmp_path / "policy.json")]) == 0
    assert capsys.readouterr().out == "serving policy.json\n"
    assert blobs.writes == [f"{REFERENCE}/{POLICY}"]
    with pytest.raises(SystemExit):
        publish.main([])


@pytest.mark.parametrize(
    ("flag", "bad", "why"),
    [
        ("--catalogue", b"\x7fELF\x02\x01\x00\xff", "catalogue"),
        ("--policy", b'{"alert_probability": 2}', "alert_probability"),
    ],
)
def test_a_file_that_scorers_would_refuse_is_one_line_and_nothing_goes_up(
    flag: str,
    bad: bytes,
    why: str,
    blobs: FakeBlobs,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "bad").write_bytes(bad)
    assert publish.main([str(a_model(tmp_path, "v1")), flag, str(tmp_path / "bad")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("publish: ")
    assert why in said.err
    assert said.err.count("\n") == 1
    assert blobs.writes == []


@pytest.mark.parametrize("bad", [b"", b"\xff", b"[" * 100_000])
def test_a_bundle_that_scorers_would_refuse_is_one_line_and_nothing_goes_up(
    bad: bytes, blobs: FakeBlobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert publish.main([str(a_model(tmp_path, "v1", bad))]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert blobs.writes == []


def test_a_missing_setting_names_the_step_that_sets_it(
    blobs: FakeBlobs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("ORDERS_HUB")
    assert publish.main([str(a_model(tmp_path, "v1"))]) == 2
    assert "ORDERS_HUB is not set; eval" in capsys.readouterr().err
    assert blobs.writes == []
