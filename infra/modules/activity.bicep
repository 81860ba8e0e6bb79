// What somebody did to the environment, and what Azure did: told from the activity log.

import { tagsType } from 'types.bicep'

@description('Tags of every resource.')
param tags tagsType

@description('Start of every rule\'s name.')
param rulePrefix string

@description('Name of the action group that is told.')
param actionGroupName string

@description('Whether the health of Azure is told, too, which the subscription\'s log alone has.')
param withSubscription bool

@description('Whether every role that is given is told: those that a deployment writes again, too.')
param withRolesGiven bool

@description('A field of an entry of the activity log and its value; or several, one of which must hold.')
type conditionType = {
  @description('Path of the field.')
  field: string?

  @description('Its value, without regard to case.')
  equals: string?

  @description('One of these must hold.')
  anyOf: { field: string, equals: string }[]?
}

@description('A rule on the activity log; every condition must hold.')
type activityRuleType = {
  name: string
  description: string

  @description('Service Health knows subscriptions only.')
  scope: 'group' | 'subscription'

  conditions: conditionType[]
}

var rulesOfGroup activityRuleType[] = [
  {
    name: 'lock-deleted'
    description: 'A lock was deleted: what holds data can be deleted now.'
    scope: 'group'
    conditions: [
      { field: 'category', equals: 'Administrative' }
      { field: 'operationName', equals: 'Microsoft.Authorization/locks/delete' }
      { field: 'status', equals: 'Succeeded' }
    ]
  }
  {
    name: 'role-taken'
    description: 'Somebody lost a role, in Azure or in Cosmos DB. No deployment takes one.'
    scope: 'group'
    conditions: [
      { field: 'category', equals: 'Administrative' }
      {
        anyOf: [
          { field: 'operationName', equals: 'Microsoft.Authorization/roleAssignments/delete' }
          { field: 'operationName', equals: 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/delete' }
        ]
      }
      { field: 'status', equals: 'Succeeded' }
    ]
  }
  {
    name: 'resource-health'
    description: 'Azure says that a resource of this environment is degraded or unavailable.'
    scope: 'group'
    conditions: [
      { field: 'category', equals: 'ResourceHealth' }
      {
        anyOf: [
          { field: 'properties.currentHealthStatus', equals: 'Degraded' }
          { field: 'properties.currentHealthStatus', equals: 'Unavailable' }
        ]
      }
    ]
  }
]

// Told of every deployment's own writes, too: a condition compares for equality and knows no "not"
// ("AlertRuleAnyOfOrLeafCondition": equals or containsAny), so nobody's can be left out.
var rulesOfRoles activityRuleType[] = [
  {
    name: 'role-given'
    description: 'Somebody was given a role, in Azure or in Cosmos DB. A deployment writes all of its own again.'
    scope: 'group'
    conditions: [
      { field: 'category', equals: 'Administrative' }
      {
        anyOf: [
          { field: 'operationName', equals: 'Microsoft.Authorization/roleAssignments/write' }
          { field: 'operationName', equals: 'Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/write' }
        ]
      }
      { field: 'status', equals: 'Succeeded' }
    ]
  }
]

var rulesOfSubscription activityRuleType[] = [
  {
    name: 'service-health'
    description: 'Azure says that a service of this subscription is in trouble, or asks for something.'
    scope: 'subscription'
    conditions: [
      { field: 'category', equals: 'ServiceHealth' }
      {
        anyOf: [
          { field: 'properties.incidentType', equals: 'Incident' }
          { field: 'properties.incidentType', equals: 'Security' }
          { field: 'properties.incidentType', equals: 'ActionRequired' }
        ]
      }
    ]
  }
]
var rules = concat(rulesOfGroup, withRolesGiven ? rulesOfRoles : [], withSubscription ? rulesOfSubscription : [])

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' existing = {
  name: actionGroupName
}

resource activityRules 'Microsoft.Insights/activityLogAlerts@2020-10-01' = [
  for rule in rules: {
    name: '${rulePrefix}${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: rule.description
      enabled: true
      scopes: [rule.scope == 'subscription' ? subscription().id : resourceGroup().id]
      condition: {
        allOf: rule.conditions
      }
      actions: {
        actionGroups: [
          {
            actionGroupId: actionGroup.id
          }
        ]
      }
    }
  }
]
