// The private network: where the apps call out from, where the endpoints are, and their names.

import { tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Name of the virtual network.')
param networkName string

@description('Address range of the network; the apps get its first /24, the endpoints the second.')
param addressPrefix string

@description('Whether the private DNS zones are made here.')
param zonesAreHere bool

@description('Ids of networks that find the private endpoints by name, too.')
param linkedNetworkIds string[]

@description('Whether the apps call the Internet by a NAT gateway.')
param natGateway bool

@description('Private address of the firewall by which the apps call the Internet; empty: they call it without one.')
param firewallAddress string

@description('Whether Azure Monitor is reached by a private endpoint, too.')
param privateMonitoring bool

var dataZoneNames = [
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink.table.${environment().suffixes.storage}'
  'privatelink.servicebus.windows.net'
  'privatelink.documents.azure.com'
  'privatelink.azurewebsites.net'
  'privatelink.vaultcore.azure.net'
  'privatelink.api.azureml.ms'
  'privatelink.notebooks.azure.net'
]

// Linked to this network alone: they change where every workspace is found, not ours only.
var monitoringZoneNames = [
  'privatelink.monitor.azure.com'
  'privatelink.oms.opinsights.azure.com'
  'privatelink.ods.opinsights.azure.com'
  'privatelink.agentsvc.azure-automation.net'
]
var zoneNames = zonesAreHere ? concat(dataZoneNames, privateMonitoring ? monitoringZoneNames : []) : []
var otherLinks = flatten(map(
  zonesAreHere ? dataZoneNames : [],
  zoneName => map(linkedNetworkIds, networkId => { zoneName: zoneName, networkId: networkId })
))
var controlled = natGateway || !empty(firewallAddress)

resource appsRules 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${networkName}-apps'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'DenyInternetInbound'
        properties: {
          priority: 4000
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource endpointsRules 'Microsoft.Network/networkSecurityGroups@2025-05-01' = {
  name: '${networkName}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'DenyInternetInbound'
        properties: {
          priority: 4000
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource egressAddress 'Microsoft.Network/publicIPAddresses@2025-05-01' = if (natGateway) {
  name: '${networkName}-egress'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIPAllocationMethod: 'Static'
    publicIPAddressVersion: 'IPv4'
  }
}

resource egress 'Microsoft.Network/natGateways@2025-05-01' = if (natGateway) {
  name: '${networkName}-egress'
  location: location
  tags: tags
  sku: {
    name: 'Standard'
  }
  properties: {
    publicIpAddresses: [
      {
        id: egressAddress.id
      }
    ]
  }
}

resource routes 'Microsoft.Network/routeTables@2025-05-01' = if (!empty(firewallAddress)) {
  name: '${networkName}-by-firewall'
  location: location
  tags: tags
  properties: {
    routes: [
      {
        name: 'all'
        properties: {
          addressPrefix: '0.0.0.0/0'
          nextHopType: 'VirtualAppliance'
          nextHopIpAddress: firewallAddress
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2025-05-01' = {
  name: networkName
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        name: 'apps'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 0)
          networkSecurityGroup: {
            id: appsRules.id
          }
          defaultOutboundAccess: controlled ? false : null
          natGateway: natGateway ? { id: egress.id } : null
          routeTable: empty(firewallAddress) ? null : { id: routes.id }
          delegations: [
            {
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 24, 1)
          networkSecurityGroup: {
            id: endpointsRules.id
          }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for zoneName in zoneNames: {
    name: zoneName
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (zoneName, index) in zoneNames: {
    parent: zones[index]
    name: 'to-${networkName}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: network.id
      }
    }
  }
]

resource linksToOthers 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for link in otherLinks: {
    parent: zones[indexOf(zoneNames, link.zoneName)]
    name: 'to-${last(split(link.networkId, '/'))}-${uniqueString(link.networkId)}'
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: link.networkId
      }
    }
  }
]

@description('Id of the network.')
output networkId string = network.id
