// How names come about where two templates must agree on them.

@export()
@description('The part of every name that tells environments apart: 13 letters and digits.')
func nameToken(subscriptionId string, resourceGroupId string, environmentName string, nameSalt string) string =>
  toLower(uniqueString(subscriptionId, resourceGroupId, environmentName, nameSalt))

@export()
@description('Name of the private network.')
func networkNameOf(environmentName string, token string) string => 'vnet-sheriff-${environmentName}-${token}'
