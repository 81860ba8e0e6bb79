// One identity for each app, and one for what Azure itself does with our data.

import { principalIdsType, tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Start of every identity name; the name of its holder follows.')
param identityPrefix string

@description('Whether Azure Machine Learning needs an identity, too.')
param withMachineLearning bool

var holders = concat(['scorer', 'trainer', 'desk', 'capture'], withMachineLearning ? ['mlflow'] : [])

resource identities 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = [
  for holder in holders: {
    name: '${identityPrefix}${holder}'
    location: location
    tags: tags
  }
]

@description('Object id of each identity, by holder. A role assignment is named after it: an identity that was deleted and made again has another, and Azure refuses to give an assignment of the same name to it.')
output principalIds principalIdsType = union(
  {
    scorer: identities[0].properties.principalId
    trainer: identities[1].properties.principalId
    desk: identities[2].properties.principalId
    capture: identities[3].properties.principalId
  },
  withMachineLearning ? { mlflow: identities[4].properties.principalId } : {}
)
