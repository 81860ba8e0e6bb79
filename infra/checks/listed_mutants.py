"""Faults that somebody has put into templates, somewhere, one by one."""

from __future__ import annotations

from collections.abc import Iterator

from infra.checks.mutants import Mutant

_MODULES = "infra/modules/"
_MAIN = "infra/main.bicep"
_PROD = "infra/environments/prod.bicepparam"
_DEV = "infra/environments/dev.bicepparam"


def replaced(
    name: str, file: str, old: str, new: str, *, policy: bool = True, every: bool = False
) -> Mutant:
    """A mutant with the first ``old``, or every one, replaced."""
    return Mutant(name, file, lambda text: text.replace(old, new, -1 if every else 1), policy)


def _module(name: str, module: str, old: str, new: str, *, policy: bool = True) -> Mutant:
    return replaced(name, f"{_MODULES}{module}.bicep", old, new, policy=policy)


def listed() -> Iterator[Mutant]:
    """Faults that somebody has made, somewhere."""
    yield from _of_identity()
    yield from _of_names()
    yield from _of_secrets()
    yield from _of_storage()
    yield from _of_documents()
    yield from _of_the_hub()
    yield from _of_the_apps()
    yield from _of_delivery()
    yield from _of_the_network()
    yield from _of_operations()
    yield from _of_parameters()
    yield from _of_the_language()


def _of_names() -> Iterator[Mutant]:
    """Assignments that are named after anything but the object id of who has them."""
    for scope, instead in (
        ("blobContainers[index].id", "grant.holder"),
        ("cosmosAccount.id, grant.container", "'${grant.holder}'"),
        ("hostAccounts[index].id", "hostAccounts[index].name"),
        ("hub.id", "principalIds.desk"),
        ("vault.id", "vault.name"),
    ):
        named = f"guid({scope}, principalIds[grant.holder], grant.role)"
        yield _module(
            f"assignments on {scope} named after {instead}",
            "roles",
            named,
            named.replace("principalIds[grant.holder]", instead),
        )
    pipeline = "guid(hub.id, pipelinePrincipalId, eventHubsDataSender)"
    yield _module(
        "the pipeline's assignment named after the hub alone",
        "roles",
        pipeline,
        "guid(hub.id, eventHubsDataSender)",
    )
    identity = "identities[0].properties.principalId"
    yield _module("a name that no new identity changes", "identities", identity, "identities[0].id")


def _of_identity() -> Iterator[Mutant]:
    grant = "  { holder: 'scorer', container: 'models', role: storageBlobDataReader }\n"
    yield _module("a missing role", "roles", grant, "")
    yield _module(
        "the scorer writes models",
        "roles",
        grant,
        grant.replace("storageBlobDataReader", "storageBlobDataContributor"),
    )
    yield _module(
        "the desk reads models",
        "roles",
        grant,
        grant + grant.replace("scorer", "desk"),
    )
    yield _module(
        "the trainer owns the archive",
        "roles",
        "{ holder: 'trainer', container: 'orders-archive', role: storageBlobDataReader }",
        "{ holder: 'trainer', container: 'orders-archive', role: storageBlobDataOwner }",
    )
    yield _module(
        "a role on the whole data account",
        "roles",
        "    scope: blobContainers[index]\n",
        "    scope: dataAccount\n",
    )
    yield _module(
        "a role on the resource group",
        "roles",
        "    scope: blobContainers[index]\n",
        "",
    )
    yield _module(
        "a role on the whole of Cosmos DB",
        "roles",
        "'${cosmosAccount.id}/dbs/${databaseName}/colls/${grant.container}'",
        "cosmosAccount.id",
    )
    yield _module(
        "Contributor in the place of a data role",
        "roles",
        "'ba92f5b4-2d11-453d-a403-e96b0029c9fe'",
        "'b24988ac-6180-42a0-ab88-20f7382dd24c'",
    )
    yield _module(
        "the desk writes alerts",
        "roles",
        "{ holder: 'desk', container: 'alerts', role: cosmosDataReader }",
        "{ holder: 'desk', container: 'alerts', role: cosmosDataContributor }",
    )
    yield _module(
        "the scorer may send orders",
        "roles",
        "role: eventHubsDataReceiver }",
        "role: eventHubsDataSender }",
    )
    yield _module(
        "a role on the whole namespace", "roles", "    scope: hub\n", "    scope: namespace\n"
    )
    yield _module(
        "a principal without its type", "roles", "      principalType: 'ServicePrincipal'\n", ""
    )
    yield replaced(
        "two apps with one identity",
        _MAIN,
        "identityName: '${identityPrefix}desk'",
        "identityName: '${identityPrefix}scorer'",
    )
    yield replaced(
        "two apps with one host account",
        _MAIN,
        "hostAccountName: hostAccountNames.desk",
        "hostAccountName: hostAccountNames.scorer",
    )
    yield _module(
        "a role given outside of its file",
        "workbook",
        "resource workbook ",
        "resource given 'Microsoft.Authorization/roleAssignments@2022-04-01' = {\n"
        "  name: guid('given')\n  scope: insights\n  properties: {\n"
        "    principalId: 'somebody'\n    principalType: 'ServicePrincipal'\n"
        "    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions',"
        " 'b24988ac-6180-42a0-ab88-20f7382dd24c')\n  }\n}\n\nresource workbook ",
    )


def _of_secrets() -> Iterator[Mutant]:
    yield replaced(
        "a key in a setting",
        _MAIN,
        "  { name: 'COSMOS_DATABASE', value: databaseName }\n",
        "  { name: 'COSMOS_DATABASE', value: databaseName }\n"
        "  { name: 'COSMOS_KEY', value: 'bG9jYWw=' }\n",
    )
    yield _module(
        "a connection string in a setting",
        "app",
        "  { name: 'AzureWebJobsStorage__credential', value: managedIdentity }\n",
        "  { name: 'AzureWebJobsStorage', value: 'DefaultEndpointsProtocol=https' }\n",
    )
    yield _module(
        "a key read by the template",
        "app",
        "value: hostAccount.properties.primaryEndpoints.blob }",
        "value: hostAccount.listKeys().keys[0].value }",
    )
    yield _module(
        "the key of the hub in a setting",
        "app",
        "'${namespaceName}.servicebus.windows.net'",
        "'Endpoint=sb://${namespaceName};SharedAccessKey=c2VjcmV0'",
    )


def _of_storage() -> Iterator[Mutant]:
    for module in ("datastorage", "hoststorage", "mlflow"):
        for old, new in (
            ("allowBlobPublicAccess: false", "allowBlobPublicAccess: true"),
            ("allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
            ("minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS1_0'"),
        ):
            yield _module(f"{new} in {module}", module, old, new)
    yield _module(
        "http to storage",
        "datastorage",
        "supportsHttpsTrafficOnly: true",
        "supportsHttpsTrafficOnly: false",
    )
    yield _module(
        "a public container", "datastorage", "publicAccess: 'None'", "publicAccess: 'Blob'"
    )
    yield _module("a wrong container", "datastorage", "'dead-letters', ", "'deadletters', ")
    yield _module(
        "Capture shut out by the firewall",
        "datastorage",
        "bypass: 'AzureServices'",
        "bypass: 'None'",
    )
    yield _module(
        "an archive for ever",
        "datastorage",
        "daysAfterModificationGreaterThan: ordersKeptDays",
        "daysAfterModificationGreaterThan: 36500",
    )
    yield _module(
        "no deleted blob comes back",
        "datastorage",
        "    deleteRetentionPolicy: {\n      enabled: true",
        "    deleteRetentionPolicy: {\n      enabled: false",
    )


def _of_documents() -> Iterator[Mutant]:
    yield _module(
        "local auth of Cosmos DB", "cosmos", "disableLocalAuth: true", "disableLocalAuth: false"
    )
    yield _module(
        "old TLS to Cosmos DB", "cosmos", "minimalTlsVersion: 'Tls12'", "minimalTlsVersion: 'Tls'"
    )
    yield _module(
        "a wrong partition key", "cosmos", "partitionKey: '/rep_id'", "partitionKey: '/repId'"
    )
    yield _module("a partition key without version", "cosmos", "          version: 2\n", "")
    yield _module(
        "a composite index the other way",
        "cosmos",
        "{ path: '/scored_at', order: 'descending' }",
        "{ path: '/scored_at', order: 'ascending' }",
    )
    yield _module("state that expires", "cosmos", "ttl: -1 // without", "ttl: 90 * day // without")
    yield _module("shadows for ever", "cosmos", "ttl: 90 * day", "ttl: -1")
    yield _module(
        "a missing container of documents", "cosmos", "name: 'decisions'", "name: 'decision'"
    )
    yield _module("no way back in time", "cosmos", "type: 'Continuous'", "type: 'Periodic'")


def _of_the_hub() -> Iterator[Mutant]:
    yield _module(
        "local auth of the hub", "eventhubs", "disableLocalAuth: true", "disableLocalAuth: false"
    )
    yield _module(
        "old TLS to the hub", "eventhubs", "minimumTlsVersion: '1.2'", "minimumTlsVersion: '1.0'"
    )
    yield _module(
        "Capture without its identity",
        "hub",
        "        identity: {\n          type: 'UserAssigned'\n"
        "          userAssignedIdentity: captureIdentity.id\n        }\n",
        "",
    )
    yield _module(
        "Capture into another container",
        "hub",
        "blobContainer: archiveContainerName",
        "blobContainer: '${archiveContainerName}s'",
    )
    yield _module("no Capture", "hub", "      enabled: true\n", "      enabled: false\n")
    yield replaced("another hub in the apps", _MAIN, "value: ordersHub }", "value: 'order' }")
    yield _module("another consumer group", "hub", "name: consumerGroupName", "name: 'scoring'")


def _of_the_apps() -> Iterator[Mutant]:
    config = "    siteConfig: {\n"
    for name, forbidden in (
        ("ftpsState", "ftpsState: 'Disabled'"),
        ("linuxFxVersion", "linuxFxVersion: 'Python|3.13'"),
        ("alwaysOn", "alwaysOn: true"),
    ):
        yield _module(f"{name} on Flex", "app", config, f"{config}      {forbidden}\n")
    for forbidden in ("FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE", "WEBSITE_TIME_ZONE"):
        yield _module(
            f"{forbidden} on Flex",
            "app",
            "var hostSettings = [\n",
            f"var hostSettings = [\n  {{ name: '{forbidden}', value: '1' }}\n",
        )
    for name in ("'SHERIFF_LOCAL'", "'SHERIFF_${'LOCAL'}'"):
        yield _module(
            f"an app that takes itself for a machine of one's own, by {name}",
            "app",
            "var hostSettings = [\n",
            f"var hostSettings = [\n  {{ name: {name}, value: 'on' }}\n",
        )
    yield _module("http to an app", "app", "httpsOnly: true", "httpsOnly: false")
    yield _module(
        "old TLS to an app", "app", "      minTlsVersion: '1.2'", "      minTlsVersion: '1.0'"
    )
    yield _module("publishing by password", "app", "allow: false", "allow: true")
    yield _module(
        "a desk for anybody",
        "app",
        "requireAuthentication: true",
        "requireAuthentication: false",
    )
    yield _module(
        "alerts beside health",
        "app",
        "excludedPaths: ['/api/health']",
        "excludedPaths: ['/api/health', '/api/alerts']",
    )
    yield _module(
        "everybody in the tenant",
        "app",
        "groups: callerGroups",
        "groups: []",
    )
    yield _module("another Python", "app", "pythonVersion = '3.13'", "pythonVersion = '3.12'")
    yield _module("an unknown role", "app", "value: role }", "value: 'score' }")
    yield replaced(
        "a trainer without its schedule",
        _MAIN,
        "  { name: 'RETRAIN_SCHEDULE', value: retrainSchedule }\n",
        "",
    )
    yield replaced(
        "a misspelt setting", _MAIN, "'BLOB_ACCOUNT_URL', value", "'BLOB_ACCOUNT_URI', value"
    )
    yield replaced(
        "an app before its roles",
        _MAIN,
        "  dependsOn: [\n    roles\n    hubRoles\n    dataEndpoints\n  ]",
        "  dependsOn: [\n    dataEndpoints\n  ]",
    )
    yield replaced(
        "nothing to keep ready", _MAIN, "'function:score_orders'", "'function:score_order'"
    )


def _of_delivery() -> Iterator[Mutant]:
    """What the trigger would lose orders by."""
    frequency = '"batchCheckpointFrequency": 1'
    for more in ("2", "10", '"5"', "0"):
        yield replaced(
            f"a checkpoint every {more} batches", "host.json", frequency, frequency[:-1] + more
        )
    yield replaced(
        "no checkpoints",
        "host.json",
        frequency,
        f'{frequency},\n      "enableCheckpointing": false',
    )
    yield replaced(
        "a new host that passes over what waits",
        "host.json",
        frequency,
        f'{frequency},\n      "initialOffsetOptions": {{"type": "fromEnd"}}',
    )
    override = "AzureFunctionsJobHost__extensions__eventHubs__batchCheckpointFrequency"
    yield _module(
        "a checkpoint every few batches by a setting",
        "app",
        "var hostSettings = [\n",
        f"var hostSettings = [\n  {{ name: '{override}', value: '4' }}\n",
    )


def _of_the_network() -> Iterator[Mutant]:
    for module in ("datastorage", "cosmos", "eventhubs", "app"):
        yield _module(
            f"{module} public whatever the switch",
            module,
            "publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'",
            "publicNetworkAccess: 'Enabled'",
        )
    yield _module(
        "a firewall that is open",
        "datastorage",
        "defaultAction: privateNetwork ? 'Deny' : 'Allow'",
        "defaultAction: 'Allow'",
    )
    yield replaced("an endpoint of another group", _MAIN, "group: 'Sql'", "group: 'MongoDB'")
    yield replaced(
        "no endpoints",
        _MAIN,
        "module dataEndpoints 'modules/endpoints.bicep' = if (privateNetwork)",
        "module dataEndpoints 'modules/endpoints.bicep' = if (!privateNetwork)",
    )
    yield _module(
        "a subnet delegated to another plan",
        "network",
        "'Microsoft.App/environments'",
        "'Microsoft.Web/serverFarms'",
    )
    yield _module(
        "a subnet without rules",
        "network",
        "          networkSecurityGroup: {\n            id: appsRules.id\n          }\n",
        "",
    )
    yield _module("anybody in", "network", "access: 'Deny'", "access: 'Allow'")


def _of_operations() -> Iterator[Mutant]:
    for rule in (
        "oldest-event-age", "dead-letters", "model-age", "incident-opened", "partition-stalled",
        "hub-made-anew", "unwatched", "fuse",
    ):  # fmt: skip
        yield _module(f"no alert {rule}", "alerts", f"name: '{rule}'", f"name: '{rule}-later'")
    yield _module("alerts that are off", "alerts", "enabled: true", "enabled: false")
    yield _module(
        "alerts that tell nobody", "alerts", "actionGroups: [actionGroup.id]", "actionGroups: []"
    )
    yield _module("a metric nobody measures", "alerts", '"sheriff.lag"', '"sheriff.delay"')
    yield _module(
        "no alert of 429", "alerts", "metricName: 'TotalRequests'", "metricName: 'Availability'"
    )
    yield _module(
        "no availability test",
        "alerts",
        "'Microsoft.Insights/webtests@2022-06-15' = if (reachable)",
        "'Microsoft.Insights/webtests@2022-06-15' = if (!reachable)",
    )
    yield _module("a dropped lock", "cosmos", "= if (locked)", "= if (false)")
    yield _module("a lock on nothing", "datastorage", "  scope: account\n", "  scope: blobs\n")
    yield _module("no diagnostics", "datastorage", "  scope: blobs\n", "  scope: account\n")
    yield _module(
        "keys to Application Insights",
        "monitoring",
        "DisableLocalAuth: true",
        "DisableLocalAuth: false",
    )
    yield _module(
        "logs without a bound", "monitoring", "dailyQuotaGb: logsDailyGigabytes", "dailyQuotaGb: -1"
    )
    yield replaced("no tags", _MAIN, "  environment: environmentName\n", "")
    yield _module(
        "a budget that tells nobody",
        "alerts",
        "contactGroups: [actionGroup.id]",
        "contactGroups: []",
    )


def _of_parameters() -> Iterator[Mutant]:
    yield replaced("production in public", _PROD, "privateNetwork = true", "privateNetwork = false")
    yield replaced("production unlocked", _PROD, "lockData = true", "lockData = false")
    yield replaced("production in one zone", _PROD, "zoneRedundant = true", "zoneRedundant = false")
    yield replaced("no instance ready", _PROD, "scorerAlwaysReady = 2", "scorerAlwaysReady = 0")
    yield replaced("a missing parameter", _PROD, "param partitionCount = 16\n", "", policy=False)
    yield replaced(
        "an unknown parameter", _DEV, "param costCentre", "param costCenter", policy=False
    )
    yield replaced(
        "a text for a number", _DEV, "partitionCount = 2", "partitionCount = '2'", policy=False
    )
    yield replaced(
        "a value that is not allowed", _DEV, "'serverless'", "'provisioned'", policy=False
    )
    yield replaced(
        "more partitions than there are",
        _PROD,
        "partitionCount = 16",
        "partitionCount = 33",
        policy=False,
    )
    yield replaced(
        "another environment",
        _DEV,
        "environmentName = 'dev'",
        "environmentName = 'test'",
        policy=False,
    )
    yield replaced("another template", _DEV, "'../main.bicep'", "'../mains.bicep'", policy=False)


def _of_the_language() -> Iterator[Mutant]:
    yield _module(
        "a wrong API version",
        "cosmos",
        "databaseAccounts@2025-10-15",
        "databaseAccounts@2025-10-16",
        policy=False,
    )
    yield _module("a bracket too few", "hub", "\n}\n", "\n", policy=False)
    yield _module(
        "a property twice",
        "hub",
        "  name: hubName\n",
        "  name: hubName\n  name: hubName\n",
        policy=False,
    )
    yield _module(
        "a misspelt property",
        "eventhubs",
        "publicNetworkAccess:",
        "publicNetworkAcces:",
        policy=False,
    )
    yield _module(
        "an unknown name", "hub", "captureIdentity.id", "captureIdentities.id", policy=False
    )
    yield _module("an unknown function", "network", "cidrSubnet(", "cidrSubnets(", policy=False)
    yield _module(
        "a file that is missing",
        "workbook",
        "'../workbook.json'",
        "'../workbooks.json'",
        policy=False,
    )
    yield replaced(
        "a module that is missing",
        _MAIN,
        "'modules/hub.bicep'",
        "'modules/hubs.bicep'",
        policy=False,
    )
    yield replaced(
        "a module without a parameter",
        _MAIN,
        "    partitionCount: partitionCount\n",
        "",
        policy=False,
    )
    yield _module(
        "a parameter for nothing",
        "workbook",
        "param location string\n",
        "param location string\n\nparam colour string = ''\n",
        policy=False,
    )
