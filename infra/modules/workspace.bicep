// The Azure Machine Learning workspace, of which only its MLflow is used.

import { tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the workspace.')
param workspaceName string

@description('Name of its storage account.')
param accountName string

@description('Name of its key vault.')
param vaultName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Name of the workspace\'s identity.')
param identityName string

@description('Whether it is reached through private endpoints only.')
param privateNetwork bool

@description('Log Analytics workspace that diagnostics go to.')
param logWorkspaceId string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: accountName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-12-01' = {
  name: workspaceName
  location: location
  tags: tags
  kind: 'Default'
  sku: {
    name: 'Basic'
    tier: 'Basic'
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    friendlyName: 'Sheriff'
    storageAccount: account.id
    keyVault: vault.id
    applicationInsights: insights.id
    primaryUserAssignedIdentity: identity.id
    systemDatastoresAuthMode: 'Identity'
    v1LegacyMode: false
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: workspace
  name: 'to-log-analytics'
  properties: {
    workspaceId: logWorkspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}
