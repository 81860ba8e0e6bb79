#!/usr/bin/env bash
# keep.sh ENVIRONMENT: tags the running pipeline as good in an environment, and leases it for a
# year, so that its packages can be rolled back to. Runs in a job of Azure Pipelines only.
set -euo pipefail
environment="${1:?which environment}"

lease="$(printf '[{"daysValid": 365, "definitionId": %s, "ownerId": "User:sheriff-%s", "protectPipeline": false, "runId": %s}]' \
  "$SYSTEM_DEFINITIONID" "$environment" "$BUILD_BUILDID")"
# The token goes through standard input: an argument could be read in the list of processes.
curl --fail --silent --show-error --output /dev/null --config - \
  --header 'Content-Type: application/json' --data "$lease" \
  "${SYSTEM_COLLECTIONURI}${SYSTEM_TEAMPROJECTID}/_apis/build/retention/leases?api-version=7.1" \
  <<< "header = \"Authorization: Bearer $SYSTEM_ACCESSTOKEN\""
echo "##vso[build.addbuildtag]good-$environment"
