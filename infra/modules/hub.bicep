// The hub of orders, read by one consumer group and kept by Capture.

@description('Name of the namespace.')
param namespaceName string

@description('Name of the hub.')
param hubName string

@description('Consumer group that the scorer alone reads as.')
param consumerGroupName string

@description('Partitions; fixed once the hub is made.')
@minValue(1)
@maxValue(32)
param partitionCount int

@description('Days that an order waits in the hub to be scored.')
@minValue(1)
@maxValue(7)
param retentionDays int

@description('Name of the identity that Capture writes with.')
param captureIdentityName string

@description('Name of the storage account that Capture writes to.')
param dataAccountName string

@description('Container that Capture writes to.')
param archiveContainerName string

resource captureIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: captureIdentityName
}

resource dataAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: dataAccountName
}

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' existing = {
  name: namespaceName
}

resource hub 'Microsoft.EventHub/namespaces/eventhubs@2026-01-01' = {
  parent: namespace
  name: hubName
  properties: {
    partitionCount: partitionCount
    retentionDescription: {
      cleanupPolicy: 'Delete'
      retentionTimeInHours: retentionDays * 24
    }
    captureDescription: {
      enabled: true
      encoding: 'Avro'
      intervalInSeconds: 300
      sizeLimitInBytes: 314572800
      skipEmptyArchives: true
      destination: {
        name: 'EventHubArchive.AzureBlockBlob'
        // Without this Capture signs with a shared key, which the account refuses.
        identity: {
          type: 'UserAssigned'
          userAssignedIdentity: captureIdentity.id
        }
        properties: {
          storageAccountResourceId: dataAccount.id
          blobContainer: archiveContainerName
          archiveNameFormat: '{Namespace}/{EventHub}/{PartitionId}/{Year}/{Month}/{Day}/{Hour}/{Minute}/{Second}'
        }
      }
    }
  }
}

resource consumerGroup 'Microsoft.EventHub/namespaces/eventhubs/consumergroups@2026-01-01' = {
  parent: hub
  name: consumerGroupName
  properties: {
    userMetadata: 'Read by the scorer alone.'
  }
}
