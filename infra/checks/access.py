"""Who may do what: exactly this, no less and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from infra.checks.data import ours
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
from infra.checks.published import role_names

ROLES_FILE = "infra/modules/roles.bicep"
ASSIGNMENT = "Microsoft.Authorization/roleAssignments"
DOCUMENT_ASSIGNMENT = f"{COSMOS}/sqlRoleAssignments"


class Grant(NamedTuple):
    """One identity, one role, and what it is given on."""

    holder: str
    on: str
    role: str


_OF_IDENTITY = r"\[reference\('[^']+/userAssignedIdentities/[\w-]*-(\w+)', '[\d-]+'\)\.%s\]"
_OBJECT_ID = re.compile(_OF_IDENTITY % "principalId")
_CLIENT_ID = re.compile(_OF_IDENTITY % "clientId")


def expected(*there: str) -> set[Grant]:
    """Every grant where some of ``workspace``, ``pipeline`` and ``analysts`` are there."""
    parts = [part for part in ours("access")["part"] if set(part["with"]) <= set(there)]
    return {Grant(*row) for part in parts for row in part["grants"]}


def problems(deployment: Deployment) -> Iterator[str]:
    """Grants that are missing or too many, and assignments that Azure would trip over."""
    workspace = ["workspace"] if deployment.of(WORKSPACE) else []
    wanted = expected(*workspace, *_named(deployment).values())
    found = set(grants(deployment))
    for grant in sorted(wanted - found):
        yield f"{ROLES_FILE}: {grant.holder} lacks {grant.role} on {grant.on}"
    for grant in sorted(found - wanted):
        yield f"{ROLES_FILE}: {grant.holder} must not be {grant.role} on {grant.on}"
    yield from _tripped_over(deployment)
    yield from _identities(deployment)
    yield from _twice(deployment)


def _tripped_over(deployment: Deployment) -> Iterator[str]:
    """Assignments that Azure would refuse, now or once an identity is made again."""
    for one in deployment.of(ASSIGNMENT, DOCUMENT_ASSIGNMENT):
        if one.where != ROLES_FILE:
            yield f"{one.where}: roles are assigned in {ROLES_FILE} only"
        holder = str(one.at("properties.principalId", ""))
        named = _named(deployment)
        kind = "Group" if named.get(holder) == "analysts" else "ServicePrincipal"
        if one.type == ASSIGNMENT and one.at("properties.principalType") != kind:
            yield f"{one.where}: principalType is not {kind}"
        if not _OBJECT_ID.fullmatch(holder) and holder not in named:
            yield f"{one.where}: {holder or 'nothing'} is no object id of an identity"


def grants(deployment: Deployment) -> Iterator[Grant]:
    """Every role assignment, by short names."""
    for one in deployment.of(ASSIGNMENT, DOCUMENT_ASSIGNMENT):
        role = str(one.at("properties.roleDefinitionId", "")).rpartition("/")[2]
        name = role_names().get(role, f"the role {role}, which nobody publishes,")
        yield Grant(_holder(one, deployment), _on(one, deployment), name)


def _holder(one: Resource, deployment: Deployment) -> str:
    principal = str(one.at("properties.principalId", ""))
    found = _OBJECT_ID.fullmatch(principal)
    return found[1] if found else _named(deployment).get(principal, principal)


def _named(deployment: Deployment) -> dict[str, str]:
    """Who is not made here: object id, and what we call them."""
    given = deployment.given
    named = {given["pipelinePrincipalId"]: "pipeline", given["analystGroupId"]: "analysts"}
    return {guid: name for guid, name in named.items() if guid}


def _on(one: Resource, deployment: Deployment) -> str:
    if one.type == DOCUMENT_ASSIGNMENT:
        account, _, path = str(one.at("properties.scope", "")).partition("/dbs/")
        database, _, container = path.partition("/colls/")
        known = account in {cosmos.id for cosmos in deployment.of(COSMOS)} and database == "sheriff"
        return f"documents {container}".strip() if known else "the whole of Cosmos DB"
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
        COSMOS: "the account of the documents",
    }
    if over.type == STORAGE:
        return _account(over, deployment)
    return shown.get(over.type, f"the whole of {over.name}")


def _account(account: Resource, deployment: Deployment) -> str:
    if account.id in {one.at("properties.storageAccount") for one in deployment.of(WORKSPACE)}:
        return "machine learning's storage"
    for site in deployment.of(SITE):
        if account.name == settings(site).get("AzureWebJobsStorage__accountName"):
            return f"host of the {settings(site).get('SHERIFF_ROLE')}"
    captured = "properties.captureDescription.destination.properties.storageAccountResourceId"
    if account.id in {one.at(captured) for one in deployment.of(HUB)}:
        return "the data account"
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
    """A role stands in one file, once, in a variable that is called as Azure calls the role."""
    for file, text in files.items():
        if file == ROLES_FILE:
            yield from _variables(text)
        elif file.endswith(".bicep"):
            for guid in _GUID.findall(text):
                yield f"{file}: {guid} belongs into a variable of {ROLES_FILE}"


_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_VARIABLE = re.compile(rf"^var (\w+) = '({_GUID.pattern})'$", re.MULTILINE)


def _variables(text: str) -> Iterator[str]:
    found = _VARIABLE.findall(text)
    if len(_GUID.findall(text)) != len(found):
        yield f"{ROLES_FILE}: an id of a role stands outside of its variable"
    for variable, guid in found:
        published = role_names().get(guid)
        if published is None:
            yield f"{ROLES_FILE}: {variable}: nobody publishes a role {guid}"
        elif _plain(published) != _plain(variable):
            yield f"{ROLES_FILE}: {variable} is the id of {published}"


def _plain(name: str) -> str:
    """A name as a variable may have it: without blanks, and without what all of them say."""
    return re.sub(r"azure|built-in|role$|\W", "", name.lower())
