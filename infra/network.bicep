// The private network alone, to be made and peered before main.bicep, which makes the same again.

import { nameToken, networkNameOf } from 'modules/naming.bicep'

@description('Which environment this is.')
@allowed(['dev', 'test', 'prod'])
param environmentName string

@description('Azure region.')
param location string = resourceGroup().location

@description('Who pays, by the name the bill shows.')
@minLength(1)
@maxLength(256)
param costCentre string

@description('Address range of the network: /16, or as small as /23.')
param networkAddressPrefix string = '10.20.0.0/16'

@description('Ids of networks that find the private endpoints by name, too: a hub\'s, the agents\'. Peer them.')
@maxLength(20)
param linkedNetworkIds string[] = []

@description('Id of the resource group in which a platform team has the private DNS zones, linked; empty: they are made here.')
param dnsZonesGroupId string = ''

@description('Whether the apps call the Internet by a NAT gateway, from one address of their own.')
param natGateway bool = false

@description('Private address of the firewall by which the apps call the Internet; empty: they call it without one.')
param firewallAddress string = ''

@description('Whether logs and measures are sent and asked for inside of the network only.')
param privateMonitoring bool = false

@description('Goes into every name, as in main.bicep.')
@maxLength(20)
param nameSalt string = ''

module network 'modules/network.bicep' = {
  params: {
    location: location
    tags: {
      application: 'sheriff'
      environment: environmentName
      costCentre: costCentre
    }
    networkName: networkNameOf(
      environmentName,
      nameToken(subscription().id, resourceGroup().id, environmentName, nameSalt)
    )
    addressPrefix: networkAddressPrefix
    zonesAreHere: empty(dnsZonesGroupId)
    linkedNetworkIds: linkedNetworkIds
    natGateway: natGateway
    firewallAddress: firewallAddress
    privateMonitoring: privateMonitoring
  }
}

@description('Id of the network, to peer with.')
output networkId string = network.outputs.networkId
