"""The performatives that a client sends, checked for type (OASIS AMQP 1.0, part 2.7)."""

from typing import NamedTuple, Self

from infra.local.eventhubs import amqp
from infra.local.eventhubs.amqp import MalformedError, Value

UINT32 = 0xFFFFFFFF

_SELECTOR_FILTER = "apache.org:selector-filter:string"
_EPOCH = "com.microsoft:epoch"
_RUNTIME_METRIC = "com.microsoft:enable-receiver-runtime-metric"


class _Fields:
    """Fields of a performative by position; a missing field is null."""

    def __init__(self, values: list[Value]) -> None:
        self._values = values

    def value(self, position: int) -> Value:
        return self._values[position] if position < len(self._values) else None

    def optional_number(self, position: int) -> int | None:
        number = self.value(position)
        if number is not None and not isinstance(number, int):
            raise MalformedError(f"field {position} is not a number")
        return number

    def number(self, position: int, default: int | None = None) -> int:
        number = self.optional_number(position)
        number = default if number is None else number
        if number is None or not 0 <= number <= UINT32:
            raise MalformedError(f"field {position} must be a number from 0 to {UINT32}")
        return number

    def flag(self, position: int) -> bool:
        return self.value(position) is True

    def text(self, position: int) -> str:
        text = self.value(position)
        if not isinstance(text, str):
            raise MalformedError(f"field {position} must be a string")
        return text

    def items(self, position: int) -> list[Value]:
        """Return a list or array; a single value counts as an array with one item."""
        items = self.value(position)
        if items is None:
            return []
        return items if isinstance(items, list) else [items]

    def mapping(self, position: int) -> dict[Value, Value]:
        mapping = self.value(position)
        return mapping if isinstance(mapping, dict) else {}


class Open(NamedTuple):
    max_frame_size: int

    @classmethod
    def read(cls, values: list[Value]) -> Self:
        return cls(_Fields(values).number(2, default=UINT32))


class Begin(NamedTuple):
    next_outgoing_id: int
    incoming_window: int

    @classmethod
    def read(cls, values: list[Value]) -> Self:
        fields = _Fields(values)
        return cls(fields.number(1, default=0), fields.number(2, default=0))


class Attach(NamedTuple):
    """`source` and `target` are as sent, for the answer; Event Hubs looks at the other fields."""

    name: str
    handle: int
    is_receiver: bool  # the client receives, the service sends
    settle_mode: int  # of the sending end: 0 unsettled, 1 settled, 2 mixed
    address: str
    selector: str | None  # where in the partition to start
    epoch: int | None
    wants_metrics: bool
    source: bytes
    target: bytes

    @classmethod
    def read(cls, values: list[Value], body: bytes) -> Self:
        """Read a frame's `body`; `values` are its decoded fields."""
        fields = _Fields(values)
        is_receiver = fields.flag(2)
        source = _Fields(fields.items(5))
        epoch = fields.mapping(13).get(_EPOCH)
        selector = source.mapping(7).get(_SELECTOR_FILTER)
        encoded = amqp.raw_items(body, 0)
        return cls(
            name=fields.text(0),
            handle=fields.number(1),
            is_receiver=is_receiver,
            settle_mode=_settle_mode(fields),
            address=(source if is_receiver else _Fields(fields.items(6))).text(0),
            selector=None if selector is None else str(selector),
            epoch=epoch if isinstance(epoch, int) else None,
            wants_metrics=_RUNTIME_METRIC in fields.items(12),
            source=encoded[5],
            target=encoded[6] if len(encoded) > 6 else amqp.NULL,
        )


def _settle_mode(fields: _Fields) -> int:
    mode = fields.number(3, default=2)
    if mode > 2:
        raise MalformedError(f"snd-settle-mode {mode}, above 2")
    return mode


class Flow(NamedTuple):
    next_incoming_id: int
    incoming_window: int
    handle: int | None  # None: it is about the session only
    delivery_count: int | None
    link_credit: int
    drain: bool
    echo: bool

    @classmethod
    def read(cls, values: list[Value]) -> Self:
        fields = _Fields(values)
        return cls(
            next_incoming_id=fields.number(0, default=0),
            incoming_window=fields.number(1, default=0),
            handle=fields.optional_number(4),
            delivery_count=fields.optional_number(5),
            link_credit=fields.number(6, default=0),
            drain=fields.flag(8),
            echo=fields.flag(9),
        )


class Transfer(NamedTuple):
    """One part of a delivery. Only the first part must have the delivery's id and format."""

    handle: int
    delivery_id: int | None
    message_format: int
    settled: bool
    has_more: bool  # `more` in the standard: another transfer of the delivery follows
    aborted: bool

    @classmethod
    def read(cls, values: list[Value]) -> Self:
        fields = _Fields(values)
        return cls(
            handle=fields.number(0),
            delivery_id=fields.optional_number(1),
            message_format=fields.number(3, default=0),
            settled=fields.flag(4),
            has_more=fields.flag(5),
            aborted=fields.flag(9),
        )


class Detach(NamedTuple):
    handle: int
    closed: bool

    @classmethod
    def read(cls, values: list[Value]) -> Self:
        fields = _Fields(values)
        return cls(fields.number(0), fields.flag(1))
