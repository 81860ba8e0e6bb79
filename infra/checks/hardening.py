"""What every resource must say to be safe: no keys, no public data, no old TLS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

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

REQUIRED: Mapping[str, Mapping[str, Any]] = {
    STORAGE: {
        "properties.allowBlobPublicAccess": False,
        "properties.allowSharedKeyAccess": False,
        "properties.allowCrossTenantReplication": False,
        "properties.defaultToOAuthAuthentication": True,
        "properties.isLocalUserEnabled": False,
        "properties.isSftpEnabled": False,
        "properties.minimumTlsVersion": "TLS1_2",
        "properties.supportsHttpsTrafficOnly": True,
        "properties.networkAcls.bypass": "AzureServices",
        "kind": "StorageV2",
        "properties.accessTier": "Hot",
        "properties.encryption.keySource": "Microsoft.Storage",
        "properties.encryption.requireInfrastructureEncryption": True,
    },
    BLOB_SERVICE: {
        "properties.deleteRetentionPolicy.enabled": True,
        "properties.containerDeleteRetentionPolicy.enabled": True,
    },
    BLOB_CONTAINER: {"properties.publicAccess": "None"},
    COSMOS: {
        "properties.disableLocalAuth": True,
        "properties.disableKeyBasedMetadataWriteAccess": True,
        "properties.minimalTlsVersion": "Tls12",
        "properties.enableAutomaticFailover": True,
        "properties.networkAclBypass": "None",
        "properties.backupPolicy.type": "Continuous",
        "properties.consistencyPolicy.defaultConsistencyLevel": "Session",
        "properties.databaseAccountOfferType": "Standard",
        "kind": "GlobalDocumentDB",
    },
    f"{NAMESPACE}/networkRuleSets": {"properties.trustedServiceAccessEnabled": True},
    NAMESPACE: {
        "properties.disableLocalAuth": True,
        "properties.minimumTlsVersion": "1.2",
        "properties.isAutoInflateEnabled": True,
        "properties.zoneRedundant": True,
        "identity.type": "UserAssigned",
        "sku.name": "Standard",
        "sku.tier": "Standard",
    },
    HUB: {
        "properties.captureDescription.skipEmptyArchives": True,
        "properties.captureDescription.destination.properties.archiveNameFormat": (
            "{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}"
        ),
        "properties.captureDescription.enabled": True,
        "properties.captureDescription.encoding": "Avro",
        "properties.captureDescription.destination.name": "EventHubArchive.AzureBlockBlob",
        "properties.captureDescription.destination.identity.type": "UserAssigned",
        "properties.captureDescription.destination.properties.blobContainer": "orders-archive",
    },
    PLAN: {"sku.name": "FC1", "sku.tier": "FlexConsumption", "properties.reserved": True},
    SITE: {
        "kind": "functionapp,linux",
        "identity.type": "UserAssigned",
        "properties.httpsOnly": True,
        "properties.siteConfig.minTlsVersion": "1.2",
        "properties.siteConfig.scmMinTlsVersion": "1.2",
        "properties.siteConfig.http20Enabled": True,
        "properties.siteConfig.remoteDebuggingEnabled": False,
        "properties.functionAppConfig.deployment.storage.authentication.type": (
            "UserAssignedIdentity"
        ),
    },
    f"{SITE}/basicPublishingCredentialsPolicies": {"properties.allow": False},
    VAULT: {
        "properties.enableRbacAuthorization": True,
        "properties.enablePurgeProtection": True,
        "properties.enableSoftDelete": True,
        "properties.softDeleteRetentionInDays": 90,
        "properties.networkAcls.bypass": "AzureServices",
        "properties.sku.name": "standard",
    },
    WORKSPACE: {
        "identity.type": "UserAssigned",
        "properties.systemDatastoresAuthMode": "Identity",
        "properties.v1LegacyMode": False,
    },
    f"{BLOB_CONTAINER}/immutabilityPolicies": {"properties.allowProtectedAppendWrites": False},
    LOGS: {
        "properties.features.disableLocalAuth": True,
        "properties.features.enableLogAccessUsingOnlyResourcePermissions": True,
        "properties.sku.name": "PerGB2018",
    },
    "Microsoft.Insights/privateLinkScopes": {
        "properties.accessModeSettings.ingestionAccessMode": "PrivateOnly",
        "properties.accessModeSettings.queryAccessMode": "PrivateOnly",
    },
    "Microsoft.Network/natGateways": {"sku.name": "Standard"},
    "Microsoft.Network/publicIPAddresses": {
        "sku.name": "Standard",
        "properties.publicIPAllocationMethod": "Static",
    },
    INSIGHTS: {"properties.DisableLocalAuth": True, "properties.Application_Type": "web"},
}
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
                yield _differs(resource, path, expected)
        for path, text in texts(resource.body):
            if _SECRETS.search(text):
                yield f"{resource.where}: {resource.name}: {path} holds a secret"
    yield from _settings_with_secrets(deployment)
    yield from _publishing(deployment)
    yield from _encryption_in_transit(deployment)


def secret_functions(file: str, text: str) -> Iterator[str]:
    """Functions that read keys, anywhere in a template."""
    for found in _SECRET_FUNCTIONS.finditer(text):
        yield f"{file}: {found.group()} reads a key"


def _differs(resource: Resource, path: str, expected: Any) -> str:
    return (
        f"{resource.where}: {resource.name}: {path} is {resource.at(path)!r}, expected {expected!r}"
    )


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
