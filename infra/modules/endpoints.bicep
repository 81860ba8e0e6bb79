// Private endpoints, and the names by which the network finds them.

import { endpointTargetType, tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Subnet that the endpoints are in.')
param subnetId string

@description('What is reached: name, serviceId, group, and zones for its name.')
param targets endpointTargetType[]

@description('Id of the resource group that has the private DNS zones.')
param zonesGroupId string

resource endpoints 'Microsoft.Network/privateEndpoints@2025-05-01' = [
  for target in targets: {
    name: 'pep-${target.name}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: subnetId
      }
      privateLinkServiceConnections: [
        {
          name: target.name
          properties: {
            privateLinkServiceId: target.serviceId
            groupIds: [target.group]
          }
        }
      ]
    }
  }
]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = [
  for (target, index) in targets: {
    parent: endpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        for zone in target.zones: {
          name: replace(zone, '.', '-')
          properties: {
            privateDnsZoneId: '${zonesGroupId}/providers/Microsoft.Network/privateDnsZones/${zone}'
          }
        }
      ]
    }
  }
]
