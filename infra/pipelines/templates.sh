#!/usr/bin/env bash
# templates.sh ENVIRONMENT FOLDER: writes what is deployed to an environment: main.json and parameters.json.
# The parameters are told how many throughput units there are, for auto-inflate raises them and never
# lowers them: a deployment that wrote its own number back would throttle producers at once. They are told
# the budget's start, too: a budget that is there may not change it, and a new one may not begin earlier
# than this month. Where az fails, this fails: no answer is not "none is there".
set -euo pipefail
environment="${1:?which environment}"
folder="${2:?which folder}"
cd "$(dirname "$0")/../.."

bicep="$(infra/pipelines/compiler.sh)"
group="rg-sheriff-$environment"
there="$(az eventhubs namespace list --resource-group "$group" \
  --query '[0].sku.capacity' --output tsv)"
export SHERIFF_THROUGHPUT_UNITS="${there:-0}" # none before the first deployment
start="$(az consumption budget list --resource-group "$group" --output tsv \
  --query "[?name=='sheriff-$environment-month'].timePeriod.startDate | [0]")"
start="${start:-$(date -u +%Y-%m-01)}"
export SHERIFF_BUDGET_START="${start:0:10}"
mkdir -p "$folder"
"$bicep" build infra/main.bicep --outfile "$folder/main.json"
"$bicep" build-params "infra/environments/$environment.bicepparam" \
  --outfile "$folder/parameters.json"
