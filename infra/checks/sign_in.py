"""Who the desk lets in; how they sign in is in hardening.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.deployment import Deployment, Resource
from infra.checks.hardening import SITE, settings


def problems(deployment: Deployment) -> Iterator[str]:
    """The desk alone asks callers to sign in, and lets in the analysts."""
    sections = {one.name: one for one in deployment.of(f"{SITE}/config")}
    for site in deployment.of(SITE):
        found = sections.pop(f"{site.name}/authsettingsV2", None)
        if settings(site).get("SHERIFF_ROLE") == "desk":
            if found is None:
                yield f"{site.where}: the desk lets anybody in"
            else:
                yield from _sign_in(found, deployment.given)
        elif found is not None:
            yield f"{found.where}: {site.name} has nothing to sign in to, and its host would ask"


def _sign_in(found: Resource, given: Mapping[str, Any]) -> Iterator[str]:
    client, group = given["deskClientId"], given["analystGroupId"]
    provider = found.at("properties.identityProviders.azureActiveDirectory", {})
    validation = provider.get("validation", {})
    principals = validation.get("defaultAuthorizationPolicy", {}).get("allowedPrincipals", {})
    if provider.get("enabled") is not bool(client and group):
        yield f"{found.where}: everybody in the tenant may call the desk, or nobody"
    if principals.get("groups") != ([group] if group else []):
        yield f"{found.where}: others than the analysts may call the desk"
    if provider.get("registration", {}).get("clientId") != client:
        yield f"{found.where}: callers sign in to something else"
    if validation.get("allowedAudiences") != [f"api://{client}", client]:
        yield f"{found.where}: tokens for something else are taken"
