"""The HTTP triggers: is Sheriff well, and which orders does it suspect."""

import json
import os

import azure.functions as func

from functions import wiring
from functions.answers import Answer, Remembered, guarded, list_alerts
from functions.auth import refusal
from functions.health import Condition, health
from functions.progress import Watch
from functions.release import release
from functions.settings import SignIn, role

HEALTH_SECONDS = 10.0
"""Anybody may ask for health, which sorts the alerts of all partitions: once in so long."""

remembered = Remembered(HEALTH_SECONDS)

_SCORES = {"scorer", "all"}  # the roles whose identity may read the state documents

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
health_blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # for every role


@health_blueprint.function_name("health")
@health_blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def get_health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's
    """``GET /api/health``: reads the stores, names what serves; 503 while it cannot."""
    return _response(await remembered.answer(lambda: guarded(_health)))


async def _health() -> Answer:
    ours = role(os.environ)
    loader = (
        None if ours == "desk" else wiring.model_loader()
    )  # the desk's identity may read no model
    condition = Condition(wiring.conditions(), _watch) if ours in _SCORES else None
    return await health(wiring.alerts(), loader, ours, release(), condition)


async def _watch() -> Watch | None:
    return (await wiring.watcher().known())[0]


@blueprint.function_name("alerts")
# No key, which would be a shared secret: who may read is decided by the caller's role.
@blueprint.route("alerts", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def get_alerts(req: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/alerts``: a page of alerts, newest first (parameters: docs/queries.md)."""
    refused = refusal(req.headers, SignIn.from_environ(os.environ))
    if refused is not None:
        return _response(refused)
    return _response(await guarded(lambda: list_alerts(wiring.alerts(), req.params)))


def _response(answer: Answer) -> func.HttpResponse:
    return func.HttpResponse(
        json.dumps(answer.body),
        status_code=answer.status,
        mimetype=answer.content_type,
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
