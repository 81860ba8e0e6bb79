"""Settings of the nightly run that reach the emulators of a test."""

from training.settings import TrainingSettings

KEY = "bG9jYWw="


def settings_for(
    azurite: str, cosmos: str = "http://127.0.0.1:1", database: str = "sheriff"
) -> TrainingSettings:
    """Azurite's connection string; the endpoint and database of the Cosmos DB emulator."""
    return TrainingSettings.from_environ({
        "ORDERS_HUB": "orders",
        "COSMOS_ENDPOINT": cosmos,
        "SHERIFF_LOCAL": "on",
        "COSMOS_KEY": KEY,
        "COSMOS_DATABASE": database,
        "BLOB_CONNECTION": azurite,
    })  # fmt: skip
