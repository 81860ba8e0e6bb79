#!/usr/bin/env bash
# bootstrap.sh: what the pipeline needs before its first run, for one environment: a resource group,
# an identity that is let in by workload identity federation (no secret exists), its roles, and in
# Azure DevOps a service connection, environments with their approval, a variable group and the
# pipelines. What is there already is left as it is. How to call it: docs/deploy.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

needed=(SHERIFF_ENVIRONMENT AZURE_SUBSCRIPTION_ID AZURE_LOCATION ADO_ORGANIZATION ADO_PROJECT
  ADO_REPOSITORY SHERIFF_APPROVER_ID SHERIFF_DESK_CLIENT_ID SHERIFF_ANALYST_GROUP_ID
  SHERIFF_ALERT_EMAILS)
missing=()
for name in "${needed[@]}"; do
  [ -n "${!name:-}" ] || missing+=("$name")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "bootstrap.sh: set ${missing[*]} first (docs/deploy.md)" >&2
  exit 2
fi
case "$SHERIFF_ENVIRONMENT" in
  dev | test | prod) ;;
  *)
    echo "bootstrap.sh: SHERIFF_ENVIRONMENT is '$SHERIFF_ENVIRONMENT', expected dev, test or prod" >&2
    exit 2
    ;;
esac
roles=infra/modules/roles.bicep
if [ ! -f "$roles" ]; then
  echo "bootstrap.sh: $roles is missing, which names the roles that the pipeline may assign" >&2
  exit 2
fi

name="sheriff-$SHERIFF_ENVIRONMENT"
group="rg-$name"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

azure() { az "$@" --subscription "$AZURE_SUBSCRIPTION_ID" --only-show-errors; }
devops() { az "$@" --organization "$ADO_ORGANIZATION" --only-show-errors; }
project() { devops "$@" --project "$ADO_PROJECT"; }
say() { printf '%s\n' "$*"; }

resource_group() {
  local provider
  for provider in Microsoft.App Microsoft.Web Microsoft.EventHub Microsoft.DocumentDB \
    Microsoft.Storage Microsoft.Insights Microsoft.OperationalInsights Microsoft.Network \
    Microsoft.ManagedIdentity Microsoft.MachineLearningServices Microsoft.KeyVault \
    Microsoft.Consumption Microsoft.AlertsManagement; do
    azure provider register --namespace "$provider" --wait
  done
  azure group create --name "$group" --location "$AZURE_LOCATION" --output none
  # Apart from what it deploys, so that deleting an environment does not lock the pipeline out.
  azure group create --name rg-sheriff-pipelines --location "$AZURE_LOCATION" --output none
}

identity() {
  azure identity create --name "id-$name-pipeline" --resource-group rg-sheriff-pipelines \
    --location "$AZURE_LOCATION" --output none
  client="$(azure identity show --name "id-$name-pipeline" --resource-group rg-sheriff-pipelines \
    --query clientId --output tsv)"
  principal="$(azure identity show --name "id-$name-pipeline" --resource-group rg-sheriff-pipelines \
    --query principalId --output tsv)"
  tenant="$(azure account show --query tenantId --output tsv)"
}

# assign ROLE [OPTION ...]: one role on the environment's resource group, once.
assign() {
  local role="$1" scope="/subscriptions/$AZURE_SUBSCRIPTION_ID/resourceGroups/$group" known
  shift
  known="$(azure role assignment list --assignee "$principal" --role "$role" --scope "$scope" \
    --query 'length(@)' --output tsv)"
  [ "$known" != 0 ] || azure role assignment create --assignee-object-id "$principal" \
    --assignee-principal-type ServicePrincipal --role "$role" --scope "$scope" --output none "$@"
}

permissions() {
  local allowed write delete
  # Only the roles that the templates assign; Cosmos DB's own (0000...) are not of this kind.
  allowed="$(grep -oE "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}" "$roles" | grep -v ^00000000 |
    sort -u | paste -sd, -)"
  write="(!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {$allowed})"
  delete="(!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR (@Resource[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {$allowed})"
  assign Contributor
  assign "Role Based Access Control Administrator" \
    --condition "($write) AND ($delete)" --condition-version 2.0
  if [ "$SHERIFF_ENVIRONMENT" = prod ]; then assign "Locks Contributor"; fi
}

connection() {
  local id issuer subject known
  id="$(project devops service-endpoint list --query "[?name=='$name'].id | [0]" --output tsv)"
  if [ -z "$id" ]; then
    cat > "$work/connection.json" <<JSON
{"name": "$name", "type": "azurerm", "url": "https://management.azure.com/",
 "authorization": {"scheme": "WorkloadIdentityFederation",
  "parameters": {"tenantid": "$tenant", "serviceprincipalid": "$client"}},
 "data": {"subscriptionId": "$AZURE_SUBSCRIPTION_ID", "subscriptionName": "$name",
  "environment": "AzureCloud", "scopeLevel": "Subscription", "creationMode": "Manual"},
 "serviceEndpointProjectReferences": [{"name": "$name",
  "projectReference": {"id": "$project_id", "name": "$ADO_PROJECT"}}]}
JSON
    id="$(project devops service-endpoint create \
      --service-endpoint-configuration "$work/connection.json" --query id --output tsv)"
  fi
  issuer="$(project devops service-endpoint show --id "$id" \
    --query authorization.parameters.workloadIdentityFederationIssuer --output tsv)"
  subject="$(project devops service-endpoint show --id "$id" \
    --query authorization.parameters.workloadIdentityFederationSubject --output tsv)"
  known="$(azure identity federated-credential list --identity-name "id-$name-pipeline" \
    --resource-group rg-sheriff-pipelines --query "[?name=='azure-devops'].name" --output tsv)"
  [ -n "$known" ] || azure identity federated-credential create --name azure-devops \
    --identity-name "id-$name-pipeline" --resource-group rg-sheriff-pipelines --issuer "$issuer" \
    --subject "$subject" --audiences api://AzureADTokenExchange --output none
}

# environment NAME: an environment with an exclusive lock, and an approval outside of dev.
environment() {
  local id
  id="$(devops devops invoke --area distributedtask --resource environments \
    --route-parameters "project=$project_id" --query-parameters "name=$1" --api-version 7.1 \
    --query "value[?name=='$1'].id | [0]" --output tsv)"
  [ -z "$id" ] || return 0
  printf '{"name": "%s", "description": "Sheriff"}' "$1" > "$work/environment.json"
  id="$(devops devops invoke --area distributedtask --resource environments --http-method POST \
    --route-parameters "project=$project_id" --in-file "$work/environment.json" \
    --api-version 7.1 --query id --output tsv)"
  check "$id" "$1" 2EF31AD6-BAA0-403A-8B45-2CBC9B4E5563 ExclusiveLock '{}'
  if [ "$SHERIFF_ENVIRONMENT" != dev ]; then
    check "$id" "$1" 8C6F20A7-A545-4486-9777-F762FAFE0D4D Approval \
      "{\"approvers\": [{\"id\": \"$SHERIFF_APPROVER_ID\"}], \"minRequiredApprovers\": 1, \"requesterCannotBeApprover\": true}"
  fi
}

# check ENVIRONMENT_ID NAME TYPE_ID TYPE SETTINGS
check() {
  printf '{"type": {"id": "%s", "name": "%s"}, "settings": %s, "timeout": 43200, "resource": {"type": "environment", "id": "%s", "name": "%s"}}' \
    "$3" "$4" "$5" "$1" "$2" > "$work/check.json"
  devops devops invoke --area PipelinesChecks --resource configurations --http-method POST \
    --route-parameters "project=$project_id" --in-file "$work/check.json" \
    --api-version 7.1-preview --output none
}

variables() {
  local id
  id="$(project pipelines variable-group list --group-name "$name" --query '[0].id' --output tsv)"
  [ -z "$id" ] || return 0
  # Ids and addresses only: whatever is secret does not exist.
  project pipelines variable-group create --name "$name" --output none --variables \
    "SHERIFF_DESK_CLIENT_ID=$SHERIFF_DESK_CLIENT_ID" \
    "SHERIFF_ANALYST_GROUP_ID=$SHERIFF_ANALYST_GROUP_ID" \
    "SHERIFF_ALERT_EMAILS=$SHERIFF_ALERT_EMAILS" \
    "SHERIFF_PIPELINE_PRINCIPAL_ID=$principal"
}

# pipeline NAME FILE
pipeline() {
  local id
  id="$(project pipelines list --name "$1" --query '[0].id' --output tsv)"
  [ -n "$id" ] || project pipelines create --name "$1" --repository "$ADO_REPOSITORY" \
    --repository-type tfsgit --branch main --yml-path "$2" --skip-first-run true --output none
}

project_id="$(devops devops project show --project "$ADO_PROJECT" --query id --output tsv)"
say "resource group $group"
resource_group
say "identity id-$name-pipeline and its roles"
identity
permissions
say "service connection $name, by workload identity federation"
connection
say "environments and approvals"
environment "$name"
if [ "$SHERIFF_ENVIRONMENT" = prod ]; then environment sheriff-model-prod; fi
say "variable group $name"
variables
say "pipelines"
pipeline sheriff azure-pipelines.yml
pipeline sheriff-roll-back infra/pipelines/roll-back.yml
say "done: docs/deploy.md says what is left to do by hand"
