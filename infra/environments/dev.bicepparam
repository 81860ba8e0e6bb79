using '../main.bicep'

param environmentName = 'dev'
param costCentre = 'fraud'
param privateNetwork = false
param zoneRedundant = false
param lockData = false
param dataReplication = 'Standard_LRS'
param partitionCount = 2
param throughputUnits = 1
param throughputUnitsMaximum = 2
param throughputUnitsNow = int(readEnvironmentVariable('SHERIFF_THROUGHPUT_UNITS', '0'))
param cosmosCapacity = 'serverless'
param cosmosBackup = 'Continuous7Days'
param alertsKeptDays = 90
param ordersKeptDays = 90
param deadLettersKeptDays = 30
param deletedKeptDays = 7
param logsKeptDays = 30
param logsDailyGigabytes = 1
param scorerAlwaysReady = 0
param deskClientId = readEnvironmentVariable('SHERIFF_DESK_CLIENT_ID', '')
param analystGroupId = readEnvironmentVariable('SHERIFF_ANALYST_GROUP_ID', '')
param pipelinePrincipalId = readEnvironmentVariable('SHERIFF_PIPELINE_PRINCIPAL_ID', '')
param alertEmails = split(readEnvironmentVariable('SHERIFF_ALERT_EMAILS', 'fraud-desk@example.com'), ',')
param monthlyBudget = 250
param budgetStart = readEnvironmentVariable('SHERIFF_BUDGET_START', '')
