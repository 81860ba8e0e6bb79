"""The credential of the synchronous clients."""

from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

from shared.stores.settings import Identity

type Credential = ManagedIdentityCredential | DefaultAzureCredential


def credential(identity: Identity) -> Credential:
    """Return the credential that signs an identity in; the caller closes it."""
    if identity.in_azure:
        return ManagedIdentityCredential(client_id=identity.client_id)
    return DefaultAzureCredential()
