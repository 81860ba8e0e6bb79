"""The links of Event Hubs: a producer's brings events, a consumer's takes them away."""

import time
from collections.abc import Callable
from typing import override

from infra.local.eventhubs import amqp, frames
from infra.local.eventhubs.amqp import MalformedError
from infra.local.eventhubs.frames import RefusedError
from infra.local.eventhubs.hubs import Hub, Partition
from infra.local.eventhubs.messages import parse_transfer
from infra.local.eventhubs.performatives import UINT32, Attach, Flow, Transfer
from infra.local.eventhubs.session import Link, Session

_PRODUCER_CREDIT = 1000  # deliveries a producer may have in flight
_TURN_BYTES = 1 << 20  # to one consumer, then it is the next consumer's turn


class IncomingLink(Link):
    """Takes deliveries from a client: joins their transfers, and answers each delivery."""

    def __init__(self, session: Session, handle: int, max_message: int) -> None:
        super().__init__(session, handle)
        self._max_message = max_message
        self._count = 0
        self._credit = 0
        self._first: Transfer | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._grant()

    def accept(self, message_format: int, message: bytes) -> None:
        """Take one delivery; raise RefusedError or MalformedError if it is not accepted."""
        raise NotImplementedError

    @override
    def receive(self, transfer: Transfer, payload: bytes) -> None:
        if self._first is None:
            self._first = transfer
        self._size += len(payload)
        if self._size <= self._max_message:  # a longer message is refused, so keep no more of it
            self._parts.append(payload)
        if transfer.has_more and not transfer.aborted:
            return
        first, message, size = self._first, b"".join(self._parts), self._size
        self._first, self._parts, self._size = None, [], 0
        self._count = (self._count + 1) & UINT32
        self._credit -= 1
        if not transfer.aborted:
            self._settle(first, self._outcome(first, message, size))
        if self._credit < _PRODUCER_CREDIT // 2:
            self._grant()

    def _outcome(self, first: Transfer, message: bytes, size: int) -> bytes:
        if size > self._max_message:
            return frames.rejected(
                RefusedError(
                    "amqp:link:message-size-exceeded",
                    f"The message has {size} bytes, more than the limit of {self._max_message}.",
                )
            )
        try:
            self.accept(first.message_format, message)
        except RefusedError as refusal:
            return frames.rejected(refusal)
        except MalformedError as error:
            return frames.rejected(RefusedError("amqp:decode-error", str(error)))
        except OSError as error:
            return frames.rejected(RefusedError("amqp:internal-error", f"not stored: {error}"))
        return frames.ACCEPTED

    def _settle(self, first: Transfer, outcome: bytes) -> None:
        if first.settled or first.delivery_id is None:
            return
        delivery = amqp.uint(first.delivery_id & UINT32)
        self.session.send(frames.DISPOSITION, amqp.TRUE, delivery, delivery, amqp.TRUE, outcome)

    def _grant(self) -> None:
        self._credit = _PRODUCER_CREDIT
        self.session.send_flow(self.handle, self._count, self._credit)

    @override
    def flow(self, flow: Flow) -> None:
        if flow.echo:
            self._grant()


class ProducerLink(IncomingLink):
    """Takes events to a hub, or to one of its partitions."""

    def __init__(
        self,
        session: Session,
        handle: int,
        max_message: int,
        hub: Hub,
        partition: Partition | None,
    ) -> None:
        super().__init__(session, handle, max_message)
        self._hub = hub
        self._partition = partition

    @override
    def accept(self, message_format: int, message: bytes) -> None:
        key, events = parse_transfer(message_format, message)
        partition = self._partition or self._hub.route(key)
        partition.log.append(events, time.time_ns() // 1_000_000)
        partition.wake()


class ConsumerLink(Link):
    """Sends a partition's events to one client, as far as its credit allows."""

    def __init__(
        self,
        session: Session,
        attach: Attach,
        partition: Partition,
        group: str,
        schedule: Callable[["ConsumerLink"], None],
    ) -> None:
        super().__init__(session, attach.handle)
        self.group = group
        self.epoch = attach.epoch
        self._wants_metrics = attach.wants_metrics
        self._partition = partition
        self._schedule = schedule
        self._next = partition.start_sequence(attach.selector)
        self._count = 0
        self._credit = 0
        self._draining = False

    @override
    def flow(self, flow: Flow) -> None:
        count = flow.delivery_count or 0  # null until the client knows of a delivery
        credit = (count + flow.link_credit - self._count) & UINT32
        # A client takes credit back by naming less than is on its way: the difference is negative.
        self._credit = credit if credit <= UINT32 >> 1 else 0
        self._draining = flow.drain
        if flow.echo and not flow.drain:
            self.session.send_flow(self.handle, self._count, self._credit)

    @override
    def wake(self) -> None:
        if self._ready() or self._draining:
            self._schedule(self)

    def _ready(self) -> bool:
        has_events = self._next < self._partition.log.next_sequence
        return has_events and self._credit > 0 and self.session.outgoing_window > 0

    def deliver(self) -> None:
        """Write waiting events, up to the bytes of one turn; then it is others' turn."""
        log, parts, size = self._partition.log, [], 0
        self._next = max(self._next, log.first_sequence)  # the log may have forgotten the oldest
        metrics = self._metrics() if self._wants_metrics and log.last else b""
        while size < _TURN_BYTES and self._ready():
            message = metrics + log.event(self._next).wire
            parts += self.session.transfer_frames(self.handle, message)
            size += len(message)
            self._next += 1
            self._count = (self._count + 1) & UINT32
            self._credit -= 1
        if parts:
            self.session.write(b"".join(parts))
        if self._ready():
            self._schedule(self)
        elif self._draining:
            self._drained()

    def _drained(self) -> None:
        """Use up the credit, because there are no more events, and tell the client."""
        self._count = (self._count + self._credit) & UINT32
        self._credit = 0
        self._draining = False
        self.session.send_flow(self.handle, self._count, 0, drain=True)

    def _metrics(self) -> bytes:
        """Return the partition's newest event as delivery annotations."""
        last = self._partition.log.last
        if last is None:
            return b""
        now = time.time_ns() // 1_000_000
        return amqp.described(
            frames.DELIVERY_ANNOTATIONS,
            amqp.amqp_map(
                [
                    (amqp.symbol("last_enqueued_sequence_number"), amqp.long(last.sequence)),
                    (amqp.symbol("last_enqueued_offset"), amqp.string(str(last.offset))),
                    (amqp.symbol("last_enqueued_time_utc"), amqp.timestamp(last.enqueued_ms)),
                    (amqp.symbol("runtime_info_retrieval_time_utc"), amqp.timestamp(now)),
                ]
            ),
        )

    def disconnect(self, reason: RefusedError) -> None:
        self.session.detach(self.handle, reason.error)

    @override
    def close(self) -> None:
        self._partition.dismiss(self)
