"""The HTTP triggers: who reaches the alerts, and what health reads."""

from typing import Any

import azure.functions as func
import pytest

from functions import alerts_api, wiring


async def test_the_route_reads_no_alert_for_who_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def alerts() -> Any:
        raise AssertionError("the store was asked")

    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    monkeypatch.setattr(wiring, "alerts", alerts)
    request = func.HttpRequest("GET", "/api/alerts", headers={}, params={}, body=b"")
    answer = await alerts_api.get_alerts(request)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_desks_health_is_open_and_reads_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    class Alerts:
        async def latest(self) -> None:
            return None

    def loader() -> Any:
        raise AssertionError("a model was asked for")

    monkeypatch.setenv("SHERIFF_ROLE", "desk")
    monkeypatch.setattr(wiring, "alerts", Alerts)
    monkeypatch.setattr(wiring, "model_loader", loader)
    request = func.HttpRequest("GET", "/api/health", headers={}, params={}, body=b"")
    assert (await alerts_api.get_health(request)).status_code == 200


def test_no_route_asks_for_a_key() -> None:
    for blueprint in (alerts_api.blueprint, alerts_api.health_blueprint):
        for builder in blueprint._function_builders:
            trigger = builder._function.get_trigger()
            assert trigger.get_dict_repr()["authLevel"] == func.AuthLevel.ANONYMOUS
