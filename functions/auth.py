"""Decide who may read alerts, from what App Service says about the caller.

In Azure the platform signs the caller in with Entra. It removes headers of these names from the
request and adds its own, so the headers can be trusted there, and only there. Where the platform
says nothing, or its sign-in is off, nobody is let in.
"""

import base64
import logging
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from functions.answers import Answer, problem
from functions.settings import SignIn

logger = logging.getLogger(__name__)

READER = "Sheriff.Reader"
"""The app role, of people and of programs, that may read alerts."""

PRINCIPAL = "x-ms-client-principal"
"""The header with the caller's claims: JSON in base64."""

_ROLES = {"roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}
_LONGEST = 64 * 1024


class _Claim(msgspec.Struct):
    typ: str
    val: str


class _Principal(msgspec.Struct):
    claims: list[_Claim] = []
    role_typ: str | None = None


def refusal(headers: Mapping[str, str], sign_in: SignIn) -> Answer | None:
    """Return the answer to a caller who may not read alerts; None for a caller who may."""
    if not sign_in.required:
        return None
    if not sign_in.on:
        logger.error("App Service authentication is off: nobody may read alerts")
        return problem(HTTPStatus.FORBIDDEN, "this app does not sign anybody in")
    roles = _roles(headers.get(PRINCIPAL, ""))
    if roles is None:
        return problem(HTTPStatus.UNAUTHORIZED, "sign in with Entra")
    if READER not in roles:
        return problem(HTTPStatus.FORBIDDEN, f"the role {READER} is needed")
    return None


def _roles(header: str) -> set[str] | None:
    """Return the app roles of a caller; None where nobody is signed in."""
    if not header or len(header) > _LONGEST:
        return None
    try:
        decoded = base64.b64decode(header, validate=True)
        principal = msgspec.json.decode(decoded, type=_Principal)
    except (ValueError, RecursionError):  # msgspec's and base64's errors are ValueErrors
        return None
    kinds = _ROLES | {principal.role_typ}
    return {claim.val for claim in principal.claims if claim.typ in kinds}
