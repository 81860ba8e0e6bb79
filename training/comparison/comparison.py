"""The types of a comparison: two models, the same later orders, and what was decided."""

from dataclasses import dataclass, field
from typing import Literal

from shared.arrays import Bools, Floats, Ints
from training.comparison.intervals import Interval


@dataclass(frozen=True, slots=True)
class LaterOrders:
    """Columns of the later orders, with frauds injected into some of them.

    Where there are few orders, frauds are injected in several rounds, each into all the orders as
    they came.

    Attributes:
        days: day of each order since 1970; one row an order and round, like the next three.
        added: whether an added item was injected. The real orders may hold frauds of their own,
            which nobody knows.
        hidden: whether a hidden discount was injected.
        loss_e4: what the injected frauds took.
        real_days: day of each order as it came; one row an order.
    """

    days: Ints
    added: Bools
    hidden: Bools
    loss_e4: Ints
    real_days: Ints


@dataclass(frozen=True, slots=True)
class Scores:
    """One model's scores of the later orders, with the rows of `LaterOrders`.

    Probabilities are 0-1. Columns named ``real`` are of the orders as they came, the others of the
    orders with injected frauds. ``log_likelihood`` has one value for each real charge, given its
    basket: nats, of a density per ten-thousandth of the currency, and NaN where the catalogue
    cannot price the order.
    """

    version: str
    p_added: Floats
    p_hidden: Floats
    alerted: Bools
    p_added_real: Floats
    p_hidden_real: Floats
    alerted_real: Bools
    log_likelihood: Floats
    milliseconds: float
    """Mean time to score an order."""
    bundle_bytes: int

    @property
    def probability(self) -> Floats:
        """The probability of either fraud."""
        return 1 - (1 - self.p_added) * (1 - self.p_hidden)

    @property
    def probability_real(self) -> Floats:
        """The probability of either fraud in the orders as they came."""
        return 1 - (1 - self.p_added_real) * (1 - self.p_hidden_real)


@dataclass(frozen=True, slots=True)
class TypologyFigures:
    """One model's quality on one injected typology (``added_item`` or ``hidden_discount``).

    Shares are None where there is nothing to divide by. Precision counts only injected frauds as
    right. Frauds in the real orders lower it, for both models alike.
    """

    injected: int
    found: int
    precision: float | None
    recall: float | None
    average_precision: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Challenger minus champion, with a 95 % interval (bootstrap of days).

    ``rows`` values were compared, of orders placed on ``days`` days; both are 0 if not counted.
    """

    champion: float | None
    challenger: float | None
    difference: float | None
    interval: Interval
    rows: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """One question that a promotion depends on; ``message`` is a sentence with its figures.

    ``passed`` is None where nothing could be compared. A ``decisive`` check refuses the challenger
    when it fails; any other one promotes it when it passes, if nothing refuses it.
    """

    name: str
    passed: bool | None
    message: str
    decisive: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion and challenger on the same orders; dicts are by typology."""

    later: LaterOrders
    champion: Scores
    challenger: Scores
    champion_figures: dict[str, TypologyFigures]
    challenger_figures: dict[str, TypologyFigures]
    recall: dict[str, Difference]
    average_precision: dict[str, Difference]
    log_likelihood: Difference
    decisions: Difference | None
    """Mean log-likelihood of analysts' decisions on later orders; None without any."""
    blind: Difference | None
    """The same for the blind sample: orders that were shown to analysts without an alert."""
    golden_failed: tuple[str, ...] = ()
    """Ids of the champion's golden orders on which the challenger has another verdict."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about a challenger, with the reasons in sentences.

    A challenger in ``shadow`` is neither better nor worse: it scores beside the champion and alerts
    nobody.
    """

    outcome: Literal["promoted", "refused", "shadow"]
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = field(default=())
