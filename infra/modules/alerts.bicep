// What wakes somebody up, and what it may cost. docs/operations.md says what to do about each.

import { tagsType } from 'types.bicep'

@description('Azure region.')
param location string

@description('Tags of every resource.')
param tags tagsType

@description('Start of every rule\'s name.')
param rulePrefix string

@description('Name of the action group that is told.')
param actionGroupName string

@description('Name of the Application Insights component.')
param insightsName string

@description('Name of the Log Analytics workspace.')
param logWorkspaceName string

@description('Name of the Event Hubs namespace.')
param namespaceName string

@description('Name of the Cosmos DB account.')
param cosmosAccountName string

@description('Name of the app that answers over HTTP.')
param deskAppName string

@description('Whether the desk can be called from outside, for the availability test.')
param reachable bool

@description('Seconds that an order may wait for its alert.')
@minValue(60)
@maxValue(86400)
param lagSeconds int

@description('Days after which the model that serves is too old.')
@minValue(1)
@maxValue(365)
param modelAgeDays int

@description('What a month may cost, in the currency of the subscription.')
@minValue(1)
@maxValue(1000000)
param monthlyBudget int

@description('First day of a month that the budget starts on, as 2026-12-01, kept as it is; empty: there is none.')
param budgetStart string

// Each query gives rows where somebody must be told, and none where all is well.
var queries = [
  {
    name: 'oldest-event-age'
    description: 'The oldest order of a batch waited longer than it may.'
    severity: 1
    window: 'PT15M'
    query: 'customMetrics | where name == "sheriff.lag" | summarize lag = max(valueMax) | where lag > ${lagSeconds}'
  }
  {
    name: 'dead-letters'
    description: 'Orders could not be scored and were put aside.'
    severity: 2
    window: 'PT15M'
    query: 'customMetrics | where name == "sheriff.orders.dead_lettered" | summarize letters = sum(valueSum) | where letters > 0'
  }
  {
    name: 'retries'
    description: 'Batches are tried again and again: a store or the hub cannot be reached.'
    severity: 1
    window: 'PT15M'
    query: 'customMetrics | where name == "sheriff.retries" | summarize retries = sum(valueSum) | where retries > 5'
  }
  {
    name: 'no-orders'
    description: 'Not one order was scored for an hour.'
    severity: 1
    window: 'PT1H'
    query: 'customMetrics | where name == "sheriff.orders.scored" | summarize orders = sum(valueSum) | where orders == 0 or isnull(orders)'
  }
  {
    name: 'failed-retrain'
    description: 'The nightly training failed; the champion serves on.'
    severity: 2
    window: 'PT1H'
    query: 'union (customMetrics | where name == "sheriff.retrain.failed" | summarize failed = sum(valueSum)), (requests | where operation_Name == "retrain_nightly" and success == false | summarize failed = todouble(count())) | where failed > 0'
  }
  {
    name: 'model-age'
    description: 'The model that serves is older than it should be.'
    severity: 2
    window: 'PT1H'
    query: 'customMetrics | where name == "sheriff.model.age" | summarize age = max(value) | where age > ${modelAgeDays * 86400}'
  }
  {
    name: 'server-errors'
    description: 'The apps answer with 5xx.'
    severity: 2
    window: 'PT15M'
    query: 'requests | where toint(resultCode) between (500 .. 599) | summarize errors = count() | where errors >= 5'
  }
  {
    name: 'partition-stalled'
    description: 'A partition is behind and does not move: its orders wait, the others go on.'
    severity: 1
    window: 'PT15M'
    query: 'customMetrics | where name == "sheriff.partition.stalled" | summarize stalled = max(value) | where stalled > 0'
  }
  {
    name: 'hub-made-anew'
    description: 'The hub is another one than checkpoints and state are about: its first orders are passed over without an error until checkpoints are reset.'
    severity: 0
    window: 'PT15M'
    query: 'customMetrics | where name == "sheriff.hub.anew" | summarize anew = max(value) | where anew > 0'
  }
  {
    name: 'unwatched'
    description: 'Nobody looks at the hub from outside the trigger: a new hub or a partition that stands still would not be told.'
    severity: 2
    window: 'PT15M'
    query: 'customMetrics | where name == "sheriff.hub.anew" | summarize looks = count() | where looks == 0'
  }
  {
    name: 'fuse'
    description: 'So much of a batch fails in scoring that the fault is Sheriff\'s own: nothing is set aside, the partition waits.'
    severity: 1
    window: 'PT15M'
    query: 'customMetrics | where name == "sheriff.fuse" | summarize batches = sum(valueSum) | where batches > 0'
  }
  {
    name: 'incident-opened'
    description: 'Sheriff believes that an episode of hidden discounts is on.'
    severity: 1
    window: 'PT5M'
    query: 'customMetrics | where name == "sheriff.incidents.opened" | summarize opened = sum(valueSum) | where opened > 0'
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: logWorkspaceName
}

resource namespace 'Microsoft.EventHub/namespaces@2026-01-01' existing = {
  name: namespaceName
}

resource cosmosAccount 'Microsoft.DocumentDB/databaseAccounts@2025-10-15' existing = {
  name: cosmosAccountName
}

resource desk 'Microsoft.Web/sites@2025-03-01' existing = {
  name: deskAppName
}

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' existing = {
  name: actionGroupName
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in queries: {
    name: '${rulePrefix}${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Sheriff: ${rule.name}'
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [insights.id]
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      autoMitigate: true
      skipQueryValidation: true // its tables come with the first telemetry
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: [actionGroup.id]
      }
    }
  }
]

// Both sides of the hub are in the workspace only: what came in, and what was scored.
resource unscored 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = {
  name: '${rulePrefix}unscored'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Sheriff: unscored'
    description: 'Orders come in, and none is scored.'
    severity: 0
    enabled: true
    scopes: [logs.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: 'let scored = toscalar(AppMetrics | where Name == "sheriff.orders.scored" | summarize sum(Sum)); AzureMetrics | where MetricName == "IncomingMessages" | summarize arrived = sum(Total) | where arrived > 0 and coalesce(scored, 0.0) == 0'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 2
            minFailingPeriodsToAlert: 2
          }
        }
      ]
    }
    actions: {
      actionGroups: [actionGroup.id]
    }
  }
}

resource throttledDocuments 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${rulePrefix}throttled-documents'
  location: 'global'
  tags: tags
  properties: {
    description: 'Cosmos DB answers with 429: its throughput does not do.'
    severity: 2
    enabled: true
    scopes: [cosmosAccount.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricNamespace: 'Microsoft.DocumentDB/databaseAccounts'
          metricName: 'TotalRequests'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 100
          dimensions: [
            {
              name: 'StatusCode'
              operator: 'Include'
              values: ['429']
            }
          ]
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroup.id
      }
    ]
  }
}

resource throttledOrders 'Microsoft.Insights/metricAlerts@2026-01-01' = {
  name: '${rulePrefix}throttled-orders'
  location: 'global'
  tags: tags
  properties: {
    description: 'Event Hubs refuses orders or readers: its throughput units do not do.'
    severity: 1
    enabled: true
    scopes: [namespace.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'throttled'
          metricNamespace: 'Microsoft.EventHub/namespaces'
          metricName: 'ThrottledRequests'
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 0
        }
      ]
    }
    actions: [
      {
        actionGroupId: actionGroup.id
      }
    ]
  }
}

resource availabilityTest 'Microsoft.Insights/webtests@2022-06-15' = if (reachable) {
  name: '${rulePrefix}health'
  location: location
  // Without this tag the portal does not find the test.
  tags: union(tags, { 'hidden-link:${insights.id}': 'Resource' })
  kind: 'standard'
  properties: {
    SyntheticMonitorId: '${rulePrefix}health'
    Name: 'Health of Sheriff\'s desk'
    Kind: 'standard'
    Enabled: true
    Frequency: 300
    Timeout: 30
    RetryEnabled: true
    Locations: [
      { Id: 'emea-nl-ams-azr' }
      { Id: 'emea-gb-db3-azr' }
      { Id: 'emea-fr-pra-edge' }
    ]
    Request: {
      RequestUrl: 'https://${desk.properties.defaultHostName}/api/health'
      HttpVerb: 'GET'
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 7
    }
  }
}

resource unavailable 'Microsoft.Insights/metricAlerts@2026-01-01' = if (reachable) {
  name: '${rulePrefix}unavailable'
  location: 'global'
  tags: tags
  properties: {
    description: 'The desk does not answer, or not well.'
    severity: 1
    enabled: true
    scopes: [
      availabilityTest.id
      insights.id
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    autoMitigate: true
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: availabilityTest.id
      componentId: insights.id
      failedLocationCount: 2
    }
    actions: [
      {
        actionGroupId: actionGroup.id
      }
    ]
  }
}

resource budget 'Microsoft.Consumption/budgets@2026-06-01' = if (!empty(budgetStart)) {
  name: '${rulePrefix}month'
  properties: {
    category: 'Cost'
    amount: monthlyBudget
    timeGrain: 'Monthly'
    timePeriod: {
      startDate: budgetStart
    }
    notifications: {
      spent80: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 80
        thresholdType: 'Actual'
        contactEmails: []
        contactGroups: [actionGroup.id]
      }
      foreseen100: {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: 100
        thresholdType: 'Forecasted'
        contactEmails: []
        contactGroups: [actionGroup.id]
      }
    }
  }
}
