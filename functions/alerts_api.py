"""The HTTP triggers: is Sheriff well, and which orders does it suspect."""

import json
import os

import azure.functions as func

from functions import wiring
from functions.answers import Answer, guarded, health, list_alerts
from functions.release import release
from functions.settings import role

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]
health_blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # for every role


@health_blueprint.function_name("health")
@health_blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def get_health(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - the binding's
    """``GET /api/health``: reads the store, names what serves; 503 while it cannot."""
    return _response(
        await guarded(lambda: health(wiring.alerts(), wiring.shelf(), role(os.environ), release()))
    )


@blueprint.function_name("alerts")
@blueprint.route("alerts", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
async def get_alerts(req: func.HttpRequest) -> func.HttpResponse:
    """``GET /api/alerts``: a page of alerts, newest first (parameters: docs/queries.md)."""
    return _response(await guarded(lambda: list_alerts(wiring.alerts(), req.params)))


def _response(answer: Answer) -> func.HttpResponse:
    return func.HttpResponse(
        json.dumps(answer.body),
        status_code=answer.status,
        mimetype=answer.content_type,
        headers={"Cache-Control": "no-store"},
    )
