using '../main.bicep'

param environmentName = 'prod'
param costCentre = 'fraud'
param privateNetwork = true
param zoneRedundant = true
param lockData = true
param dataReplication = 'Standard_GZRS'
param partitionCount = 16
param throughputUnits = 2
param throughputUnitsMaximum = 20
param throughputUnitsNow = int(readEnvironmentVariable('SHERIFF_THROUGHPUT_UNITS', '0'))
param cosmosCapacity = 'autoscale'
param alertsMaximumThroughput = 10000
param cosmosBackup = 'Continuous30Days'
param deletedKeptDays = 30
param logsDailyGigabytes = 10
param scorerAlwaysReady = 2
param maximumInstances = 100
param deskClientId = readEnvironmentVariable('SHERIFF_DESK_CLIENT_ID', '')
param analystGroupId = readEnvironmentVariable('SHERIFF_ANALYST_GROUP_ID', '')
param pipelinePrincipalId = readEnvironmentVariable('SHERIFF_PIPELINE_PRINCIPAL_ID', '')
param alertEmails = split(readEnvironmentVariable('SHERIFF_ALERT_EMAILS', 'fraud-desk@example.com'), ',')
param ordersFlow = true
param watchActivity = 'group'
param monthlyBudget = 2500
param budgetStart = readEnvironmentVariable('SHERIFF_BUDGET_START', '')
