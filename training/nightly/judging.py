"""Judges a challenger against the champion on orders that neither has seen. It writes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.arrays import Ints
from shared.golden import verdicts
from shared.model import ModelBundle
from shared.order import Order
from shared.policy import Policy
from training.comparison.comparison import Comparison, Verdict
from training.comparison.fraud_injection import Percents, inject_frauds
from training.comparison.judgement import Judge, compare
from training.comparison.promotion import SHADOW, decide
from training.history.dataset import Dataset
from training.history.orders import price_history
from training.learning.learn import charge_quantum
from training.nightly.challenger import first_later
from training.nightly.champion import Champion, tables_of

SEED = 1
"""Seed of the injected frauds and the resamples: a run that is repeated decides the same."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on a challenger, and the verdict if both models had no classifier.

    A comparison is None where no order is later than all that the champion learned from.
    """

    comparison: Comparison | None
    verdict: Verdict
    tables_comparison: Comparison | None
    tables_verdict: Verdict


def judge_challenger(champion: Champion, challenger: ModelBundle, data: Dataset) -> Judgement:
    """Compare a challenger with the champion, then the tables of the two, and decide both times.

    The second comparison shows whether the classifier is worth having.
    """
    comparison = tables_comparison = compared(champion, challenger, data)
    if challenger.classifier is not None or champion.bundle.classifier is not None:
        tables_comparison = compared(champion.tables, tables_of(challenger), data)
    return Judgement(
        comparison,
        decided(comparison, champion, data.policy),
        tables_comparison,
        decided(tables_comparison, champion, data.policy),
    )


def compared(champion: Champion, challenger: ModelBundle, data: Dataset) -> Comparison | None:
    """Compare two models on the orders that neither has seen; None where there are no such."""
    later = _unseen(champion, data)
    if not later:
        return None
    quantum = charge_quantum(_discounted_charges(later, data))
    percents = Percents.known_to(champion.bundle, challenger)
    injected = inject_frauds(later, data.catalogue, percents, quantum, SEED)
    judge = Judge(injected, data.catalogue, data.policy, data.partitions, data.decisions, SEED)
    comparison = compare(champion.bundle, challenger, judge)
    return replace(comparison, golden_failed=golden_failed(champion.bundle, challenger))


def decided(comparison: Comparison | None, champion: Champion, policy: Policy) -> Verdict:
    """Return what becomes of a challenger; without a comparison it scores in shadow."""
    if comparison is None:
        return Verdict(SHADOW, ("No order is later than all that the champion learned from.",))
    return decide(comparison, policy, champion_degraded=champion.bundle.degraded)


def golden_failed(champion: ModelBundle, challenger: ModelBundle) -> tuple[str, ...]:
    """Return the ids of the champion's golden orders that the challenger decides differently."""
    golden = champion.golden
    by_challenger = verdicts(challenger, golden)
    by_champion = verdicts(champion, golden)
    return tuple(name for name, alerted in by_champion.items() if by_challenger[name] != alerted)


def _unseen(champion: Champion, data: Dataset) -> list[Order]:
    """Return the later orders in the catalogue's currency that the champion did not learn from."""
    return [
        order
        for order in data.orders[first_later(data) :]
        if order.currency in {None, data.catalogue.currency}
        and (champion.until is None or order.ordered_at > champion.until)
    ]


def _discounted_charges(orders: Sequence[Order], data: Dataset) -> Ints:
    """Return the charges below list price, which show what charges are rounded to (`_e4`)."""
    history = price_history(tuple(orders), data.catalogue)
    return history.charged_e4[history.gap_e4 > 0]
