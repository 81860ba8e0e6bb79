// Where logs and measures go, and who is told.

import { tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the Log Analytics workspace.')
param logWorkspaceName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Name of the action group.')
param actionGroupName string

@description('Addresses that alerts are mailed to.')
param alertEmails string[]

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logsKeptDays int

@description('GB of logs a day, after which no more are taken in until the next.')
@minValue(1)
@maxValue(1000)
param logsDailyGigabytes int

@description('Whether it is sent to and asked from inside of the private network only.')
param private bool

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: logWorkspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: logsKeptDays
    publicNetworkAccessForIngestion: private ? 'Disabled' : 'Enabled'
    publicNetworkAccessForQuery: private ? 'Disabled' : 'Enabled'
    workspaceCapping: {
      dailyQuotaGb: logsDailyGigabytes
    }
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: insightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: logs.id
    publicNetworkAccessForIngestion: private ? 'Disabled' : 'Enabled'
    publicNetworkAccessForQuery: private ? 'Disabled' : 'Enabled'
    DisableLocalAuth: true
  }
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'Global'
  tags: tags
  properties: {
    groupShortName: 'sheriff'
    enabled: true
    emailReceivers: [
      for (address, index) in alertEmails: {
        name: 'mail-${index}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}
