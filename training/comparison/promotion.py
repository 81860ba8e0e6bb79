"""Whether a challenger becomes the champion: a pure decision, with its reasons in sentences.

A challenger must do no harm (non-inferiority: the interval of each difference in recall stays above
what policy tolerates, and nothing else is surely worse), and must be better in something that can
be measured. One that does no harm and no good scores in shadow beside the champion until there is
more to go by.
"""

from collections.abc import Iterator
from typing import Final

from shared.policy import Policy
from training.comparison.comparison import Check, Comparison, Difference, Scores, Verdict
from training.comparison.quality import calibrate

PROMOTED: Final = "promoted"
REFUSED: Final = "refused"
SHADOW: Final = "shadow"

FEWEST_PLANTED = 20
"""Planted frauds of a typology below which its recall says nothing."""

LARGEST_BYTES = 16 * 2**20
"""Largest bundle: a scorer holds it in memory twice while it changes over."""

SLOWEST_RATIO, FAST_ENOUGH = 2.0, 2.0
"""A challenger may take this many times as long for an order as the champion does; or that many
milliseconds, for below them the clock's noise would decide."""

FEWEST_DECISIONS, FEWEST_DAYS = 30, 5
"""Decisions on later orders, and days of those orders, below which they say nothing of a model: the
decisions of a day or two are alike, and an interval over so few days has no width to be trusted."""

DECISIONS_TOLERANCE = 0.01
"""Mean log-likelihood (nats) of analysts' decisions by which a challenger may be worse: about a
hundredth of the chance that it gives to what was decided."""

CHARGES_TOLERANCE = 0.001
"""The same of later charges, where differences are smaller and orders many."""

CALIBRATION_TOLERANCE = 0.02
"""Mean distance of probabilities from shares of frauds by which a challenger may be worse."""

_NAMES = {"added_item": "added items", "hidden_discount": "hidden discounts"}


def decide(comparison: Comparison, policy: Policy, *, champion_degraded: bool) -> Verdict:
    """Decide; ``champion_degraded`` says that packaged tables serve, learned from nobody's orders.

    Against those, a challenger that does no harm is promoted, and only a recall that has surely
    fallen further than is tolerated is harm: they know nothing of the company, and alert more.
    """
    checks = (*_harm(comparison, policy, champion_degraded), *_good(comparison))
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
    """What refuses a challenger when it fails."""
    for typology, figures in comparison.champion_figures.items():
        recall = comparison.recall[typology]
        name = f"Recall of {_NAMES[typology]}"
        if figures.injected < FEWEST_PLANTED:
            text = f"{name}: {figures.injected} planted, fewer than {FEWEST_PLANTED}."
            yield Check(f"recall_{typology}", None, text)
            continue
        tolerated = policy.recall_tolerance
        yield _not_worse(f"recall_{typology}", name, recall, tolerated, sure=champion_degraded)
        yield _not_worse(
            f"ranking_{typology}",
            f"Average precision of {_NAMES[typology]}",
            comparison.average_precision[typology],
            policy.recall_tolerance,
            sure=True,
        )
    yield _not_worse(
        "charges",
        "Log-likelihood of later charges",
        comparison.log_likelihood,
        CHARGES_TOLERANCE,
        sure=True,
    )
    for name, title, found in _by_analysts(comparison):
        too_few = _too_few(found)
        if too_few:
            yield Check(name, None, f"{title}: {too_few}.")
        else:
            yield _not_worse(name, title, found, DECISIONS_TOLERANCE, sure=True)
    yield from _soundness(comparison)


def _soundness(comparison: Comparison) -> Iterator[Check]:
    """Size, speed, calibration and golden orders."""
    old, new = comparison.champion, comparison.challenger
    failed = ", ".join(comparison.golden_failed)
    yield Check(
        "golden_orders",
        not failed,
        f"Golden orders judged otherwise than by the champion: {failed or 'none'}.",
    )
    size = new.bundle_bytes
    text = f"The bundle has {size / 1024:,.0f} KiB, at most {LARGEST_BYTES / 1024:,.0f} allowed."
    yield Check("size", size <= LARGEST_BYTES, text)
    ratio = new.milliseconds / old.milliseconds
    text = (
        f"An order takes {new.milliseconds:.2f} ms, {ratio:.2f} times as long as the champion's; "
        f"{SLOWEST_RATIO:g} times or {FAST_ENOUGH:g} ms allowed."
    )
    fast = ratio <= SLOWEST_RATIO or new.milliseconds <= FAST_ENOUGH
    yield Check("latency", fast, text)
    before, after = (_calibration(comparison, scores) for scores in (old, new))
    text = (
        f"Probabilities are off by {after:.3f} on average, the champion's by {before:.3f}; "
        f"{CALIBRATION_TOLERANCE:g} more allowed."
    )
    yield Check("calibration", after <= before + CALIBRATION_TOLERANCE, text)


def _good(comparison: Comparison) -> Iterator[Check]:
    """What speaks for a challenger."""
    for typology, name in _NAMES.items():
        if comparison.champion_figures[typology].injected >= FEWEST_PLANTED:
            yield _better(f"better_recall_{typology}", f"Recall of {name}",
                          comparison.recall[typology])  # fmt: skip
            yield _better(f"better_ranking_{typology}", f"Average precision of {name}",
                          comparison.average_precision[typology])  # fmt: skip
    charges = comparison.log_likelihood
    yield _better("better_charges", "Log-likelihood of later charges", charges)
    for name, title, found in _by_analysts(comparison):
        if not _too_few(found):
            yield _better(f"better_{name}", title, found)


def _by_analysts(comparison: Comparison) -> Iterator[tuple[str, str, Difference]]:
    if comparison.decisions is not None:
        yield "decisions", "Log-likelihood of analysts' decisions", comparison.decisions
    if comparison.blind is not None:
        yield "blind", "Log-likelihood of decisions on the blind sample", comparison.blind


def _too_few(found: Difference) -> str:
    """Why decisions are too few to judge a model by; empty where they are enough."""
    if found.rows < FEWEST_DECISIONS:
        return f"too few decisions to judge by, {found.rows} of at least {FEWEST_DECISIONS}"
    if found.days < FEWEST_DAYS:
        return f"decisions on too few days to judge by, {found.days} of at least {FEWEST_DAYS}"
    return ""


def _not_worse(
    name: str, title: str, found: Difference, tolerance: float, *, sure: bool = False
) -> Check:
    """Fails where the difference may be below what is tolerated; ``sure``: where it surely is."""
    if found.interval is None:
        return Check(name, None, f"{title}: nothing to compare.")
    low, high = found.interval
    passed = high >= -tolerance if sure else low >= -tolerance
    allowed = f"; {tolerance:g} less is tolerated" if tolerance else ""
    return Check(name, passed, f"{title}: {_compared(found)}{allowed}.")


def _better(name: str, title: str, found: Difference) -> Check:
    if found.interval is None:
        return Check(name, None, f"{title}: nothing to compare.", decisive=False)
    return Check(name, found.interval[0] > 0, f"{title}: {_compared(found)}.", decisive=False)


def _compared(found: Difference) -> str:
    assert found.interval is not None
    low, high = found.interval
    return (
        f"{found.challenger:.4f}, the champion's {found.champion:.4f} "
        f"(difference {low:+.4f} to {high:+.4f})"
    )


def _calibration(comparison: Comparison, scores: Scores) -> float:
    later = comparison.later
    return calibrate(scores.probability, later.added | later.hidden).expected_error
