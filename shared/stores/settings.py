"""The settings that reach the stores: addresses, names, keys and the identity that signs in.

A key or a connection string belongs to an emulator. It is accepted only on a developer's own
machine (`shared.locality`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from shared.locality import missing, platform_sign, refuse_keys


def optional(environ: Mapping[str, str], name: str) -> str | None:
    """Return a setting without the blanks around it; None where it is empty or not set."""
    return environ.get(name, "").strip() or None


def required(environ: Mapping[str, str], name: str) -> str:
    """Return a setting.

    Raises:
        ConfigurationError: it is empty or not set.
    """
    value = optional(environ, name)
    if value is None:
        raise missing(environ, name)
    return value


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signs in: in Azure the managed identity, elsewhere the person who works on the machine.

    ``client_id`` names the managed identity where it is a user-assigned one.
    """

    client_id: str | None = None
    in_azure: bool = False

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read ``AZURE_CLIENT_ID``, and whether Azure hosts this process."""
        client_id = optional(environ, "AZURE_CLIENT_ID")
        return cls(client_id, client_id is not None or platform_sign(environ) is not None)


@dataclass(frozen=True, slots=True)
class CosmosSettings:
    """One database of a Cosmos DB account; with a ``key`` it is an emulator's."""

    endpoint: str
    key: str | None = None
    database: str = "sheriff"
    identity: Identity = Identity()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings that begin with ``COSMOS_``.

        Raises:
            ConfigurationError: the endpoint is not set, or a key is where only an identity may be
                used.
        """
        refuse_keys(environ, "COSMOS_KEY")
        return cls(
            endpoint=required(environ, "COSMOS_ENDPOINT"),
            key=optional(environ, "COSMOS_KEY"),
            database=optional(environ, "COSMOS_DATABASE") or "sheriff",
            identity=Identity.from_environ(environ),
        )


@dataclass(frozen=True, slots=True)
class BlobSettings:
    """One storage account, by ``connection`` (an emulator's) or by ``account_url``, never both."""

    connection: str | None
    account_url: str | None
    identity: Identity = Identity()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings that begin with ``BLOB_``.

        Raises:
            ConfigurationError: no account is set, or a connection where only an identity may be
                used.
        """
        refuse_keys(environ, "BLOB_CONNECTION")
        connection = optional(environ, "BLOB_CONNECTION")
        return cls(
            connection=connection,
            account_url=None if connection else required(environ, "BLOB_ACCOUNT_URL"),
            identity=Identity.from_environ(environ),
        )


@dataclass(frozen=True, slots=True)
class HubSettings:
    """The orders' hub, by ``connection`` (an emulator's) or by ``namespace``, never both."""

    orders_hub: str
    connection: str | None
    namespace: str | None
    identity: Identity = Identity()

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings that the Event Hub trigger uses too.

        Raises:
            ConfigurationError: neither a connection nor a namespace is set, or a connection where
                only an identity may be used.
        """
        refuse_keys(environ, "EventHubConnection")
        connection = optional(environ, "EventHubConnection")
        namespace = None
        if connection is None:
            namespace = required(environ, "EventHubConnection__fullyQualifiedNamespace")
        hub = required(environ, "ORDERS_HUB")
        return cls(hub, connection, namespace, Identity.from_environ(environ))
