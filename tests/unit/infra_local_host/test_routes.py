"""Route templates and results of HTTP functions become aiohttp's."""

from __future__ import annotations

from http.cookies import SimpleCookie

import pytest
from azure_functions_runtime.bindings.datumdef import Datum

from infra.local.host.routes import paths, response


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("api/health", ["/api/health"]),
        ("/orders", ["/orders"]),
        ("api/reps/{rep}", ["/api/reps/{rep}"]),
        ("api/orders/{id:int?}", [r"/api/orders/{id:-?\d+}", "/api/orders"]),
        ("files/{*path}", ["/files/{path:.*}", "/files"]),
        ("{a}/{b?}/{c?}", ["/{a}/{b}/{c}", "/{a}/{b}", "/{a}"]),
        ("x/{id:length(3)}", ["/x/{id}"]),  # constraints it does not know do not restrict
    ],
)
def test_a_template_becomes_the_paths_it_matches(route: str, expected: list[str]) -> None:
    assert paths(route) == expected


def test_no_result_is_no_content() -> None:
    assert response(None).status == 204
    assert response(Datum(None, None)).status == 204


def test_a_text_result_is_the_body() -> None:
    assert response(Datum("hello", "string")).text == "hello"


def test_a_response_keeps_its_status_headers_cookies_and_body() -> None:
    cookie = SimpleCookie({"seen": "yes"})
    answer = response(
        Datum(
            {
                "status_code": Datum("404", "string"),
                "headers": {"Content-Type": Datum("application/problem+json", "string")},
                "cookies": [cookie],
                "body": Datum(b"{}", "bytes"),
            },
            "http",
        )
    )
    assert (answer.status, answer.body) == (404, b"{}")
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Set-Cookie"] == "seen=yes"
