// The page that shows how Sheriff does.

import { tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the Application Insights component that it asks.')
param insightsName string

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'sheriff')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Sheriff'
    category: 'workbook'
    sourceId: insights.id
    serializedData: loadTextContent('../workbook.json')
  }
}
