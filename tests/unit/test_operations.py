"""The runbook names commands, files and alert rules that exist."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES = ROOT / "infra" / "modules" / "alerts.bicep"


def test_every_command_it_names_is_a_module() -> None:
    names = set(re.findall(r"python -m ([a-z_.]+)", OPERATIONS))
    assert {"infra.smoke", "infra.costs", "training.rescore", "training.erase"} <= names
    assert [name for name in names if importlib.util.find_spec(name) is None] == []


@pytest.mark.skipif(not RULES.exists(), reason="needs the Bicep templates")
def test_every_alert_rule_has_its_row() -> None:
    text = RULES.read_text(encoding="utf-8")
    rules = set(re.findall(r"^    name: '([a-z-]+)'", text, re.MULTILINE))
    rules |= set(re.findall(r"^  name: '\$\{rulePrefix\}([a-z-]+)'", text, re.MULTILINE))
    rules.discard("health")  # the availability test, whose rule is `unavailable`
    assert len(rules) > 10
    assert sorted(rule for rule in rules if f"`{rule}`" not in OPERATIONS) == []


GUIDES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8")
          for name in ("operations.md", "deploy.md")}  # fmt: skip

EXPLAINED = {
    "operations.md": re.findall(
        r"[A-Z][A-Z-]+", " ".join(re.findall(r"^\| ([A-Z, -]+) \|", OPERATIONS, re.MULTILINE))
    ),
    # What the guide asks for in the sentence before, or what is one's own.
    "deploy.md": ["AGENTS_NETWORK_ID", "AGENTS_GROUP", "AGENTS_NETWORK", "TENANT_ID", "ID",
                  "NAMED", "YOUR_OBJECT_ID"],
}  # fmt: skip


def _commands(text: str) -> list[str]:
    """The `az` commands of a document: those of its blocks, and those in its sentences."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [line for line in joined.splitlines() if "az " in line] + re.findall(
        r"`(az [^`]+)`", text
    )


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_every_placeholder_in_a_command_is_explained(name: str) -> None:
    own = {"NEW"}  # a name that the reader makes up
    words = " ".join(
        re.sub(r"\$\{?\w+|https?://\S+|'[^']*'", " ", one) for one in _commands(GUIDES[name])
    )
    used = set(re.findall(r"(?<![\w$.%{/-])[A-Z][A-Z_@.-]+[A-Z]\b|(?<=--ids )ID\b", words))
    used -= {"GET", "PATCH", "DELETE", "SEND"}  # of HTTP, of the shell
    used = {one for one in used if f"{one}=" not in GUIDES[name]}  # variables that are set
    assert len(used) > 2
    assert sorted(used - set(EXPLAINED[name]) - own) == []


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_every_resource_that_it_names_is_one_of_the_templates(name: str) -> None:
    """By the beginning of its name; groups and the pipeline's identity are of bootstrap.sh."""
    templates = "".join(
        file.read_text("utf-8") for file in sorted((ROOT / "infra").rglob("*.bicep"))
    )
    scripts = (ROOT / "infra/pipelines/bootstrap.sh").read_text("utf-8")
    scripts += (ROOT / "infra/pipelines/sign-in.sh").read_text("utf-8")
    named = re.findall(
        r"`([a-z]+-sheriff[\w-]*|st[a-z]+(?=\.\.\.)|sheriff-(?:desk|analysts|model|roll)[\w-]*)",
        GUIDES[name],
    )
    assert named
    for one in named:
        start = re.sub(r"-(dev|test|prod)\b.*", "-", one).rstrip("-")
        assert start in templates or start in scripts or start == "rg-sheriff", one


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_every_parameter_setting_and_output_that_it_names_exists(name: str) -> None:
    code = "".join(
        file.read_text("utf-8")
        for folder in ("infra", "functions", "training", "shared")
        for pattern in ("*.bicep", "*.py", "*.yml", "*.sh", "*.json")
        for file in (ROOT / folder).rglob(pattern)
        if "node_modules" not in file.parts
    ) + (ROOT / "azure-pipelines.yml").read_text("utf-8")
    named = set(re.findall(r"`([a-z]+[A-Z]\w*)`", GUIDES[name]))
    named |= set(
        re.findall(r"`((?:SHERIFF|COSMOS|BLOB|ORDERS|EventHubConnection)_\w+)`", GUIDES[name])
    )
    assert named
    assert sorted(one for one in named if not re.search(rf"\b{one}\b", code)) == []


def test_no_app_is_named_by_a_name_that_there_is_not() -> None:
    """`APP-scorer` matched nothing: an app ends in a token, and the deployment says its name."""
    for text in GUIDES.values():
        assert "APP-" not in text
    outputs = (ROOT / "infra/main.bicep").read_text("utf-8")
    for app in ("scorer", "trainer", "desk"):
        assert f"output {app}AppName " in outputs
        assert f"`{app}AppName`" in OPERATIONS
    for output in ("COSMOS_ENDPOINT", "BLOB_ACCOUNT_URL"):
        assert f"output {output} " in outputs
