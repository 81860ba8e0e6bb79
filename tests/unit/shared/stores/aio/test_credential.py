"""Who signs in to the async clients."""

from typing import Any

import pytest
from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from shared.stores.aio import blobs, cosmos, event_hubs
from shared.stores.aio.credential import credential
from shared.stores.settings import BlobSettings, CosmosSettings, HubSettings, Identity


async def test_the_managed_identity_signs_in_in_azure_and_a_person_elsewhere() -> None:
    async with credential(Identity("c-1", in_azure=True)) as managed:
        assert isinstance(managed, ManagedIdentityCredential)
    async with credential(Identity()) as person:
        assert isinstance(person, DefaultAzureCredential)


class FakeCredential:
    """A credential that signs nobody in."""

    closed = False

    async def get_token(self, *scopes: str, **options: Any) -> Any:
        raise NotImplementedError

    async def close(self) -> None:
        self.closed = True


async def test_a_client_closes_the_credential_that_it_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened: list[FakeCredential] = []

    def open_credential(identity: Identity) -> FakeCredential:
        opened.append(FakeCredential())
        return opened[-1]

    for module in (blobs, cosmos, event_hubs):
        monkeypatch.setattr(module, "credential", open_credential)
    await blobs.Blobs(BlobSettings(None, "https://a.blob.core.windows.net")).close()
    await cosmos.Cosmos(CosmosSettings("https://a.documents.azure.com")).close()
    await event_hubs.HubSender(HubSettings("orders", None, "a.servicebus.windows.net")).close()
    assert [credential.closed for credential in opened] == [True, True, True]
