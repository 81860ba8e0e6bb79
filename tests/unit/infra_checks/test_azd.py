"""azure.yaml against azd's own schema, and against the templates and zips that it names."""

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft201909Validator

from infra.checks.package import ROLES
from infra.package import PACKAGES, ROOT

TABLE = ROOT / "infra" / "checks" / "tables" / "azd-project.json"
"""The schema that azd publishes; the file says of which commit and when."""


@pytest.fixture
def project() -> Any:
    return yaml.safe_load((ROOT / "azure.yaml").read_text())


def complaints(project: Any) -> list[str]:
    schema = json.loads(TABLE.read_text())["schema"]
    Draft201909Validator.check_schema(schema)
    return [one.message for one in Draft201909Validator(schema).iter_errors(project)]


def test_it_is_what_azd_publishes_that_a_project_must_be(project: Any) -> None:
    assert complaints(project) == []


def test_a_fault_in_it_would_be_seen(project: Any) -> None:
    del project["name"]
    project["services"]["scorer"]["remoteBuild"] = "no"
    project["hooks"] = {"before": {"shell": "sh", "run": "make package"}}
    assert len(complaints(project)) == 3


def test_it_provisions_what_the_pipeline_provisions_to_dev(project: Any) -> None:
    infra = project["infra"]
    file = ROOT / infra["path"] / f"{infra['module']}.bicepparam"
    assert file.read_text().startswith("using '../main.bicep'\n")
    assert (infra["module"], infra["provider"]) == ("dev", "bicep")


def test_every_role_is_deployed_from_the_zip_that_holds_it_unchanged(project: Any) -> None:
    deployed = {role: service["dist"] for role, service in project["services"].items()}
    built = {f"build/{package.name}.zip": package.name for package in PACKAGES}
    assert {role: built[dist] for role, dist in deployed.items()} == {
        role: name for name, roles in ROLES.items() for role in roles
    }
    for service in project["services"].values():
        assert (service["host"], service["language"]) == ("function", "custom")
        assert service["remoteBuild"] is False


def test_apps_are_found_by_outputs_of_the_templates_in_their_own_case(project: Any) -> None:
    outputs = re.findall(
        r"^output (\w+)", (ROOT / "infra" / "main.bicep").read_text(), re.MULTILINE
    )
    for role, service in project["services"].items():
        assert service["resourceName"] == f"${{{role}AppName}}"
        assert f"{role}AppName" in outputs


def test_the_zips_are_built_by_a_target_that_there_is(project: Any) -> None:
    [target] = re.findall(r"^make (\w+)$", project["hooks"]["prepackage"]["run"], re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert "--out build\n" in makefile
