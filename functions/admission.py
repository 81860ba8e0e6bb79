"""Decide which events hold an order to score, and what its id says about it. It does no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.batch import Batch, ReceivedEvent
from shared.catalogue import Catalogue
from shared.dead_letter import DeadLetter
from shared.errors import OrderError
from shared.formats import alert_id, shortened, time_text
from shared.order import Order
from shared.order_event import OrderEvent
from shared.uses import Admission, RecentOrders, Use, Verdict, contents_name, verdict

SCORING_FAILED = "scoring_failed"
"""The code of an order on which scoring raised an error: the fault is ours, not the order's."""


@dataclass(frozen=True, slots=True)
class AdmittedOrder:
    """An order that is to be scored, and what its id says about it."""

    event: OrderEvent
    order: Order
    verdict: Verdict

    @property
    def alert_id(self) -> str:
        """The id that the order's alert has, if it gets one."""
        contents = contents_name(self.verdict.use) if self.verdict.reused else ""
        return alert_id(self.order.order_id, self.order.revision, contents)


@dataclass(frozen=True, slots=True)
class Admissions:
    """The events of a batch, sorted by what they hold.

    Attributes:
        orders: the orders to score.
        dead_letters: the events that hold no order.
        counts: how many orders got which answer.
        recent: the partition's latest orders, once these are remembered.
    """

    orders: tuple[AdmittedOrder, ...]
    dead_letters: tuple[DeadLetter, ...]
    counts: Mapping[Admission, int]
    recent: RecentOrders


def admit(batch: Batch) -> Admissions:
    """Sort the events of a batch into orders to score, dead letters, and what is left out."""
    letters: list[DeadLetter] = []
    orders: list[AdmittedOrder] = []
    counts = dict.fromkeys(Admission, 0)
    recent = batch.state.recent.copy()
    for received in batch.events:
        try:
            order = _order(received, batch.scorer.catalogue)
        except OrderError as error:
            letters.append(dead_letter(batch, received.event, error))
            continue
        answer = _verdict(batch, recent, order, received.event)
        if answer.admission is not Admission.STALE:
            recent.remember(answer.use)
        counts[answer.admission] += 1
        if answer.admission is Admission.SCORE:
            orders.append(AdmittedOrder(received.event, order, answer))
    return Admissions(tuple(orders), tuple(letters), counts, recent)


def dead_letter(batch: Batch, event: OrderEvent, error: Exception) -> DeadLetter:
    """Return the dead letter of an event that cannot be scored because of an error."""
    if not isinstance(error, OrderError):
        message = shortened(f"{type(error).__name__}: {error}", 500)
        error = OrderError(SCORING_FAILED, "", message)
    attempt = batch.state.attempt
    attempts = 1 if attempt is None else 1 + len(attempt.vanished)
    return DeadLetter(batch.key, event, error.code, error.message, error.field, batch.now, attempts)


def _order(received: ReceivedEvent, catalogue: Catalogue) -> Order:
    if isinstance(received.order, Exception):
        raise received.order
    catalogue.check_currency(received.order)
    return received.order


def _verdict(batch: Batch, recent: RecentOrders, order: Order, event: OrderEvent) -> Verdict:
    """Decide whether the order was here before, by the partition's memory and the store's alerts.

    The alerts count only if the partition may have forgotten the order. An alert of this very event
    does not count as an earlier order: a failed batch left it.
    """
    answer = recent.judge(order)
    if answer.admission is not Admission.SCORE or not recent.may_be_forgotten(order):
        return answer
    place = (time_text(event.enqueued_at), event.sequence_number)
    before = [
        use
        for alert in batch.earlier.get((order.rep_id, order.order_id), ())
        if (alert["event"]["enqueued_at"], alert["event"]["sequence_number"]) < place
        and (use := Use.of_alert(alert)) is not None
    ]
    return verdict(Use.of(order), [*before, *recent.of_id(answer.use)])
