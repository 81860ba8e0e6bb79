"""Decides whether a challenger becomes the champion, and says why in sentences.

The decision is a pure function of the comparison. A challenger must do no harm: for each difference
in recall, the whole interval must lie above what the policy tolerates (non-inferiority), and
nothing else may be surely worse. It must also be surely better in something that can be measured. A
challenger that does neither harm nor good scores in shadow beside the champion, until there are
more orders to judge it by.
"""

from collections.abc import Iterator
from typing import Final

from shared.policy import Policy
from training.comparison.comparison import Check, Comparison, Difference, Scores, Verdict
from training.comparison.quality import calibrate

PROMOTED: Final = "promoted"
REFUSED: Final = "refused"
SHADOW: Final = "shadow"

FEWEST_INJECTED = 20
"""Injected frauds of a typology below which its recall is not judged."""

LARGEST_BYTES = 16 * 2**20
"""Largest bundle. A scorer holds a bundle in memory twice while it changes over."""

SLOWEST_RATIO, FAST_ENOUGH = 2.0, 2.0
"""A challenger may take this many times as long for an order as the champion, or this many
milliseconds: for smaller times the noise of the clock would decide."""

FEWEST_DECISIONS, FEWEST_DAYS = 30, 5
"""Decisions on later orders, and days of those orders, below which no model is judged by them. The
decisions of a day or two are alike, and an interval over so few days cannot be trusted."""

DECISIONS_TOLERANCE = 0.01
"""A challenger's mean log-likelihood (nats) of analysts' decisions may be worse by this much: about
a hundredth of the probability that it gives to what was decided."""

CHARGES_TOLERANCE = 0.001
"""The same for later charges, where differences are smaller and there are many orders."""

CALIBRATION_TOLERANCE = 0.02
"""A challenger's calibration error may be larger by this much (mean distance between probabilities
and shares of frauds)."""

_NAMES = {"added_item": "added items", "hidden_discount": "hidden discounts"}


def decide(comparison: Comparison, policy: Policy, *, champion_degraded: bool) -> Verdict:
    """Decide what becomes of a challenger.

    ``champion_degraded`` says that packaged tables serve. They know nothing of the company and
    raise more alerts, so against them a challenger only has to do no harm, and a fall of recall is
    harm only if it surely exceeds what the policy tolerates.
    """
    checks = (*_harm(comparison, policy, champion_degraded), *_gain(comparison))
    failed = [check.message for check in checks if check.decisive and check.passed is False]
    better = [check.message for check in checks if not check.decisive and check.passed]
    if failed:
        return Verdict(REFUSED, tuple(failed), checks)
    if better:
        return Verdict(PROMOTED, tuple(better), checks)
    if champion_degraded:
        why = "Packaged tables serve, and this one was learned from the company's own orders."
        return Verdict(PROMOTED, (why,), checks)
    why = "It is neither better nor worse than the champion, as far as can be told."
    return Verdict(SHADOW, (why,), checks)


def _harm(comparison: Comparison, policy: Policy, champion_degraded: bool) -> Iterator[Check]:
    """Return the checks that refuse a challenger when one of them fails."""
    for typology in comparison.champion_figures:
        yield from _detection_harm(comparison, typology, policy, champion_degraded)
    yield _not_worse(
        "charges",
        "Log-likelihood of later charges",
        comparison.log_likelihood,
        CHARGES_TOLERANCE,
        sure=True,
    )
    for name, title, difference in _by_analysts(comparison):
        too_few = _too_few(difference)
        if too_few:
            yield Check(name, None, f"{title}: {too_few}.")
        else:
            yield _not_worse(name, title, difference, DECISIONS_TOLERANCE, sure=True)
    yield _golden_orders(comparison)
    yield _size(comparison.challenger)
    yield _latency(comparison.champion, comparison.challenger)
    yield _calibration(comparison)


def _detection_harm(
    comparison: Comparison, typology: str, policy: Policy, champion_degraded: bool
) -> Iterator[Check]:
    injected = comparison.champion_figures[typology].injected
    title = f"Recall of {_NAMES[typology]}"
    if injected < FEWEST_INJECTED:
        text = f"{title}: only {injected} injected frauds, at least {FEWEST_INJECTED} needed."
        yield Check(f"recall_{typology}", None, text)
        return
    tolerance = policy.recall_tolerance
    recall, ranking = comparison.recall[typology], comparison.average_precision[typology]
    yield _not_worse(f"recall_{typology}", title, recall, tolerance, sure=champion_degraded)
    title = f"Average precision of {_NAMES[typology]}"
    yield _not_worse(f"ranking_{typology}", title, ranking, tolerance, sure=True)


def _golden_orders(comparison: Comparison) -> Check:
    failed = ", ".join(comparison.golden_failed)
    text = f"Golden orders with another verdict than the champion's: {failed or 'none'}."
    return Check("golden_orders", not failed, text)


def _size(challenger: Scores) -> Check:
    size = challenger.bundle_bytes
    text = f"The bundle has {size / 1024:,.0f} KiB, at most {LARGEST_BYTES / 1024:,.0f} allowed."
    return Check("size", size <= LARGEST_BYTES, text)


def _latency(champion: Scores, challenger: Scores) -> Check:
    ratio = challenger.milliseconds / champion.milliseconds
    text = (
        f"An order takes {challenger.milliseconds:.2f} ms, {ratio:.2f} times as long as the "
        f"champion's; {SLOWEST_RATIO:g} times or {FAST_ENOUGH:g} ms allowed."
    )
    fast = ratio <= SLOWEST_RATIO or challenger.milliseconds <= FAST_ENOUGH
    return Check("latency", fast, text)


def _calibration(comparison: Comparison) -> Check:
    fraud = comparison.later.added | comparison.later.hidden
    before, after = (
        calibrate(scores.probability, fraud).expected_error
        for scores in (comparison.champion, comparison.challenger)
    )
    text = (
        f"Probabilities are off by {after:.3f} on average, the champion's by {before:.3f}; "
        f"{CALIBRATION_TOLERANCE:g} more allowed."
    )
    return Check("calibration", after <= before + CALIBRATION_TOLERANCE, text)


def _gain(comparison: Comparison) -> Iterator[Check]:
    """Return the checks that promote a challenger when one of them passes."""
    for typology, name in _NAMES.items():
        if comparison.champion_figures[typology].injected >= FEWEST_INJECTED:
            recall, ranking = comparison.recall[typology], comparison.average_precision[typology]
            yield _better(f"better_recall_{typology}", f"Recall of {name}", recall)
            yield _better(f"better_ranking_{typology}", f"Average precision of {name}", ranking)
    charges = comparison.log_likelihood
    yield _better("better_charges", "Log-likelihood of later charges", charges)
    for name, title, difference in _by_analysts(comparison):
        if not _too_few(difference):
            yield _better(f"better_{name}", title, difference)


def _by_analysts(comparison: Comparison) -> Iterator[tuple[str, str, Difference]]:
    if comparison.decisions is not None:
        yield "decisions", "Log-likelihood of analysts' decisions", comparison.decisions
    if comparison.blind is not None:
        yield "blind", "Log-likelihood of decisions on the blind sample", comparison.blind


def _too_few(difference: Difference) -> str:
    """Say why decisions are too few to judge a model by; empty where they are enough."""
    rows, days = difference.rows, difference.days
    if rows < FEWEST_DECISIONS:
        return f"too few decisions to judge by, {rows} of at least {FEWEST_DECISIONS}"
    if days < FEWEST_DAYS:
        return f"decisions on too few days to judge by, {days} of at least {FEWEST_DAYS}"
    return ""


def _not_worse(
    name: str, title: str, difference: Difference, tolerance: float, *, sure: bool = False
) -> Check:
    """Check that a challenger is not worse than tolerated.

    The check fails if the challenger may be worse than that; with ``sure``, only if it surely is.
    """
    if difference.interval is None:
        return Check(name, None, f"{title}: nothing to compare.")
    low, high = difference.interval
    passed = high >= -tolerance if sure else low >= -tolerance
    allowed = f"; {tolerance:g} less is tolerated" if tolerance else ""
    return Check(name, passed, f"{title}: {_compared(difference)}{allowed}.")


def _better(name: str, title: str, difference: Difference) -> Check:
    if difference.interval is None:
        return Check(name, None, f"{title}: nothing to compare.", decisive=False)
    passed = difference.interval[0] > 0
    return Check(name, passed, f"{title}: {_compared(difference)}.", decisive=False)


def _compared(difference: Difference) -> str:
    assert difference.interval is not None
    low, high = difference.interval
    return (
        f"{difference.challenger:.4f}, the champion's {difference.champion:.4f} "
        f"(difference {low:+.4f} to {high:+.4f})"
    )
