"""The report's charts of how well frauds are found, champion against challenger, each as SVG."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from shared.arrays import Bools, Floats
from training.comparison.comparison import LaterOrders, Scores
from training.comparison.quality import Bin, calibrate
from training.report.svg import (
    CHALLENGER_LINE,
    CHAMPION_LINE,
    HEIGHT,
    INKS,
    add_axes,
    add_legend,
    draw_svg,
    show_counts,
    show_money,
    show_shares,
)

FIRM = 20
"""Orders of a bin below which its share of frauds is mostly chance: a dot without a line."""

THRESHOLDS = np.round(np.arange(0.02, 1.0, 0.02), 2)
"""Probabilities at which the cost curve is drawn."""


def precision_recall(name: str, fraud: Bools, champion: Floats | None, challenger: Floats) -> str:
    """Draw precision over recall as the threshold falls.

    Probabilities and truth have one row an order.
    """

    def draw(figure: Figure) -> None:
        axes = add_axes(figure, "share of frauds found", "share of alerts right")
        if champion is not None:
            _draw_steps(axes, count_curve(champion, fraud), "champion", CHAMPION_LINE)
        _draw_steps(axes, count_curve(challenger, fraud), "challenger", CHALLENGER_LINE)
        axes.set(xlim=(0, 1.01), ylim=(0, 1.03))
        show_shares(axes.xaxis)
        show_shares(axes.yaxis)
        add_legend(figure, axes)

    return draw_svg(name, draw)


def _draw_steps(
    axes: Axes, curve: tuple[Floats, Floats], label: str, style: dict[str, Any]
) -> None:
    """Draw a curve as steps, because nothing lies between two thresholds.

    The area below the steps is the average precision.
    """
    axes.plot(*curve, drawstyle="steps-pre", label=label, **style)


def count_curve(probability: Floats, fraud: Bools) -> tuple[Floats, Floats]:
    """Return recall and precision at each probability that occurs, the highest first.

    There are at most about 200 points, as many as a chart can show.
    """
    ranking = np.argsort(-probability, kind="stable")
    last = np.append(np.flatnonzero(np.diff(probability[ranking])), len(ranking) - 1)
    hits = np.cumsum(fraud[ranking])[last]
    recall, precision = hits / max(int(fraud.sum()), 1), hits / (last + 1)
    kept = np.unique(np.append(np.searchsorted(recall, np.linspace(0, 1, 200)), 0))
    kept = kept[kept < len(last)]
    return np.append(0.0, recall[kept]), np.append(precision[kept[:1]], precision[kept])


def calibration(name: str, fraud: Bools, champion: Floats | None, challenger: Floats) -> str:
    """Draw the share of frauds over the probability, and below it how many orders have it."""
    models = [(challenger, "challenger", CHALLENGER_LINE)]
    if champion is not None:
        models.insert(0, (champion, "champion", CHAMPION_LINE))

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=INKS["faint"], linewidth=1)
        for at, (probability, label, style) in enumerate(models):
            bins = calibrate(probability, fraud).bins
            _draw_fraud_shares(upper, bins, label, style)
            places = [each.low + 0.05 + 0.036 * (at - (len(models) - 1) / 2) for each in bins]
            counts = [each.orders for each in bins]
            lower.bar(places, counts, width=0.034, color=style["color"])
        upper.set_ylabel("really frauds")
        lower.set(yscale="log", ylabel="orders", xlabel="probability said", ylim=(0.7, None))
        show_counts(lower.yaxis)
        show_shares(upper.xaxis)
        show_shares(upper.yaxis)
        add_legend(figure, upper)

    return draw_svg(name, draw, HEIGHT + 30)


def _draw_fraud_shares(axes: Axes, bins: Sequence[Bin], label: str, style: dict[str, Any]) -> None:
    """Draw a dot for each bin, and a line through the bins with enough orders."""
    means = np.array([each.mean_probability for each in bins])
    shares = np.array([each.fraud_share for each in bins])
    firm = [each.orders >= FIRM for each in bins]
    axes.plot(means[firm], shares[firm], marker="o", markersize=5, label=label, **style)
    axes.plot(means, shares, "o", markersize=3, color=style["color"], alpha=0.45)


def score_distribution(name: str, fraud: Bools, champion: Floats | None, challenger: Floats) -> str:
    """Draw how many orders got which probability, on a logarithmic scale.

    The injected frauds among them are filled.
    """

    def draw(figure: Figure) -> None:
        axes = add_axes(figure, "probability of a fraud", "orders")
        edges = np.linspace(0, 1, 21)
        axes.hist(
            challenger[fraud], edges.tolist(), color=INKS["challenger"], alpha=0.35,
            label="injected frauds (challenger)",
        )  # fmt: skip
        if champion is not None:
            counts = np.histogram(champion, edges)[0]
            axes.stairs(counts, edges, label="all (champion)", linewidth=1.5, **CHAMPION_LINE)
        counts = np.histogram(challenger, edges)[0]
        axes.stairs(counts, edges, label="all (challenger)", linewidth=1.5, **CHALLENGER_LINE)
        axes.set(yscale="log", xlim=(0, 1), ylim=(0.7, None))
        show_counts(axes.yaxis)
        show_shares(axes.xaxis)
        add_legend(figure, axes)

    return draw_svg(name, draw)


def costs(later: LaterOrders, scores: Scores, review_cost_e4: int) -> Floats:
    """Return what an alert threshold of each of `THRESHOLDS` would have cost (currency).

    That is the cost of all reviews plus the losses of injected frauds without an alert.
    """
    likelier = np.maximum(scores.p_added, scores.p_hidden)
    flagged = likelier >= THRESHOLDS[:, None]
    missed = np.where(flagged, 0, later.loss_e4).sum(axis=1)
    return np.asarray((flagged.sum(axis=1) * review_cost_e4 + missed) / 1e4)


def cost_curve(
    name: str,
    later: LaterOrders,
    champion: Scores | None,
    challenger: Scores,
    policy: tuple[float, int],
    currency: str,
) -> str:
    """Draw the cost over the alert threshold.

    ``policy`` is the policy's threshold (0-1) and the cost of a review (`_e4`).
    """
    threshold, review_cost_e4 = policy

    def draw(figure: Figure) -> None:
        axes = add_axes(figure, "alert from this probability on", currency)
        if champion is not None:
            cost = costs(later, champion, review_cost_e4)
            axes.plot(THRESHOLDS, cost, label="champion", **CHAMPION_LINE)
        cost = costs(later, challenger, review_cost_e4)
        axes.plot(THRESHOLDS, cost, label="challenger", **CHALLENGER_LINE)
        axes.axvline(threshold, color=INKS["ink"], linewidth=1, linestyle=":", label="policy")
        axes.set(xlim=(0, 1), ylim=(0, None))
        show_money(axes.yaxis)
        show_shares(axes.xaxis)
        add_legend(figure, axes, columns=3)

    return draw_svg(name, draw)
