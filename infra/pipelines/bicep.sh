#!/usr/bin/env bash
# Compiles and lints the templates with the pinned compiler. Then it compares the committed snapshot of
# every environment (infra/environments/ENV.snapshot.json) with the templates. It needs no subscription.
# `make snapshots` writes the snapshots again.
set -euo pipefail
cd "$(dirname "$0")/../.."

nobody=00000000-0000-0000-0000-000000000000
out="${BUILD_ARTIFACTSTAGINGDIRECTORY:-build}/snapshots"
bicep="$(infra/pipelines/compiler.sh)"
mkdir -p "$out"
"$bicep" lint infra/main.bicep
"$bicep" build infra/main.bicep --outfile "$out/main.json"

for parameters in infra/environments/*.bicepparam; do
  environment="$(basename "$parameters" .bicepparam)"
  "$bicep" build-params "$parameters" --outfile "$out/$environment.parameters.json"
  "$bicep" snapshot "$parameters" --mode validate --deployment-name sheriff \
    --tenant-id "$nobody" --subscription-id "$nobody" \
    --resource-group "rg-sheriff-$environment" --location westeurope
  cp "infra/environments/$environment.snapshot.json" "$out/"
done
