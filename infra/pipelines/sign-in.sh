#!/usr/bin/env bash
# sign-in.sh [--dry-run]: sets up who may call the desk of an environment (SHERIFF_ENVIRONMENT). It makes an
# app registration for the desk's tokens, a group of analysts, and the group's role. Running it again only
# changes what differs. It prints the two ids that bootstrap.sh needs, as NAME=VALUE.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --dry-run ]; then export SHERIFF_DRY_RUN=yes; fi
case "${SHERIFF_ENVIRONMENT:-}" in
  dev | test | prod) ;;
  *)
    echo "sign-in.sh: SHERIFF_ENVIRONMENT is '${SHERIFF_ENVIRONMENT:-}', expected dev, test or prod" >&2
    exit 2
    ;;
esac

desk="sheriff-desk-$SHERIFF_ENVIRONMENT"
analysts="sheriff-analysts-$SHERIFF_ENVIRONMENT"
graph=https://graph.microsoft.com/v1.0
azure_cli=04b07795-8ddb-461a-bbee-02f9e1bf7b46 # the id of Azure CLI itself, in every tenant
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
change() { infra/pipelines/change.sh "$@"; }

registration() {
  client="$(az ad app list --filter "displayName eq '$desk'" --query '[0].appId' --output tsv)"
  [ -n "$client" ] || client="$(change ad app create --display-name "$desk" \
    --sign-in-audience AzureADMyOrg --query appId --output tsv)"
  # Version 2: the desk trusts the issuer `.../v2.0`; unset means version 1, whose issuer is another.
  printf '{"identifierUris": ["api://%s"], "groupMembershipClaims": "SecurityGroup", "appRoles": %s, "api": %s}' \
    "$client" "$(cat infra/pipelines/desk-roles.json)" "$(cat infra/pipelines/desk-api.json)" \
    > "$work/wanted.json"
  registered
  # In a request of its own: Graph knows a scope only once the request that made it is over (GitHub,
  # microsoftgraph/microsoft-graph-docs-contrib 1395).
  scope="$(python3 -c 'import json, sys
print(json.load(sys.stdin)["oauth2PermissionScopes"][0]["id"])' < infra/pipelines/desk-api.json)"
  printf '{"api": {"preAuthorizedApplications": [{"appId": "%s", "delegatedPermissionIds": ["%s"]}]}}' \
    "$azure_cli" "$scope" > "$work/wanted.json"
  registered
}

# What $work/wanted.json says of the registration holds.
registered() {
  local address="$graph/applications(appId='$client')"
  echo '{}' > "$work/found.json"
  [ "$client" = NEW ] || az rest --method GET --url "$address" > "$work/found.json"
  [ "$(python3 infra/pipelines/wanted.py object "$work/found.json" "$work/wanted.json")" = keep ] ||
    change rest --method PATCH --url "$address" --headers Content-Type=application/json \
      --body "@$work/wanted.json" --output none
}

principal() {
  principal="$(az ad sp list --filter "appId eq '$client'" --query '[0].id' --output tsv)"
  [ -n "$principal" ] || principal="$(change ad sp create --id "$client" --query id --output tsv)"
}

group() {
  group="$(az ad group list --filter "displayName eq '$analysts'" --query '[0].id' --output tsv)"
  [ -n "$group" ] || group="$(change ad group create --display-name "$analysts" \
    --mail-nickname "$analysts" --query id --output tsv)"
}

# The group has the role; assigning one to a group needs Entra ID P1.
assignment() {
  local role address="$graph/servicePrincipals/$principal/appRoleAssignedTo" known=""
  role="$(python3 -c 'import json, sys
print(json.load(sys.stdin)[0]["id"])' < infra/pipelines/desk-roles.json)"
  [ "$principal" = NEW ] || known="$(az rest --method GET --url "$address" --output tsv \
    --query "value[?principalId=='$group' && appRoleId=='$role'].id | [0]")"
  printf '{"principalId": "%s", "resourceId": "%s", "appRoleId": "%s"}' \
    "$group" "$principal" "$role" > "$work/assignment.json"
  [ -n "$known" ] || change rest --method POST --url "$address" \
    --headers Content-Type=application/json --body "@$work/assignment.json" --output none
}

registration
principal
group
assignment
printf 'SHERIFF_DESK_CLIENT_ID=%s\nSHERIFF_ANALYST_GROUP_ID=%s\n' "$client" "$group"
