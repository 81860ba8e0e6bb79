"""Who signs in to the synchronous clients."""

from contextlib import closing

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from shared.stores.credential import credential
from shared.stores.settings import Identity


def test_the_managed_identity_signs_in_in_azure_and_a_person_elsewhere() -> None:
    with closing(credential(Identity("c-1", in_azure=True))) as managed:
        assert isinstance(managed, ManagedIdentityCredential)
    with closing(credential(Identity())) as person:
        assert isinstance(person, DefaultAzureCredential)
