"""Orders in, alerts out: the whole stack says what the backtest says, of good orders and bad."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
import urllib.request
from typing import Any

from infra.local.processes import HOST
from infra.local.stack import Stack
from shared.order import parse_order
from tests.e2e.company import Company
from tests.e2e.flow import Counts, Flow, body_of
from tests.schemas import violations


def changed(body: bytes, **fields: Any) -> bytes:
    """An order with some fields changed."""
    return json.dumps(json.loads(body) | fields).encode()


async def test_the_stack_writes_the_alerts_that_the_backtest_writes(
    flow: Flow, company: Company
) -> None:
    orders = company.simulated("day", 2_000, "--episodes", "1")
    expected = company.backtested(orders)
    before = len(await flow.stores.incidents())
    found = {finding["typology"] for alert in expected.values() for finding in alert["findings"]}
    assert {"added_item", "hidden_discount"} <= found
    assert not any(alert["degraded"] for alert in expected.values())
    assert any("revisited_at" in alert for alert in expected.values())

    await flow.producer.send(orders)
    assert await flow.check(orders, expected) == Counts(scored=2_000)
    states = await flow.stores.states()
    assert len([state for state in states.values() if state.orders_scored]) == 4
    (incident,) = (await flow.stores.incidents())[before:]
    (injected,) = company.incidents()
    assert violations("incident", incident) == []
    for name in incident.keys() - {"id", "by_partition"}:
        assert incident[name] == injected[name]
    alerts = (await flow.stores.alerts()).values()
    named = [alert for alert in alerts if alert.get("incident_id") == incident["id"]]
    assert len(named) == incident["orders_affected"]


async def test_poison_is_set_aside_and_the_good_orders_around_it_are_scored(
    flow: Flow, company: Company
) -> None:
    orders = company.simulated("good", 120)
    first = orders[0]
    poison = {
        b"\xff\xfe not text": "not_utf8",
        b"{half an order": "not_json",
        b"[1, 2]": "not_an_object",
        changed(first, note="x" * 65_536): "too_large",
        changed(first, charged_price=-1): "negative_money",
        changed(first, ordered_at="2026-01-05T10:00:00"): "naive_time",
        changed(first, lines=[]): "no_lines",
        changed(first, currency="XTS"): "currency_mismatch",
        b'{"order_id": "good-without-the-rest"}': "missing_field",
    }
    nothing = [{"product_id": "none-such", "quantity": 1}]
    orders.append(changed(orders[-1], order_id="good-unknown", lines=nothing))
    key = parse_order(first).rep_id

    await flow.producer.send(orders[:60])
    for body in poison:
        await flow.producer.send_as(body, key)
    await flow.producer.send(orders[60:])

    expected = company.backtested(orders)
    counts = await flow.check(orders, expected, list(poison))
    assert counts == Counts(scored=len(orders), dead_lettered=len(poison))
    assert {body_of(letter): letter["code"] for letter in await flow.new_letters()} == poison


async def test_an_order_sent_twice_counts_once_and_the_highest_revision_stands(
    flow: Flow, company: Company
) -> None:
    once = company.simulated("twice", 200, "--added-rate", "0.5")
    now = json.loads(once[-1])["ordered_at"]
    higher = [changed(body, revision=2, ordered_at=now) for body in once[:50]]
    lower = [changed(body, revision=1, ordered_at=now) for body in once[:50]]
    stream = [*once, *once[:80], *higher, *lower, *higher[:10]]

    await flow.producer.send(stream)
    expected = company.backtested(stream)
    counts = await flow.check([*once, *higher], expected)
    # The first 50 of the 80 sent again come before their revision 2; the 10 after it are again.
    assert counts == Counts(scored=250, duplicates=90, stale=50)
    superseded = {k: v["superseded_by"] for k, v in expected.items() if "superseded_by" in v}
    assert superseded
    assert all(by == name.replace(".0", ".2") for name, by in superseded.items())


def get(stack: Stack, path: str, **parameters: str | int) -> dict[str, Any]:
    """The JSON that the host answers."""
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"http://{HOST}:{stack.port('host')}/api/{path}?{query}") as answer:
        body: dict[str, Any] = json.load(answer)
    return body


async def test_health_names_the_model_on_the_shelf(stack: Stack, company: Company) -> None:
    health = await asyncio.to_thread(get, stack, "health")
    assert health["status"] == "ok"
    assert health["bundle_version"] == company.version
    assert health["degraded"] == []


async def test_the_api_pages_through_every_alert(flow: Flow, company: Company) -> None:
    orders = company.simulated("paged", 60, "--added-rate", "0.5")
    await flow.producer.send(orders)
    await flow.settled()

    pages = [await asyncio.to_thread(get, flow.stack, "alerts", limit=25)]
    while cursor := pages[-1]["next"]:
        pages.append(await asyncio.to_thread(get, flow.stack, "alerts", limit=25, cursor=cursor))
    listed = [alert for page in pages for alert in page["alerts"]]
    assert len(pages) > 1
    assert [alert["scored_at"] for alert in listed] == sorted(
        (alert["scored_at"] for alert in listed), reverse=True
    )
    assert len(listed) == len({alert["id"] for alert in listed})
    assert {alert["id"]: alert for alert in listed} == await flow.stores.alerts()
