// Sheriff in one resource group: orders in by Event Hubs, scored by Functions, alerts in Cosmos DB.

import { nameToken, networkNameOf } from 'modules/naming.bicep'
import { principalIdsType } from 'modules/types.bicep'

@description('Which environment this is.')
@allowed(['dev', 'test', 'prod'])
param environmentName string

@description('Azure region.')
param location string = resourceGroup().location

@description('Who pays, by the name the bill shows.')
@minLength(1)
@maxLength(256)
param costCentre string

@description('Whether the data is reached through private endpoints only; needs agents in the network to deploy.')
param privateNetwork bool

@description('Address range of that network: /16, or as small as /23.')
param networkAddressPrefix string = '10.20.0.0/16'

@description('Ids of networks that find the private endpoints by name, too: a hub\'s, the agents\'. Peer them.')
@maxLength(20)
param linkedNetworkIds string[] = []

@description('Id of the resource group in which a platform team has the private DNS zones, linked; empty: they are made here.')
param dnsZonesGroupId string = ''

@description('Whether the apps call the Internet by a NAT gateway, from one address of their own.')
param natGateway bool = false

@description('Private address of the firewall by which the apps call the Internet; empty: they call it without one.')
param firewallAddress string = ''

@description('Whether logs and measures are sent and asked for inside of the network only.')
param privateMonitoring bool = false

@description('Whether what can span zones does; fixed once made.')
param zoneRedundant bool

@description('Whether nobody may delete what holds data.')
param lockData bool

@description('Replication of the data account.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param dataReplication string

@description('Name of the hub of orders.')
param ordersHub string = 'orders'

@description('Consumer group of the scorer.')
param ordersConsumerGroup string = 'sheriff'

@description('Partitions of the hub; fixed once it is made.')
@minValue(1)
@maxValue(32)
param partitionCount int

@description('Days that an order waits in the hub to be scored.')
@minValue(1)
@maxValue(7)
param hubRetentionDays int = 7

@description('Throughput units at rest: each takes in 1 MB or 1,000 orders a second.')
@minValue(1)
@maxValue(40)
param throughputUnits int

@description('Throughput units that the namespace may grow to by itself; one more than it has, where it has as many.')
@minValue(2)
@maxValue(40)
param throughputUnitsMaximum int

@description('Throughput units that the namespace has, so that what it has grown to is not taken back; 0: it is not there.')
@minValue(0)
@maxValue(40)
param throughputUnitsNow int = 0

@description('How Cosmos DB is paid: by request, or by a throughput that follows the load.')
@allowed(['serverless', 'autoscale'])
param cosmosCapacity string

@description('RU/s that the alerts may take at most, when autoscaled.')
@minValue(1000)
@maxValue(1000000)
param alertsMaximumThroughput int = 4000

@description('How far back Cosmos DB can be restored.')
@allowed(['Continuous7Days', 'Continuous30Days'])
param cosmosBackup string

@description('Days that an alert is kept after its last change.')
@minValue(30)
@maxValue(3650)
param alertsKeptDays int = 730

@description('Days that captured orders are kept.')
@minValue(30)
@maxValue(3650)
param ordersKeptDays int = 730

@description('Days for which a captured order can neither be changed nor deleted, by anybody; 0: it can.')
@minValue(0)
@maxValue(3650)
param ordersWriteOnceDays int = 0

@description('Whether that was locked by hand: then the templates leave it alone, for Azure refuses to write it again.')
param ordersWriteOnceLocked bool = false

@description('Days that a dead letter is kept.')
@minValue(7)
@maxValue(3650)
param deadLettersKeptDays int = 90

@description('Days that what was deleted or overwritten can be had back; after them it is erased.')
@minValue(7)
@maxValue(365)
param deletedKeptDays int = 14

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logsKeptDays int = 90

@description('GB of logs a day, after which no more are taken in until the next.')
@minValue(1)
@maxValue(1000)
param logsDailyGigabytes int

@description('Instances of the scorer that are always there; 0: it starts when orders come.')
@minValue(0)
@maxValue(20)
param scorerAlwaysReady int

@description('Instances of an app at most.')
@minValue(40)
@maxValue(1000)
param maximumInstances int = 40

@description('Schema version of what scorers write: 1 while a deployment may still go back to a release that reads version 1 alone.')
@allowed(['1', '2'])
param storedVersion string = '2'

@description('When the nightly training starts: second, minute, hour, day, month, weekday, in UTC.')
@minLength(11)
@maxLength(100)
param retrainSchedule string = '0 0 2 * * *'

@description('How long it may take, as hh:mm:ss.')
@minLength(8)
@maxLength(8)
param retrainTimeout string = '03:00:00'

@description('The MLflow server; empty: an Azure Machine Learning workspace is made for it.')
param mlflowTrackingUri string = ''

@description('Client id of the app registration that callers of the desk sign in to; empty: nobody can call it.')
param deskClientId string

@description('Object id of the group whose members may call the desk; empty: nobody.')
param analystGroupId string

@description('Object id of the pipeline\'s principal, which tries out and promotes; empty without one.')
param pipelinePrincipalId string

@description('Addresses that alerts are mailed to.')
@minLength(1)
@maxLength(100)
param alertEmails string[]

@description('Seconds that an order may wait for its alert.')
@minValue(60)
@maxValue(86400)
param lagAlertSeconds int = 300

@description('Days after which the model that serves is too old.')
@minValue(1)
@maxValue(365)
param modelAgeAlertDays int = 14

@description('Whether orders come at every hour: only then is an hour without any told.')
param ordersFlow bool = false

@description('Whose activity log is watched: nobody\'s; the resource group\'s, for deleted locks, roles taken and the health of resources; or the subscription\'s besides, for the health of Azure, which whoever deploys must be able to read.')
@allowed(['none', 'group', 'subscription'])
param watchActivity string = 'none'

@description('Whether every role that somebody is given is told; a deployment gives dozens, each of which is told, too.')
param watchRolesGiven bool = false

@description('What a month may cost, in the currency of the subscription.')
@minValue(1)
@maxValue(1000000)
param monthlyBudget int

@description('First day of the month in which the environment was first deployed, as 2026-12-01; kept from then on. Empty: there is no budget.')
@maxLength(10)
param budgetStart string = ''

@description('Goes into every name: another one makes an environment beside what was deleted and keeps its name.')
@maxLength(20)
param nameSalt string = ''

@description('Whether the key vault of this name was deleted, and is to be had back.')
param recoverVault bool = false

// Values that fit one by one and not together: refused before Azure refuses them, half way through.
var contradictions = filter(
  [
    throughputUnitsMaximum > throughputUnits
      ? ''
      : 'throughputUnitsMaximum (${throughputUnitsMaximum}) must be greater than throughputUnits (${throughputUnits})'
    zoneRedundant && dataReplication == 'Standard_LRS'
      ? 'zoneRedundant needs a dataReplication that spans zones, and Standard_LRS does not'
      : ''
    cosmosCapacity == 'autoscale' && alertsMaximumThroughput % 1000 != 0
      ? 'alertsMaximumThroughput (${alertsMaximumThroughput}) must be a multiple of 1000'
      : ''
    ordersWriteOnceDays > ordersKeptDays
      ? 'ordersWriteOnceDays (${ordersWriteOnceDays}) must not be greater than ordersKeptDays (${ordersKeptDays}): what must go then may not'
      : ''
    ordersWriteOnceLocked && ordersWriteOnceDays == 0
      ? 'ordersWriteOnceLocked needs ordersWriteOnceDays: nothing is locked without days'
      : ''
    empty(budgetStart) || (length(budgetStart) == 10 && endsWith(budgetStart, '-01'))
      ? ''
      : 'budgetStart (${budgetStart}) must be the first day of a month, as 2026-12-01'
    privateNetwork || empty(linkedNetworkIds) ? '' : 'linkedNetworkIds needs privateNetwork'
    privateNetwork || empty(dnsZonesGroupId) ? '' : 'dnsZonesGroupId needs privateNetwork'
    privateNetwork || !natGateway ? '' : 'natGateway needs privateNetwork'
    privateNetwork || empty(firewallAddress) ? '' : 'firewallAddress needs privateNetwork'
    privateNetwork || !privateMonitoring ? '' : 'privateMonitoring needs privateNetwork'
    empty(linkedNetworkIds) || empty(dnsZonesGroupId)
      ? ''
      : 'linkedNetworkIds links zones that are made here, and dnsZonesGroupId says that they are not'
    !privateMonitoring || empty(dnsZonesGroupId)
      ? ''
      : 'privateMonitoring changes the names of Azure Monitor for all who ask the zones of dnsZonesGroupId'
    !natGateway || empty(firewallAddress) ? '' : 'natGateway and firewallAddress: the apps have one way out'
    privateNetwork && int(last(split(networkAddressPrefix, '/'))) > 23
      ? 'networkAddressPrefix (${networkAddressPrefix}) has no room for two subnets of /24'
      : ''
    !watchRolesGiven || watchActivity != 'none' ? '' : 'watchRolesGiven needs watchActivity'
    recoverVault && !empty(mlflowTrackingUri) ? 'recoverVault: with mlflowTrackingUri there is no vault' : ''
  ],
  contradiction => !empty(contradiction)
)

var token = empty(contradictions)
  ? nameToken(subscription().id, resourceGroup().id, environmentName, nameSalt)
  : fail(join(contradictions, '; '))
var suffix = '${environmentName}-${token}'

// Auto-inflate only ever grows: what it has grown to stays, and Azure wants the maximum above it.
var capacity = max(throughputUnits, throughputUnitsNow)
var capacityMaximum = min(max(throughputUnitsMaximum, capacity + 1), 40)
var tags = {
  application: 'sheriff'
  environment: environmentName
  costCentre: costCentre
}

var identityPrefix = 'id-sheriff-${suffix}-'
var namespaceName = 'evhns-sheriff-${suffix}'
var dataAccountName = 'stdata${token}'
var cosmosAccountName = 'cosmos-sheriff-${suffix}'
var logWorkspaceName = 'log-sheriff-${suffix}'
var insightsName = 'appi-sheriff-${suffix}'
var actionGroupName = 'ag-sheriff-${suffix}'
var networkName = networkNameOf(environmentName, token)
var monitoringScopeName = 'ampls-sheriff-${suffix}'
var mlflowAccountName = 'stmlflow${token}'
var vaultName = 'kv-sheriff-${token}'
var workspaceName = 'mlw-sheriff-${suffix}'
var appNames = {
  scorer: 'func-sheriff-scorer-${suffix}'
  trainer: 'func-sheriff-trainer-${suffix}'
  desk: 'func-sheriff-desk-${suffix}'
}
var planNames = {
  scorer: 'plan-sheriff-scorer-${suffix}'
  trainer: 'plan-sheriff-trainer-${suffix}'
  desk: 'plan-sheriff-desk-${suffix}'
}
var hostAccountNames = {
  scorer: 'stscorer${token}'
  trainer: 'sttrainer${token}'
  desk: 'stdesk${token}'
}
var packageContainerNames = {
  scorer: 'app-scorer'
  trainer: 'app-trainer'
  desk: 'app-desk'
}

var databaseName = 'sheriff'
var cosmosEndpoint = 'https://${cosmosAccountName}.documents.azure.com:443/'
var blobAccountUrl = 'https://${dataAccountName}.blob.${environment().suffixes.storage}'
var withMachineLearning = empty(mlflowTrackingUri)
var workspaceUri = 'azureml://${location}.api.azureml.ms/mlflow/v1.0${resourceId('Microsoft.MachineLearningServices/workspaces', workspaceName)}'
var trackingUri = withMachineLearning ? workspaceUri : mlflowTrackingUri

var hostReplication = zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'
var logWorkspaceId = resourceId('Microsoft.OperationalInsights/workspaces', logWorkspaceName)
var appsSubnetId = privateNetwork ? resourceId('Microsoft.Network/virtualNetworks/subnets', networkName, 'apps') : ''
var endpointsSubnetId = resourceId('Microsoft.Network/virtualNetworks/subnets', networkName, 'endpoints')
var storageSuffix = environment().suffixes.storage
var zonesGroupId = empty(dnsZonesGroupId) ? resourceGroup().id : dnsZonesGroupId

module monitoring 'modules/monitoring.bicep' = {
  params: {
    location: location
    tags: tags
    logWorkspaceName: logWorkspaceName
    insightsName: insightsName
    actionGroupName: actionGroupName
    alertEmails: alertEmails
    logsKeptDays: logsKeptDays
    logsDailyGigabytes: logsDailyGigabytes
    private: privateMonitoring
  }
}

module identities 'modules/identities.bicep' = {
  params: {
    location: location
    tags: tags
    identityPrefix: identityPrefix
    withMachineLearning: withMachineLearning
  }
}

module eventHubs 'modules/eventhubs.bicep' = {
  params: {
    location: location
    tags: tags
    namespaceName: namespaceName
    captureIdentityName: '${identityPrefix}capture'
    throughputUnits: capacity
    throughputUnitsMaximum: capacityMaximum
    privateNetwork: privateNetwork
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    identities
    monitoring
  ]
}

module dataStorage 'modules/datastorage.bicep' = {
  params: {
    location: location
    tags: tags
    accountName: dataAccountName
    replication: dataReplication
    privateNetwork: privateNetwork
    locked: lockData
    ordersKeptDays: ordersKeptDays
    ordersWriteOnceDays: ordersWriteOnceDays
    ordersWriteOnceLocked: ordersWriteOnceLocked
    deadLettersKeptDays: deadLettersKeptDays
    deletedKeptDays: deletedKeptDays
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    monitoring
  ]
}

module cosmos 'modules/cosmos.bicep' = {
  params: {
    location: location
    tags: tags
    accountName: cosmosAccountName
    databaseName: databaseName
    capacityMode: cosmosCapacity
    alertsMaximumThroughput: alertsMaximumThroughput
    alertsKeptDays: alertsKeptDays
    backupTier: cosmosBackup
    zoneRedundant: zoneRedundant
    privateNetwork: privateNetwork
    locked: lockData
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    monitoring
  ]
}

module scorerHost 'modules/hoststorage.bicep' = {
  params: {
    location: location
    tags: tags
    accountName: hostAccountNames.scorer
    packageContainerName: packageContainerNames.scorer
    replication: hostReplication
    privateNetwork: privateNetwork
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    monitoring
  ]
}

module trainerHost 'modules/hoststorage.bicep' = {
  params: {
    location: location
    tags: tags
    accountName: hostAccountNames.trainer
    packageContainerName: packageContainerNames.trainer
    replication: hostReplication
    privateNetwork: privateNetwork
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    monitoring
  ]
}

module deskHost 'modules/hoststorage.bicep' = {
  params: {
    location: location
    tags: tags
    accountName: hostAccountNames.desk
    packageContainerName: packageContainerNames.desk
    replication: hostReplication
    privateNetwork: privateNetwork
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    monitoring
  ]
}

module mlflow 'modules/mlflow.bicep' = if (withMachineLearning) {
  params: {
    location: location
    tags: tags
    accountName: mlflowAccountName
    vaultName: vaultName
    recoverVault: recoverVault
    replication: dataReplication
    privateNetwork: privateNetwork
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    monitoring
  ]
}

module roles 'modules/roles.bicep' = {
  params: {
    hubIsThere: false
    #disable-next-line what-if-short-circuiting // a role assignment is named after its principal
    principalIds: identities.outputs.principalIds
    namespaceName: namespaceName
    hubName: ordersHub
    dataAccountName: dataAccountName
    hostAccountNames: hostAccountNames
    cosmosAccountName: cosmosAccountName
    databaseName: databaseName
    insightsName: insightsName
    machineLearningName: withMachineLearning ? workspaceName : ''
    machineLearningAccountName: mlflowAccountName
    vaultName: vaultName
    pipelinePrincipalId: pipelinePrincipalId
    analystGroupId: analystGroupId
  }
  dependsOn: [
    dataStorage
    cosmos
    scorerHost
    trainerHost
    deskHost
    mlflow
  ]
}

module hub 'modules/hub.bicep' = {
  params: {
    namespaceName: namespaceName
    hubName: ordersHub
    consumerGroupName: ordersConsumerGroup
    partitionCount: partitionCount
    retentionDays: hubRetentionDays
    captureIdentityName: '${identityPrefix}capture'
    dataAccountName: dataAccountName
    archiveContainerName: 'orders-archive'
  }
  dependsOn: [
    eventHubs
    roles
  ]
}

module workspace 'modules/workspace.bicep' = if (withMachineLearning) {
  params: {
    location: location
    tags: tags
    workspaceName: workspaceName
    accountName: mlflowAccountName
    vaultName: vaultName
    insightsName: insightsName
    identityName: '${identityPrefix}mlflow'
    privateNetwork: privateNetwork
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    mlflow
    roles
  ]
}

module hubRoles 'modules/roles.bicep' = {
  params: {
    hubIsThere: true
    #disable-next-line what-if-short-circuiting // a role assignment is named after its principal
    principalIds: identities.outputs.principalIds
    namespaceName: namespaceName
    hubName: ordersHub
    dataAccountName: dataAccountName
    hostAccountNames: hostAccountNames
    cosmosAccountName: cosmosAccountName
    databaseName: databaseName
    insightsName: insightsName
    machineLearningName: withMachineLearning ? workspaceName : ''
    machineLearningAccountName: mlflowAccountName
    vaultName: vaultName
    pipelinePrincipalId: pipelinePrincipalId
    analystGroupId: analystGroupId
  }
  dependsOn: [
    hub
    workspace
  ]
}

module network 'modules/network.bicep' = if (privateNetwork) {
  params: {
    location: location
    tags: tags
    networkName: networkName
    addressPrefix: networkAddressPrefix
    zonesAreHere: empty(dnsZonesGroupId)
    linkedNetworkIds: linkedNetworkIds
    natGateway: natGateway
    firewallAddress: firewallAddress
    privateMonitoring: privateMonitoring
  }
}

module monitoringScope 'modules/monitoringscope.bicep' = if (privateMonitoring) {
  params: {
    tags: tags
    scopeName: monitoringScopeName
    logWorkspaceName: logWorkspaceName
    insightsName: insightsName
  }
  dependsOn: [
    monitoring
  ]
}

var dataTargets = [
  {
    name: namespaceName
    serviceId: resourceId('Microsoft.EventHub/namespaces', namespaceName)
    group: 'namespace'
    zones: ['privatelink.servicebus.windows.net']
  }
  {
    name: cosmosAccountName
    serviceId: resourceId('Microsoft.DocumentDB/databaseAccounts', cosmosAccountName)
    group: 'Sql'
    zones: ['privatelink.documents.azure.com']
  }
  {
    name: '${dataAccountName}-blob'
    serviceId: resourceId('Microsoft.Storage/storageAccounts', dataAccountName)
    group: 'blob'
    zones: ['privatelink.blob.${storageSuffix}']
  }
  {
    name: '${hostAccountNames.scorer}-blob'
    serviceId: resourceId('Microsoft.Storage/storageAccounts', hostAccountNames.scorer)
    group: 'blob'
    zones: ['privatelink.blob.${storageSuffix}']
  }
  {
    name: '${hostAccountNames.scorer}-table'
    serviceId: resourceId('Microsoft.Storage/storageAccounts', hostAccountNames.scorer)
    group: 'table'
    zones: ['privatelink.table.${storageSuffix}']
  }
  {
    name: '${hostAccountNames.trainer}-blob'
    serviceId: resourceId('Microsoft.Storage/storageAccounts', hostAccountNames.trainer)
    group: 'blob'
    zones: ['privatelink.blob.${storageSuffix}']
  }
  {
    name: '${hostAccountNames.trainer}-table'
    serviceId: resourceId('Microsoft.Storage/storageAccounts', hostAccountNames.trainer)
    group: 'table'
    zones: ['privatelink.table.${storageSuffix}']
  }
  {
    name: '${hostAccountNames.desk}-blob'
    serviceId: resourceId('Microsoft.Storage/storageAccounts', hostAccountNames.desk)
    group: 'blob'
    zones: ['privatelink.blob.${storageSuffix}']
  }
  {
    name: '${hostAccountNames.desk}-table'
    serviceId: resourceId('Microsoft.Storage/storageAccounts', hostAccountNames.desk)
    group: 'table'
    zones: ['privatelink.table.${storageSuffix}']
  }
]

var mlflowTargets = [
  {
    name: '${mlflowAccountName}-blob'
    serviceId: resourceId('Microsoft.Storage/storageAccounts', mlflowAccountName)
    group: 'blob'
    zones: ['privatelink.blob.${storageSuffix}']
  }
  {
    name: vaultName
    serviceId: resourceId('Microsoft.KeyVault/vaults', vaultName)
    group: 'vault'
    zones: ['privatelink.vaultcore.azure.net']
  }
  {
    name: workspaceName
    serviceId: resourceId('Microsoft.MachineLearningServices/workspaces', workspaceName)
    group: 'amlworkspace'
    zones: ['privatelink.api.azureml.ms', 'privatelink.notebooks.azure.net']
  }
]

var monitoringTargets = [
  {
    name: monitoringScopeName
    serviceId: resourceId('Microsoft.Insights/privateLinkScopes', monitoringScopeName)
    group: 'azuremonitor'
    zones: [
      'privatelink.monitor.azure.com'
      'privatelink.oms.opinsights.azure.com'
      'privatelink.ods.opinsights.azure.com'
      'privatelink.agentsvc.azure-automation.net'
      'privatelink.blob.${storageSuffix}'
    ]
  }
]

var appTargets = [
  {
    name: appNames.scorer
    serviceId: resourceId('Microsoft.Web/sites', appNames.scorer)
    group: 'sites'
    zones: ['privatelink.azurewebsites.net']
  }
  {
    name: appNames.trainer
    serviceId: resourceId('Microsoft.Web/sites', appNames.trainer)
    group: 'sites'
    zones: ['privatelink.azurewebsites.net']
  }
  {
    name: appNames.desk
    serviceId: resourceId('Microsoft.Web/sites', appNames.desk)
    group: 'sites'
    zones: ['privatelink.azurewebsites.net']
  }
]

module dataEndpoints 'modules/endpoints.bicep' = if (privateNetwork) {
  params: {
    location: location
    tags: tags
    subnetId: endpointsSubnetId
    targets: dataTargets
    zonesGroupId: zonesGroupId
  }
  dependsOn: [
    network
    eventHubs
    cosmos
    dataStorage
    scorerHost
    trainerHost
    deskHost
  ]
}

module mlflowEndpoints 'modules/endpoints.bicep' = if (privateNetwork && withMachineLearning) {
  params: {
    location: location
    tags: tags
    subnetId: endpointsSubnetId
    targets: mlflowTargets
    zonesGroupId: zonesGroupId
  }
  dependsOn: [
    network
    mlflow
    workspace
  ]
}

// One at a time with those of the data: all write into the zone of blobs.
module monitoringEndpoints 'modules/endpoints.bicep' = if (privateMonitoring) {
  params: {
    location: location
    tags: tags
    subnetId: endpointsSubnetId
    targets: monitoringTargets
    zonesGroupId: zonesGroupId
  }
  dependsOn: [
    network
    monitoringScope
    dataEndpoints
  ]
}

module appEndpoints 'modules/endpoints.bicep' = if (privateNetwork) {
  params: {
    location: location
    tags: tags
    subnetId: endpointsSubnetId
    targets: appTargets
    zonesGroupId: zonesGroupId
  }
  dependsOn: [
    network
    scorer
    trainer
    desk
  ]
}

var commonSettings = [
  { name: 'ORDERS_HUB', value: ordersHub }
  { name: 'ORDERS_CONSUMER_GROUP', value: ordersConsumerGroup }
  { name: 'COSMOS_ENDPOINT', value: cosmosEndpoint }
  { name: 'COSMOS_DATABASE', value: databaseName }
  { name: 'BLOB_ACCOUNT_URL', value: blobAccountUrl }
]

var trainerSettings = [
  { name: 'RETRAIN_SCHEDULE', value: retrainSchedule }
  { name: 'AzureFunctionsJobHost__functionTimeout', value: retrainTimeout }
  { name: 'MLFLOW_TRACKING_URI', value: trackingUri }
]

module scorer 'modules/app.bicep' = {
  params: {
    location: location
    tags: tags
    appName: appNames.scorer
    planName: planNames.scorer
    role: 'scorer'
    identityName: '${identityPrefix}scorer'
    hostAccountName: hostAccountNames.scorer
    packageContainerName: packageContainerNames.scorer
    insightsName: insightsName
    commonSettings: commonSettings
    roleSettings: [
      { name: 'STORED_VERSION', value: storedVersion }
    ]
    readsHub: true
    namespaceName: namespaceName
    instanceMemory: 2048
    maximumInstances: maximumInstances
    alwaysReady: scorerAlwaysReady > 0 ? [{ name: 'function:score_orders', instanceCount: scorerAlwaysReady }] : []
    zoneRedundant: zoneRedundant
    privateNetwork: privateNetwork
    subnetId: appsSubnetId
    entraClientId: ''
    callerGroups: []
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    roles
    hubRoles
    dataEndpoints
    monitoringEndpoints
  ]
}

module trainer 'modules/app.bicep' = {
  params: {
    location: location
    tags: tags
    appName: appNames.trainer
    planName: planNames.trainer
    role: 'trainer'
    identityName: '${identityPrefix}trainer'
    hostAccountName: hostAccountNames.trainer
    packageContainerName: packageContainerNames.trainer
    insightsName: insightsName
    commonSettings: commonSettings
    roleSettings: trainerSettings
    readsHub: false
    namespaceName: namespaceName
    instanceMemory: 4096
    maximumInstances: 40
    alwaysReady: []
    zoneRedundant: false
    privateNetwork: privateNetwork
    subnetId: appsSubnetId
    entraClientId: ''
    callerGroups: []
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    roles
    hubRoles
    dataEndpoints
    monitoringEndpoints
    mlflowEndpoints
  ]
}

module desk 'modules/app.bicep' = {
  params: {
    location: location
    tags: tags
    appName: appNames.desk
    planName: planNames.desk
    role: 'desk'
    identityName: '${identityPrefix}desk'
    hostAccountName: hostAccountNames.desk
    packageContainerName: packageContainerNames.desk
    insightsName: insightsName
    commonSettings: commonSettings
    roleSettings: []
    readsHub: false
    namespaceName: namespaceName
    instanceMemory: 2048
    maximumInstances: 40
    alwaysReady: []
    zoneRedundant: false
    privateNetwork: privateNetwork
    subnetId: appsSubnetId
    entraClientId: deskClientId
    callerGroups: empty(analystGroupId) ? [] : [analystGroupId]
    logWorkspaceId: logWorkspaceId
  }
  dependsOn: [
    roles
    hubRoles
    dataEndpoints
    monitoringEndpoints
  ]
}

module alerts 'modules/alerts.bicep' = {
  params: {
    location: location
    tags: tags
    rulePrefix: 'sheriff-${environmentName}-'
    actionGroupName: actionGroupName
    insightsName: insightsName
    logWorkspaceName: logWorkspaceName
    namespaceName: namespaceName
    cosmosAccountName: cosmosAccountName
    deskAppName: appNames.desk
    reachable: !privateNetwork
    lagSeconds: lagAlertSeconds
    modelAgeDays: modelAgeAlertDays
    ordersFlow: ordersFlow
    logsDailyGigabytes: logsDailyGigabytes
    monthlyBudget: monthlyBudget
    budgetStart: budgetStart
  }
  dependsOn: [
    monitoring
    eventHubs
    cosmos
    desk
  ]
}

module activity 'modules/activity.bicep' = if (watchActivity != 'none') {
  params: {
    tags: tags
    rulePrefix: 'sheriff-${environmentName}-'
    actionGroupName: actionGroupName
    withSubscription: watchActivity == 'subscription'
    withRolesGiven: watchRolesGiven
  }
  dependsOn: [
    monitoring
  ]
}

module workbook 'modules/workbook.bicep' = {
  params: {
    location: location
    tags: tags
    insightsName: insightsName
  }
  dependsOn: [
    monitoring
  ]
}

@description('Object ids of the identities that have roles here, by holder: who deploys need give roles to nobody else.')
output grantedPrincipalIds principalIdsType = identities.outputs.principalIds

// Named as the settings they feed: for the pipeline, and for a developer who connects to this.
@description('The hub of orders.')
output ORDERS_HUB string = ordersHub

@description('The consumer group of the scorer.')
output ORDERS_CONSUMER_GROUP string = ordersConsumerGroup

@description('Host name of the Event Hubs namespace.')
output EventHubConnection__fullyQualifiedNamespace string = '${namespaceName}.servicebus.windows.net'

@description('URL of the Cosmos DB account.')
output COSMOS_ENDPOINT string = cosmosEndpoint

@description('Its database.')
output COSMOS_DATABASE string = databaseName

@description('URL of the data account.')
output BLOB_ACCOUNT_URL string = blobAccountUrl

@description('Where MLflow is.')
output MLFLOW_TRACKING_URI string = trackingUri

@description('Name of the app that scores.')
output scorerAppName string = appNames.scorer

@description('Name of the app that trains.')
output trainerAppName string = appNames.trainer

@description('Name of the app that answers over HTTP.')
output deskAppName string = appNames.desk
