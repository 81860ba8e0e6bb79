"""A day is scored anew from the archive, by the backtest's own code, and no store is touched."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.containers import ARCHIVE
from shared.errors import BundleError, ConfigurationError
from shared.model import encode_bundle, packaged_bundle
from shared.order import parse_order
from shared.partitions import partition_for_key
from tests.bundles import with_a_golden_order
from tests.orders import order_body, order_fields
from tests.unit.training.world import FakeBlobs, capture_file, capture_name
from training import rescore as command
from training.models import model_store
from training.models.model_card import ModelCard, ModelCardData, encode_card
from training.rescore import body_of, rescore

DAY = datetime(2026, 3, 1, tzinfo=UTC)
NEXT = DAY + timedelta(days=1)


def body(name: str, at: datetime, charged: float = 399.0, revision: int = 0) -> bytes:
    return order_body(
        order_id=name, ordered_at=at.isoformat(), charged_price=charged, revision=revision
    )


@pytest.fixture
def blobs() -> FakeBlobs:
    """A day's orders among others, one revised late, and one that is far below its cost."""
    made = FakeBlobs()
    files = {
        capture_name(DAY, 0): [
            body("before", DAY - timedelta(minutes=1)),
            body("first", DAY),
            body("cheap", DAY + timedelta(hours=3), charged=1.0),
        ],
        capture_name(DAY + timedelta(hours=25), 3): [
            body("first", DAY, revision=1),
            body("after", NEXT),
            order_body(order_id="smoke-1", rep_id="smoke-test", ordered_at=DAY.isoformat()),
        ],
        capture_name(NEXT + timedelta(days=2), 0): [body("too late", DAY)],
    }
    for name, bodies in files.items():
        made.put(ARCHIVE, name, capture_file(bodies))
    return made


def scores(out: Path) -> list[tuple[str, str, str]]:
    with (out / "scores.csv").open() as file:
        return [(r["order_id"], r["revision"], r["alerted"]) for r in csv.DictReader(file)]


def put(blobs: FakeBlobs, version: str) -> None:
    bundle = msgspec.structs.replace(packaged_bundle(), version=version)
    data, sha256 = encode_bundle(with_a_golden_order(bundle))
    day = "2026-01-01T00:00:00Z"
    model_store.publish(
        blobs, version, data, encode_card(ModelCard(version, sha256, ModelCardData(day, day, "")))
    )


def test_the_orders_of_the_time_are_scored_at_their_last_revision_and_nothing_is_stored(
    blobs: FakeBlobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rescore(blobs, "orders", DAY, NEXT, tmp_path / "out", None)
    assert scores(tmp_path / "out") == [("first", "1", "0"), ("cheap", "0", "1")]
    [alert] = (tmp_path / "out" / "alerts.jsonl").read_text().splitlines()
    assert json.loads(alert)["id"] == "cheap.0"
    assert json.loads(alert)["event"]["partition_id"] == str(partition_for_key("Annie Corns", 4))
    assert (tmp_path / "out" / "incidents.jsonl").read_text() == ""
    assert blobs.writes == []
    assert "by packaged" in capsys.readouterr().out


def test_the_champion_scores_unless_another_version_is_named(
    blobs: FakeBlobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(blobs, "v1")
    put(blobs, "v2")
    model_store.promote(blobs, "v1", DAY, None, by_hand=True)
    for version in (None, "v2"):
        rescore(blobs, "orders", DAY, NEXT, tmp_path, version)
    said = capsys.readouterr().out
    assert "by v1" in said
    assert "by v2" in said
    with pytest.raises(BundleError, match="v3 is missing or incomplete in the model store"):
        rescore(blobs, "orders", DAY, NEXT, tmp_path, "v3")


def test_a_time_without_orders_is_named(blobs: FakeBlobs, tmp_path: Path) -> None:
    long_ago = DAY - timedelta(days=99)
    with pytest.raises(ConfigurationError, match="no orders from 2025-11-22 00:00 to"):
        rescore(blobs, "orders", long_ago, long_ago + timedelta(hours=1), tmp_path, None)


@given(
    quantity=st.integers(1, 3_000),
    charged=st.integers(0, 10**13),
    listed=st.none() | st.integers(0, 10**13),
    micros=st.integers(0, 10**15),
)
def test_an_order_written_down_again_is_the_same_order(
    quantity: int, charged: int, listed: int | None, micros: int
) -> None:
    sizes = [1000] * (quantity // 1000) + [quantity % 1000] * (quantity % 1000 > 0)
    fields = order_fields(
        ordered_at=(DAY + timedelta(microseconds=micros)).isoformat(),
        lines=[{"product_id": "HLFork", "quantity": size} for size in sizes],
        charged_price=charged / 10_000,
        state="NY",
    )
    if listed is not None:
        fields["list_price"] = listed / 10_000
    order = parse_order(json.dumps(fields).encode())
    assert parse_order(body_of(order)) == order


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--from", "noon", "--to", "2026-03-02"), "--from is 'noon', expected a day or time"),
        (("--from", "2026-03-02", "--to", "2026-03-02"), "expected a time after 2026-03-02"),
    ],
)
def test_a_flag_that_cannot_be_used_is_named(flags: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        command.main([*flags, "--out", "unused"])
