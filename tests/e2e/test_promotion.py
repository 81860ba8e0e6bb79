"""Another model takes over while orders flow, none lost or doubled; a bad one never serves."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from infra.local.processes import HOST
from infra.local.stack import Stack
from shared.champion import CHAMPION, Pointer, bundle_path, encode_pointer
from shared.containers import MODELS
from shared.model import encode_bundle
from tests.e2e import flow as books
from tests.e2e.company import Company
from tests.e2e.flow import Flow, until
from tests.patience import PATIENCE
from training.models import model_store
from training.models.bundle_folder import load
from training.models.model_card import ModelCard, ModelCardData, encode_card
from training.ports import Blobs
from training.settings import TrainingSettings
from training.stores import opened


@pytest.fixture(scope="module")
def blobs(stack: Stack) -> Iterator[Blobs]:
    with opened(TrainingSettings.from_environ(stack.settings())) as (made, _):
        yield made


def put(blobs: Blobs, company: Company, version: str) -> None:
    """The company's model in the model store under another name."""
    data, sha256 = encode_bundle(msgspec.structs.replace(load(company.model), version=version))
    day = "2025-01-01T00:00:00Z"
    card = ModelCard(version, sha256, ModelCardData(day, day, "0" * 64))
    model_store.publish(blobs, version, data, encode_card(card))


async def serving(stack: Stack) -> dict[str, Any]:
    """What the scorer says of itself."""

    def ask() -> dict[str, Any]:
        url = f"http://{HOST}:{stack.port('host')}/api/health"
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    return await asyncio.to_thread(ask)


async def judged_by(flow: Flow, version: str) -> None:
    """Wait until a model has judged one of the orders of ``switch`` to be an alert."""

    async def found() -> bool:
        alerts = (await flow.stores.alerts()).values()
        return any(
            alert["model_version"] == version and alert["order_id"].startswith("switch")
            for alert in alerts
        )

    await until(f"an alert by {version}", found)


async def test_a_promoted_model_takes_over_between_two_batches_and_a_rollback_takes_it_back(
    flow: Flow, stack: Stack, blobs: Blobs, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "NOT_COMPARED", (*books.NOT_COMPARED, "model_version"))
    orders = company.simulated("switch", 900, "--episodes", "1")
    expected = company.backtested(orders)
    put(blobs, company, "better")
    before, after = orders[:800], orders[800:]
    sending = asyncio.create_task(flow.producer.send(before, a_second=100))
    await judged_by(flow, company.version)
    model_store.promote(blobs, "better", datetime.now(UTC), company.version, by_hand=False)
    await judged_by(flow, "better")
    model_store.roll_back(blobs, datetime.now(UTC))
    await sending
    await flow.producer.send(after)
    await flow.check(orders, expected)

    async def taken_back() -> bool:
        served: str = (await serving(stack))["bundle_version"]
        return served == company.version

    await until("the model before serves again", taken_back)
    assert (await serving(stack))["bundle_version"] == company.version


async def test_a_tampered_bundle_never_serves_and_the_old_one_goes_on(
    flow: Flow, stack: Stack, blobs: Blobs, company: Company
) -> None:
    put(blobs, company, "tampered")
    data, sha256 = encode_bundle(msgspec.structs.replace(load(company.model), version="tampered"))
    changed = data.replace(b'"added_item_rate":0.0', b'"added_item_rate":0.9', 1)
    assert changed != data
    blobs.write(MODELS, bundle_path("tampered"), changed, None, replace=True)
    before, etag = model_store.read_pointer(blobs)
    assert before is not None
    blobs.write(MODELS, CHAMPION, encode_pointer(Pointer("tampered", sha256)), etag)

    orders = company.simulated("guarded", 200)
    expected = company.backtested(orders)
    await flow.producer.send(orders)
    await flow.check(orders, expected)  # by the old model, to the letter

    async def refused() -> bool:
        refusal = (await serving(stack))["last_refusal"]
        return refusal is not None and "SHA-256" in refusal["why"]

    await until("the health says what was refused", refused)
    assert (await serving(stack))["bundle_version"] == company.version
