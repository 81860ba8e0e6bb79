"""Settings of the nightly run: each refused by name when it is missing or must not be set."""

import pytest

from shared.errors import ConfigurationError
from training.settings import TrainingSettings

LOCAL = {
    "SHERIFF_LOCAL": "on",
    "ORDERS_HUB": "orders",
    "COSMOS_ENDPOINT": "http://127.0.0.1:1",
    "COSMOS_KEY": "bG9jYWw=",
    "BLOB_CONNECTION": "DefaultEndpointsProtocol=http;",
}
AZURE = {
    "ORDERS_HUB": "orders",
    "COSMOS_ENDPOINT": "https://sheriff.example",
    "BLOB_ACCOUNT_URL": "https://blobs.example",
    "AZURE_CLIENT_ID": "an-id",
    "MLFLOW_TRACKING_URI": "https://tracking.example",
}
FLEX = AZURE | {"WEBSITE_SITE_NAME": "app-trainer"}


def test_an_emulator_is_reached_by_connection_string_and_key() -> None:
    settings = TrainingSettings.from_environ(LOCAL)
    assert settings.blobs.connection == LOCAL["BLOB_CONNECTION"]
    assert settings.blobs.account_url is None
    assert (settings.cosmos.key, settings.cosmos.database) == ("bG9jYWw=", "sheriff")
    assert not settings.identity.in_azure
    assert settings.mlflow_tracking_uri.startswith("sqlite:///")


def test_unless_told_otherwise_there_is_only_the_identity() -> None:
    settings = TrainingSettings.from_environ(AZURE)
    assert settings.identity.in_azure
    assert settings.identity.client_id == "an-id"
    assert settings.mlflow_tracking_uri == "https://tracking.example"
    for name in ("COSMOS_KEY", "BLOB_CONNECTION"):
        with pytest.raises(ConfigurationError, match=f"{name} is set"):
            TrainingSettings.from_environ({**AZURE, name: "secret"})


@pytest.mark.parametrize(
    "name", ["ORDERS_HUB", "COSMOS_ENDPOINT", "BLOB_ACCOUNT_URL", "MLFLOW_TRACKING_URI"]
)
def test_a_missing_setting_is_named(name: str) -> None:
    for value in ("", "  "):
        with pytest.raises(ConfigurationError, match=f"^{name} is not set$"):
            TrainingSettings.from_environ({**FLEX, name: value})
        with pytest.raises(ConfigurationError, match=f"^{name} is not set; eval .* local stack"):
            TrainingSettings.from_environ({**AZURE, name: value})


def test_where_a_platform_hosts_no_machine_is_ones_own() -> None:
    with pytest.raises(ConfigurationError, match=r"^SHERIFF_LOCAL is on, and WEBSITE_SITE"):
        TrainingSettings.from_environ({**FLEX, "SHERIFF_LOCAL": "on"})
