"""Reports of simulated companies: everything a nightly run would put in, made from little data."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np

from shared.arrays import Floats
from shared.features import FEATURE_NAMES
from shared.model import ModelBundle, packaged_bundle
from shared.order import Order, parse_order
from shared.policy import Policy
from shared.scoring import Scorer
from training.comparison.comparison import (
    Check,
    Comparison,
    Difference,
    LaterOrders,
    Scores,
    TypologyFigures,
)
from training.comparison.comparison import Verdict as Decided
from training.comparison.metrics import Verdict, judge
from training.evaluation.trials import Stream, draw_stream
from training.history.orders import price_history
from training.learning.learn import learn
from training.replay.replay import Replay
from training.report.business_impact import tally
from training.report.drift import alert_rate_drift, measure_drift
from training.report.page import Data, Report
from training.report.totals import discount_by_rep, totals_by_period
from training.simulation.scenarios import Scenario, make_scenarios

OWN_FEATURES = FEATURE_NAMES[:-4]


@dataclass(frozen=True, slots=True)
class World:
    """A company's orders, before and after the night."""

    scenario: Scenario
    history: list[Order]
    stream: Stream


def world(name: str = "base", history: int = 3_000, later: int = 1_200, seed: int = 3) -> World:
    (scenario,) = make_scenarios([name], history, later, seed)
    early = draw_stream(scenario, scenario.history, history, seed, "h-")
    orders = [parse_order(body) for body in early.bodies()]
    return World(scenario, orders, draw_stream(scenario, scenario.stream, later, seed + 1, "s-"))


def scored(bundle: ModelBundle, company: World) -> tuple[Scores, Floats, Replay]:
    """What a bundle makes of the later orders: scores, features and documents."""
    replay = Replay(Scorer(bundle, company.scenario.catalogue, Policy()), 2)
    found = list(replay.run(company.stream.lines()))
    columns = Scores(
        version=bundle.version,
        p_added=np.array([one.p_added_item for one in found]),
        p_hidden=np.array([one.p_hidden_discount for one in found]),
        alerted=np.array([one.alerted for one in found]),
        p_added_real=np.array([one.p_added_item for one in found]),
        p_hidden_real=np.array([one.p_hidden_discount for one in found]),
        alerted_real=np.array([one.alerted for one in found]),
        log_likelihood=np.log([one.charge_likelihood for one in found]),
        milliseconds=0.5,
        bundle_bytes=100_000,
    )
    features = np.array([[one.features[name] for name in OWN_FEATURES] for one in found])
    return columns, features, replay


def compared(company: World, old: Scores, new: Scores) -> Comparison:
    drawn = company.stream.drawn
    days = drawn.times.astype("datetime64[D]").astype(np.int64)
    later = LaterOrders(
        days=days,
        added=np.isin(np.arange(len(drawn.times)), drawn.units.order[drawn.units.added]),
        hidden=drawn.hidden > 0,
        loss_e4=company.stream.losses_e4()["either"],
        real_days=days,
    )
    figures = [_figures(later, scores) for scores in (old, new)]
    differences = {
        measure: {
            name: _difference(*(getattr(one[name], measure) for one in figures))
            for name in figures[0]
        }
        for measure in ("recall", "average_precision")
    }
    return Comparison(
        later=later,
        champion=old,
        challenger=new,
        champion_figures=figures[0],
        challenger_figures=figures[1],
        recall=differences["recall"],
        average_precision=differences["average_precision"],
        log_likelihood=_likelier(later, old, new),
        decisions=None,
        blind=None,
    )


def _figures(later: LaterOrders, scores: Scores) -> dict[str, TypologyFigures]:
    found = {}
    for name, truth, column in (
        ("added_item", later.added, scores.p_added),
        ("hidden_discount", later.hidden, scores.p_hidden),
    ):
        flagged = column >= 0.5
        hits, injected = int((flagged & truth).sum()), int(truth.sum())
        precision = hits / int(flagged.sum()) if flagged.any() else None
        recall = hits / injected if injected else None
        judged = [Verdict(*row, 1) for row in zip(flagged, column, truth, strict=True)]
        average = judge(judged).average_precision
        found[name] = TypologyFigures(injected, hits, precision, recall, average)
    return found


def _likelier(later: LaterOrders, old: Scores, new: Scores) -> Difference:
    """How much likelier charges are to the challenger, with a bootstrap of days."""
    gain, (_, day) = (
        new.log_likelihood - old.log_likelihood,
        np.unique(later.days, return_inverse=True),
    )
    sums, orders = np.bincount(day, gain), np.bincount(day)
    drawn = np.random.default_rng(1).integers(len(orders), size=(500, len(orders)))
    means = sums[drawn].sum(axis=1) / orders[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975]).tolist()
    before, after = (float(one.log_likelihood.mean()) for one in (old, new))
    return Difference(before, after, after - before, (low, high))


def _difference(old: float | None, new: float | None) -> Difference:
    if old is None or new is None:
        return Difference(old, new, None, None)
    return Difference(old, new, new - old, (new - old - 0.012, new - old + 0.014))


VERDICT = Decided(
    "promoted",
    (
        "Charges are likelier by 0.2113 nats an order (0.1706 to 0.2531).",
        "Recall of added items and of hidden discounts is no worse.",
    ),
    (
        Check("recall_added_item", True, "96.6 % against 84.1 %: at most 2 points worse."),
        Check("golden_orders", True, "All 12 golden orders have the verdict they should have."),
        Check("log_likelihood", True, "Better by 0.2113 nats (0.1706 to 0.2531).", decisive=False),
        Check("decisions", None, "No decisions on later orders.", decisive=False),
    ),
)


def report(company: World, **changed: Any) -> Report:
    """The report of the night between history and stream."""
    learned = learn(company.history, company.scenario.catalogue, "20261124-5f1c09aa")
    champion = changed.pop("champion", packaged_bundle())
    old, _, _ = scored(champion, company)
    new, features, replay = scored(learned.bundle, company)
    half = len(features) // 2
    later = [line.order for line in company.stream.lines()]
    orders = (*company.history, *(one for one in later if isinstance(one, Order)))
    history = price_history(orders, company.scenario.catalogue)
    alerts = list(replay.alerts.values())
    for at, status in enumerate(["confirmed"] * 20 + ["dismissed"] * 3):
        if at < len(alerts):
            alerts[at] = alerts[at] | {"status": status}
    waiting = [one for one in alerts if one["status"] == "open"]
    ranked = sorted(waiting, key=lambda one: -one["expected_loss"])
    made = Report(
        made_at=orders[-1].ordered_at + timedelta(hours=9),
        data=Data(
            first=orders[0].ordered_at,
            last=orders[-1].ordered_at,
            later_from=orders[len(company.history)].ordered_at,
            orders=len(orders),
            sha256="5f1c09aa" * 8,
            refused={"unknown_field": 3, "naive_time": 1},
            duplicates=14,
            superseded=2,
            bad_files=("sheriff/orders/0/2026/11/23/02/00/00.avro",),
        ),
        verdict=VERDICT,
        learned=learned,
        champion=champion,
        comparison=compared(company, old, new),
        totals=totals_by_period(history),
        reps=discount_by_rep(history),
        currency=company.scenario.catalogue.currency,
        policy=Policy(),
        alerts=tally(alerts),
        top_alerts=tuple(ranked[:10]),
        incidents=tuple(replay.incidents.values()),
        states=tuple(
            {"orders_scored": 600, "dead_lettered": 2, "duplicates": 7, "stale": 1}
            for _ in range(2)
        ),
        drift=measure_drift(OWN_FEATURES, features[:half], features[half:]),
        alert_rate=alert_rate_drift(len(alerts), len(features), len(alerts) + 9, len(features)),
        shadow={"orders": 1_200, "champion_alerts": 64, "challenger_alerts": 71, "both": 60},
    )
    return replace(made, **changed)
