// The documents: alerts, incidents, the streams' state, analysts' decisions, shadow scores.

import { tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the account.')
param accountName string

@description('Name of the database.')
param databaseName string

@description('How it is paid: by request, or by a throughput that follows the load.')
@allowed(['serverless', 'autoscale'])
param capacityMode string

@description('RU/s that the container of alerts may take at most, when autoscaled.')
@minValue(1000)
@maxValue(1000000)
param alertsMaximumThroughput int

@description('Days that an alert is kept after its last change.')
@minValue(30)
@maxValue(3650)
param alertsKeptDays int

@description('How far back the account can be restored.')
@allowed(['Continuous7Days', 'Continuous30Days'])
param backupTier string

@description('Whether the account spans zones.')
param zoneRedundant bool

@description('Whether it is reached through private endpoints only.')
param privateNetwork bool

@description('Whether nobody may delete the account.')
param locked bool

@description('Log Analytics workspace that its diagnostics go to.')
param logWorkspaceId string

var day = 86400

// ORDER BY two properties needs an index of both, in these directions or all reversed.
var containers = [
  {
    name: 'alerts'
    partitionKey: '/rep_id'
    maximumThroughput: alertsMaximumThroughput
    ttl: alertsKeptDays * day
    compositeIndexes: [
      [
        { path: '/status', order: 'ascending' }
        { path: '/scored_at', order: 'descending' }
      ]
      [
        { path: '/rep_id', order: 'ascending' }
        { path: '/scored_at', order: 'descending' }
      ]
      [
        { path: '/status', order: 'ascending' }
        { path: '/expected_loss', order: 'descending' }
      ]
      [
        { path: '/scored_at', order: 'descending' }
        { path: '/id', order: 'ascending' }
      ]
    ]
  }
  {
    name: 'incidents'
    partitionKey: '/kind'
    maximumThroughput: 1000
    ttl: -1
    compositeIndexes: [
      [
        { path: '/kind', order: 'ascending' }
        { path: '/started_at', order: 'descending' }
      ]
    ]
  }
  {
    name: 'state'
    partitionKey: '/id'
    maximumThroughput: 4000 // 75 RU a commit: 53 batches a second; more wait for one another
    ttl: -1 // without its state a partition starts from nothing
    compositeIndexes: []
  }
  {
    name: 'decisions'
    partitionKey: '/rep_id'
    maximumThroughput: 1000
    ttl: -1 // what the classifier learns from
    compositeIndexes: []
  }
  {
    name: 'shadow'
    partitionKey: '/id'
    maximumThroughput: 1000
    ttl: 90 * day // challengers of the past
    compositeIndexes: []
  }
]

resource account 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' = {
  name: accountName
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: zoneRedundant
      }
    ]
    capabilities: capacityMode == 'serverless' ? [{ name: 'EnableServerless' }] : []
    consistencyPolicy: {
      defaultConsistencyLevel: 'Session'
    }
    disableLocalAuth: true
    disableKeyBasedMetadataWriteAccess: true
    minimalTlsVersion: 'Tls12'
    enableAutomaticFailover: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    isVirtualNetworkFilterEnabled: privateNetwork
    networkAclBypass: 'None'
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: backupTier
      }
    }
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2025-10-15' = {
  parent: account
  name: databaseName
  tags: tags
  properties: {
    resource: {
      id: databaseName
    }
  }
}

@batchSize(1)
resource documents 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2025-10-15' = [
  for container in containers: {
    parent: database
    name: container.name
    tags: tags
    properties: {
      resource: {
        id: container.name
        partitionKey: {
          paths: [container.partitionKey]
          kind: 'Hash'
          version: 2
        }
        defaultTtl: container.ttl
        indexingPolicy: {
          indexingMode: 'consistent'
          automatic: true
          includedPaths: [{ path: '/*' }]
          excludedPaths: [{ path: '/"_etag"/?' }]
          compositeIndexes: container.compositeIndexes
        }
      }
      options: capacityMode == 'serverless'
        ? {}
        : {
            autoscaleSettings: {
              maxThroughput: container.maximumThroughput
            }
          }
    }
  }
]

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: account
  name: 'to-log-analytics'
  properties: {
    workspaceId: logWorkspaceId
    logAnalyticsDestinationType: 'Dedicated'
    // A log of every request would be two rows a batch and one an alert: what fills the day's cap.
    // docs/operations.md says how to have it for a while.
    logs: [
      {
        category: 'ControlPlaneRequests'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'Requests'
        enabled: true
      }
    ]
  }
}

resource lock 'Microsoft.Authorization/locks@2020-05-01' = if (locked) {
  scope: account
  name: 'keep'
  properties: {
    level: 'CanNotDelete'
    notes: 'Alerts and decisions: nothing else has them.'
  }
}
