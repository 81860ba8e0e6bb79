// The namespace that orders come in on. Its hub is in hub.bicep: Capture needs its role first.

import { tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the namespace.')
param namespaceName string

@description('Name of the identity that Capture writes with.')
param captureIdentityName string

@description('Throughput units that the namespace has: each takes in 1 MB or 1,000 orders a second.')
@minValue(1)
@maxValue(40)
param throughputUnits int

@description('Throughput units that the namespace may grow to by itself; as many as it has: it does not grow.')
@minValue(2)
@maxValue(40)
param throughputUnitsMaximum int

@description('Whether it is reached through private endpoints only.')
param privateNetwork bool

@description('Log Analytics workspace that its diagnostics go to.')
param logWorkspaceId string

// Azure takes a maximum only above what is there, and with auto-inflate off none at all.
var grows = throughputUnitsMaximum > throughputUnits

resource captureIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: captureIdentityName
}

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' = {
  name: namespaceName
  location: location
  tags: tags
  sku: {
    name: 'Standard'
    tier: 'Standard'
    capacity: throughputUnits
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${captureIdentity.id}': {}
    }
  }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    zoneRedundant: true // costs nothing, and is fixed once the namespace is made
    isAutoInflateEnabled: grows
    maximumThroughputUnits: grows ? throughputUnitsMaximum : 0
  }
}

resource networkRules 'Microsoft.EventHub/namespaces/networkRuleSets@2026-01-01' = {
  parent: namespace
  name: 'default'
  properties: {
    defaultAction: privateNetwork ? 'Deny' : 'Allow'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    trustedServiceAccessEnabled: true
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'to-log-analytics'
  properties: {
    workspaceId: logWorkspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}
