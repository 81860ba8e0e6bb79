"""Incidents against the episodes that were injected."""

from dataclasses import replace

import numpy as np
import pytest

from shared.policy import Policy
from training.evaluation.incident_quality import report_incidents
from training.evaluation.trials import Sizes, Trial, run_trial
from training.simulation.scenarios import make_scenarios

SIZES = Sizes(history=2_500, orders=1_200, seed=3, partitions=2)


@pytest.fixture(scope="module")
def trial() -> Trial:
    (scenario,) = make_scenarios(["many-runs"], SIZES.history, SIZES.orders, SIZES.seed)
    return run_trial(scenario, SIZES, Policy())


def test_every_injected_episode_becomes_one_incident_with_what_it_took(trial: Trial) -> None:
    found = report_incidents(trial)
    assert found.injected >= 2
    assert (found.incidents, found.missed, found.false_incidents) == (found.injected, 0, 0)
    assert found.percents == (1.0,)
    assert found.amount_ratio == pytest.approx(1.0, abs=0.02)
    assert found.delay.orders_p95 is not None
    assert found.delay.orders_p95 <= 10
    assert found.false_openings == 0


def test_an_incident_away_from_every_episode_is_false_and_an_episode_without_one_is_missed(
    trial: Trial,
) -> None:
    first, *others = trial.incidents
    long_ago = "2000-01-01T00:00:00.000000Z"
    moved = [first | {"started_at": long_ago, "last_seen_at": long_ago}, *others]
    found = report_incidents(replace(trial, incidents=moved))
    assert (found.false_incidents, found.missed) == (1, 1)


def test_openings_outside_of_episodes_are_counted_against_the_clean_orders(trial: Trial) -> None:
    clean = trial.stream.drawn.hidden_bp[trial.rows] == 0
    opened = trial.opened.copy()
    opened[np.flatnonzero(clean)[:3]] = True
    found = report_incidents(replace(trial, opened=opened))
    assert (found.false_openings, found.clean_orders) == (3, int(clean.sum()))
    assert found.false_per_million == pytest.approx(3e6 / clean.sum())
