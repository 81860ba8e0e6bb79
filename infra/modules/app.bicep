// One app of the one code base: its plan, its site, and who may call it.

import { alwaysReadyType, settingType, tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the app.')
param appName string

@description('Name of its plan.')
param planName string

@description('Which part of Sheriff it runs.')
@allowed(['scorer', 'trainer', 'desk'])
param role string

@description('Name of its identity.')
param identityName string

@description('Name of the storage account of its host.')
param hostAccountName string

@description('Container of its package, in that account.')
param packageContainerName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Settings that every role needs.')
param commonSettings settingType[]

@description('Settings that this role needs besides.')
param roleSettings settingType[]

@description('Whether it reads the hub, by EventHubConnection.')
param readsHub bool

@description('Name of the Event Hubs namespace.')
param namespaceName string

@description('Memory of an instance, MB.')
@allowed([512, 2048, 4096])
param instanceMemory int

@description('Instances at most.')
@minValue(40)
@maxValue(1000)
param maximumInstances int

@description('What is kept ready, and how many instances of it.')
param alwaysReady alwaysReadyType[]

@description('Whether the plan spans zones.')
param zoneRedundant bool

@description('Whether it is reached through private endpoints only.')
param privateNetwork bool

@description('Subnet that the app calls out from; empty without a network.')
param subnetId string

@description('Client id of the app registration that callers of the desk sign in to; empty: only its health can be called.')
param entraClientId string

@description('Object ids of the groups whose members may call the desk.')
param callerGroups string[]

@description('Log Analytics workspace that it is logged to who signed in.')
param logWorkspaceId string

var pythonVersion = '3.13'
var managedIdentity = 'managedidentity'

// A span for each request to a store would be many an order; Sheriff has its own.
var uninstrumented = 'azure_sdk,django,fastapi,flask,httpx,psycopg2,requests,urllib,urllib3'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identityName
}

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostAccountName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

var hostSettings = [
  { name: 'AzureWebJobsStorage__credential', value: managedIdentity }
  { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
  // By the service's addresses the host may come up without its storage: it reads them too late
  // (github.com/Azure/azure-functions-host/issues/11787).
  { name: 'AzureWebJobsStorage__accountName', value: hostAccount.name }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }
  {
    name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING'
    value: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  }
  { name: 'PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY', value: 'true' }
  { name: 'OTEL_SERVICE_NAME', value: 'sheriff-${role}' }
  { name: 'OTEL_TRACES_SAMPLER', value: 'always_on' } // its default keeps five a second
  { name: 'OTEL_PYTHON_DISABLED_INSTRUMENTATIONS', value: uninstrumented }
  { name: 'PYTHON_APPLICATIONINSIGHTS_LOGGER_NAME', value: 'functions' }
  { name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }
  { name: 'SHERIFF_ROLE', value: role }
]

var hubSettings = [
  { name: 'EventHubConnection__fullyQualifiedNamespace', value: '${namespaceName}.servicebus.windows.net' }
  { name: 'EventHubConnection__credential', value: managedIdentity }
  { name: 'EventHubConnection__clientId', value: identity.properties.clientId }
]

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: appName
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    virtualNetworkSubnetId: privateNetwork ? subnetId : null
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostAccount.properties.primaryEndpoints.blob}${packageContainerName}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        alwaysReady: alwaysReady
        maximumInstanceCount: maximumInstances
        instanceMemoryMB: instanceMemory
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      remoteDebuggingEnabled: false
      appSettings: concat(hostSettings, commonSettings, readsHub ? hubSettings : [], roleSettings)
    }
  }
}

resource ftpPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

// Callers of the desk sign in with Entra before it sees them. Its health is open, and so is what the
// platform calls once a package is deployed, without a token of ours: else the app counts as unhealthy
// (github.com/Azure/azure-functions-core-tools/issues/4196). The host itself asks for its master key there.
resource authentication 'Microsoft.Web/sites/config@2025-03-01' = if (role == 'desk') {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: true
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
      excludedPaths: ['/api/health', '/admin/host/synctriggers']
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        // No group would mean everybody: then nobody is let in.
        enabled: !empty(entraClientId) && !empty(callerGroups)
        registration: {
          clientId: entraClientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: ['api://${entraClientId}', entraClientId]
          defaultAuthorizationPolicy: {
            allowedPrincipals: {
              groups: callerGroups
            }
          }
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}

resource signIns 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (role == 'desk') {
  scope: site
  name: 'to-log-analytics'
  properties: {
    workspaceId: logWorkspaceId
    logs: [
      {
        category: 'AppServiceAuthenticationLogs'
        enabled: true
      }
    ]
  }
}
