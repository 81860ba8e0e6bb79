#!/usr/bin/env bash
# templates.sh ENVIRONMENT FOLDER: writes what is deployed to an environment: main.json,
# parameters.json, and throughput-units: those that auto-inflate has made of the parameter's.
set -euo pipefail
environment="${1:?which environment}"
folder="${2:?which folder}"
cd "$(dirname "$0")/../.."

bicep="$(infra/pipelines/compiler.sh)"
mkdir -p "$folder"
"$bicep" build infra/main.bicep --outfile "$folder/main.json"
"$bicep" build-params "infra/environments/$environment.bicepparam" \
  --outfile "$folder/parameters.json"
az eventhubs namespace list --resource-group "rg-sheriff-$environment" \
  --query '[].sku.capacity' --output json > "$folder/there.json"
python3 infra/pipelines/throughput.py "$folder/parameters.json" "$folder/there.json" \
  > "$folder/throughput-units"
