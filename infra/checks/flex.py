"""What the Flex Consumption plan refuses, ignores or needs; types know nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from infra.checks.deployment import Deployment, Resource
from infra.checks.hardening import BLOB_CONTAINER, PLAN, SITE, settings
from infra.checks.published import flex_deprecations

REFUSED_PROPERTIES = frozenset(
    (
        "functionsruntimescalemonitoringenabled",
        "javacontainer",
        "javacontainerversion",
        "minimumelasticinstancecount",
        "pythonversion",
    )
)
"""Of other plans, too, or the end of a deployment with error 51021: microsoft/azure-pipelines-tasks
21032, Azure/terraform-azurerm-avm-res-web-site 283 and 345. In lower case, as they are compared."""

REFUSED_SETTINGS = frozenset(("TZ", "WEBSITE_INSTANCE_ID", "WEBSITE_TIME_ZONE"))
"""The plan knows no time zones ("Azure Functions Flex Consumption plan hosting", Considerations).
It does not set WEBSITE_INSTANCE_ID itself either, as App Service does: nothing may be concluded
from its absence (`shared.locality`)."""

_SETTINGS_SECTIONS = {"appsettings", "web"}


def problems(deployment: Deployment) -> Iterator[str]:
    """What Flex Consumption would not take."""
    plans: dict[str, str] = {}
    for site in deployment.of(SITE):
        yield from _refused(site)
        yield from _package(site, deployment)
        yield from _scale(site)
        plan = site.at("properties.serverFarmId", "")
        if plan in plans:
            yield f"{site.where}: {site.name} shares its plan with {plans[plan]}"
        if plan not in {one.id for one in deployment.of(PLAN)}:
            yield f"{site.where}: {site.name}: its plan is not made here"
        plans[plan] = site.name
    for section in deployment.of(f"{SITE}/config"):
        if section.name.rpartition("/")[2].lower() in _SETTINGS_SECTIONS:
            yield f"{section.where}: {section.name} replaces what the site itself says"


def _refused(site: Resource) -> Iterator[str]:
    deprecated, properties = flex_deprecations()
    for where in ("properties", "properties.siteConfig"):
        for name in site.at(where, {}):
            if name.lower() in properties | REFUSED_PROPERTIES:
                yield f"{site.where}: {site.name}: {name} is refused by Flex Consumption"
    for name in settings(site):
        if name in deprecated | REFUSED_SETTINGS:
            yield f"{site.where}: {site.name}: the setting {name} is not one of Flex Consumption"


_PACKAGE = re.compile(
    r"\[format\('\{0\}\{1\}', "
    r"reference\('([^']+)', '[\d-]+'\)\.primaryEndpoints\.blob, '([\w-]+)'\)\]"
)


def _package(site: Resource, deployment: Deployment) -> Iterator[str]:
    """The package lies in a container that is made here, in the host's account of this app."""
    storage = site.at("properties.functionAppConfig.deployment.storage", {})
    found = _PACKAGE.fullmatch(storage.get("value", ""))
    container = f"{found[1]}/blobServices/default/containers/{found[2]}" if found else None
    made = {one.id for one in deployment.of(BLOB_CONTAINER)}
    if container not in made:
        yield f"{site.where}: {site.name}: the container of its package is not made here"
    identity = storage.get("authentication", {}).get("userAssignedIdentityResourceId")
    if identity not in site.at("identity.userAssignedIdentities", {}):
        yield f"{site.where}: {site.name}: its package is read with an identity it does not have"


def _scale(site: Resource) -> Iterator[str]:
    scale = site.at("properties.functionAppConfig.scaleAndConcurrency", {})
    if scale.get("instanceMemoryMB") not in {512, 2048, 4096}:
        yield f"{site.where}: {site.name}: an instance has 512, 2048 or 4096 MB"
    if not 40 <= scale.get("maximumInstanceCount", 0) <= 1000:
        yield f"{site.where}: {site.name}: at most 40 to 1000 instances"
