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

@description('Whether orders come at every hour here, so that an hour without any is a fault.')
param ordersFlow bool

@description('GB of logs a day, after which no more are taken in.')
@minValue(1)
@maxValue(1000)
param logsDailyGigabytes int

@description('What a rule on logs asks, and how often. infra/checks/alarms.toml says why.')
type ruleType = {
  name: string
  description: string
  severity: 0 | 1 | 2

  @description('The component knows the tables by their old names, the workspace has those of Azure besides.')
  scope: 'component' | 'workspace'

  frequency: string
  window: string

  @description('Windows in a row with rows; more than one need a column with the time.')
  periods: int

  @description('Tells each time anew, of what happens once; else it tells of a state, and of its end.')
  once: bool

  query: string
}

// Each query gives rows where somebody must be told, and none where all is well.
var rulesOfFlow ruleType[] = [
  {
    name: 'no-orders'
    description: 'Not one order was scored for an hour.'
    severity: 1
    scope: 'component'
    frequency: 'PT5M'
    window: 'PT1H'
    periods: 1
    once: false
    query: 'customMetrics | where name == "sheriff.orders.scored" | summarize orders = sum(valueSum) | where orders == 0 or isnull(orders)'
  }
]
var rulesOfAll ruleType[] = [
  {
    name: 'oldest-event-age'
    description: 'The oldest order of a batch waited longer than it may.'
    severity: 1
    scope: 'component'
    frequency: 'PT5M'
    window: 'PT15M'
    periods: 1
    once: false
    query: 'customMetrics | where name == "sheriff.lag" | summarize lag = max(valueMax) | where lag > ${lagSeconds}'
  }
  {
    name: 'unscored'
    description: 'Orders come in, and none is scored.'
    severity: 0
    scope: 'workspace' // what came in is nowhere else
    frequency: 'PT5M'
    window: 'PT15M'
    periods: 2
    once: false
    query: 'let scored = AppMetrics | where Name == "sheriff.orders.scored" | summarize scored = sum(Sum) by TimeGenerated = bin(TimeGenerated, 15m); AzureMetrics | where MetricName == "IncomingMessages" | summarize arrived = sum(Total) by TimeGenerated = bin(TimeGenerated, 15m) | join kind=leftouter scored on TimeGenerated | where arrived > 0 and coalesce(scored, 0.0) == 0 | project TimeGenerated, arrived'
  }
  {
    name: 'dead-letters'
    description: 'Orders could not be scored and were put aside.'
    severity: 2
    scope: 'component'
    frequency: 'PT1H'
    window: 'PT1H'
    periods: 1
    once: true
    query: 'customMetrics | where name == "sheriff.orders.dead_lettered" | summarize letters = sum(valueSum) | where letters > 0'
  }
  {
    name: 'retries'
    description: 'Batches are tried again and again: a store or the hub cannot be reached.'
    severity: 1
    scope: 'component'
    frequency: 'PT5M'
    window: 'PT15M'
    periods: 1
    once: false
    query: 'customMetrics | where name == "sheriff.retries" | summarize retries = sum(valueSum) | where retries > 5'
  }
  {
    name: 'failed-retrain'
    description: 'The nightly training failed; the champion serves on.'
    severity: 2
    scope: 'component'
    frequency: 'PT1H'
    window: 'PT1H'
    periods: 1
    once: true
    // The host names itself after the app, Sheriff after its role: both have this in them. What
    // came over HTTP has an address and is no night.
    query: 'union (customMetrics | where name == "sheriff.retrain.failed" | summarize failed = sum(valueSum)), (requests | where cloud_RoleName has "sheriff-trainer" and tobool(success) == false and isempty(url) | summarize failed = todouble(count())) | where failed > 0'
  }
  {
    name: 'night-missing'
    description: 'No night has ended for 26 hours, well or not.'
    severity: 2
    scope: 'component'
    frequency: 'PT1H'
    window: 'P2D' // the longest there is
    periods: 1
    once: false
    // An environment is old enough for a night once somebody looked at its hub 26 hours ago.
    query: 'let aged = toscalar(customMetrics | where name == "sheriff.hub.anew" and timestamp < ago(26h) | summarize count()); customMetrics | where name == "sheriff.retrain.failed" and timestamp > ago(26h) | summarize nights = count() | where nights == 0 and aged > 0'
  }
  {
    name: 'model-age'
    description: 'The model that serves is older than it should be.'
    severity: 2
    scope: 'component'
    frequency: 'PT1H'
    window: 'PT1H'
    periods: 1
    once: false
    query: 'customMetrics | where name == "sheriff.model.age" | summarize age = max(value) | where age > ${modelAgeDays * 86400}'
  }
  {
    name: 'server-errors'
    description: 'The apps answer with 5xx.'
    severity: 2
    scope: 'component'
    frequency: 'PT5M'
    window: 'PT15M'
    periods: 1
    once: false
    query: 'requests | where toint(resultCode) between (500 .. 599) | summarize errors = count() | where errors >= 5'
  }
  {
    name: 'partition-stalled'
    description: 'A partition is behind and does not move: its orders wait, the others go on.'
    severity: 1
    scope: 'component'
    frequency: 'PT5M'
    window: 'PT15M'
    periods: 1
    once: false
    query: 'customMetrics | where name == "sheriff.partition.stalled" | summarize stalled = max(value) | where stalled > 0'
  }
  {
    name: 'hub-made-anew'
    description: 'The hub is another one than checkpoints and state are about: its first orders are passed over without an error until checkpoints are reset.'
    severity: 0
    scope: 'component'
    frequency: 'PT5M'
    window: 'PT15M'
    periods: 1
    once: false
    query: 'customMetrics | where name == "sheriff.hub.anew" | summarize anew = max(value) | where anew > 0'
  }
  {
    name: 'unwatched'
    description: 'Nobody looks at the hub from outside the trigger: a new hub or a partition that stands still would not be told.'
    severity: 2
    scope: 'component'
    frequency: 'PT5M'
    window: 'PT15M'
    periods: 1
    once: false
    query: 'customMetrics | where name == "sheriff.hub.anew" | summarize looks = count() | where looks == 0'
  }
  {
    name: 'fuse'
    description: 'So much of a batch fails in scoring that the fault is Sheriff\'s own: nothing is set aside, the partition waits.'
    severity: 1
    scope: 'component'
    frequency: 'PT5M'
    window: 'PT15M'
    periods: 1
    once: false
    query: 'customMetrics | where name == "sheriff.fuse" | summarize batches = sum(valueSum) | where batches > 0'
  }
  {
    name: 'incident-opened'
    description: 'Sheriff believes that an episode of hidden discounts is on.'
    severity: 1
    scope: 'component'
    frequency: 'PT5M'
    window: 'PT5M'
    periods: 1
    once: true
    query: 'customMetrics | where name == "sheriff.incidents.opened" | summarize opened = sum(valueSum) | where opened > 0'
  }
  {
    name: 'logs-stopped'
    description: 'The day\'s cap of logs is reached: until tomorrow every rule on logs and figures is blind.'
    severity: 1
    scope: 'workspace'
    frequency: 'PT5M'
    window: 'PT5M'
    periods: 1
    once: true
    query: '_LogOperation | where Category =~ "Ingestion" | where Detail contains "OverQuota"'
  }
  {
    name: 'logs-near-cap'
    description: 'The logs of the last 24 hours are four fifths of the day\'s cap.'
    severity: 2
    scope: 'workspace'
    frequency: 'PT1H'
    window: 'P1D'
    periods: 1
    once: false
    query: 'Usage | where IsBillable | summarize megabytes = sum(Quantity) | where megabytes > ${logsDailyGigabytes * 800}'
  }
]
var rules = concat(rulesOfAll, ordersFlow ? rulesOfFlow : [])

@description('What a rule on a metric of the platform compares: its total in a window.')
type criterionType = {
  metric: string
  operator: 'GreaterThan' | 'LessThanOrEqual'
  threshold: int
}

@description('A rule on metrics of the Event Hubs namespace; no cap of logs stops them. All criteria must hold.')
type hubRuleType = {
  name: string
  description: string
  severity: 0 | 1 | 2
  frequency: string
  window: string
  criteria: criterionType[]
}

var hubRulesOfAll hubRuleType[] = [
  {
    name: 'throttled-orders'
    description: 'Event Hubs refuses orders or readers: its throughput units do not do.'
    severity: 1
    frequency: 'PT5M'
    window: 'PT15M'
    criteria: [
      { metric: 'ThrottledRequests', operator: 'GreaterThan', threshold: 0 }
    ]
  }
]
// Where an app must start for its first order, that order would be told as unread.
var hubRulesOfFlow hubRuleType[] = [
  {
    name: 'unread'
    description: 'Orders come in, and nobody reads the hub.'
    severity: 0
    frequency: 'PT5M'
    window: 'PT15M'
    criteria: [
      { metric: 'IncomingMessages', operator: 'GreaterThan', threshold: 0 }
      { metric: 'OutgoingMessages', operator: 'LessThanOrEqual', threshold: 0 }
    ]
  }
  {
    name: 'capture-behind'
    description: 'Orders wait for Capture, and it has kept none for an hour: training has no other copy.'
    severity: 2
    frequency: 'PT1H'
    window: 'PT1H'
    // The first order after a quiet hour waits, too: so only where orders come at every hour.
    // Between two files of Capture there is always a backlog (Azure/azure-sdk-for-js 15511), and how
    // much follows from the orders: only with nothing captured does it say something.
    criteria: [
      { metric: 'CaptureBacklog', operator: 'GreaterThan', threshold: 0 }
      { metric: 'CapturedMessages', operator: 'LessThanOrEqual', threshold: 0 }
    ]
  }
]
var hubRules = concat(hubRulesOfAll, ordersFlow ? hubRulesOfFlow : [])

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

resource logRules 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: '${rulePrefix}${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Sheriff: ${rule.name}'
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [rule.scope == 'workspace' ? logs.id : insights.id]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      autoMitigate: !rule.once
      skipQueryValidation: true // its tables come with the first telemetry
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: {
              numberOfEvaluationPeriods: rule.periods
              minFailingPeriodsToAlert: rule.periods
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

resource hubMetricRules 'Microsoft.Insights/metricAlerts@2026-01-01' = [
  for rule in hubRules: {
    name: '${rulePrefix}${rule.name}'
    location: 'global'
    tags: tags
    properties: {
      description: rule.description
      severity: rule.severity
      enabled: true
      scopes: [namespace.id]
      evaluationFrequency: rule.frequency
      windowSize: rule.window
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          for one in rule.criteria: {
            criterionType: 'StaticThresholdCriterion'
            name: toLower(one.metric)
            metricNamespace: 'Microsoft.EventHub/namespaces'
            metricName: one.metric
            timeAggregation: 'Total'
            operator: one.operator
            threshold: one.threshold
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
]

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
