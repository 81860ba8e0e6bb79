"""The bootstrap script, with a stand-in for `az` that writes down what it is asked."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import PATIENCE

ROOT = Path(__file__).parents[3]
SCRIPT = "infra/pipelines/bootstrap.sh"
SETTINGS = {
    "SHERIFF_ENVIRONMENT": "prod",
    "AZURE_SUBSCRIPTION_ID": "sub",
    "AZURE_LOCATION": "westeurope",
    "ADO_ORGANIZATION": "https://dev.azure.com/example",
    "ADO_PROJECT": "fraud",
    "ADO_REPOSITORY": "sheriff",
    "SHERIFF_APPROVER_ID": "approver",
    "SHERIFF_DESK_CLIENT_ID": "client",
    "SHERIFF_ANALYST_GROUP_ID": "group",
    "SHERIFF_ALERT_EMAILS": "fraud-desk@example.com",
}
AZ = """#!/usr/bin/env bash
echo "$*" >> "$ASKED"
case "$*" in
  *"role assignment list"*) [ "$THERE" = yes ] && echo 1 || echo 0 ;;
  *" list "* | *"resource environments --route"*) [ "$THERE" = no ] || echo 7 ;;
  *" show "* | *" create "* | *POST*) echo id ;;
esac
"""
ROLES = """
var sender = '2b629674-e913-4c01-ae53-ef4638d8f975'
var reader = '00000000-0000-0000-0000-000000000001'
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for file, text in (("az", AZ), ("infra/modules/roles.bicep", ROLES)):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    (tmp_path / "az").chmod(0o755)
    (tmp_path / "infra/pipelines").mkdir()
    shutil.copy(ROOT / SCRIPT, tmp_path / SCRIPT)
    return tmp_path


def run(
    tree: Path, there: str = "no", **settings: str
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    environ = SETTINGS | {"ASKED": str(tree / "asked"), "THERE": there} | settings
    environ["PATH"] = f"{tree}:{os.environ['PATH']}"
    done = subprocess.run(
        [tree / SCRIPT], env=environ, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    asked = (tree / "asked").read_text().splitlines() if (tree / "asked").exists() else []
    return done, asked


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_without_a_setting_it_does_nothing_and_names_it_in_one_line(tree: Path, name: str) -> None:
    done, asked = run(tree, **{name: ""})
    assert (done.returncode, asked) == (2, [])
    assert done.stderr == f"bootstrap.sh: set {name} first (docs/deploy.md)\n"


def test_an_unknown_environment_is_refused(tree: Path) -> None:
    done, asked = run(tree, SHERIFF_ENVIRONMENT="production")
    assert (done.returncode, asked) == (2, [])
    assert "expected dev, test or prod" in done.stderr


def test_it_makes_everything_and_no_secret(tree: Path) -> None:
    done, asked = run(tree)
    assert done.returncode == 0, done.stderr
    made = "\n".join(asked)
    for what in ("group create --name rg-sheriff-prod",
                 "identity create --name id-sheriff-prod-pipeline",
                 "service-endpoint create", "federated-credential create", "variable-group create",
                 "pipelines create --name sheriff ", "pipelines create --name sheriff-roll-back",
                 "--role Locks Contributor"):  # fmt: skip
        assert what in made
    assert made.count("--resource environments --http-method POST") == 2
    assert (
        made.count("--resource configurations --http-method POST") == 4
    )  # a lock and an approval each
    assert "secret" not in made
    assert "password" not in made


def test_the_pipeline_may_assign_the_roles_of_the_templates_and_no_other(tree: Path) -> None:
    _, asked = run(tree)
    [grant] = [
        one for one in asked if "Role Based Access Control Administrator" in one and "create" in one
    ]
    assert grant.count("GuidEquals {2b629674-e913-4c01-ae53-ef4638d8f975}") == 2


def test_a_second_time_it_leaves_what_is_there(tree: Path) -> None:
    done, asked = run(tree, there="yes")
    assert done.returncode == 0, done.stderr
    creating = [one for one in asked if " create " in one or "POST" in one]
    assert [one.split(" --")[0] for one in creating] == [
        "group create", "group create", "identity create",
    ]  # these three change nothing that is there  # fmt: skip


def test_development_needs_no_approval(tree: Path) -> None:
    _, asked = run(tree, SHERIFF_ENVIRONMENT="dev")
    assert len([one for one in asked if "configurations" in one]) == 1
    assert not any("Locks Contributor" in one for one in asked)


def test_the_guide_names_every_setting_and_the_desks_role() -> None:
    guide = (ROOT / "docs/deploy.md").read_text()
    assert [name for name in SETTINGS if f"{name}=" not in guide] == []
    [role] = json.loads((ROOT / "infra/pipelines/desk-roles.json").read_text())
    assert role["value"] in guide
    assert f'"appRoleId": "{role["id"]}"' in guide
    for path in re.findall(r"`((?:infra|docs)/[\w./-]+\.\w+)`", guide):
        if path.endswith((".sh", ".yml", ".json")):
            assert (ROOT / path).exists(), path
