"""What every resource must say to be safe: no keys, no public data, no old TLS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.checks.data import ours
from infra.checks.deployment import Deployment, Resource

STORAGE = "Microsoft.Storage/storageAccounts"
BLOB_SERVICE = f"{STORAGE}/blobServices"
BLOB_CONTAINER = f"{BLOB_SERVICE}/containers"
COSMOS = "Microsoft.DocumentDB/databaseAccounts"
NAMESPACE = "Microsoft.EventHub/namespaces"
HUB = f"{NAMESPACE}/eventhubs"
SITE = "Microsoft.Web/sites"
PLAN = "Microsoft.Web/serverfarms"
VAULT = "Microsoft.KeyVault/vaults"
WORKSPACE = "Microsoft.MachineLearningServices/workspaces"
LOGS = "Microsoft.OperationalInsights/workspaces"
INSIGHTS = "Microsoft.Insights/components"

REQUIRED: Mapping[str, Mapping[str, Any]] = ours("hardening")
"""Values by type and path."""

# A key, a connection string, a signature: in whatever property they stand.
_SECRETS = re.compile(
    r"AccountKey=|SharedAccessKey=|SharedAccessSignature|[?&]sig=|DefaultEndpointsProtocol"
    r"|Password=|-----BEGIN|[A-Za-z0-9+/]{86}=="
)
_SECRET_NAMES = re.compile(r"(?i)(?:_|^|\.)(?:key|secret|password|token)$|connectionstring$")
_SECRET_FUNCTIONS = re.compile(r"\blist[A-Z]\w*\s*\(|\.list[A-Z]\w*\s*\(|\bgetSecret\s*\(")
_CONNECTIONS = {"APPLICATIONINSIGHTS_CONNECTION_STRING"}  # names an endpoint; Entra signs in


def problems(deployment: Deployment) -> Iterator[str]:
    """What is not as safe as it must be."""
    for resource in deployment.resources:
        for path, expected in REQUIRED.get(resource.type, {}).items():
            if resource.at(path) != expected:
                found = f"{path} is {resource.at(path)!r}, expected {expected!r}"
                yield f"{resource.where}: {resource.name}: {found}"
        for path, text in texts(resource.body):
            if _SECRETS.search(text):
                yield f"{resource.where}: {resource.name}: {path} holds a secret"
    yield from _follows(deployment)
    yield from _settings_with_secrets(deployment)
    yield from _publishing(deployment)
    yield from _encryption_in_transit(deployment)


def _follows(deployment: Deployment) -> Iterator[str]:
    """What is otherwise than a parameter says."""
    for rule in ours("follows")["follows"]:
        given = deployment.given[rule["parameter"]]
        expected = rule["is"][str(given).lower()] if "is" in rule else given
        for one in deployment.of(*rule["types"]):
            if one.at(rule["path"]) != expected:
                found = f"{rule['path']} does not follow {rule['parameter']}"
                yield f"{one.where}: {one.name}: {found}: expected {expected!r}"


def secret_functions(file: str, text: str) -> Iterator[str]:
    """Functions that read keys, anywhere in a template."""
    for found in _SECRET_FUNCTIONS.finditer(text):
        yield f"{file}: {found.group()} reads a key"


def texts(of: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a value, and its path."""
    if isinstance(of, str):
        yield path, of
    elif isinstance(of, Mapping):
        for name, item in of.items():
            yield from texts(item, f"{path}.{name}")
    elif isinstance(of, list):
        for item in of:
            yield from texts(item, path)


def settings(site: Resource) -> dict[str, str]:
    """The app settings of a site."""
    listed = site.at("properties.siteConfig.appSettings", [])
    return {one["name"]: one["value"] for one in listed}


def _settings_with_secrets(deployment: Deployment) -> Iterator[str]:
    for site in deployment.of(SITE):
        listed = site.at("properties.siteConfig.appSettings", [])
        names = [one["name"] for one in listed]
        for name in names:
            if names.count(name) > 1:
                yield f"{site.where}: {site.name}: the setting {name} is given twice"
            if _SECRET_NAMES.search(name) and name not in _CONNECTIONS:
                yield f"{site.where}: {site.name}: the setting {name} is a key's"
            if name in {"AzureWebJobsStorage", "EventHubConnection", "BLOB_CONNECTION"}:
                yield f"{site.where}: {site.name}: {name} is a connection string's, not an identity"


def _publishing(deployment: Deployment) -> Iterator[str]:
    """Nobody publishes by a password: both ways are shut, on every site."""
    shut = {one.name for one in deployment.of(f"{SITE}/basicPublishingCredentialsPolicies")}
    for site in deployment.of(SITE):
        for way in ("ftp", "scm"):
            if f"{site.name}/{way}" not in shut:
                yield f"{site.where}: {site.name}: publishing by {way} is not shut"


def _encryption_in_transit(deployment: Deployment) -> Iterator[str]:
    for resource in deployment.resources:
        for path, text in texts(resource.body):
            if text.startswith("http://") and not path.endswith("$schema"):
                yield f"{resource.where}: {resource.name}: {path} is plain http"
