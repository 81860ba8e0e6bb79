"""Who may do what: exactly this, no less and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from infra.checks.deployment import Deployment, Resource, declared, expression, nested
from infra.checks.hardening import (
    BLOB_CONTAINER,
    COSMOS,
    HUB,
    INSIGHTS,
    SITE,
    STORAGE,
    VAULT,
    WORKSPACE,
    settings,
)

ROLES_FILE = "infra/modules/roles.bicep"
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DOCUMENT_ASSIGNMENT = f"{COSMOS}/sqlRoleAssignments"

ROLE_NAMES = {
    "a638d3c7-ab3a-418d-83e6-5f17a39d4fde": "Event Hubs Data Receiver",
    "2b629674-e913-4c01-ae53-ef4638d8f975": "Event Hubs Data Sender",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": "Storage Blob Data Contributor",
    "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1": "Storage Blob Data Reader",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "17d1049b-9a84-46fb-8f53-869881c3d3ab": "Storage Account Contributor",
    "f25e0fa2-a7c8-4377-a976-54943a77a1f1": "Key Vault Contributor",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "f6c7c914-8db3-469d-8ca1-694a8f32e121": "AzureML Data Scientist",
    "00000000-0000-0000-0000-000000000001": "Cosmos DB Data Reader",
    "00000000-0000-0000-0000-000000000002": "Cosmos DB Data Contributor",
}


class Grant(NamedTuple):
    """One identity, one role, and what it is given on."""

    holder: str
    on: str
    role: str


_READ, _WRITE = "Storage Blob Data Reader", "Storage Blob Data Contributor"
_READ_DOCUMENTS, _WRITE_DOCUMENTS = "Cosmos DB Data Reader", "Cosmos DB Data Contributor"

EXPECTED = frozenset(
    (
        Grant("capture", "blobs orders-archive", _WRITE),
        Grant("scorer", "hub orders", "Event Hubs Data Receiver"),
        Grant("scorer", "blobs models", _READ),
        Grant("scorer", "blobs reference", _READ),
        Grant("scorer", "blobs dead-letters", _WRITE),
        Grant("scorer", "documents alerts", _WRITE_DOCUMENTS),
        Grant("scorer", "documents incidents", _WRITE_DOCUMENTS),
        Grant("scorer", "documents state", _WRITE_DOCUMENTS),
        Grant("scorer", "documents shadow", _WRITE_DOCUMENTS),
        Grant("trainer", "blobs orders-archive", _READ),
        Grant("trainer", "blobs reference", _READ),
        Grant("trainer", "blobs models", _WRITE),
        Grant("trainer", "blobs training", _WRITE),
        Grant("trainer", "documents alerts", _READ_DOCUMENTS),
        Grant("trainer", "documents incidents", _READ_DOCUMENTS),
        Grant("trainer", "documents state", _READ_DOCUMENTS),
        Grant("trainer", "documents decisions", _READ_DOCUMENTS),
        Grant("trainer", "documents shadow", _READ_DOCUMENTS),
        Grant("desk", "documents alerts", _READ_DOCUMENTS),
        *(
            Grant(app, on, role)
            for app in ("scorer", "trainer", "desk")
            for on, role in (
                (f"host of the {app}", "Storage Blob Data Owner"),
                (f"host of the {app}", "Storage Table Data Contributor"),
                ("telemetry", "Monitoring Metrics Publisher"),
            )
        ),
    )
)
"""Every role in every environment."""

WITH_WORKSPACE = frozenset(
    (
        Grant("trainer", "machine learning", "AzureML Data Scientist"),
        Grant("trainer", "machine learning's storage", _WRITE),
        Grant("mlflow", "machine learning's storage", _WRITE),
        Grant("mlflow", "machine learning's storage", "Storage Account Contributor"),
        Grant("mlflow", "machine learning's vault", "Key Vault Contributor"),
        Grant("mlflow", "machine learning's vault", "Key Vault Secrets Officer"),
    )
)
"""What comes with the workspace, where MLflow is in Azure Machine Learning."""

_OF_IDENTITY = r"\[reference\('[^']+/userAssignedIdentities/[\w-]*-(\w+)', '[\d-]+'\)\.%s\]"
_OBJECT_ID = re.compile(_OF_IDENTITY % "principalId")
_CLIENT_ID = re.compile(_OF_IDENTITY % "clientId")

WITH_PIPELINE = frozenset(
    (
        Grant("pipeline", "hub orders", "Event Hubs Data Sender"),
        Grant("pipeline", "blobs models", _WRITE),
        Grant("pipeline", "blobs reference", _READ),
        Grant("pipeline", "documents alerts", _WRITE_DOCUMENTS),
        Grant("pipeline", "documents state", _READ_DOCUMENTS),
    )
)
"""What the pipeline needs for its smoke test and to promote, where its principal is named."""

WITH_BOTH = frozenset((Grant("pipeline", "machine learning", "AzureML Data Scientist"),))
"""To find a registered version, and to move the record's alias."""


def problems(deployment: Deployment) -> Iterator[str]:
    """Grants that are missing or too many, and assignments that Azure would trip over."""
    expected = set(EXPECTED)
    if deployment.of(WORKSPACE):
        expected |= WITH_WORKSPACE
    if deployment.given["pipelinePrincipalId"]:
        expected |= WITH_PIPELINE
        if deployment.of(WORKSPACE):
            expected |= WITH_BOTH
    found = set(grants(deployment))
    for grant in sorted(expected - found):
        yield f"{ROLES_FILE}: {grant.holder} lacks {grant.role} on {grant.on}"
    for grant in sorted(found - expected):
        yield f"{ROLES_FILE}: {grant.holder} must not be {grant.role} on {grant.on}"
    yield from _tripped_over(deployment)
    yield from _identities(deployment)
    yield from _twice(deployment)


def _tripped_over(deployment: Deployment) -> Iterator[str]:
    """Assignments that Azure would refuse, now or once an identity is made again."""
    for one in deployment.of(ASSIGNMENT, DOCUMENT_ASSIGNMENT):
        if one.where != ROLES_FILE:
            yield f"{one.where}: roles are assigned in {ROLES_FILE} only"
        if one.type == ASSIGNMENT and one.at("properties.principalType") != "ServicePrincipal":
            yield f"{one.where}: principalType is not ServicePrincipal"
        holder = str(one.at("properties.principalId", ""))
        ours = _OBJECT_ID.fullmatch(holder) or holder == deployment.given["pipelinePrincipalId"]
        if not holder or not ours:
            yield f"{one.where}: {holder or 'nothing'} is no object id of an identity"


def grants(deployment: Deployment) -> Iterator[Grant]:
    """Every role assignment, by short names."""
    for one in deployment.of(ASSIGNMENT, DOCUMENT_ASSIGNMENT):
        role = str(one.at("properties.roleDefinitionId", "")).rpartition("/")[2]
        name = ROLE_NAMES.get(role, f"the unknown role {role}")
        yield Grant(_holder(one, deployment), _on(one, deployment), name)


def _holder(one: Resource, deployment: Deployment) -> str:
    principal = one.at("properties.principalId", "")
    if principal and principal == deployment.given["pipelinePrincipalId"]:
        return "pipeline"
    found = _OBJECT_ID.fullmatch(str(principal))
    return found[1] if found else str(principal)


def _on(one: Resource, deployment: Deployment) -> str:
    if one.type == DOCUMENT_ASSIGNMENT:
        account, _, path = str(one.at("properties.scope", "")).partition("/dbs/")
        database, _, container = path.partition("/colls/")
        known = account in {cosmos.id for cosmos in deployment.of(COSMOS)} and database == "sheriff"
        return f"documents {container}" if known and container else "the whole of Cosmos DB"
    if one.scope is None:
        return "the whole resource group"
    over = next((found for found in deployment.resources if found.id == one.scope), None)
    if over is None:
        return f"{one.scope}, which is not made here"
    short = over.name.rpartition("/")[2]
    shown = {
        BLOB_CONTAINER: f"blobs {short}",
        HUB: f"hub {short}",
        INSIGHTS: "telemetry",
        WORKSPACE: "machine learning",
        VAULT: "machine learning's vault",
    }
    if over.type == STORAGE:
        return _account(over, deployment)
    return shown.get(over.type, f"the whole of {over.name}")


def _account(account: Resource, deployment: Deployment) -> str:
    if account.id in {one.at("properties.storageAccount") for one in deployment.of(WORKSPACE)}:
        return "machine learning's storage"
    for site in deployment.of(SITE):
        if f"'{account.id}'" in settings(site).get("AzureWebJobsStorage__blobServiceUri", ""):
            return f"host of the {settings(site).get('SHERIFF_ROLE')}"
    return f"the whole of {account.name}"


def _identities(deployment: Deployment) -> Iterator[str]:
    """Each app has an identity of its own, the one that is named after its role."""
    for site in deployment.of(SITE):
        held = list(site.at("identity.userAssignedIdentities", {}))
        role = settings(site).get("SHERIFF_ROLE", "")
        if len(held) != 1 or not held[0].endswith(f"-{role}"):
            yield f"{site.where}: {site.name} has not the one identity of the {role}"
        for name, given in settings(site).items():
            client = name == "AZURE_CLIENT_ID" or name.endswith("__clientId")
            found = _CLIENT_ID.fullmatch(given)
            if client and (found is None or found[1] != role):
                yield f"{site.where}: {site.name}: {name} is another identity's"
    for hub in deployment.of(HUB):
        path = "properties.captureDescription.destination.identity.userAssignedIdentity"
        held = [one for above in _namespaces(hub, deployment) for one in above]
        if hub.at(path) not in held or not str(hub.at(path)).endswith("-capture"):
            yield f"{hub.where}: {hub.name}: Capture's identity is not held by the namespace"


def _namespaces(hub: Resource, deployment: Deployment) -> Iterator[list[str]]:
    for namespace in deployment.of("Microsoft.EventHub/namespaces"):
        if hub.name.startswith(f"{namespace.name}/"):
            yield list(namespace.at("identity.userAssignedIdentities", {}))


def _twice(deployment: Deployment) -> Iterator[str]:
    """No two assignments have one name, at one place."""
    seen: set[str] = set()
    for one in deployment.of(ASSIGNMENT, DOCUMENT_ASSIGNMENT):
        if one.id in seen:
            yield f"{one.where}: two role assignments have the name {one.name}"
        seen.add(one.id)


def named_by_principal(template: Mapping[str, Any]) -> Iterator[str]:
    """The name of an assignment holds the object id of who it is for, as the template writes it.

    Otherwise an identity that was deleted and made again (it has a new object id) blocks every
    deployment: the name is the old one's, and Azure lets nobody change its principal.
    """
    for symbol, inner in nested(template):
        for one in declared(inner):
            if one["type"] in {ASSIGNMENT, DOCUMENT_ASSIGNMENT}:
                holder = expression(one["properties"]["principalId"])
                if not holder or f"{holder}," not in expression(one["name"]):
                    yield f"the module {symbol}: {one['name']} does not hold its principalId"


def named_roles(files: Mapping[str, str]) -> Iterator[str]:
    """Every GUID of a role stands in one variable, in one file."""
    for file, text in files.items():
        for guid, name in ROLE_NAMES.items():
            times = text.count(guid) if file.endswith(".bicep") else 0
            if times > (file == ROLES_FILE):
                yield f"{file}: {name} ({guid}) stands {times} times; it has a variable"
