"""One client's connection: it passes frames to their session and link, and writes the answers.

A client that does not speak AMQP is disconnected; the other clients do not notice.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import cast

from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.admission import Admission
from infra.local.eventhubs.amqp import MalformedError, Value
from infra.local.eventhubs.frames import Frame, Limits, RefusedError
from infra.local.eventhubs.hubs import Hub
from infra.local.eventhubs.links import ConsumerLink
from infra.local.eventhubs.performatives import Attach, Begin, Detach, Flow, Open, Transfer
from infra.local.eventhubs.session import WINDOW, Session

_WRITE_BUFFER_BYTES = 1 << 20  # above it, consumers wait until the client has read some
_CHANNEL_MAX = 255
_HANDLE_MAX = 255
_IDLE_TIMEOUT_MS = 240_000
_SASL_PROTOCOL = 3
_SASL_MECHANISMS = ("MSSBCBS", "ANONYMOUS", "PLAIN", "EXTERNAL")


class Connection(asyncio.Protocol):
    def __init__(
        self, hubs: Mapping[str, Hub], limits: Limits, connections: "set[Connection]"
    ) -> None:
        """`hubs` are by name in lower case; the connection is in `connections` while it is open."""
        self._admission = Admission(hubs, limits.max_message)
        self._limits = limits
        self._connections = connections
        self._buffer = bytearray()
        self._sessions: dict[int, Session] = {}
        self._max_frame_out = frames.MIN_MAX_FRAME
        self._scheduled: dict[ConsumerLink, None] = {}  # in the order in which they asked
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

    # --- what asyncio calls ---

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

    # --- what the server calls ---

    def shut(self, reason: RefusedError) -> None:
        """Tell the client why, then hang up; earlier writes still go out."""
        self._transport.write(frames.frame(0, frames.CLOSE, reason.error))
        self._transport.close()

    def beat(self) -> None:
        """Send a heartbeat: this end is alive."""
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

    # --- what the client sends ---

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
        """Accept every client: see management.authorise."""
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

    # The methods below ignore frames of a session that has ended: they may have been on their way,
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
            make = self._admission.admit(session, attach, self._schedule)
        except RefusedError as refusal:
            # To refuse a link, attach it without the end that it asked for, then detach it with
            # the reason (part 2.6.3). So clients wait for the detach. If it had that end, they
            # would take the link for one that works and breaks later.
            session.answer_attach(attach, self._limits.max_message, refused=True)
            session.detach(attach.handle, refusal.error)
            return
        session.answer_attach(attach, self._limits.max_message)
        session.links[attach.handle] = make()

    def _flow(self, frame: Frame, fields: list[Value], _payload: bytes) -> None:
        if session := self._sessions.get(frame.channel):
            session.flow(Flow.read(fields))

    def _transfer(self, frame: Frame, fields: list[Value], payload: bytes) -> None:
        if session := self._sessions.get(frame.channel):
            session.receive(Transfer.read(fields), payload)

    def _ignore(self, frame: Frame, fields: list[Value], payload: bytes) -> None:
        """Ignore a frame on which nothing here depends."""

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
