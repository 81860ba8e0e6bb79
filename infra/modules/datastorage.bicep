// Sheriff's own blobs: the archive of orders, dead letters, models, reference data, training.

import { tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the account.')
param accountName string

@description('Replication: ZRS spans zones, GZRS regions, too.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GZRS'])
param replication string

@description('Whether it is reached through private endpoints only.')
param privateNetwork bool

@description('Whether nobody may delete the account.')
param locked bool

@description('Days that captured orders are kept.')
@minValue(30)
@maxValue(3650)
param ordersKeptDays int

@description('Days for which a captured order can neither be changed nor deleted, by anybody; 0: it can.')
@minValue(0)
@maxValue(3650)
param ordersWriteOnceDays int

@description('Whether that was locked by hand.')
param ordersWriteOnceLocked bool

@description('Days that a dead letter is kept.')
@minValue(7)
@maxValue(3650)
param deadLettersKeptDays int

@description('Days that what was deleted or overwritten can be had back; after them it is erased.')
@minValue(7)
@maxValue(365)
param deletedKeptDays int

@description('Log Analytics workspace that its diagnostics go to.')
param logWorkspaceId string

var containerNames = ['orders-archive', 'dead-letters', 'models', 'reference', 'training']

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: accountName
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: replication
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    allowCrossTenantReplication: false
    defaultToOAuthAuthentication: true
    isLocalUserEnabled: false
    isSftpEnabled: false
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    // Capture is a trusted service: it writes past the firewall, by its identity.
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
    }
    encryption: {
      keySource: 'Microsoft.Storage'
      requireInfrastructureEncryption: true
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: {
      enabled: true
      days: deletedKeptDays
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: deletedKeptDays
    }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for containerName in containerNames: {
    parent: blobs
    name: containerName
    properties: {
      publicAccess: 'None'
    }
  }
]

// Unlocked as it is made: a person locks it, for good (docs/infrastructure.md). Of a locked one Azure
// takes nothing but its extension ("Blob Containers - Lock Immutability Policy").
resource writeOnce 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2025-06-01' = if (ordersWriteOnceDays > 0 && !ordersWriteOnceLocked) {
  parent: containers[indexOf(containerNames, 'orders-archive')]
  name: 'default'
  properties: {
    immutabilityPeriodSinceCreationInDays: ordersWriteOnceDays
    allowProtectedAppendWrites: false
  }
}

resource retention 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'orders-archive'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['orders-archive/']
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: ordersKeptDays
                }
              }
            }
          }
        }
        {
          name: 'dead-letters'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['dead-letters/']
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: deadLettersKeptDays
                }
              }
            }
          }
        }
        {
          name: 'old-versions'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob']
            }
            actions: {
              version: {
                delete: {
                  daysAfterCreationGreaterThan: deletedKeptDays
                }
              }
            }
          }
        }
      ]
    }
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'to-log-analytics'
  properties: {
    workspaceId: logWorkspaceId
    logs: [
      {
        category: 'StorageRead'
        enabled: true
      }
      {
        category: 'StorageWrite'
        enabled: true
      }
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'Transaction'
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
    notes: 'Orders, models and dead letters: nothing else has them.'
  }
}
