"""Who signs in to the async clients."""

from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

from shared.stores.aio.credential import credential
from shared.stores.settings import Identity


async def test_the_managed_identity_signs_in_in_azure_and_a_person_elsewhere() -> None:
    async with credential(Identity("c-1", in_azure=True)) as managed:
        assert isinstance(managed, ManagedIdentityCredential)
    async with credential(Identity()) as person:
        assert isinstance(person, DefaultAzureCredential)
