// One identity for each app, and one for what Azure itself does with our data.

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags object

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
