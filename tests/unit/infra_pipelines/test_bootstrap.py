"""The bootstrap script, with a stand-in for `az` that writes down what it is asked."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]
PIPELINES = "infra/pipelines"
SCRIPT = f"{PIPELINES}/bootstrap.sh"
SIGN_IN = f"{PIPELINES}/sign-in.sh"
SETTINGS = {
    "SHERIFF_ENVIRONMENT": "prod",
    "AZURE_SUBSCRIPTION_ID": "sub",
    "AZURE_LOCATION": "westeurope",
    "ADO_ORGANIZATION": "https://dev.azure.com/example",
    "ADO_PROJECT": "fraud",
    "ADO_REPOSITORY": "sheriff",
    "SHERIFF_APPROVER_ID": "approver",
    "SHERIFF_ALERT_EMAILS": "fraud-desk@example.com",
}
SENDER = "2b629674-e913-4c01-ae53-ef4638d8f975"
READER = "fbdf93bf-df7d-467e-a4d2-9458aa1360c8"
ROLES = f"""
var sender = '{SENDER}'
var accountReader = '{READER}'
var documentReader = '00000000-0000-0000-0000-000000000001'
  name: guid(hub.id, pipelinePrincipalId, sender)
  name: guid(account.id, analystGroupId, accountReader)
  name: guid(account.id, name, analystGroupId, documentReader)
"""
ADMINISTRATOR = "Role Based Access Control Administrator"
IDENTITIES = {"grantedPrincipalIds": {"value": {"scorer": "id-of-scorer", "desk": "id-of-desk"}}}
CHANGES = re.compile(
    r" (create|update|register|PATCH|POST|delete) |--http-method (POST|PATCH)|--method (POST|PATCH)"
)

AZ = Path(__file__).with_name("fake_az.py")


def planted(folder: Path) -> Path:
    shutil.copytree(ROOT / PIPELINES, folder / PIPELINES)
    (folder / "infra/modules").mkdir()
    (folder / "infra/modules/roles.bicep").write_text(ROLES)
    # The interpreter itself: a launcher on the PATH may take longer than all that is tested.
    python = Path(sys.executable).resolve()
    (folder / "python3").symlink_to(python)
    (folder / "az").write_text(f"#!{python} -IS\n{AZ.read_text()}")
    (folder / "az").chmod(0o755)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The scripts and the stand-in, before anything was made."""
    return planted(tmp_path)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A first run for production: its folder, and what it changed."""
    folder = planted(tmp_path_factory.mktemp("first"))
    return folder, changed(folder)


@pytest.fixture
def made(first: tuple[Path, list[str]], tmp_path: Path) -> Path:
    """A folder as that run left it."""
    return Path(shutil.copytree(first[0], tmp_path / "made", symlinks=True))


def state(folder: Path) -> dict[str, Any]:
    """What the stand-in remembers."""
    return dict(json.loads((folder / "state.json").read_text()))


def remember(folder: Path, changed_state: dict[str, Any]) -> None:
    (folder / "state.json").write_text(json.dumps(changed_state))


def run(
    tree: Path, *arguments: str, script: str = SCRIPT, **settings: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run a script; what the stand-in was asked since, a line each."""
    asked = tree / "asked"
    asked.unlink(missing_ok=True)
    environ = SETTINGS | {"TREE": str(tree)} | settings
    environ["PATH"] = f"{tree}:{os.environ['PATH']}"
    done = subprocess.run(
        [tree / script, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    return done, asked.read_text().splitlines() if asked.exists() else []


def changes(asked: list[str]) -> list[str]:
    return [one for one in asked if CHANGES.search(f" {one} ")]


def changed(tree: Path, **settings: str) -> list[str]:
    """What a run changes; it must end well."""
    done, asked = run(tree, **settings)
    assert done.returncode == 0, done.stderr
    return changes(asked)


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_without_a_setting_it_does_nothing_and_names_it_in_one_line(tree: Path, name: str) -> None:
    done, asked = run(tree, **{name: ""})
    assert (done.returncode, asked) == (2, [])
    assert done.stderr == f"bootstrap.sh: set {name} first (docs/deploy.md)\n"


def test_an_unknown_environment_is_refused(tree: Path) -> None:
    for script in (SCRIPT, SIGN_IN):
        done, asked = run(tree, script=script, SHERIFF_ENVIRONMENT="production")
        assert (done.returncode, asked) == (2, [])
        assert "expected dev, test or prod" in done.stderr


def test_it_makes_everything_and_no_secret(first: tuple[Path, list[str]]) -> None:
    made = "\n".join(first[1])
    for what in ("group create --name rg-sheriff-prod",
                 "identity create --name id-sheriff-prod-pipeline",
                 "service-endpoint create", "federated-credential create", "variable-group create",
                 "pipelines create --name sheriff ", "pipelines create --name sheriff-roll-back",
                 "--role Locks Contributor", "repos policy approver-count create",
                 "repos policy build create", "security permission update --merge true",
                 "ad app create --display-name sheriff-desk-prod", "ad sp create",
                 "ad group create --display-name sheriff-analysts-prod"):  # fmt: skip
        assert what in made, what
    assert made.count("--resource environments --api-version 7.1 --http-method POST") == 2
    # A lock and an approval of each environment, and the branch of the connection.
    assert made.count("--resource configurations --api-version 7.1-preview --http-method POST") == 5
    assert "secret" not in made
    assert "password" not in made


def test_the_right_that_event_hubs_asks_for_is_there_before_the_first_deployment(
    first: tuple[Path, list[str]],
) -> None:
    [grant] = [one for one in first[1] if "--role Storage Blob Data Contributor" in one]
    assert "--scope /subscriptions/sub/resourceGroups/rg-sheriff-prod " in grant
    assert "--condition" not in grant


def test_the_pipeline_may_assign_the_roles_of_the_templates_to_identities_and_analysts_alone(
    first: tuple[Path, list[str]],
) -> None:
    [grant] = [one for one in first[1] if "Role Based Access Control Administrator" in one]
    assert (
        grant.count(f"RoleDefinitionId] ForAnyOfAnyValues:GuidEquals {{{SENDER}, {READER}}}") == 2
    )
    assert "PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {'ServicePrincipal'}" in grant
    analysts = "PrincipalId] ForAnyOfAnyValues:GuidEquals {id-group}"
    assert re.search(re.escape(f"GuidEquals {{{READER}}} AND @Request[") + r".*" + analysts, grant)


def condition(folder: Path) -> str:
    """The condition that the pipeline's right to assign roles has."""
    return str(state(folder)["assignments"][ADMINISTRATOR]["condition"])


def deploy(folder: Path, outputs: object) -> None:
    remember(folder, state(folder) | {"deployment": {"outputs": outputs}})


def test_after_a_deployment_its_identities_are_named_and_a_failure_later_lets_in_no_more(
    made: Path,
) -> None:
    deploy(made, IDENTITIES)
    [one] = changed(made)
    assert one.startswith("role assignment update ")
    assert "PrincipalId] ForAnyOfAnyValues:GuidEquals {id-of-desk, id-of-scorer}" in condition(made)
    assert "PrincipalType" not in condition(made)
    assert changed(made) == []
    deploy(made, None)
    assert changed(made) == []


def test_where_the_deployment_cannot_be_asked_nothing_is_let_in(made: Path) -> None:
    deploy(made, IDENTITIES)
    changed(made)
    for outputs in ({"other": {"value": "x"}}, "FAIL"):
        deploy(made, outputs)
        done, asked = run(made)
        assert done.returncode != 0
        assert not [one for one in asked if one.startswith("role assignment update")]


def test_a_second_time_it_changes_nothing(made: Path) -> None:
    assert changed(made) == []


def test_the_month_of_a_later_first_deployment_is_not_fixed_beforehand(made: Path) -> None:
    assert not [name for name in state(made)["variables"] if "BUDGET" in name]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(tree: Path) -> None:
    done, asked = run(tree, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert changes(asked) == []
    for what in ("would run: az group create --name rg-sheriff-prod", "az ad app create",
                 "requestedAccessTokenVersion", "az role assignment create", "Branch control",
                 "az pipelines variable-group create", "az repos policy build create"):  # fmt: skip
        assert what in done.stderr, what


def test_what_differs_is_changed_and_nothing_else(made: Path) -> None:
    found = changed(
        made,
        SHERIFF_ALERT_EMAILS="other@example.com",
        SHERIFF_APPROVER_ID="other",
        SUBJECT="sc://example/fraud/new",
    )
    assert len(found) == 4, found
    assert found[0].startswith("identity federated-credential update ")
    # Two environments have an approval.
    assert [one for one in found[1:3] if "--http-method PATCH" not in one] == []
    assert "variable update" in found[3]
    assert "--name SHERIFF_ALERT_EMAILS --value other@example.com" in found[3]


def test_another_group_of_analysts_changes_its_variable_and_the_condition(made: Path) -> None:
    ids = {"SHERIFF_DESK_CLIENT_ID": "appId-1", "SHERIFF_ANALYST_GROUP_ID": "other"}
    assignment, variable = changed(made, **ids)
    assert assignment.startswith("role assignment update ")
    assert "--name SHERIFF_ANALYST_GROUP_ID --value other" in variable


def test_a_role_that_is_new_in_the_templates_changes_the_condition(made: Path) -> None:
    """The pipeline of an environment that was made before could not assign it: 403."""
    new = "b7e6dc6d-f1e8-4753-8033-0f276bb0955b"
    (made / "infra/modules/roles.bicep").write_text(f"{ROLES}var owner = '{new}'\n")
    [one] = changed(made)
    assert one.startswith("role assignment update --role-assignment ")
    assert condition(made).count(f"{{{SENDER}, {new}, {READER}}}") == 2


def test_a_connection_for_another_identity_is_refused_with_what_to_do(made: Path) -> None:
    remember(made, state(made) | {"connection": {"client": "gone"}})
    done, _ = run(made)
    assert done.returncode == 1
    assert "az devops service-endpoint delete --id" in done.stderr


def test_development_needs_no_approval_and_nobody_who_gives_one(tree: Path) -> None:
    made = changed(tree, SHERIFF_ENVIRONMENT="dev", SHERIFF_APPROVER_ID="")
    assert len([one for one in made if "configurations" in one]) == 2  # lock, branch
    assert not any("Locks Contributor" in one for one in made)


def test_the_registration_gives_tokens_of_version_2_for_the_desk_and_azure_cli(tree: Path) -> None:
    done, asked = run(tree, script=SIGN_IN)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "SHERIFF_DESK_CLIENT_ID=appId-1\nSHERIFF_ANALYST_GROUP_ID=id-group\n"
    app = state(tree)["application"]
    assert app["identifierUris"] == ["api://appId-1"]
    assert app["groupMembershipClaims"] == "SecurityGroup"
    assert [one["value"] for one in app["appRoles"]] == ["Sheriff.Reader"]
    assert app["api"]["requestedAccessTokenVersion"] == 2
    [scope] = app["api"]["oauth2PermissionScopes"]
    assert scope["value"] == "Alerts.Read"
    # The id of Azure CLI, and the scope in a request after the one that makes it.
    assert app["api"]["preAuthorizedApplications"] == [
        {
            "appId": "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
            "delegatedPermissionIds": [scope["id"]],
        }
    ]
    assert len([one for one in asked if "--method PATCH" in one]) == 2
    assert changes(run(tree, script=SIGN_IN)[1]) == []


def test_a_registration_that_somebody_changed_is_set_right(tree: Path) -> None:
    run(tree, script=SIGN_IN)
    found = state(tree)
    found["application"]["api"]["requestedAccessTokenVersion"] = None
    remember(tree, found)
    [one] = changes(run(tree, script=SIGN_IN)[1])
    assert one.startswith("rest --method PATCH")


def test_the_desk_trusts_the_issuer_of_the_version_that_the_registration_asks_for() -> None:
    api = json.loads((ROOT / PIPELINES / "desk-api.json").read_text())
    app = (ROOT / "infra/modules/app.bicep").read_text()
    assert f"/v{api['requestedAccessTokenVersion']}.0'" in app


def test_the_guide_names_every_setting_and_the_desks_role() -> None:
    guide = (ROOT / "docs/deploy.md").read_text()
    assert [name for name in SETTINGS if f"{name}=" not in guide] == []
    [role] = json.loads((ROOT / PIPELINES / "desk-roles.json").read_text())
    assert role["value"] in guide
    for path in re.findall(r"`((?:infra|docs)/[\w./-]+\.\w+)`", guide):
        if path.endswith((".sh", ".yml", ".json", ".py")):
            assert (ROOT / path).exists(), path
