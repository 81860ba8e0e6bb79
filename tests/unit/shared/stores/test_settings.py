"""Settings of the stores: each is refused by name where it is missing or must not be set."""

import pytest

from shared.errors import ConfigurationError
from shared.stores.settings import BlobSettings, CosmosSettings, HubSettings, Identity

KEYS = {
    "SHERIFF_LOCAL": "on",
    "ORDERS_HUB": "orders",
    "COSMOS_ENDPOINT": "http://127.0.0.1:8081",
    "COSMOS_KEY": "bG9jYWw=",
    "BLOB_CONNECTION": "UseDevelopmentStorage=true",
    "EventHubConnection": "Endpoint=sb://127.0.0.1",
}
IDENTITY = {
    "ORDERS_HUB": "orders",
    "COSMOS_ENDPOINT": "https://sheriff.documents.azure.com:443/",
    "BLOB_ACCOUNT_URL": "https://sheriff.blob.core.windows.net",
    "EventHubConnection__fullyQualifiedNamespace": "sheriff.servicebus.windows.net",
}
FLEX = IDENTITY | {"WEBSITE_SITE_NAME": "app-scorer"}
HINT = r"; eval .* sets it for the local stack \(docs/settings\.md\)$"


def test_an_emulator_is_reached_by_its_key_and_connection_strings() -> None:
    assert CosmosSettings.from_environ(KEYS) == CosmosSettings("http://127.0.0.1:8081", "bG9jYWw=")
    assert BlobSettings.from_environ(KEYS) == BlobSettings("UseDevelopmentStorage=true", None)
    hub = HubSettings("orders", "Endpoint=sb://127.0.0.1", None)
    assert HubSettings.from_environ(KEYS) == hub


def test_azure_is_reached_by_addresses_alone() -> None:
    person = Identity(None, in_azure=False)
    cosmos = CosmosSettings(IDENTITY["COSMOS_ENDPOINT"], None, "sheriff", person)
    assert CosmosSettings.from_environ(IDENTITY) == cosmos
    assert BlobSettings.from_environ(IDENTITY) == BlobSettings(
        None, "https://sheriff.blob.core.windows.net", person
    )
    assert HubSettings.from_environ(IDENTITY) == HubSettings(
        "orders", None, "sheriff.servicebus.windows.net", person
    )


@pytest.mark.parametrize(
    ("environ", "identity"),
    [
        ({}, Identity(None, in_azure=False)),
        (FLEX, Identity(None, in_azure=True)),
        ({"AZURE_CLIENT_ID": " c-1 "}, Identity("c-1", in_azure=True)),
    ],
)
def test_a_named_or_hosted_identity_signs_in_and_a_person_does_elsewhere(
    environ: dict[str, str], identity: Identity
) -> None:
    assert Identity.from_environ(environ) == identity


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (CosmosSettings, "COSMOS_KEY"),
        (BlobSettings, "BLOB_CONNECTION"),
        (HubSettings, "EventHubConnection"),
    ],
)
def test_a_key_is_refused_wherever_nothing_says_that_the_machine_is_ones_own(
    settings: type[CosmosSettings | BlobSettings | HubSettings], name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is set: Sheriff signs in with its id"):
        settings.from_environ(IDENTITY | {name: "secret"})


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (CosmosSettings, "COSMOS_ENDPOINT"),
        (BlobSettings, "BLOB_ACCOUNT_URL"),
        (HubSettings, "EventHubConnection__fullyQualifiedNamespace"),
        (HubSettings, "ORDERS_HUB"),
    ],
)
def test_a_missing_setting_is_named_and_on_ones_own_machine_the_step_that_sets_it(
    settings: type[CosmosSettings | BlobSettings | HubSettings], name: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is not set$"):
        settings.from_environ(FLEX | {name: " "})
    with pytest.raises(ConfigurationError, match=f"^{name} is not set{HINT}"):
        settings.from_environ(IDENTITY | {name: " "})
