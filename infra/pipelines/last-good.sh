#!/usr/bin/env bash
# last-good.sh ENVIRONMENT: finds the last run that was good in an environment, and sets the variable
# lastGoodRun to its id. The run need not be finished: one that is good in dev may wait for production for
# weeks. Runs in a job of Azure Pipelines only.
set -euo pipefail
environment="${1:?which environment}"

# statusFilter=all, and no filter of results: a run that waits has none. The token goes through
# standard input: an argument could be read in the list of processes.
runs="$(curl --fail --silent --show-error --config - \
  "${SYSTEM_COLLECTIONURI}${SYSTEM_TEAMPROJECTID}/_apis/build/builds?definitions=$SYSTEM_DEFINITIONID&tagFilters=good-$environment&statusFilter=all&queryOrder=queueTimeDescending&\$top=2&api-version=7.1" \
  <<< "header = \"Authorization: Bearer $SYSTEM_ACCESSTOKEN\"")"
# Not this run itself, whose packages have just failed although they were good once.
last="$(python3 -c 'import json, sys
ids = [one["id"] for one in json.load(sys.stdin)["value"]]
print(next((one for one in ids if str(one) != sys.argv[1]), ""))' "$BUILD_BUILDID" <<< "$runs")"
if [ -z "$last" ]; then
  echo "##vso[task.logissue type=error]no run is good in $environment yet: repair, and run again"
  exit 1
fi
echo "##vso[task.setvariable variable=lastGoodRun]$last"
