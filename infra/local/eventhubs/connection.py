"""One client's connection: frames in, each to its session and link; what they write, out.

A client that sends something else than AMQP is disconnected; the others do not notice.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

from infra.local import amqp
from infra.local.amqp import MalformedError, Value
from infra.local.eventhubs import frames, management
from infra.local.eventhubs.frames import Frame, RefusedError
from infra.local.eventhubs.hubs import DEFAULT_GROUP, Hub, Partition, not_found
from infra.local.eventhubs.links import ConsumerLink, ProducerLink
from infra.local.eventhubs.performatives import Attach, Begin, Detach, Flow, Open, Transfer
from infra.local.eventhubs.session import WINDOW, Link, Session

_WRITE_BUFFER_BYTES = 1 << 20  # beyond it consumers wait until the client has read some
_CHANNEL_MAX = 255
_HANDLE_MAX = 255
_IDLE_TIMEOUT_MS = 240_000
_SASL_PROTOCOL = 3
_SASL_MECHANISMS = ("MSSBCBS", "ANONYMOUS", "PLAIN", "EXTERNAL")


class Limits(NamedTuple):
    """In bytes. A batch of the largest size travels in one frame if frames may be as long."""

    max_message: int = 1 << 20
    max_frame: int = (1 << 20) + 1024


class Address(NamedTuple):
    hub: Hub
    group: str  # in lower case
    partition: Partition | None


class Connection(asyncio.Protocol):
    def __init__(
        self, hubs: Mapping[str, Hub], limits: Limits, connections: "set[Connection]"
    ) -> None:
        """`hubs` by name in lower case; `connections` is kept to be those that are open."""
        self._hubs = hubs
        self._limits = limits
        self._connections = connections
        self._buffer = bytearray()
        self._sessions: dict[int, Session] = {}
        self._max_frame_out = frames.MIN_MAX_FRAME
        self._scheduled: dict[ConsumerLink, None] = {}  # in the order they asked
        self._paused = False
        self._transport: asyncio.Transport
        self._performatives: dict[int, Callable[[Frame, list[Value], bytes], None]] = {
            frames.OPEN: self._open,
            frames.BEGIN: self._begin,
            frames.ATTACH: self._attach,
            frames.FLOW: self._flow,
            frames.TRANSFER: self._transfer,
            frames.DISPOSITION: self._ignore,  # deliveries go out settled
            frames.DETACH: self._detach,
            frames.END: self._end,
            frames.CLOSE: self._close,
        }

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._connections.discard(self)
        for session in self._sessions.values():
            _release(session)
        self._sessions.clear()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            for frame in frames.take_frames(self._buffer, self._limits.max_frame):
                self._receive(frame)
        except MalformedError as error:
            self.shut(RefusedError("amqp:connection:framing-error", str(error)))

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        for session in self._sessions.values():
            for link in session.links.values():
                link.wake()

    # --- the server's side ---

    def shut(self, reason: RefusedError) -> None:
        """Tell the client why and hang up, after what was written before."""
        self._transport.write(frames.frame(0, frames.CLOSE, reason.error))
        self._transport.close()

    def beat(self) -> None:
        """Show the client that this end is alive."""
        self._transport.write(frames.EMPTY_FRAME)

    def _schedule(self, link: ConsumerLink) -> None:
        if self._paused:
            return  # resume_writing() wakes every link
        if not self._scheduled:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._scheduled[link] = None

    def _deliver(self) -> None:
        scheduled, self._scheduled = self._scheduled, {}
        for link in scheduled:
            if not self._paused and link.session.links.get(link.handle) is link:
                link.deliver()

    # --- the client's side ---

    def _receive(self, frame: Frame) -> None:
        if self._transport.is_closing():
            return
        if frame.kind == frames.PROTOCOL_HEADER:
            self._greet(frame.body)
            return
        if not frame.body:
            return  # the client's heartbeat
        code, fields, payload = frames.take_performative(frame.body)
        if frame.kind == frames.SASL_FRAME:
            self._authenticate(code)
        elif handler := self._performatives.get(code):
            handler(frame, fields, payload)
        else:
            raise MalformedError(f"0x{code:02x} is not a performative")

    def _greet(self, header: bytes) -> None:
        self._transport.write(header)
        if header[4] == _SASL_PROTOCOL:
            mechanisms = amqp.symbol_array(_SASL_MECHANISMS)
            self._transport.write(
                frames.frame(0, frames.SASL_MECHANISMS, mechanisms, kind=frames.SASL_FRAME)
            )

    def _authenticate(self, code: int) -> None:
        """Anyone may in: see management.authorise."""
        if code == frames.SASL_INIT:
            accepted = amqp.ubyte(0)
            self._transport.write(
                frames.frame(0, frames.SASL_OUTCOME, accepted, kind=frames.SASL_FRAME)
            )

    def _open(self, _frame: Frame, fields: list[Value], _payload: bytes) -> None:
        peer = Open.read(fields)
        self._max_frame_out = max(
            frames.MIN_MAX_FRAME, min(peer.max_frame_size, self._limits.max_frame)
        )
        reply = frames.frame(
            0,
            frames.OPEN,
            amqp.string("event-hubs-emulator"),
            amqp.NULL,
            amqp.uint(self._limits.max_frame),
            amqp.ushort(_CHANNEL_MAX),
            amqp.uint(_IDLE_TIMEOUT_MS),
        )
        self._transport.write(reply)

    def _begin(self, frame: Frame, fields: list[Value], _payload: bytes) -> None:
        if old := self._sessions.get(frame.channel):
            _release(old)
        session = Session(
            self._transport.write, frame.channel, Begin.read(fields), self._max_frame_out
        )
        self._sessions[frame.channel] = session
        session.send(
            frames.BEGIN,
            amqp.ushort(frame.channel),
            amqp.uint(0),
            amqp.uint(WINDOW),
            amqp.uint(WINDOW),
            amqp.uint(_HANDLE_MAX),
        )

    # From here on, frames of a session that has ended are ignored: they may have been under way,
    # and the Event Hubs SDK for Python ends a session before it detaches its links.

    def _attach(self, frame: Frame, fields: list[Value], _payload: bytes) -> None:
        session = self._sessions.get(frame.channel)
        if session is None:
            return
        attach = Attach.read(fields, frame.body)
        if attach.handle > _HANDLE_MAX:
            raise MalformedError(f"link handle {attach.handle}, above {_HANDLE_MAX}")
        if old := session.links.pop(attach.handle, None):
            old.close()
        try:
            make = self._admitted(session, attach)
        except RefusedError as refusal:
            # A link is refused by attaching it without the end that would be this one's, and
            # detaching it with the reason (part 2.6.3). Clients wait for the detach then; one that
            # was accepted as asked they take for a link that works, and that breaks later.
            self._answer_attach(session, attach, refused=True)
            session.detach(attach.handle, refusal.error)
            return
        self._answer_attach(session, attach)
        session.links[attach.handle] = make()

    def _answer_attach(self, session: Session, attach: Attach, refused: bool = False) -> None:
        sends = attach.is_receiver
        session.send(
            frames.ATTACH,
            amqp.string(attach.name),
            amqp.uint(attach.handle),
            amqp.FALSE if sends else amqp.TRUE,
            # Consumers never settle, so all goes out settled; a sender's mode is the sender's.
            amqp.ubyte(1 if sends else attach.settle_mode),
            amqp.ubyte(0),
            amqp.NULL if refused and sends else attach.source,
            amqp.NULL if refused and not sends else attach.target,
            amqp.NULL,
            amqp.NULL,
            amqp.uint(0) if sends else amqp.NULL,
            # No limit on what goes out: with its stamps an event is longer than it came in.
            amqp.ulong(0 if sends else self._limits.max_message),
            amqp.NULL,
            amqp.NULL,
            amqp.amqp_map(()),
        )

    def _admitted(self, session: Session, attach: Attach) -> Callable[[], Link]:
        """How to make the link, once its attach is answered: some links write at once.

        Raises:
            RefusedError: there is no such place, or not for this client.
        """
        if attach.address in {management.CBS, management.MANAGEMENT}:
            return lambda: self._management_link(session, attach)
        address = self._locate(attach.address)
        if not attach.is_receiver:
            return lambda: ProducerLink(
                session, attach.handle, self._limits.max_message, address.hub, address.partition
            )
        if address.partition is None:
            raise not_found(attach.address)
        consumer = ConsumerLink(session, attach, address.partition, address.group, self._schedule)
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
            session, attach.handle, self._limits.max_message, attach.address, answer
        )

    def _locate(self, address: str) -> Address:
        """`[amqps://host/]hub[/ConsumerGroups/group][/Partitions/id]`; raises RefusedError.

        Names are not case-sensitive.
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

    def _flow(self, frame: Frame, fields: list[Value], _payload: bytes) -> None:
        if session := self._sessions.get(frame.channel):
            session.flow(Flow.read(fields))

    def _transfer(self, frame: Frame, fields: list[Value], payload: bytes) -> None:
        if session := self._sessions.get(frame.channel):
            session.receive(Transfer.read(fields), payload)

    def _ignore(self, frame: Frame, fields: list[Value], payload: bytes) -> None:
        """Nothing here depends on it."""

    def _detach(self, frame: Frame, fields: list[Value], _payload: bytes) -> None:
        session = self._sessions.get(frame.channel)
        detach = Detach.read(fields)
        if session and (link := session.links.get(detach.handle)):
            link.close()
            session.detach(detach.handle, closed=detach.closed)

    def _end(self, frame: Frame, _fields: list[Value], _payload: bytes) -> None:
        if session := self._sessions.pop(frame.channel, None):
            _release(session)
            session.send(frames.END)

    def _close(self, _frame: Frame, _fields: list[Value], _payload: bytes) -> None:
        self._transport.write(frames.frame(0, frames.CLOSE))
        self._transport.close()


def _release(session: Session) -> None:
    for link in session.links.values():
        link.close()
    session.links.clear()
