// Shapes of parameters that more than one template has.

@export()
@description('Tags of every resource: what it belongs to, and who pays.')
type tagsType = {
  application: string
  environment: string
  costCentre: string
}

@export()
@description('Something for each of the apps, such as a name.')
type byAppType = {
  scorer: string
  trainer: string
  desk: string
}

@export()
@description('Object id of each identity, by holder; mlflow only with a workspace.')
type principalIdsType = {
  scorer: string
  trainer: string
  desk: string
  capture: string
  mlflow: string?
}

@export()
@description('An app setting.')
type settingType = {
  name: string
  value: string
}

@export()
@description('What is kept ready of an app, and how many instances of it.')
type alwaysReadyType = {
  name: string
  instanceCount: int
}

@export()
@description('What a private endpoint reaches: the group of its service, and the zones of its name.')
type endpointTargetType = {
  name: string
  serviceId: string
  group: string
  zones: string[]
}
