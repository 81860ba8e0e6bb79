// Who may do what: every role assignment there is. Called twice, for Capture needs its role before
// the hub is made, and a role on the hub needs the hub.
//
// An assignment is named after what it is on, the object id of who has it, and the role. Named after
// the identity's own id it would block every deployment once the identity is deleted and made again:
// the name stays, its principal may not change (RoleAssignmentUpdateNotPermitted).

import { byAppType, principalIdsType } from 'types.bicep'

@description('Whether the hub is there: then the roles on it are given, else all others.')
param hubIsThere bool

@description('Object id of each identity, by holder. Only a parameter is known when names are worked out.')
param principalIds principalIdsType

@description('Name of the Event Hubs namespace.')
param namespaceName string

@description('Name of the hub.')
param hubName string

@description('Name of the data account.')
param dataAccountName string

@description('Names of the host accounts, by app.')
param hostAccountNames byAppType

@description('Name of the Cosmos DB account.')
param cosmosAccountName string

@description('Name of its database.')
param databaseName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Name of the Azure Machine Learning workspace; empty without one.')
param machineLearningName string

@description('Name of the workspace\'s storage account.')
param machineLearningAccountName string

@description('Name of the workspace\'s key vault.')
param vaultName string

@description('Object id of the pipeline\'s principal; empty without one.')
param pipelinePrincipalId string

@description('Object id of the analysts\' group; empty without one.')
param analystGroupId string

// Built-in roles of Azure, by what Azure calls them.
var contributor = 'b24988ac-6180-42a0-ab88-20f7382dd24c'
var eventHubsDataReceiver = 'a638d3c7-ab3a-418d-83e6-5f17a39d4fde'
var eventHubsDataSender = '2b629674-e913-4c01-ae53-ef4638d8f975'
var storageBlobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var storageBlobDataReader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
var storageTableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var keyVaultAdministrator = '00482a5a-887f-4fb3-b363-3b7fe8e74483'
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'
var azureMlDataScientist = 'f6c7c914-8db3-469d-8ca1-694a8f32e121'
var cosmosDbAccountReader = 'fbdf93bf-df7d-467e-a4d2-9458aa1360c8'

// Roles of the data plane of Cosmos DB, which are its own.
var cosmosDbDataReader = '00000000-0000-0000-0000-000000000001'
var cosmosDbDataContributor = '00000000-0000-0000-0000-000000000002'

// Who may do what in the containers of the data account. The desk: nothing.
var blobGrants = hubIsThere
  ? []
  : [
      { holder: 'capture', container: 'orders-archive', role: storageBlobDataContributor }
      { holder: 'scorer', container: 'models', role: storageBlobDataReader }
      { holder: 'scorer', container: 'reference', role: storageBlobDataReader }
      { holder: 'scorer', container: 'dead-letters', role: storageBlobDataContributor }
      { holder: 'trainer', container: 'orders-archive', role: storageBlobDataReader }
      { holder: 'trainer', container: 'reference', role: storageBlobDataReader }
      { holder: 'trainer', container: 'models', role: storageBlobDataContributor }
      { holder: 'trainer', container: 'training', role: storageBlobDataContributor }
    ]

// Who may do what with the documents.
var documentGrants = hubIsThere
  ? []
  : [
      { holder: 'scorer', container: 'alerts', role: cosmosDbDataContributor }
      { holder: 'scorer', container: 'incidents', role: cosmosDbDataContributor }
      { holder: 'scorer', container: 'state', role: cosmosDbDataContributor }
      { holder: 'scorer', container: 'shadow', role: cosmosDbDataContributor }
      { holder: 'trainer', container: 'alerts', role: cosmosDbDataReader }
      { holder: 'trainer', container: 'incidents', role: cosmosDbDataReader }
      { holder: 'trainer', container: 'state', role: cosmosDbDataReader }
      { holder: 'trainer', container: 'decisions', role: cosmosDbDataReader }
      { holder: 'trainer', container: 'shadow', role: cosmosDbDataReader }
      { holder: 'desk', container: 'alerts', role: cosmosDbDataReader }
    ]

// The Functions host makes its containers itself, so it needs the whole of the app's own account.
var hostGrants = hubIsThere
  ? []
  : [
      { holder: 'scorer', role: storageBlobDataOwner }
      { holder: 'scorer', role: storageTableDataContributor }
      { holder: 'trainer', role: storageBlobDataOwner }
      { holder: 'trainer', role: storageTableDataContributor }
      { holder: 'desk', role: storageBlobDataOwner }
      { holder: 'desk', role: storageTableDataContributor }
    ]

var telemetryGrants = hubIsThere
  ? []
  : concat(
      [
        { holder: 'scorer', role: monitoringMetricsPublisher }
        { holder: 'trainer', role: monitoringMetricsPublisher }
        { holder: 'desk', role: monitoringMetricsPublisher }
      ],
      empty(machineLearningName) ? [] : [{ holder: 'mlflow', role: contributor }]
    )

var hubGrants = !hubIsThere
  ? []
  : [
      { holder: 'scorer', role: eventHubsDataReceiver }
    ]

// The workspace's own identity has the roles that Azure Machine Learning documents for it, each on
// one resource ("Set up authentication between Azure Machine Learning and other services"): narrower
// ones may do, but whether they do shows only when a workspace is made. It keeps artifacts in
// containers that it makes and names itself.
var machineLearningGrants = !hubIsThere || empty(machineLearningName)
  ? []
  : [
      { holder: 'trainer', role: azureMlDataScientist }
      { holder: 'mlflow', role: contributor }
    ]
var machineLearningAccountGrants = hubIsThere || empty(machineLearningName)
  ? []
  : [
      { holder: 'mlflow', role: contributor }
      { holder: 'mlflow', role: storageBlobDataContributor }
      { holder: 'trainer', role: storageBlobDataContributor }
    ]
var vaultGrants = hubIsThere || empty(machineLearningName)
  ? []
  : [
      { holder: 'mlflow', role: contributor }
      { holder: 'mlflow', role: keyVaultAdministrator }
    ]

// What the pipeline looks at and clears away after its smoke test.
var pipelineDocumentGrants = hubIsThere || empty(pipelinePrincipalId)
  ? []
  : [
      { container: 'alerts', role: cosmosDbDataContributor }
      { container: 'state', role: cosmosDbDataReader }
    ]

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName
}

resource dataBlobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: dataAccount
  name: 'default'
}

// Each container and account once, however many roles there are on it: Azure takes no two
// resources of the same id.
var containerNames = ['orders-archive', 'models', 'reference', 'dead-letters', 'training']
var apps = ['scorer', 'trainer', 'desk']

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = [
  for name in containerNames: {
    parent: dataBlobs
    name: name
  }
]

resource onBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in blobGrants: {
    scope: blobContainers[indexOf(containerNames, grant.container)]
    name: guid(blobContainers[indexOf(containerNames, grant.container)].id, principalIds[grant.holder], grant.role)
    properties: {
      principalId: principalIds[grant.holder]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    }
  }
]

resource cosmosAccount 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: cosmosAccountName
}

@batchSize(1)
resource onDocuments 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = [
  for grant in documentGrants: {
    parent: cosmosAccount
    name: guid(cosmosAccount.id, grant.container, principalIds[grant.holder], grant.role)
    properties: {
      principalId: principalIds[grant.holder]
      roleDefinitionId: '${cosmosAccount.id}/sqlRoleDefinitions/${grant.role}'
      scope: '${cosmosAccount.id}/dbs/${databaseName}/colls/${grant.container}'
    }
  }
]

resource hostAccounts 'Microsoft.Storage/storageAccounts@2025-06-01' existing = [
  for app in apps: {
    name: hostAccountNames[app]
  }
]

resource onHosts 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in hostGrants: {
    scope: hostAccounts[indexOf(apps, grant.holder)]
    name: guid(hostAccounts[indexOf(apps, grant.holder)].id, principalIds[grant.holder], grant.role)
    properties: {
      principalId: principalIds[grant.holder]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    }
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource onTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in telemetryGrants: {
    scope: insights
    name: guid(insights.id, principalIds[grant.holder], grant.role)
    properties: {
      principalId: principalIds[grant.holder]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    }
  }
]

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' existing = if (hubIsThere) {
  name: namespaceName
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' existing = if (hubIsThere) {
  parent: namespace
  name: hubName
}

resource onHub 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in hubGrants: {
    scope: hub
    name: guid(hub.id, principalIds[grant.holder], grant.role)
    properties: {
      principalId: principalIds[grant.holder]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    }
  }
]

// The pipeline's smoke test and its promotion of a model, where the pipeline is named.
resource pipelineOnHub 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hubIsThere && !empty(pipelinePrincipalId)) {
  scope: hub
  name: guid(hub.id, pipelinePrincipalId, eventHubsDataSender)
  properties: {
    principalId: pipelinePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', eventHubsDataSender)
  }
}

// Event Hubs lets only those switch Capture on who may write data in the whole account that it
// writes to ("Linked access check failed": Azure/azure-sdk-for-js 30204). The pipeline promotes
// models there, too.
resource pipelineOnData 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!hubIsThere && !empty(pipelinePrincipalId)) {
  scope: dataAccount
  name: guid(dataAccount.id, pipelinePrincipalId, storageBlobDataContributor)
  properties: {
    principalId: pipelinePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
  }
}

@batchSize(1)
resource pipelineOnDocuments 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = [
  for grant in pipelineDocumentGrants: {
    parent: cosmosAccount
    name: guid(cosmosAccount.id, grant.container, pipelinePrincipalId, grant.role)
    properties: {
      principalId: pipelinePrincipalId
      roleDefinitionId: '${cosmosAccount.id}/sqlRoleDefinitions/${grant.role}'
      scope: '${cosmosAccount.id}/dbs/${databaseName}/colls/${grant.container}'
    }
    dependsOn: [
      onDocuments
    ]
  }
]

// What analysts need to ask in the Data Explorer: the documents, to read, and the account, by which
// the portal lists its database and containers. It refuses the keys that they could read there.
resource analystsOnDocuments 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments@2025-10-15' = if (!hubIsThere && !empty(analystGroupId)) {
  parent: cosmosAccount
  name: guid(cosmosAccount.id, databaseName, analystGroupId, cosmosDbDataReader)
  properties: {
    principalId: analystGroupId
    roleDefinitionId: '${cosmosAccount.id}/sqlRoleDefinitions/${cosmosDbDataReader}'
    scope: '${cosmosAccount.id}/dbs/${databaseName}'
  }
  dependsOn: [
    pipelineOnDocuments
  ]
}

resource analystsOnAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!hubIsThere && !empty(analystGroupId)) {
  scope: cosmosAccount
  name: guid(cosmosAccount.id, analystGroupId, cosmosDbAccountReader)
  properties: {
    principalId: analystGroupId
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', cosmosDbAccountReader)
  }
}

resource machineLearning 'Microsoft.MachineLearningServices/workspaces@2025-12-01' existing = if (hubIsThere && !empty(machineLearningName)) {
  name: machineLearningName
}

resource pipelineOnMachineLearning 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (hubIsThere && !empty(machineLearningName) && !empty(pipelinePrincipalId)) {
  scope: machineLearning
  name: guid(machineLearning.id, pipelinePrincipalId, azureMlDataScientist)
  properties: {
    principalId: pipelinePrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', azureMlDataScientist)
  }
}

resource onMachineLearning 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in machineLearningGrants: {
    scope: machineLearning
    name: guid(machineLearning.id, principalIds[grant.holder], grant.role)
    properties: {
      principalId: principalIds[grant.holder]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    }
  }
]

resource machineLearningAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = if (!empty(machineLearningName)) {
  name: machineLearningAccountName
}

resource onMachineLearningAccount 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in machineLearningAccountGrants: {
    scope: machineLearningAccount
    name: guid(machineLearningAccount.id, principalIds[grant.holder], grant.role)
    properties: {
      principalId: principalIds[grant.holder]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    }
  }
]

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = if (!empty(machineLearningName)) {
  name: vaultName
}

resource onVault 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in vaultGrants: {
    scope: vault
    name: guid(vault.id, principalIds[grant.holder], grant.role)
    properties: {
      principalId: principalIds[grant.holder]
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', grant.role)
    }
  }
]
