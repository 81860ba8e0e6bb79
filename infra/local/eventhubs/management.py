"""The nodes $cbs and $management: requests on one link, replies on another of the same session.

$cbs (authorisation) accepts every token: this server listens only on this machine.
"""

from collections.abc import Callable, Mapping
from typing import override

from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.amqp import MalformedError, Value
from infra.local.eventhubs.hubs import Hub, Partition
from infra.local.eventhubs.links import IncomingLink
from infra.local.eventhubs.session import Link, Session

CBS, MANAGEMENT = "$cbs", "$management"

type Entries = list[tuple[str, bytes]]
type Answer = tuple[int, str, bytes]  # status code, its description, the encoded body


class ReplyLink(Link):
    """The link on which a client waits for replies of `node`; a reply needs no credit."""

    def __init__(self, session: Session, handle: int, node: str) -> None:
        super().__init__(session, handle)
        self.node = node

    def send(self, message: bytes) -> None:
        self.session.write(b"".join(self.session.transfer_frames(self.handle, message)))


class RequestLink(IncomingLink):
    def __init__(
        self,
        session: Session,
        handle: int,
        max_message: int,
        node: str,
        answer: Callable[[Mapping[Value, Value]], Answer],
    ) -> None:
        super().__init__(session, handle, max_message)
        self._node = node
        self._answer = answer

    @override
    def accept(self, message_format: int, message: bytes) -> None:
        del message_format  # a request is always a plain message
        message_id, properties = _parse_request(message)
        reply = _reply(message_id, self._answer(properties))
        for link in self.session.links.values():
            if isinstance(link, ReplyLink) and link.node == self._node:
                link.send(reply)
                return


def _parse_request(message: bytes) -> tuple[bytes, Mapping[Value, Value]]:
    """Return the request's message id, still encoded, and its application properties."""
    message_id = amqp.NULL
    properties: Value = None
    for section in frames.sections(message):
        if section.code == frames.PROPERTIES:
            message_id = next(iter(amqp.raw_items(message, section.value)), amqp.NULL)
        elif section.code == frames.APPLICATION_PROPERTIES:
            properties, _ = amqp.decode(message, section.value)
    if not isinstance(properties, dict):
        raise MalformedError("a request without application properties")
    return message_id, properties


def _reply(message_id: bytes, answer: Answer) -> bytes:
    """Return the reply; its correlation id is the request's message id, in the same AMQP type."""
    status, description, body = answer
    nulls = [amqp.NULL] * 5
    return (
        amqp.described(frames.PROPERTIES, amqp.amqp_list(*nulls, message_id))
        + amqp.described(
            frames.APPLICATION_PROPERTIES,
            _string_map(
                [
                    ("status-code", amqp.integer(status)),
                    ("status-description", amqp.string(description)),
                ]
            ),
        )
        + amqp.described(frames.VALUE, body)
    )


def _string_map(entries: Entries) -> bytes:
    return amqp.amqp_map((amqp.string(name), value) for name, value in entries)


def authorise(_request: Mapping[Value, Value]) -> Answer:
    return 202, "Accepted", amqp.string("accepted")


def describe(hubs: Mapping[str, Hub], request: Mapping[Value, Value]) -> Answer:
    """Answer a READ about a hub or a partition; `hubs` are by name in lower case."""
    name, kind = str(request.get("name")), str(request.get("type"))
    hub = hubs.get(name.lower())
    if hub and kind == "com.microsoft:eventhub":
        return 200, "OK", _string_map(_describe_hub(hub))
    if hub and kind == "com.microsoft:partition":
        asked = str(request.get("partition"))
        partition = hub.partition(asked)
        if partition:
            return 200, "OK", _string_map(_describe_partition(hub, partition))
        name = f"{hub.name}/Partitions/{asked}"
    return 404, f"The messaging entity '{name}' could not be found.", amqp.amqp_map(())


def _describe_hub(hub: Hub) -> Entries:
    return [
        ("name", amqp.string(hub.name)),
        ("type", amqp.string("com.microsoft:eventhub")),
        ("created_at", amqp.timestamp(hub.created_ms)),
        ("partition_count", amqp.integer(len(hub.partitions))),
        ("partition_ids", amqp.string_array(partition.id for partition in hub.partitions)),
    ]


def _describe_partition(hub: Hub, partition: Partition) -> Entries:
    log, last = partition.log, partition.log.last
    return [
        ("name", amqp.string(hub.name)),
        ("type", amqp.string("com.microsoft:partition")),
        ("partition", amqp.string(partition.id)),
        ("begin_sequence_number", amqp.long(log.first_sequence)),
        ("last_enqueued_sequence_number", amqp.long(log.next_sequence - 1)),
        ("last_enqueued_offset", amqp.string(str(last.offset) if last else "-1")),
        ("last_enqueued_time_utc", amqp.timestamp(last.enqueued_ms if last else 0)),
        ("is_partition_empty", amqp.FALSE if last else amqp.TRUE),
    ]
