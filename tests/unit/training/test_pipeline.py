"""The nightly command: one at a time, and settings that are wrong are named first."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest

from shared.containers import TRAINING
from shared.errors import ConfigurationError
from tests.unit.training.world import FakeBlobs, FakeDocuments, FakeRecord
from training import pipeline, stores
from training.models.registry import Registry
from training.nightly.night import Night
from training.settings import TrainingSettings

SETTINGS = {
    "SHERIFF_LOCAL": "on",
    "ORDERS_HUB": "orders",
    "COSMOS_ENDPOINT": "http://127.0.0.1:9",
    "BLOB_ACCOUNT_URL": "http://127.0.0.1:9",
}


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> FakeBlobs:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    fake = FakeBlobs()

    @contextmanager
    def opened(settings: TrainingSettings) -> Iterator[tuple[FakeBlobs, FakeDocuments]]:
        assert settings.orders_hub == "orders"
        yield fake, FakeDocuments()

    monkeypatch.setattr(stores, "opened", opened)
    monkeypatch.setattr(Registry, "open", lambda uri: FakeRecord())
    return fake


def test_a_night_runs_while_the_lease_is_held(
    blobs: FakeBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights: list[datetime] = []

    def run(night: Night) -> None:
        assert (TRAINING, pipeline.LEASE) in blobs.leases
        nights.append(night.now)

    monkeypatch.setattr(Night, "run", run)
    pipeline.main([])
    assert len(nights) == 1
    assert nights[0].tzinfo is not None
    assert blobs.leases == {}


def test_of_two_runs_at_once_the_second_leaves(
    blobs: FakeBlobs, capsys: pytest.CaptureFixture[str]
) -> None:
    with blobs.lease(TRAINING, pipeline.LEASE):
        pipeline.main([])
    assert capsys.readouterr().out == "another run is at work: this one leaves\n"


def test_a_missing_setting_is_named_before_anything_is_opened(
    blobs: FakeBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORDERS_HUB")
    with pytest.raises(ConfigurationError, match="ORDERS_HUB is not set"):
        pipeline.main([])
    assert blobs.leases == {}
