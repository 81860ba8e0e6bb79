#!/usr/bin/env bash
# templates.sh ENVIRONMENT FOLDER: writes what is deployed to an environment: main.json and parameters.json.
# The parameters are told how many throughput units there are, for auto-inflate raises them and never
# lowers them: a deployment that wrote its own number back would throttle producers at once.
set -euo pipefail
environment="${1:?which environment}"
folder="${2:?which folder}"
cd "$(dirname "$0")/../.."

bicep="$(infra/pipelines/compiler.sh)"
there="$(az eventhubs namespace list --resource-group "rg-sheriff-$environment" \
  --query '[0].sku.capacity' --output tsv)"
export SHERIFF_THROUGHPUT_UNITS="${there:-0}" # none before the first deployment
mkdir -p "$folder"
"$bicep" build infra/main.bicep --outfile "$folder/main.json"
"$bicep" build-params "infra/environments/$environment.bicepparam" \
  --outfile "$folder/parameters.json"
