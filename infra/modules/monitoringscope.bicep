// Azure Monitor inside of the private network: what its endpoint leads to, and nothing else.

import { tagsType } from 'types.bicep'

@description('Tags of every resource.')
param tags tagsType

@description('Name of the private link scope.')
param scopeName string

@description('Name of the Log Analytics workspace.')
param logWorkspaceName string

@description('Name of the Application Insights component.')
param insightsName string

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: logWorkspaceName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

// From this network no other workspace can be written to or asked: what leaves it leaves to ours.
resource monitoringScope 'Microsoft.Insights/privateLinkScopes@2023-06-01-preview' = {
  name: scopeName
  location: 'global'
  tags: tags
  properties: {
    accessModeSettings: {
      ingestionAccessMode: 'PrivateOnly'
      queryAccessMode: 'PrivateOnly'
    }
  }
}

resource linkedLogs 'Microsoft.Insights/privateLinkScopes/scopedResources@2023-06-01-preview' = {
  parent: monitoringScope
  name: logWorkspaceName
  properties: {
    linkedResourceId: logs.id
  }
}

resource linkedInsights 'Microsoft.Insights/privateLinkScopes/scopedResources@2023-06-01-preview' = {
  parent: monitoringScope
  name: insightsName
  properties: {
    linkedResourceId: insights.id
  }
}
