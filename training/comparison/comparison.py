"""Two models on the same later orders: what each made of them, and what was really planted."""

from dataclasses import dataclass, field
from typing import Literal

from shared.arrays import Bools, Floats, Ints
from training.comparison.intervals import Interval


@dataclass(frozen=True, slots=True)
class LaterOrders:
    """Columns of the later orders, with frauds planted into some; one row an order and round.

    Frauds are planted in several rounds, each into all the orders, where there are few orders.
    ``added`` and ``hidden`` say what was planted (the real orders have frauds of their own, which
    nobody knows), ``loss_e4`` what that took, ``days`` the day of each order since 1970.
    ``real_days`` has one row an order, for the columns of the orders as they came.
    """

    days: Ints
    added: Bools
    hidden: Bools
    loss_e4: Ints
    real_days: Ints


@dataclass(frozen=True, slots=True)
class Scores:
    """What one model made of the later orders; rows are those of `LaterOrders`.

    Probabilities are 0-1. Columns named ``real`` are of the orders as they came, the others with
    what was planted. ``log_likelihood`` is that of each real charge, given its basket (nats, a
    density per ten-thousandth of the currency; NaN where the catalogue cannot price it).
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
    """Mean time of an order."""
    bundle_bytes: int

    @property
    def probability(self) -> Floats:
        """Of either fraud."""
        return 1 - (1 - self.p_added) * (1 - self.p_hidden)

    @property
    def probability_real(self) -> Floats:
        """Of either fraud, in the orders as they came."""
        return 1 - (1 - self.p_added_real) * (1 - self.p_hidden_real)


@dataclass(frozen=True, slots=True)
class TypologyFigures:
    """Detection of one planted typology (``added_item``, ``hidden_discount``) by one model.

    Shares are None where there is nothing to divide by. Precision counts only planted frauds as
    right, so the frauds that the real orders hold lower it, for both models alike.
    """

    injected: int
    found: int
    precision: float | None
    recall: float | None
    average_precision: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Challenger less champion, and where it lies with 95 % confidence (bootstrap of days).

    ``rows`` were compared, of orders placed on ``days`` days; 0 where nobody counted them.
    """

    champion: float | None
    challenger: float | None
    difference: float | None
    interval: Interval
    rows: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """One question of the promotion; ``message`` is a sentence with its figures.

    ``passed`` is None where there was nothing to ask about. ``decisive`` ones refuse when they
    fail; the others can only speak for the challenger.
    """

    name: str
    passed: bool | None
    message: str
    decisive: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """Champion and challenger, paired.

    ``recall`` and ``average_precision`` are by typology; ``shadow`` is what the last challenger
    did beside the champion in production (`shared.shadow`), where there was one.
    """

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
    """The same of the blind sample: orders that no alert showed to the analyst."""
    golden_failed: tuple[str, ...] = ()
    """Ids of the champion's golden orders on which the challenger's verdict differs."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a challenger: ``outcome`` is ``promoted``, ``refused`` or ``shadow``.

    ``shadow``: neither better nor worse; it scores beside the champion and alerts nobody.
    ``reasons`` are sentences, the decisive ones first.
    """

    outcome: Literal["promoted", "refused", "shadow"]
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = field(default=())
