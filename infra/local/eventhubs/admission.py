"""Decides which link a client gets for the address it asks for, or refuses it."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from infra.local.eventhubs import management
from infra.local.eventhubs.frames import RefusedError
from infra.local.eventhubs.hubs import DEFAULT_GROUP, Hub, Partition, not_found
from infra.local.eventhubs.links import ConsumerLink, ProducerLink
from infra.local.eventhubs.performatives import Attach
from infra.local.eventhubs.session import Link, Session


class Address(NamedTuple):
    """The place to which an address leads; without a partition it is the whole hub."""

    hub: Hub
    group: str  # in lower case
    partition: Partition | None


class Admission:
    """Admits the links of one connection.

    `hubs` are by name in lower case; `max_message` is in bytes.
    """

    def __init__(self, hubs: Mapping[str, Hub], max_message: int) -> None:
        self._hubs = hubs
        self._max_message = max_message

    def admit(
        self, session: Session, attach: Attach, schedule: Callable[[ConsumerLink], None]
    ) -> Callable[[], Link]:
        """Return a function that makes the link.

        Call it once the attach is answered: some links write at once.

        Raises:
            RefusedError: the address leads nowhere, or this client may not read there.
        """
        if attach.address in {management.CBS, management.MANAGEMENT}:
            return lambda: self._management_link(session, attach)
        address = self._locate(attach.address)
        if not attach.is_receiver:
            return lambda: ProducerLink(
                session, attach.handle, self._max_message, address.hub, address.partition
            )
        if address.partition is None:
            raise not_found(attach.address)
        consumer = ConsumerLink(session, attach, address.partition, address.group, schedule)
        address.partition.admit(consumer)
        return lambda: consumer

    def _management_link(self, session: Session, attach: Attach) -> Link:
        if attach.is_receiver:
            return management.ReplyLink(session, attach.handle, attach.address)
        answer = (
            management.authorise
            if attach.address == management.CBS
            else lambda request: management.describe(self._hubs, request)
        )
        return management.RequestLink(
            session, attach.handle, self._max_message, attach.address, answer
        )

    def _locate(self, address: str) -> Address:
        """Return the place of an address; raise RefusedError if it leads nowhere.

        The form is `[amqps://host/]hub[/ConsumerGroups/group][/Partitions/id]`, in any case.
        """
        path = re.sub(r"^amqps?://[^/]*/", "", address).strip("/")
        name, *rest = path.split("/")
        hub = self._hubs.get(name.lower())
        if hub is None:
            raise not_found(name)
        parts = {key.lower(): value for key, value in zip(rest[::2], rest[1::2], strict=False)}
        group = hub.require_group(parts.get("consumergroups", DEFAULT_GROUP))
        partition_id = parts.get("partitions")
        if partition_id is None:
            return Address(hub, group, None)
        partition = hub.partition(partition_id)
        if partition is None:
            raise RefusedError(
                "com.microsoft:argument-out-of-range",
                f"The specified partition '{partition_id}' is invalid for {hub.name}, which has"
                f" {len(hub.partitions)} partitions.",
            )
        return Address(hub, group, partition)
