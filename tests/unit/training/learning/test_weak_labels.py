"""Fitting the classifier: weak labels teach nothing, decisions do, and time is respected."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shared.catalogue import packaged_catalogue
from shared.classifier import Classifier, adjust
from shared.decision import Decision
from shared.features import FEATURE_NAMES
from shared.formats import time_text
from shared.order import Order, parse_order
from shared.policy import Policy
from shared.profiles import NO_PROFILES
from shared.scoring import Scorer
from tests.orders import an_order
from training.history.price_arrays import price_table
from training.learning import weak_labels
from training.learning.additive import FREEDOMS, WEIGHTS, fit_columns
from training.learning.learn import learn
from training.learning.weak_labels import (
    ENOUGH_DECISIONS,
    fit,
    score_forward,
    to_columns,
    with_classifier,
)
from training.replay.forward_scoring import Example, Window, walk
from training.simulation.company import AddedItems, Company
from training.simulation.order_bodies import order_bodies, order_ids
from training.simulation.synthesis import draw_orders

START = datetime(2026, 1, 1, tzinfo=UTC)
ON_LADDER = FEATURE_NAMES.index("suspect_on_ladder")


def examples(count: int, seed: int = 1) -> list[Example]:
    """Orders, four an hour, every other one of a kind (`ON_LADDER`); else with random features."""
    rng = np.random.default_rng(seed)
    found = []
    for at in range(count):
        features = rng.normal(size=len(FEATURE_NAMES))
        features[ON_LADDER] = at % 2
        placed = START + timedelta(minutes=15 * at)
        order = replace(an_order(order_id=f"o-{at}"), ordered_at=placed)
        p_added = float(rng.uniform(0.05, 0.999))
        found.append(Example(order, p_added, 0.01, tuple(features.tolist())))
    return found


def window(found: list[Example]) -> Window:
    return Window(tuple(found), NO_PROFILES, found[-1].order.ordered_at)


def decision(example: Example, confirmed: bool, after: timedelta = timedelta(0)) -> Decision:
    order = example.order
    return Decision(
        order_id=order.order_id,
        rep_id=order.rep_id,
        decision="confirmed" if confirmed else "dismissed",
        decided_by="analyst",
        decided_at=time_text(order.ordered_at + after),
        typology="added_item",
    )


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_weak_labels_alone_leave_the_core_as_it_is(freedom: float) -> None:
    found = fit_columns(to_columns(window(examples(600)), ()), WEIGHTS[-1], freedom)
    assert found.slope == pytest.approx(1.0, abs=1e-3)
    assert found.intercept == pytest.approx(0.0, abs=1e-3)
    assert max(abs(nats) for term in found.terms for nats in term.log_odds) < 1e-3


def test_too_few_decisions_teach_nothing() -> None:
    given_examples = examples(600)
    decisions = [decision(one, True) for one in given_examples[: ENOUGH_DECISIONS - 1]]
    found = fit(window(given_examples), window(given_examples), decisions)
    assert found.classifier is None
    assert found.refused == "29 decisions, fewer than 30"


def test_decisions_that_agree_with_the_core_leave_it_alone() -> None:
    rng = np.random.default_rng(3)
    given_examples = examples(600)
    decisions = [decision(one, bool(rng.random() < one.p_added_item)) for one in given_examples]
    found = fit(window(given_examples), window(given_examples), decisions)
    assert found.classifier is None
    assert "better than the tables" in found.refused


@pytest.fixture(scope="module")
def dismissing() -> Classifier:
    """Learn from analysts who dismiss one kind of alert (`ON_LADDER`) and confirm the others."""
    given_examples = examples(600)
    decisions = [decision(one, not one.features[ON_LADDER]) for one in alerts(given_examples)]
    model = fit(window(given_examples), window(given_examples), decisions).classifier
    assert model is not None
    return model


def alerts(given_examples: list[Example]) -> list[Example]:
    return [one for one in given_examples if one.p_added_item >= 0.5]


def test_a_kind_that_analysts_dismiss_is_ranked_lower(dismissing: Classifier) -> None:
    model, likely = dismissing, alerts(examples(600))
    assert model.decisions == len(likely)
    features = dict.fromkeys(FEATURE_NAMES, 0.0)
    dismissed, parts = adjust(model, 0.8, features | {"suspect_on_ladder": 1.0})
    confirmed, _ = adjust(model, 0.8, features | {"suspect_on_ladder": 0.0})
    assert dismissed < 0.5 < confirmed
    assert min(parts, key=parts.__getitem__) == "suspect_on_ladder"
    counted = model.terms[ON_LADDER].decided
    assert counted == (
        sum(not one.features[ON_LADDER] for one in likely),
        sum(bool(one.features[ON_LADDER]) for one in likely),
    )


@pytest.mark.usefixtures("dismissing")  # without what was learned meanwhile, there is a classifier
def test_what_the_tables_have_learned_meanwhile_is_not_corrected_again() -> None:
    """Analysts dismissed a kind of alert that the tables which will serve no longer make."""
    given_examples = examples(600)
    wiser = [
        replace(one, p_added_item=0.06 if one.features[ON_LADDER] else 0.99)
        for one in given_examples
    ]
    rng = np.random.default_rng(6)
    decisions_now = [
        decision(one, not one.features[ON_LADDER] or bool(rng.random() < 0.06))
        for one in given_examples
    ]
    found = fit(window(given_examples), window(wiser), decisions_now)
    assert found.classifier is None
    assert "better than the tables" in found.refused


def test_what_was_decided_after_the_history_does_not_count() -> None:
    given_examples = examples(600)
    late = [decision(one, False, timedelta(days=30)) for one in given_examples]
    found = fit(window(given_examples), window(given_examples), late)
    assert found.classifier is None
    assert found.figures["classifier_decisions"] == 0


def test_a_fit_is_judged_by_orders_placed_after_all_that_it_was_fitted_to() -> None:
    given_examples = examples(100)
    decisions = [decision(one, True, timedelta(hours=6)) for one in given_examples]
    columns = to_columns(window(given_examples), decisions)
    cut = float(columns.placed[50])
    known = columns.as_of(cut)
    assert known.placed.max() == cut
    assert known.decided_at[known.decided].max() <= cut
    assert known.decided.sum() == 51 - 24  # the orders of the last six hours are still undecided


def test_a_decision_on_another_revision_does_not_count() -> None:
    given_examples = examples(10)
    other = [
        Decision(one.order.order_id, "A", "confirmed", "analyst", time_text(START), None, 1)
        for one in given_examples
    ]
    assert not to_columns(window(given_examples), other).decided.any()


@pytest.fixture(scope="module")
def history() -> tuple[Order, ...]:
    company = Company(added=AddedItems(rate=0.2), reps=4)
    prices = price_table(packaged_catalogue())
    drawn = draw_orders(company, prices, 900, seed=4)
    return tuple(
        map(parse_order, order_bodies(drawn, prices, company, order_ids(drawn, ""), "USD"))
    )


def test_the_tables_that_score_a_history_forward_know_nothing_of_what_they_score(
    history: tuple[Order, ...],
) -> None:
    found = score_forward(history, packaged_catalogue(), 600)
    tables = learn(history[:600], packaged_catalogue(), "forward").bundle
    scorer = Scorer(tables, packaged_catalogue(), Policy())
    assert found.examples == walk(scorer, history[600:])[0]


def test_too_few_orders_before_the_first_decision_teach_nothing(history: tuple[Order, ...]) -> None:
    learned = learn(history[:600], packaged_catalogue(), "v")
    first = history[0]
    one = Decision(first.order_id, first.rep_id, "confirmed", "analyst", time_text(START))
    found = with_classifier(learned, history[:600], packaged_catalogue(), [one])
    assert found.bundle == learned.bundle
    assert found.defaults["classifier"] == "200 orders before the first decision, fewer than 300"


def test_without_decisions_nothing_is_scored_or_changed(
    history: tuple[Order, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weak_labels, "score_forward", None)
    learned = learn(history, packaged_catalogue(), "v")
    assert with_classifier(learned, history, packaged_catalogue(), ()) is learned


def test_why_there_is_no_classifier_is_on_the_card(history: tuple[Order, ...]) -> None:
    learned = learn(history, packaged_catalogue(), "v")
    one = Decision(history[-1].order_id, "A", "confirmed", "analyst", time_text(START))
    found = with_classifier(learned, history, packaged_catalogue(), [one])
    assert found.bundle == learned.bundle
    assert "fewer than 30" in found.defaults["classifier"]
