"""Runs a trial: learn from a scenario's history without labels, then score what comes later."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np

from shared.arrays import Bools, Ints
from shared.assessment import Assessment
from shared.formats import alert_id
from shared.model import ModelBundle
from shared.order import Order, parse_order
from shared.partitions import partition_for_key
from shared.policy import Policy
from shared.scoring import Scorer
from training.comparison.metrics import Truth
from training.console import progress
from training.evaluation.analysts import decide
from training.history.files import ReadLine
from training.history.price_arrays import PriceTable, price_table
from training.learning.learn import learn
from training.learning.learned import Learned
from training.learning.weak_labels import classified, fit, score_forward
from training.replay.forward_scoring import score_window
from training.replay.replay import Replay
from training.replay.scores import Score, score_all
from training.simulation.company import Company
from training.simulation.order_bodies import order_bodies, order_ids, truth_rows
from training.simulation.scenarios import Scenario
from training.simulation.synthesis import WHOLE, SimulatedOrders, draw_orders

DECIDED_FROM = 0.6
"""Share of the history before the first order that analysts decided on."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a trial: orders to learn from and to score, seed, and partitions."""

    history: int
    orders: int
    seed: int
    partitions: int


@dataclass(frozen=True, slots=True)
class Stream:
    """A drawn stream, with all that is needed to write its orders."""

    drawn: SimulatedOrders
    ids: list[str]
    company: Company
    prices: PriceTable
    currency: str

    def bodies(self) -> Iterator[bytes]:
        """Return each order as a producer sends it, in time order."""
        return order_bodies(self.drawn, self.prices, self.company, self.ids, self.currency)

    def lines(self) -> Iterator[ReadLine]:
        """Yield each order as a line of a file of orders."""
        for number, body in enumerate(self.bodies(), start=1):
            yield ReadLine(number, body, parse_order(body))

    def truth(self) -> dict[str, Truth]:
        """Return which frauds were injected, by order id."""
        rows = truth_rows(self.drawn, self.prices, self.ids)
        return {order_id: Truth(bool(added), bool(hidden)) for order_id, added, hidden, *_ in rows}

    def losses_e4(self) -> dict[str, Ints]:
        """Return what each fraud took of each order, by typology and over both (`_e4`)."""
        drawn, units = self.drawn, self.drawn.units
        periods = self.prices.periods(drawn.times)[units.order]
        off_e8 = self.prices.list_e4[units.product, periods] * units.discount_bp
        count = len(self.ids)
        by_unit = np.zeros((2, count), dtype=np.int64)
        np.add.at(by_unit[0], units.order, off_e8)
        np.add.at(by_unit[1], units.order[units.added], off_e8[units.added])
        hidden = (drawn.list_e4 * WHOLE - by_unit[0]) * drawn.hidden_bp // WHOLE // WHOLE
        added = by_unit[1] // WHOLE
        return {"added_item": added, "hidden_discount": hidden, "either": added + hidden}


@dataclass(frozen=True, slots=True)
class Trial:
    """The learned bundle, and the results of the later stream.

    Attributes:
        scores: in the order in which the stream was scored.
        rows: of each score, the position of its order in the stream.
        partition: of each score, the partition of its order.
        opened: of each score, whether an episode opened with its order.
        incidents: the incident documents.
        dead_letters: orders without a score, by code.
        unaided: the same scores without the classifier, if the bundle has one.
    """

    scenario: Scenario
    learned: Learned
    stream: Stream
    scores: list[Score]
    rows: Ints
    partition: Ints
    opened: Bools
    incidents: list[dict[str, Any]]
    dead_letters: dict[str, int]
    unaided: list[Score] | None = None


def run_trial(scenario: Scenario, sizes: Sizes, policy: Policy) -> Trial:
    """Learn and score; the history ends the day before the stream begins.

    Raises:
        ConfigurationError: a size is out of its range.
    """
    history = draw_stream(scenario, scenario.history, sizes.history, sizes.seed, "history-")
    label = f"{scenario.name}: reading the history"
    orders = [parse_order(body) for body in progress(history.bodies(), label, sizes.history)]
    learned = learn(orders, scenario.catalogue, f"evaluate-{scenario.name}")
    if scenario.decided:
        learned = _taught(learned, scenario, orders, history, policy)
    stream = draw_stream(scenario, scenario.stream, sizes.orders, sizes.seed + 1, "stream-")
    replay = _replay(learned.bundle, scenario, policy, sizes)
    places = _Places(stream, sizes.partitions)
    label = f"{scenario.name}: scoring the stream"
    scores = score_all(places.noted(progress(replay.run(stream.lines()), label, sizes.orders)))
    return Trial(
        scenario=scenario,
        learned=learned,
        stream=stream,
        scores=scores,
        rows=np.array(places.rows, dtype=np.int64),
        partition=np.array(places.partition, dtype=np.int64),
        opened=np.array(places.opened, dtype=bool),
        incidents=list(replay.incidents.values()),
        dead_letters=replay.dead_letters,
        unaided=_unaided(learned.bundle, scenario, policy, sizes, stream),
    )


@dataclass(slots=True)
class _Places:
    """The row and partition of each scored order, and whether an episode opened with it."""

    stream: Stream
    partitions: int
    rows: list[int] = field(default_factory=list)
    partition: list[int] = field(default_factory=list)
    opened: list[bool] = field(default_factory=list)

    def noted(self, assessments: Iterable[Assessment]) -> Iterator[Assessment]:
        """Pass assessments on, and note the place of each."""
        row_of = {order_id: row for row, order_id in enumerate(self.stream.ids)}
        for assessment in assessments:
            order = assessment.order
            name = alert_id(order.order_id, order.revision)
            running = [episode for episode in assessment.episodes if not episode.ended_at]
            self.rows.append(row_of[order.order_id])
            self.partition.append(partition_for_key(order.rep_id, self.partitions))
            self.opened.append(any(episode.opened_by == name for episode in running))
            yield assessment


def _taught(
    learned: Learned, scenario: Scenario, orders: list[Order], history: Stream, policy: Policy
) -> Learned:
    """Add a classifier, from analysts' decisions on alerts of the history's last part."""
    cut = round(DECIDED_FROM * len(orders))
    forward = score_forward(orders, scenario.catalogue, cut)
    served = score_window(learned.bundle, orders, scenario.catalogue, cut)
    decisions = decide(forward, history.truth(), policy)
    return classified(learned, fit(forward, served, decisions))


def _replay(bundle: ModelBundle, scenario: Scenario, policy: Policy, sizes: Sizes) -> Replay:
    return Replay(Scorer(bundle, scenario.catalogue, policy), sizes.partitions)


def _unaided(
    bundle: ModelBundle, scenario: Scenario, policy: Policy, sizes: Sizes, stream: Stream
) -> list[Score] | None:
    """Score the stream without the classifier; None where the bundle has no classifier."""
    if bundle.classifier is None:
        return None
    tables = msgspec.structs.replace(bundle, classifier=None)
    label = f"{scenario.name}: scoring without the classifier"
    assessments = _replay(tables, scenario, policy, sizes).run(stream.lines())
    return score_all(progress(assessments, label, sizes.orders))


def draw_stream(scenario: Scenario, company: Company, count: int, seed: int, prefix: str) -> Stream:
    """Draw the orders of a company at the prices of a scenario; ids begin with the prefix.

    Raises:
        ConfigurationError: the count is out of its range.
    """
    prices = price_table(scenario.catalogue)
    drawn = draw_orders(company, prices, count, seed)
    return Stream(drawn, order_ids(drawn, prefix), company, prices, scenario.catalogue.currency)
