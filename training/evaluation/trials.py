"""A trial of detection: learn from a scenario's history without labels, score what comes later."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from training.backtest import Score, score_all
from training.comparison.metrics import Truth
from training.console import progress
from training.evaluation.analysts import decide
from training.history.files import ReadLine
from training.history.price_arrays import PriceTable, price_table
from training.learning.learn import Learned, learn
from training.learning.weak_labels import classified, fit
from training.replay.forward_scoring import score_forward, score_window
from training.replay.replay import Replay
from training.simulate import order_bodies, order_ids, truth_rows
from training.simulation.company import Company
from training.simulation.scenarios import Scenario
from training.simulation.synthesis import WHOLE, SimulatedOrders, draw_orders

DECIDED_FROM = 0.6
"""Share of the history before the first order that analysts decided on."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is simulated, with which draws, and over how many partitions it is scored."""

    history: int
    orders: int
    seed: int
    partitions: int


@dataclass(frozen=True, slots=True)
class Stream:
    """A drawn stream, with all that makes orders of it."""

    drawn: SimulatedOrders
    ids: list[str]
    company: Company
    prices: PriceTable
    currency: str

    def bodies(self) -> Iterator[bytes]:
        """Each order as a producer sends it, in time order."""
        return order_bodies(self.drawn, self.prices, self.company, self.ids, self.currency)

    def lines(self) -> Iterator[ReadLine]:
        """Each order as a line of a file of orders."""
        for number, body in enumerate(self.bodies(), start=1):
            yield ReadLine(number, body, parse_order(body))

    def truth(self) -> dict[str, Truth]:
        """What was planted, by order id."""
        rows = truth_rows(self.drawn, self.prices, self.ids)
        return {order_id: Truth(bool(added), bool(hidden)) for order_id, added, hidden, *_ in rows}

    def losses_e4(self) -> dict[str, Ints]:
        """What each fraud took of each order, by typology and over both, in `_e4`."""
        drawn, units = self.drawn, self.drawn.units
        periods = self.prices.periods(drawn.times)[units.order]
        off_e8 = self.prices.list_e4[units.product, periods] * units.discount
        count = len(self.ids)
        by_unit = np.zeros((2, count), dtype=np.int64)
        np.add.at(by_unit[0], units.order, off_e8)
        np.add.at(by_unit[1], units.order[units.added], off_e8[units.added])
        hidden = (drawn.list_e4 * WHOLE - by_unit[0]) * drawn.hidden // WHOLE // WHOLE
        added = by_unit[1] // WHOLE
        return {"added_item": added, "hidden_discount": hidden, "either": added + hidden}


@dataclass(frozen=True, slots=True)
class Trial:
    """What was learned, and what became of the later stream.

    ``rows`` and ``partition`` say of each score where its order is in the stream and which
    partition it went to, ``opened`` whether a run of a hidden discount opened with it;
    ``incidents`` are the documents; ``dead_letters`` counts the orders without a score, by code.
    ``unaided`` are the same scores without the classifier, where the bundle has one.
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
    at = {order_id: row for row, order_id in enumerate(stream.ids)}
    rows: list[int] = []
    partition: list[int] = []
    opened: list[bool] = []

    def noted(assessments: Iterable[Assessment]) -> Iterator[Assessment]:
        for assessment in assessments:
            order = assessment.order
            rows.append(at[order.order_id])
            partition.append(partition_for_key(order.rep_id, sizes.partitions))
            name = alert_id(order.order_id, order.revision)
            opened.append(
                any(run.opened_by == name for run in assessment.episodes if not run.ended_at)
            )
            yield assessment

    label = f"{scenario.name}: scoring the stream"
    scores = score_all(noted(progress(replay.run(stream.lines()), label, sizes.orders)))
    return Trial(
        scenario=scenario,
        learned=learned,
        stream=stream,
        scores=scores,
        rows=np.array(rows, dtype=np.int64),
        partition=np.array(partition, dtype=np.int64),
        opened=np.array(opened, dtype=bool),
        incidents=list(replay.incidents.values()),
        dead_letters=replay.dead_letters,
        unaided=_unaided(learned.bundle, scenario, policy, sizes, stream),
    )


def _taught(
    learned: Learned, scenario: Scenario, orders: list[Order], history: Stream, policy: Policy
) -> Learned:
    """The same with a classifier, once analysts decided on alerts of the history's last part."""
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
    """The scores of the stream by the tables alone, where there is more than tables."""
    if bundle.classifier is None:
        return None
    tables = msgspec.structs.replace(bundle, classifier=None)
    label = f"{scenario.name}: scoring without the classifier"
    assessments = _replay(tables, scenario, policy, sizes).run(stream.lines())
    return score_all(progress(assessments, label, sizes.orders))


def draw_stream(scenario: Scenario, company: Company, count: int, seed: int, prefix: str) -> Stream:
    """A stream of a market at the prices of a scenario; the prefix begins its order ids.

    Raises:
        ConfigurationError: the count is out of its range.
    """
    prices = price_table(scenario.catalogue)
    drawn = draw_orders(company, prices, count, seed)
    return Stream(drawn, order_ids(drawn, prefix), company, prices, scenario.catalogue.currency)
