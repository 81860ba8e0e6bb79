"""Who signs in to the synchronous clients."""

from contextlib import closing
from typing import Any

import pytest
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from shared.stores import blobs, cosmos
from shared.stores.credential import credential
from shared.stores.settings import BlobSettings, CosmosSettings, Identity


def test_the_managed_identity_signs_in_in_azure_and_a_person_elsewhere() -> None:
    with closing(credential(Identity("c-1", in_azure=True))) as managed:
        assert isinstance(managed, ManagedIdentityCredential)
    with closing(credential(Identity())) as person:
        assert isinstance(person, DefaultAzureCredential)


class FakeCredential:
    """A credential that signs nobody in."""

    closed = False

    def get_token(self, *scopes: str, **options: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        self.closed = True


def test_a_client_closes_the_credential_that_it_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[FakeCredential] = []

    def open_credential(identity: Identity) -> FakeCredential:
        opened.append(FakeCredential())
        return opened[-1]

    monkeypatch.setattr(blobs, "credential", open_credential)
    monkeypatch.setattr(cosmos, "credential", open_credential)
    blobs.Blobs(BlobSettings(None, "https://a.blob.core.windows.net")).close()
    cosmos.Cosmos(CosmosSettings("https://a.documents.azure.com")).close()
    assert [credential.closed for credential in opened] == [True, True]
