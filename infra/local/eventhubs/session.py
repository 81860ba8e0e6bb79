"""A session of a connection: it counts transfers, and sends them within the client's window."""

import struct
from collections.abc import Callable

from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.performatives import UINT32, Attach, Begin, Flow, Transfer

WINDOW = 0x7FFFFFFF
"""Announced for both directions: a client never waits for the session, only for credit."""

# A transfer: handle, delivery id, a tag of four bytes, format 0, settled, more, and five nulls.
# Every field is there and has a fixed width, so one pack() writes all of it.
_TRANSFER = struct.Struct(">3sBBBBIBIBBIBBB5s")
_DESCRIPTOR = bytes((0, 0x53, frames.TRANSFER))
_FIELD_BYTES = _TRANSFER.size - 5  # the list's own size byte counts from after itself
_FRAME_OVERHEAD = 64  # at most: the frame's header and the transfer


class Link:
    """This end of a link; both sides call it by the client's `handle`.

    A kind of link overrides what it cares about; the methods here do nothing.
    """

    def __init__(self, session: "Session", handle: int) -> None:
        self.session = session
        self.handle = handle

    def receive(self, transfer: Transfer, payload: bytes) -> None:
        """Take a part of a delivery from the client."""

    def flow(self, flow: Flow) -> None:
        """Take a flow: the client grants credit, or asks what this end knows."""

    def wake(self) -> None:
        """Look again: there may be new events to send, or room to send them."""

    def close(self) -> None:
        """End the link: the client has let it go."""


class Session:
    def __init__(
        self, write: Callable[[bytes], None], channel: int, begin: Begin, max_frame: int
    ) -> None:
        self.write = write
        self.channel = channel
        self.links: dict[int, Link] = {}
        self.outgoing_window = begin.incoming_window  # transfers the client still takes
        self._payload_limit = max_frame - _FRAME_OVERHEAD
        self._next_incoming_id = begin.next_outgoing_id
        self._next_outgoing_id = 0
        self._next_delivery_id = 0

    def send(self, code: int, *fields: bytes) -> None:
        self.write(frames.frame(self.channel, code, *fields))

    def flow(self, flow: Flow) -> None:
        self.outgoing_window = (
            flow.next_incoming_id + flow.incoming_window - self._next_outgoing_id
        ) & UINT32
        if flow.handle is not None and (link := self.links.get(flow.handle)):
            link.flow(flow)
        for link in self.links.values():
            link.wake()

    def receive(self, transfer: Transfer, payload: bytes) -> None:
        """Pass a transfer to its link; ignore it if the link was refused meanwhile."""
        self._next_incoming_id = (self._next_incoming_id + 1) & UINT32
        if link := self.links.get(transfer.handle):
            link.receive(transfer, payload)

    def send_flow(self, handle: int, count: int, credit: int, drain: bool = False) -> None:
        self.send(
            frames.FLOW,
            amqp.uint(self._next_incoming_id),
            amqp.uint(WINDOW),
            amqp.uint(self._next_outgoing_id),
            amqp.uint(WINDOW),
            amqp.uint(handle),
            amqp.uint(count),
            amqp.uint(credit),
            amqp.NULL,
            amqp.TRUE if drain else amqp.FALSE,
        )

    def answer_attach(self, attach: Attach, max_message: int, refused: bool = False) -> None:
        """Attach this end of a link; a refused link goes without the end that it asked for."""
        sends = attach.is_receiver
        self.send(
            frames.ATTACH,
            amqp.string(attach.name),
            amqp.uint(attach.handle),
            amqp.FALSE if sends else amqp.TRUE,
            # Consumers never settle, so everything goes out settled; a sender chooses its own mode.
            amqp.ubyte(1 if sends else attach.settle_mode),
            amqp.ubyte(0),
            amqp.NULL if refused and sends else attach.source,
            amqp.NULL if refused and not sends else attach.target,
            amqp.NULL,
            amqp.NULL,
            amqp.uint(0) if sends else amqp.NULL,
            # No limit on what goes out: its stamps make an event longer than it was.
            amqp.ulong(0 if sends else max_message),
            amqp.NULL,
            amqp.NULL,
            amqp.amqp_map(()),
        )

    def detach(self, handle: int, error: bytes = amqp.NULL, closed: bool = True) -> None:
        self.links.pop(handle, None)
        self.send(frames.DETACH, amqp.uint(handle), amqp.TRUE if closed else amqp.FALSE, error)

    def transfer_frames(self, handle: int, message: bytes) -> list[bytes]:
        """Return a settled delivery as frames to write; a long message takes several."""
        parts: list[bytes] = []
        limit = self._payload_limit
        for start in range(0, len(message), limit):
            part = message[start : start + limit]
            has_more = 0x41 if start + limit < len(message) else 0x42
            # fmt: off
            fields = _TRANSFER.pack(
                _DESCRIPTOR, 0xC0, _FIELD_BYTES, 11,
                0x70, handle, 0x70, self._next_delivery_id, 0xA0, 4, self._next_delivery_id,
                0x43, 0x41, has_more, b"@@@@@",
            )
            # fmt: on
            parts += (frames.frame_header(len(fields) + len(part), self.channel) + fields, part)
            self._next_outgoing_id = (self._next_outgoing_id + 1) & UINT32
            self.outgoing_window -= 1
        self._next_delivery_id = (self._next_delivery_id + 1) & UINT32
        return parts
