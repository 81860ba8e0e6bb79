"""Names and values that templates, host, settings, code and documents must agree on."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from functions.settings import JobSettings, Settings, SignIn, role
from infra.checks.deployment import Deployment, Resource, expression
from infra.checks.hardening import BLOB_CONTAINER, COSMOS, HUB, NAMESPACE, SITE, settings
from infra.local.resources import BLOB_CONTAINERS, COMPOSITE_INDEXES
from infra.pipelines.outputs import NEEDED
from shared.containers import PARTITION_KEYS
from shared.errors import ConfigurationError
from shared.locality import LOCAL
from shared.stores.settings import HubSettings
from training.settings import TrainingSettings

DOCUMENTS = f"{COSMOS}/sqlDatabases/containers"
CHECKPOINTS = "azure-webjobs-eventhub"  # the host makes it, in its own account

# What the platform reads, and not Sheriff.
_PLATFORM = re.compile(
    r"AzureWebJobsStorage__(credential|clientId|accountName)"
    r"|EventHubConnection__(fullyQualifiedNamespace|credential|clientId)"
    r"|APPLICATIONINSIGHTS_(CONNECTION|AUTHENTICATION)_STRING"
    r"|AzureFunctionsJobHost__\w+|OTEL_\w+|PYTHON_\w+"
)
_HOST = {
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__accountName",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY",
    "PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME",
    "OTEL_SERVICE_NAME",
    "OTEL_TRACES_SAMPLER",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "AZURE_CLIENT_ID",
    "SHERIFF_ROLE",
}
_TRIGGERS = {"scorer": "functions/score_orders.py", "trainer": "functions/retrain_nightly.py"}

STATE_THROUGHPUT = 4000
"""RU/s that commits may take; every batch is one."""


def problems(files: Mapping[str, str], deployment: Deployment) -> Iterator[str]:
    """What the templates call otherwise than the rest does."""
    yield from _containers(deployment)
    yield from _documents(deployment)
    yield from _capacity(deployment)
    yield from _outputs(deployment)
    roles = [settings(site).get("SHERIFF_ROLE", "") for site in deployment.of(SITE)]
    if sorted(roles) != ["desk", "scorer", "trainer"]:
        yield f"infra/main.bicep: the apps are {', '.join(roles)}, expected one of each role"
    for site in deployment.of(SITE):
        yield from _settings(site, files)
        yield from _required(site)
        yield from _trigger(site, files, deployment)
        yield from _python(site, files)


def _containers(deployment: Deployment) -> Iterator[str]:
    made = {
        one.name.rpartition("/")[2]
        for one in deployment.of(BLOB_CONTAINER)
        if one.name.startswith("stdata")
    }
    for name in made ^ (set(BLOB_CONTAINERS) - {CHECKPOINTS}):
        yield f"infra/modules/datastorage.bicep: the container {name} is made in one place only"


def _documents(deployment: Deployment) -> Iterator[str]:
    made = {one.at("properties.resource.id"): one for one in deployment.of(DOCUMENTS)}
    for name in made.keys() ^ PARTITION_KEYS.keys():
        yield f"infra/modules/cosmos.bicep: the container {name} is made in one place only"
    for name in made.keys() & PARTITION_KEYS.keys():
        one = made[name]
        key = one.at("properties.resource.partitionKey")
        if key != {"paths": [PARTITION_KEYS[name]], "kind": "Hash", "version": 2}:
            yield f"{one.where}: the partition key of {name} is {key}, not {PARTITION_KEYS[name]}"
        if _indexes(one) != COMPOSITE_INDEXES.get(name, []):
            yield f"{one.where}: the composite indexes of {name} are others than those made locally"
        ttl = one.at("properties.resource.defaultTtl")
        if not _kept(name, ttl, deployment):
            yield f"{one.where}: documents of {name} are kept {ttl} s"


def _capacity(deployment: Deployment) -> Iterator[str]:
    """A container has a throughput of its own, unless the account is serverless."""
    given = deployment.given
    busy = {"/alerts": given["alertsMaximumThroughput"], "/state": STATE_THROUGHPUT}
    for one in deployment.of(DOCUMENTS):
        most = next((most for end, most in busy.items() if one.name.endswith(end)), 1000)
        scaled = {"autoscaleSettings": {"maxThroughput": most}}
        wanted = {} if given["cosmosCapacity"] == "serverless" else scaled
        if one.at("properties.options") != wanted:
            yield f"{one.where}: the throughput of {one.name} does not follow cosmosCapacity"


def _kept(name: str, ttl: Any, deployment: Deployment) -> bool:
    days = {"alerts": deployment.given["alertsKeptDays"], "shadow": 90}
    return bool(ttl == (days[name] * 86400 if name in days else -1))


def _indexes(container: Resource) -> list[list[tuple[str, str]]]:
    written = container.at("properties.resource.indexingPolicy.compositeIndexes", [])
    return [[(part["path"], part["order"]) for part in index] for index in written]


def _documented(files: Mapping[str, str]) -> set[str]:
    return set(re.findall(r"(?m)^\| `(\w+)` \|", files["docs/settings.md"]))


def local(files: Mapping[str, str]) -> Iterator[str]:
    """Files of a deployment that name the local stack's own setting: it would open the app."""
    for file, text in files.items():
        if file.endswith((".bicep", ".bicepparam", ".json", ".yml", ".sh")) and LOCAL in text:
            yield f"{file}: {LOCAL} is the local stack's: it switches all protection off"


def documents(files: Mapping[str, str]) -> Iterator[str]:
    """Settings that the code reads, or the example sets, and docs/settings.md does not know."""
    yield from local({file: text for file, text in files.items() if file.startswith("infra/")})
    known = _documented(files) | {"FUNCTIONS_WORKER_RUNTIME"}
    if LOCAL not in known:
        yield f"shared/locality.py: docs/settings.md does not know {LOCAL}"
    for file in ("functions/settings.py", "training/settings.py", "shared/stores/settings.py"):
        for name in re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"', files[file]):
            if name not in known:
                yield f"{file}: docs/settings.md does not know {name}"
    for name in json.loads(files["local.settings.example.json"])["Values"]:
        if name not in known:
            yield f"local.settings.example.json: docs/settings.md does not know {name}"


def _settings(site: Resource, files: Mapping[str, str]) -> Iterator[str]:
    """Every setting is documented or the platform's, and those of the host are all there."""
    documented = _documented(files)
    given = settings(site)
    for name in given:
        if name == LOCAL:  # however the template spells it
            yield f"{site.where}: {site.name}: {LOCAL} switches all protection off"
        if name not in documented and not _PLATFORM.fullmatch(name):
            yield f"{site.where}: {site.name}: docs/settings.md does not know {name}"
    for name in sorted(_HOST - given.keys()):
        yield f"{site.where}: {site.name} lacks the setting {name}"
    for name, value in given.items():
        if name.endswith("__credential") and value != "managedidentity":
            yield f"{site.where}: {site.name}: {name} is {value!r}, not managedidentity"
    identity = expression(given.get("AZURE_CLIENT_ID"))
    if given.get("APPLICATIONINSIGHTS_AUTHENTICATION_STRING") != (
        f"[format('ClientId={{0}};Authorization=AAD', {identity})]"
    ):
        yield f"{site.where}: {site.name} does not sign in to Application Insights by its identity"


def _required(site: Resource) -> Iterator[str]:
    """The app itself reads its settings, as it would in Azure, and asks callers to sign in.

    Nothing is added: what a plan sets of its own is not what Sheriff protects itself by.
    """
    environ = settings(site)
    if not SignIn.from_environ(environ).required:
        yield f"{site.where}: {site.name}: its callers need not sign in"
    try:
        ours = role(environ)
        Settings.from_environ(environ)
        JobSettings.from_environ(environ)
        if ours == "scorer":
            HubSettings.from_environ(environ)
        if ours == "trainer":
            TrainingSettings.from_environ(environ)
    except ConfigurationError as error:
        yield f"{site.where}: {site.name}: {error}"


def _trigger(site: Resource, files: Mapping[str, str], deployment: Deployment) -> Iterator[str]:
    """What a trigger's binding names is set; the hub and its consumer group are those made."""
    given = settings(site)
    ours = given.get("SHERIFF_ROLE", "")
    code = files.get(_TRIGGERS.get(ours, ""), "")
    for name in re.findall(r'"%(\w+)%"', code):
        if name not in given:
            yield f"{site.where}: {site.name}: its trigger needs the setting {name}"
    for prefix in re.findall(r'connection="(\w+)"', code):
        for suffix in ("fullyQualifiedNamespace", "credential", "clientId"):
            if f"{prefix}__{suffix}" not in given:
                yield f"{site.where}: {site.name}: its trigger needs {prefix}__{suffix}"
    function = re.findall(r'function_name\("(\w+)"\)', code)
    for ready in site.at("properties.functionAppConfig.scaleAndConcurrency.alwaysReady", []):
        if ready["name"].removeprefix("function:") not in function:
            yield f"{site.where}: {site.name}: there is no {ready['name']} to keep ready"
    yield from _hub(site, given, deployment)
    yield from _timeout(site, given, files)


def _hub(site: Resource, given: Mapping[str, str], deployment: Deployment) -> Iterator[str]:
    group = f"{given.get('ORDERS_HUB')}/{given.get('ORDERS_CONSUMER_GROUP')}"
    made = [one.name.partition("/")[2] for one in deployment.of(f"{HUB}/consumergroups")]
    if made != [group]:
        yield f"{site.where}: {site.name} reads {group}, and {', '.join(made)} is made"
    namespaces = [f"{one.name}.servicebus.windows.net" for one in deployment.of(NAMESPACE)]
    named = given.get("EventHubConnection__fullyQualifiedNamespace")
    if named is not None and [named] != namespaces:
        yield f"{site.where}: {site.name} reads the namespace {named}"


def _timeout(site: Resource, given: Mapping[str, str], files: Mapping[str, str]) -> Iterator[str]:
    """The trainer has longer than host.json gives the others, and nobody else is given more."""
    longer = given.get("AzureFunctionsJobHost__functionTimeout")
    usual = json.loads(files["host.json"])["functionTimeout"]
    if (given.get("SHERIFF_ROLE") == "trainer") is (longer is None or longer <= usual):
        yield f"{site.where}: {site.name}: functionTimeout is {longer or usual}"


def _outputs(deployment: Deployment) -> Iterator[str]:
    """Those of the pipeline are there, and one that is called as a setting has its value."""
    for site in deployment.of(SITE):
        for name, value in settings(site).items():
            if name in deployment.outputs and deployment.outputs[name] != value:
                yield f"infra/main.bicep: the output {name} is not what {site.name} is given"
    for name in NEEDED:
        if name not in deployment.outputs:
            yield f"infra/main.bicep: there is no output {name}"


def _python(site: Resource, files: Mapping[str, str]) -> Iterator[str]:
    version = site.at("properties.functionAppConfig.runtime.version")
    wanted = tomllib.loads(files["pyproject.toml"])["project"]["requires-python"]
    if not wanted.startswith(f">={version},"):
        yield f"{site.where}: {site.name} runs Python {version}, and Sheriff needs {wanted}"
