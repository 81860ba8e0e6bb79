#!/usr/bin/env bash
# Compiles and lints the templates with the real compiler, and evaluates every environment's
# parameters into a snapshot of the resources it would make; needs no subscription. A snapshot that
# is committed (infra/environments/ENV.snapshot.json) is held against the new one.
set -euo pipefail
cd "$(dirname "$0")/../.."

out="${BUILD_ARTIFACTSTAGINGDIRECTORY:-build}/snapshots"
mkdir -p "$out"
az bicep install --version "$(cat infra/pipelines/bicep-version)"
az bicep lint --file infra/main.bicep
az bicep build --file infra/main.bicep --stdout > "$out/main.json"

for parameters in infra/environments/*.bicepparam; do
  environment="$(basename "$parameters" .bicepparam)"
  snapshot="infra/environments/$environment.snapshot.json"
  az bicep build-params --file "$parameters" --stdout > "$out/$environment.parameters.json"
  mode=validate
  [ -f "$snapshot" ] || mode=overwrite
  az bicep snapshot --file "$parameters" --mode "$mode" \
    --subscription-id 00000000-0000-0000-0000-000000000000 \
    --resource-group "rg-sheriff-$environment" --location westeurope
  cp "$snapshot" "$out/"
done
