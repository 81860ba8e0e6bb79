"""The HTTP trigger: the app's routes, and the host's own admin routes.

As in Core Tools, authorization levels are not enforced.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from aiohttp import web
from azure_functions_runtime.bindings.datumdef import Datum

from infra.local.host import datums
from infra.local.host.functions import Function
from infra.local.host.timer import TimerListener

_MAX_BODY_BYTES = 100 << 20  # Azure's limit
_PARAMETER = re.compile(r"\{(\*?)(\w+)(?::(\w+)[^}?]*)?(\??)\}")
_CONSTRAINTS = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "bool": "true|false",
    "alpha": "[a-zA-Z]+",
    "guid": "[0-9a-fA-F-]{36}",
}


def paths(route: str) -> list[str]:
    """Return aiohttp's paths for a route, the longest first; each optional end adds a path."""
    parts = [_segment(part) for part in route.split("/") if part]
    templates = ["/" + "/".join(part for part, _ in parts)]
    while parts and parts[-1][1]:
        parts.pop()
        templates.append("/" + "/".join(part for part, _ in parts))
    return templates


def _segment(part: str) -> tuple[str, bool]:
    """Return a segment for aiohttp, and whether it may be left out."""
    parameter = _PARAMETER.fullmatch(part)
    if parameter is None:
        return part, False
    rest, name, constraint, optional = parameter.groups()
    pattern = ".*" if rest else _CONSTRAINTS.get(constraint or "")
    return f"{{{name}:{pattern}}}" if pattern else f"{{{name}}}", bool(rest or optional)


def application(
    functions: Sequence[Function], timers: Sequence[TimerListener], prefix: str
) -> web.Application:
    """Return the host's web application: HTTP functions under `prefix`, and `/admin/...`."""
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    for function in functions:
        if function.kind == "httpTrigger":
            _add(app, function, prefix)
    by_name = {timer.function.name.lower(): timer for timer in timers}

    async def fire(request: web.Request) -> web.Response:
        timer = by_name.get(request.match_info["name"].lower())
        if timer is None:
            raise web.HTTPNotFound(text="no timer function of that name")
        timer.fire_by_hand()
        return web.Response(status=202)

    async def status(_request: web.Request) -> web.Response:
        return web.json_response({"state": "Running"})

    async def names(_request: web.Request) -> web.Response:
        return web.json_response([{"name": function.name} for function in functions])

    app.router.add_post("/admin/functions/{name}", fire)
    app.router.add_get("/admin/functions", names)
    app.router.add_get("/admin/host/status", status)
    return app


def _add(app: web.Application, function: Function, prefix: str) -> None:
    async def handle(request: web.Request) -> web.Response:
        return await _handle(request, function)

    methods = [str(getattr(m, "value", m)) for m in function.trigger.get("methods") or ()]
    for path in paths(f"{prefix}/{function.trigger['route']}"):
        for method in methods or ("GET", "POST"):  # Azure's default
            app.router.add_route(method, path, handle)


async def _handle(request: web.Request, function: Function) -> web.Response:
    fields = {"headers": request.headers, "params": request.match_info, "query": request.query}
    value = datums.http_request(request.method, str(request.url), fields, await request.read())
    outcome = await function.invoke(value, {})
    if not outcome.succeeded:
        return web.Response(status=500)
    return response(outcome.result)


def response(result: Datum | None) -> web.Response:
    """Return a function's result as an HTTP response; no result is 204."""
    if result is None or result.type is None:
        return web.Response(status=204)
    if result.type != "http":
        return web.Response(text=str(result.python_value))
    value = result.value
    answer = web.Response(
        status=int(value["status_code"].value),
        headers={name: header.value for name, header in value["headers"].items()},
        body=value["body"].value,
    )
    for cookie in value.get("cookies") or ():
        for morsel in cookie.values():
            answer.headers.add("Set-Cookie", morsel.OutputString())
    return answer
