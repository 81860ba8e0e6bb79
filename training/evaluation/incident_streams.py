"""Draws the streams of the incident benchmark, each from a small task that any process can do."""

from dataclasses import dataclass, replace

from shared.model import ModelBundle
from shared.order import parse_order
from training.evaluation.trials import Stream, draw_stream
from training.learning.learn import learn
from training.simulation.company import Company, HiddenDiscounts
from training.simulation.scenarios import Scenario, make_scenarios

STREAMS = ("many-runs", "many-unseen", "promotion", "clean")
"""Many episodes of the known percentage, as many of an unknown one, a promotion without hidden
discounts, and a long stream without hidden discounts."""

CLEAN_PER_DAY = 3_000.0
"""Orders a day of the clean stream: a million in a year."""


@dataclass(frozen=True, slots=True)
class Task:
    """One stream to score in so many partitions, small enough to be sent to another process.

    ``history`` orders come before the stream; the clean stream has ``clean`` orders, the others
    have ``orders``.
    """

    scenario: str
    stream: str
    partitions: int
    history: int
    orders: int
    clean: int
    seed: int


def planned(task: Task) -> tuple[Scenario, Stream]:
    """Draw the stream of a task: the days that follow its scenario's history.

    Raises:
        ConfigurationError: a size is out of its range.
    """
    base, episodes, promotion, unseen = make_scenarios(
        (task.scenario, "many-runs", "promotion", "hidden-unseen"),
        *(task.history, task.orders, task.seed),
    )
    without_hidden = replace(base.stream, hidden=HiddenDiscounts(episodes=0))
    often = replace(episodes.stream.hidden, percents_bp=base.stream.hidden.percents_bp)
    unknown = replace(often, percents_bp=unseen.stream.hidden.percents_bp)
    volume = replace(base.stream.volume, orders_per_day=CLEAN_PER_DAY, yearly_growth=1.0)
    companies: dict[str, Company] = {
        "many-runs": replace(base.stream, hidden=often),
        "many-unseen": replace(base.stream, hidden=unknown),
        "promotion": replace(without_hidden, promotions=promotion.stream.promotions),
        "clean": replace(without_hidden, volume=volume),
    }
    company = companies[task.stream]
    count = task.clean if task.stream == "clean" else task.orders
    scenario = replace(base, name=task.stream, stream=company)
    return scenario, draw_stream(scenario, company, count, task.seed + 1, "watch-")


def learned(scenario: Scenario, count: int, seed: int) -> ModelBundle:
    """Learn a bundle from so many orders of a scenario's history."""
    history = draw_stream(scenario, scenario.history, count, seed, "history-")
    orders = [parse_order(body) for body in history.bodies()]
    return learn(orders, scenario.catalogue, f"watch-{scenario.name}").bundle
