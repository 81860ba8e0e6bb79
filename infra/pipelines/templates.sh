#!/usr/bin/env bash
# templates.sh ENVIRONMENT FOLDER: writes what is deployed to an environment: main.json and parameters.json.
# Two parameters keep what is there. The first is the number of throughput units: auto-inflate raises it and
# never lowers it, so a deployment with a number of its own would throttle producers at once. The second is
# the start of the budget: an existing budget may not change it, and a new one may not begin before this
# month. If az fails, this script fails, because no answer does not mean that nothing is there.
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
