#!/usr/bin/env bash
# bootstrap.sh [--dry-run]: makes what the pipeline needs before its first run, for one environment.
# In Azure: a resource group, an identity that signs in by workload identity federation (there is no
# secret), and its roles. In Azure DevOps: a service connection, environments and their checks, a variable
# group, the pipelines, the branch's policies, and the permission to keep runs. Running it again is safe:
# it keeps what is there and changes what differs. --dry-run only prints what it would change.
# docs/deploy.md shows how to call it.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "${1:-}" = --dry-run ]; then export SHERIFF_DRY_RUN=yes; fi

needed=(SHERIFF_ENVIRONMENT AZURE_SUBSCRIPTION_ID AZURE_LOCATION ADO_ORGANIZATION ADO_PROJECT
  ADO_REPOSITORY SHERIFF_ALERT_EMAILS)
# Nobody approves what goes to dev.
if [ "${SHERIFF_ENVIRONMENT:-}" != dev ]; then needed+=(SHERIFF_APPROVER_ID); fi
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
identity="id-$name-pipeline"
shared=rg-sheriff-pipelines
in_azure=(--subscription "$AZURE_SUBSCRIPTION_ID" --only-show-errors)
in_devops=(--organization "$ADO_ORGANIZATION" --only-show-errors)
in_project=("${in_devops[@]}" --project "$ADO_PROJECT")
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
say() { printf '%s\n' "$*"; }
change() { infra/pipelines/change.sh "$@"; }

resource_groups() {
  local one registered
  registered="$(az provider list --query "[?registrationState=='Registered'].namespace" \
    --output tsv "${in_azure[@]}")"
  for one in Microsoft.App Microsoft.Web Microsoft.EventHub Microsoft.DocumentDB \
    Microsoft.Storage Microsoft.Insights Microsoft.OperationalInsights Microsoft.Network \
    Microsoft.ManagedIdentity Microsoft.MachineLearningServices Microsoft.KeyVault \
    Microsoft.Consumption Microsoft.AlertsManagement; do
    grep -qix "$one" <<< "$registered" || change provider register --namespace "$one" --wait \
      --output none "${in_azure[@]}"
  done
  # Apart from what it deploys, so that deleting an environment does not lock the pipeline out.
  for one in "$group" "$shared"; do
    [ "$(az group exists --name "$one" "${in_azure[@]}")" = true ] ||
      change group create --name "$one" --location "$AZURE_LOCATION" --output none "${in_azure[@]}"
  done
}

identity() {
  local mine="[?name=='$identity' && resourceGroup=='$shared']"
  tenant="$(az account show --query tenantId --output tsv "${in_azure[@]}")"
  client="$(az identity list --query "$mine.clientId | [0]" --output tsv "${in_azure[@]}")"
  if [ -z "$client" ]; then
    client="$(change identity create --name "$identity" --resource-group "$shared" \
      --location "$AZURE_LOCATION" --query clientId --output tsv "${in_azure[@]}")"
  fi
  principal="$(az identity list --query "$mine.principalId | [0]" --output tsv "${in_azure[@]}")"
  principal="${principal:-NEW}"
}

# assigned ROLE: writes to $found the pipeline's assignment of this role on the environment's resource
# group, or null.
scope="/subscriptions/$AZURE_SUBSCRIPTION_ID/resourceGroups/$group"
found="$work/assignment.json"
assigned() {
  echo null > "$found"
  [ "$principal" = NEW ] || az role assignment list --assignee "$principal" --role "$1" \
    --scope "$scope" --query '[0]' --output json "${in_azure[@]}" > "$found"
  # az prints nothing for an answer of nothing.
  if [ ! -s "$found" ]; then echo null > "$found"; fi
}

# assign ROLE [CONDITION]: the pipeline has this role on the environment's resource group, under this
# condition.
assign() {
  local role="$1" condition="${2:-}" conditional=()
  assigned "$role"
  if [ "$(cat "$found")" = null ]; then
    [ -z "$condition" ] || conditional=(--condition "$condition" --condition-version 2.0)
    change role assignment create --assignee-object-id "$principal" \
      --assignee-principal-type ServicePrincipal --role "$role" --scope "$scope" --output none \
      "${conditional[@]}" "${in_azure[@]}"
  elif [ "$(python3 -c 'import json, sys
print(json.load(sys.stdin).get("condition") or "")' < "$found")" != "$condition" ]; then
    python3 -c 'import json, sys
one = json.load(sys.stdin)
one |= {"condition": sys.argv[1], "conditionVersion": "2.0"}
print(json.dumps(one))' "$condition" < "$found" > "$work/changed.json"
    change role assignment update --role-assignment "$work/changed.json" --output none \
      "${in_azure[@]}"
  fi
}

# What the deployment says of itself, in $work/outputs.json; null before the first, and after a failed one.
outputs() {
  local deployed=""
  echo null > "$work/outputs.json"
  [ "$(az group exists --name "$group" "${in_azure[@]}")" = false ] ||
    deployed="$(az deployment group list --resource-group "$group" --output tsv "${in_azure[@]}" \
      --query "[?name=='sheriff'].name | [0]")"
  [ -z "$deployed" ] || az deployment group show --name sheriff --resource-group "$group" \
    --query properties.outputs --output json "${in_azure[@]}" > "$work/outputs.json"
  if [ ! -s "$work/outputs.json" ]; then echo null > "$work/outputs.json"; fi
}

permissions() {
  local administrator="Role Based Access Control Administrator" condition
  assign Contributor
  # Event Hubs lets only those switch Capture on who may write data in the account that it writes to. The
  # templates give that role, too, but one that was just given may take half an hour to be known.
  assign "Storage Blob Data Contributor"
  outputs
  assigned "$administrator"
  condition="$(python3 infra/pipelines/condition.py "$roles" "$work/outputs.json" "$found" \
    "$analysts" "$principal")"
  assign "$administrator" "$condition"
  if [ "$SHERIFF_ENVIRONMENT" = prod ]; then assign "Locks Contributor"; fi
}

sign_in() {
  desk_client="${SHERIFF_DESK_CLIENT_ID:-}"
  analysts="${SHERIFF_ANALYST_GROUP_ID:-}"
  if [ -n "$desk_client" ] && [ -n "$analysts" ]; then return 0; fi
  local made
  made="$(infra/pipelines/sign-in.sh)"
  desk_client="$(sed -n 's/^SHERIFF_DESK_CLIENT_ID=//p' <<< "$made")"
  analysts="$(sed -n 's/^SHERIFF_ANALYST_GROUP_ID=//p' <<< "$made")"
}

connection() {
  local mine="[?name=='$name']" known
  connection="$(az devops service-endpoint list --query "$mine.id | [0]" --output tsv \
    "${in_project[@]}")"
  if [ -z "$connection" ]; then
    cat > "$work/connection.json" <<JSON
{"name": "$name", "type": "azurerm", "url": "https://management.azure.com/",
 "authorization": {"scheme": "WorkloadIdentityFederation",
  "parameters": {"tenantid": "$tenant", "serviceprincipalid": "$client"}},
 "data": {"subscriptionId": "$AZURE_SUBSCRIPTION_ID", "subscriptionName": "$name",
  "environment": "AzureCloud", "scopeLevel": "Subscription", "creationMode": "Manual"},
 "serviceEndpointProjectReferences": [{"name": "$name",
  "projectReference": {"id": "$project_id", "name": "$ADO_PROJECT"}}]}
JSON
    connection="$(change devops service-endpoint create --query id --output tsv \
      --service-endpoint-configuration "$work/connection.json" "${in_project[@]}")"
    return 0
  fi
  known="$(az devops service-endpoint list --output tsv "${in_project[@]}" \
    --query "$mine.authorization.parameters.serviceprincipalid | [0]")"
  if [ "$known" != "$client" ]; then
    echo "bootstrap.sh: the connection $name is for another identity ($known): delete it with" \
      "az devops service-endpoint delete --id $connection, and run this again" >&2
    exit 1
  fi
}

# The identity lets in this one connection.
federation() {
  local issuer subject known known_subject credential=(--name azure-devops
    --identity-name "$identity" --resource-group "$shared")
  if [ "$connection" = NEW ] || [ "$client" = NEW ]; then
    say "would let in the connection: its issuer and subject are known once it is there"
    return 0
  fi
  issuer="$(az devops service-endpoint show --id "$connection" --output tsv "${in_project[@]}" \
    --query authorization.parameters.workloadIdentityFederationIssuer)"
  subject="$(az devops service-endpoint show --id "$connection" --output tsv "${in_project[@]}" \
    --query authorization.parameters.workloadIdentityFederationSubject)"
  known="$(az identity federated-credential list --identity-name "$identity" \
    --resource-group "$shared" --query "[?name=='azure-devops'].issuer | [0]" --output tsv \
    "${in_azure[@]}")"
  known_subject="$(az identity federated-credential list --identity-name "$identity" \
    --resource-group "$shared" --query "[?name=='azure-devops'].subject | [0]" --output tsv \
    "${in_azure[@]}")"
  if [ -z "$known" ]; then
    change identity federated-credential create "${credential[@]}" --issuer "$issuer" \
      --subject "$subject" --audiences api://AzureADTokenExchange --output none "${in_azure[@]}"
  elif [ "$known $known_subject" != "$issuer $subject" ]; then
    change identity federated-credential update "${credential[@]}" --issuer "$issuer" \
      --subject "$subject" --audiences api://AzureADTokenExchange --output none "${in_azure[@]}"
  fi
}

# check RESOURCE_TYPE RESOURCE_ID NAME TYPE_ID TYPE SETTINGS: the resource has this check.
check() {
  local step there="$work/there.json" wanted="$work/wanted.json" known='{"value": []}'
  local at=(--area PipelinesChecks --resource configurations --api-version 7.1-preview)
  printf '{"type": {"id": "%s", "name": "%s"}, "settings": %s, "timeout": 43200, "resource": {"type": "%s", "id": "%s", "name": "%s"}}' \
    "$4" "$5" "$6" "$1" "$2" "$3" > "$wanted"
  # shellcheck disable=SC2016 # the name of a parameter of the service begins with a dollar
  [ "$2" = NEW ] || known="$(az devops invoke "${at[@]}" --route-parameters "project=$project_id" \
    --query-parameters "resourceType=$1" "resourceId=$2" '$expand=settings' --output json \
    "${in_devops[@]}")"
  printf '%s' "$known" > "$there"
  step="$(python3 infra/pipelines/wanted.py check "$there" "$wanted")"
  case "$step" in
    create)
      change devops invoke "${at[@]}" --http-method POST --in-file "$wanted" \
        --route-parameters "project=$project_id" --output none "${in_devops[@]}"
      ;;
    update\ *)
      change devops invoke "${at[@]}" --http-method PATCH --in-file "$wanted" \
        --route-parameters "project=$project_id" "id=${step#update }" --output none \
        "${in_devops[@]}"
      ;;
  esac
}

# environment NAME: an environment with an exclusive lock, and an approval outside of dev.
environment() {
  local id at=(--area distributedtask --resource environments --api-version 7.1)
  id="$(az devops invoke "${at[@]}" --route-parameters "project=$project_id" \
    --query-parameters "name=$1" --query "value[?name=='$1'].id | [0]" --output tsv \
    "${in_devops[@]}")"
  if [ -z "$id" ]; then
    printf '{"name": "%s", "description": "Sheriff"}' "$1" > "$work/environment.json"
    id="$(change devops invoke "${at[@]}" --http-method POST --query id --output tsv \
      --route-parameters "project=$project_id" --in-file "$work/environment.json" \
      "${in_devops[@]}")"
  fi
  check environment "$id" "$1" 2EF31AD6-BAA0-403A-8B45-2CBC9B4E5563 ExclusiveLock '{}'
  if [ "$SHERIFF_ENVIRONMENT" != dev ]; then
    check environment "$id" "$1" 8C6F20A7-A545-4486-9777-F762FAFE0D4D Approval \
      "{\"approvers\": [{\"id\": \"$SHERIFF_APPROVER_ID\"}], \"minRequiredApprovers\": 1, \"requesterCannotBeApprover\": true}"
  fi
}

# Only main, and only while it is protected, signs in: a changed pipeline on another branch cannot.
branch_control() {
  check endpoint "$connection" "$name" fe1de3ee-a436-41b4-bb20-f6eb4cb879a7 "Task Check" \
    '{"displayName": "Branch control", "definitionRef": {"id": "86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b", "name": "evaluatebranchProtection", "version": "0.0.1"}, "inputs": {"allowedBranches": "refs/heads/main", "ensureProtectionOfBranch": "true", "allowUnknownStatusBranch": "false"}}'
}

# Ids and addresses only: whatever is secret does not exist.
variables() {
  local id one known
  local values=("SHERIFF_DESK_CLIENT_ID=$desk_client" "SHERIFF_ANALYST_GROUP_ID=$analysts"
    "SHERIFF_ALERT_EMAILS=$SHERIFF_ALERT_EMAILS" "SHERIFF_PIPELINE_PRINCIPAL_ID=$principal")
  id="$(az pipelines variable-group list --group-name "$name" --query '[0].id' --output tsv \
    "${in_project[@]}")"
  if [ -z "$id" ]; then
    change pipelines variable-group create --name "$name" --output none "${in_project[@]}" \
      --variables "${values[@]}"
    return 0
  fi
  az pipelines variable-group variable list --group-id "$id" --output json "${in_project[@]}" \
    > "$work/variables.json"
  for one in "${values[@]}"; do
    known="$(variable "${one%%=*}")"
    if [ -z "$known" ]; then
      change pipelines variable-group variable create --group-id "$id" --name "${one%%=*}" \
        --value "${one#*=}" --output none "${in_project[@]}"
    elif [ "$known" != "${one#*=}" ]; then
      change pipelines variable-group variable update --group-id "$id" --name "${one%%=*}" \
        --value "${one#*=}" --output none "${in_project[@]}"
    fi
  done
}

# variable NAME: its value in the group; empty where it has none.
variable() {
  python3 -c 'import json, sys
print((json.load(sys.stdin).get(sys.argv[1]) or {}).get("value") or "")' "$1" < "$work/variables.json"
}

# pipeline NAME FILE: sets `pipeline` to its id.
pipeline() {
  pipeline="$(az pipelines list --name "$1" --query '[0].id' --output tsv "${in_project[@]}")"
  [ -n "$pipeline" ] || pipeline="$(change pipelines create --name "$1" \
    --repository "$ADO_REPOSITORY" --repository-type tfsgit --branch main --yml-path "$2" \
    --skip-first-run true --query id --output tsv "${in_project[@]}")"
}

# Into main only by a pull request that somebody else has approved and the pipeline has built. Policies
# that are there may be stricter, and stay.
policies() {
  local repository where
  repository="$(az repos show --repository "$ADO_REPOSITORY" --query id --output tsv \
    "${in_project[@]}")"
  where=(--repository-id "$repository" --branch main)
  [ -n "$(policy fa4e907d-c16b-4a4c-9dfa-4906e5d171dd)" ] ||
    change repos policy approver-count create "${where[@]}" --blocking true --enabled true \
      --minimum-approver-count 1 --creator-vote-counts false --allow-downvotes false \
      --reset-on-source-push true --output none "${in_project[@]}"
  [ -n "$(policy 0609b952-1397-4640-95ec-e00a01b2c241)" ] ||
    change repos policy build create "${where[@]}" --blocking true --enabled true \
      --build-definition-id "$pipeline" --display-name sheriff --manual-queue-only false \
      --queue-on-source-update-only true --valid-duration 720 --output none "${in_project[@]}"
}

# policy TYPE_ID: the id of a blocking policy of this type on main.
policy() {
  az repos policy list "${where[@]}" --output tsv "${in_project[@]}" \
    --query "[?type.id=='$1' && isBlocking && isEnabled].id | [0]"
}

# The build service may keep runs, or the last good packages are gone after the retention time.
retention() {
  local builds=33344d9c-fc72-4d6f-aba5-fa317101a7e9 organisation="${ADO_ORGANIZATION%/}" bit who
  local token="$project_id/$pipeline" allowed
  bit="$(az devops security permission namespace show --namespace-id "$builds" --output tsv \
    --query "[0].actions[?name=='RetainIndefinitely'].bit | [0]" "${in_devops[@]}")"
  # An identity is found by its display name; the resource is Azure DevOps itself.
  who="$(az rest --method GET --resource 499b84ac-1321-427f-aa17-267ca6975798 --output tsv \
    --url "https://vssps.dev.azure.com/${organisation##*/}/_apis/identities" --url-parameters \
    searchFilter=General "filterValue=$ADO_PROJECT Build Service (${organisation##*/})" \
    api-version=7.1 --query 'value[0].subjectDescriptor')"
  if [ -z "$who" ]; then
    say "  the project's build service is there after its first run only: run this again then"
    return 0
  fi
  allowed=0
  [ "$pipeline" = NEW ] || allowed="$(az devops security permission show --output tsv \
    --namespace-id "$builds" --subject "$who" --token "$token" "${in_devops[@]}" \
    --query '[0].acesDictionary.*.allow | [0]')"
  [ $((${allowed:-0} & bit)) -ne 0 ] || change devops security permission update --merge true \
    --namespace-id "$builds" --subject "$who" --token "$token" --allow-bit "$bit" \
    --output none "${in_devops[@]}"
}

pool() {
  local id
  id="$(az pipelines pool list --pool-name sheriff-prod --query '[0].id' --output tsv \
    "${in_devops[@]}")"
  [ -n "$id" ] || say "  there is no agent pool sheriff-prod yet: docs/deploy.md says how to make it"
}

project_id="$(az devops project show --project "$ADO_PROJECT" --query id --output tsv \
  "${in_devops[@]}")"
say "resource group $group"
resource_groups
say "sign-in of the desk"
sign_in
say "identity $identity and its roles"
identity
permissions
say "service connection $name, by workload identity federation"
connection
federation
branch_control
say "environments and approvals"
environment "$name"
if [ "$SHERIFF_ENVIRONMENT" = prod ]; then
  environment sheriff-model-prod
  pool
fi
say "variable group $name"
variables
say "pipelines, policies of main, retention"
pipeline sheriff-roll-back infra/pipelines/roll-back.yml
pipeline sheriff azure-pipelines.yml
policies
retention
say "done: docs/deploy.md goes on with the first deployment"
