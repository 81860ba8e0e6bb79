"""Settings are refused by name, and every one of them is in docs/settings.md."""

import ast
import re
from pathlib import Path

import pytest

from functions.settings import JobSettings, Settings, role, telemetry_target
from shared import locality
from shared.errors import ConfigurationError
from shared.locality import PLATFORM_SIGNS

ROOT = Path(__file__).parents[3]
LOCAL = {
    "SHERIFF_LOCAL": "on",
    "ORDERS_HUB": "orders",
    "COSMOS_ENDPOINT": "http://127.0.0.1:8081",
    "COSMOS_KEY": "bG9jYWw=",
    "BLOB_CONNECTION": "UseDevelopmentStorage=true",
}
AZURE = {
    "ORDERS_HUB": "orders",
    "COSMOS_ENDPOINT": "https://sheriff.documents.azure.com:443/",
    "BLOB_ACCOUNT_URL": "https://sheriff.blob.core.windows.net",
    "AZURE_CLIENT_ID": "a-client",
}
FLEX = AZURE | {
    "WEBSITE_SITE_NAME": "app-scorer",
    "WEBSITE_SKU": "FlexConsumption",
    "LEGION_SERVICE_HOST": "10.0.0.1",
}
"""As Flex Consumption runs an app: without WEBSITE_INSTANCE_ID."""
HINT = r"; eval .* sets it for the local stack \(docs/settings\.md\)$"


def test_what_is_not_set_has_its_default() -> None:
    settings = Settings.from_environ(LOCAL)
    assert settings.orders_consumer_group == "$Default"
    assert settings.cosmos.database == "sheriff"
    assert settings.scoring_chunk_orders == 50


@pytest.mark.parametrize("name", ["ORDERS_HUB", "COSMOS_ENDPOINT"])
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is not set$"):
        Settings.from_environ(FLEX | {name: " "})


def test_on_a_machine_that_nobody_hosts_the_step_is_named_that_is_missing() -> None:
    with pytest.raises(ConfigurationError, match=f"^ORDERS_HUB is not set{HINT}"):
        Settings.from_environ({})


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SCORING_DEADLINE_SECONDS", "soon", "a number 1 to 200"),
        ("SCORING_DEADLINE_SECONDS", "nan", "a number 1 to 200"),
        ("SCORING_CHUNK_ORDERS", "2.5", "a whole number 1 to 1000"),
        ("ALERT_WRITES_AT_ONCE", "0", "a whole number 1 to 100"),
        ("SHELF_POLL_SECONDS", "-1", "a number 0 to 3600"),
    ],
)
def test_a_number_out_of_range_is_named_with_what_was_expected(
    name: str, value: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is '{value}', expected {expected}$"):
        Settings.from_environ(LOCAL | {name: value})


@pytest.mark.parametrize("name", ["COSMOS_KEY", "BLOB_CONNECTION", "EventHubConnection"])
@pytest.mark.parametrize("environ", [AZURE, FLEX, AZURE | {"SHERIFF_LOCAL": "off"}])
def test_keys_are_refused_wherever_nothing_says_that_the_machine_is_ones_own(
    environ: dict[str, str], name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is set: Sheriff signs in with its id"):
        Settings.from_environ(environ | {name: "secret"})


@pytest.mark.parametrize("sign", PLATFORM_SIGNS)
def test_where_a_platform_hosts_no_machine_is_ones_own(sign: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^SHERIFF_LOCAL is on, and {sign} shows"):
        Settings.from_environ(LOCAL | {sign: "1"})


def test_what_is_neither_on_nor_off_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^SHERIFF_LOCAL is 'yes', expected on or off$"):
        Settings.from_environ(AZURE | {"SHERIFF_LOCAL": "yes"})


def test_the_shadow_is_on_unless_it_is_off() -> None:
    assert Settings.from_environ(LOCAL).shadow
    assert not Settings.from_environ(LOCAL | {"SHADOW_SCORING": "off"}).shadow
    with pytest.raises(
        ConfigurationError, match=r"^SHADOW_SCORING is 'maybe', expected on or off$"
    ):
        Settings.from_environ(LOCAL | {"SHADOW_SCORING": "maybe"})


WORKSPACE = "/subscriptions/s-1/resourceGroups/rg/providers/Microsoft.MachineLearningServices/w/f"
JOB = {
    "RETRAIN_JOB_WORKSPACE": WORKSPACE,
    "RETRAIN_JOB_COMPUTE": f"{WORKSPACE}/computes/nightly",
    "RETRAIN_JOB_ENVIRONMENT": f"{WORKSPACE}/environments/sheriff/versions/1",
}


@pytest.mark.parametrize(
    ("environ", "target"),
    [
        ({}, "off"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, "off"),
        ({"PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "false"}, "off"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, "otlp"),
        ({"PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": " True"}, "azure"),
        (
            {
                "PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY": "1",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
            },
            "azure",
        ),
    ],
)
def test_where_telemetry_goes_is_asked_for_by_the_settings_of_those_who_take_it(
    environ: dict[str, str], target: str
) -> None:
    assert telemetry_target(environ) == target


def test_a_job_is_set_up_by_three_settings_or_by_none_and_gets_the_apps_own() -> None:
    assert JobSettings.from_environ(AZURE) is None
    found = JobSettings.from_environ(AZURE | JOB)
    assert found is not None
    assert found.compute == JOB["RETRAIN_JOB_COMPUTE"]
    assert found.environ == AZURE


@pytest.mark.parametrize("name", JOB)
def test_a_setting_of_the_job_that_is_missing_or_wrong_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is not set, but RETRAIN_JOB_"):
        JobSettings.from_environ(AZURE | JOB | {name: ""})
    for wrong in ("nightly", f"{WORKSPACE}/../x?y", "https://example.org"):
        with pytest.raises(ConfigurationError, match=f"^{name} is .* expected a resource id"):
            JobSettings.from_environ(AZURE | JOB | {name: wrong})


def test_no_key_is_handed_to_a_job() -> None:
    found = JobSettings.from_environ(LOCAL | JOB)
    assert found is not None
    assert found.environ.keys() == {"ORDERS_HUB", "COSMOS_ENDPOINT"}


def test_a_role_that_does_not_exist_is_one_clear_error() -> None:
    assert role({}) == "all"
    with pytest.raises(ConfigurationError, match=r"^SHERIFF_ROLE is 'king', expected one of"):
        role({"SHERIFF_ROLE": "king"})


PARTS = ("functions", "training", "shared/stores")


def test_every_setting_that_is_read_is_documented_and_no_other() -> None:
    """Compares the texts in each settings.py that look like names with the table's first column."""
    sources = [ast.parse((ROOT / part / "settings.py").read_text()) for part in PARTS]
    name = re.compile(r"[A-Z][A-Z0-9]+(_[A-Z0-9]+)+|EventHubConnection\w*")
    nodes = [node for source in sources for node in ast.walk(source)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant)]
    read = {text for text in texts if isinstance(text, str) and name.fullmatch(text)}
    table = (ROOT / "docs" / "settings.md").read_text()
    told = set(re.findall(r"^\| `([A-Za-z0-9_]+)` \|", table, re.MULTILINE))
    # Read by the host, by MLflow or where a trigger is declared, by no settings of ours.
    others = {
        *("AzureWebJobsStorage", "RETRAIN_SCHEDULE"),
        *("WATCH_SCHEDULE", "RETRAIN_FOLLOW_SCHEDULE"),
        *("MLFLOW_EXPERIMENT_NAME", "MLFLOW_REGISTRY_URI"),
    }
    assert told - others == read | {locality.LOCAL}
