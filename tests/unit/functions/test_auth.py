"""Only who is signed in with the role reads alerts; anyone where the machine is one's own."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.auth import PRINCIPAL, READER, refusal
from functions.settings import SignIn

IN_AZURE = SignIn(required=True, on=True)


FLEX = {
    "FUNCTIONS_EXTENSION_VERSION": "~4",
    "WEBSITE_SITE_NAME": "app-desk",
    "WEBSITE_SKU": "FlexConsumption",
    "WEBSITE_POD_NAME": "0--abc",
    "LEGION_SERVICE_HOST": "10.0.0.1",
}
"""As Flex Consumption runs an app: without WEBSITE_INSTANCE_ID."""


ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


def signed_in(*claims: tuple[str, str], role_typ: str | None = ROLE) -> dict[str, str]:
    """The headers of a caller with these claims."""
    principal = {
        "auth_typ": "aad",
        "claims": [{"typ": typ, "val": val} for typ, val in claims],
        "role_typ": role_typ,
    }
    return {PRINCIPAL: base64.b64encode(json.dumps(principal).encode()).decode()}


def status(headers: dict[str, str], sign_in: SignIn = IN_AZURE) -> int | None:
    answer = refusal(headers, sign_in)
    return None if answer is None else answer.status


@pytest.mark.parametrize("kind", ["roles", ROLE])
def test_a_caller_with_the_role_may_read(kind: str) -> None:
    assert status(signed_in(("name", "Bo"), (kind, "Other"), (kind, READER))) is None
    assert status(signed_in((kind, READER), role_typ=None)) is None


def test_a_caller_without_the_role_is_refused_whatever_else_is_claimed() -> None:
    assert status(signed_in()) == 403
    assert status(signed_in(("roles", "Sheriff.Writer"), ("name", READER))) == 403
    assert status(signed_in(("roles", READER.lower()))) == 403


def test_without_a_caller_nobody_is_let_in() -> None:
    assert status({}) == 401
    assert status({PRINCIPAL: ""}) == 401


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_a_header_that_is_none_is_refused_and_never_an_error(header: str) -> None:
    assert status({PRINCIPAL: header}) in {401, 403}


def test_a_header_without_end_is_refused_unread() -> None:
    assert status(signed_in(("roles", READER), ("padding", "x" * 100_000))) == 401


def test_where_the_platform_signs_nobody_in_its_headers_are_not_believed() -> None:
    assert status(signed_in(("roles", READER)), SignIn(required=True, on=False)) == 403


def test_a_machine_of_ones_own_asks_nobody() -> None:
    assert status({}, SignIn.from_environ({"SHERIFF_LOCAL": "on"})) is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, SignIn(required=True, on=False)),
        ({"SHERIFF_LOCAL": "off"}, SignIn(required=True, on=False)),
        ({"SHERIFF_LOCAL": "yes"}, SignIn(required=True, on=False)),
        (FLEX, SignIn(required=True, on=False)),
        (FLEX | {"WEBSITE_AUTH_ENABLED": "False"}, SignIn(required=True, on=False)),
        (FLEX | {"WEBSITE_AUTH_ENABLED": "True"}, SignIn(required=True, on=True)),
        (FLEX | {"SHERIFF_LOCAL": "on"}, SignIn(required=True, on=False)),
        ({"WEBSITE_INSTANCE_ID": "i-1", "SHERIFF_LOCAL": "on"}, SignIn(required=True, on=False)),
    ],
)
def test_callers_sign_in_unless_the_machine_is_said_to_be_ones_own(
    environ: dict[str, str], expected: SignIn
) -> None:
    assert SignIn.from_environ(environ) == expected
