"""What detection is worth, against examples worked out by hand."""

import numpy as np
import pytest

from training.comparison.quality import (
    calibrate,
    count_false_alarms,
    hidden_episodes,
    loss_found,
    measure_delay,
    reviews,
)

PROBABILITY = np.array([0.9, 0.2, 0.8, 0.1, 0.7, 0.95])
FRAUD = np.array([True, True, False, False, True, False])
DAYS = np.array([1, 1, 1, 2, 2, 2])


def test_precision_at_k_takes_the_likeliest_of_every_day() -> None:
    found = reviews(2, DAYS, PROBABILITY, FRAUD)
    # Day 1: 0.9 (fraud) and 0.8; day 2: 0.95 and 0.7 (fraud). Perfect ranking finds 2 and 1.
    assert (found.reviewed, found.found, found.attainable) == (4, 2, 3)
    assert found.precision == 0.5
    assert found.share_of_attainable == pytest.approx(2 / 3)
    # One a day: 0.9 is a fraud, 0.95 is none; nobody could find both frauds of day 1.
    assert reviews(1, DAYS, PROBABILITY, FRAUD).share_of_attainable == 0.5


def test_a_day_with_fewer_orders_than_reviews_is_reviewed_whole() -> None:
    found = reviews(50, DAYS, PROBABILITY, FRAUD)
    assert (found.reviewed, found.found, found.share_of_attainable) == (6, 3, 1.0)


def test_without_frauds_there_is_nothing_to_attain() -> None:
    assert reviews(2, DAYS, PROBABILITY, np.zeros(6, dtype=bool)).share_of_attainable is None


def test_the_loss_found_is_that_of_flagged_orders() -> None:
    loss = np.array([100_000, 0, 300_000, 0])
    found = loss_found(loss, np.array([False, True, True, False]))
    assert (found.injected, found.found, found.share) == (40.0, 30.0, 0.75)
    assert loss_found(np.zeros(4, dtype=np.int64), loss > 0).share is None


def test_calibration_compares_each_bin_with_its_share_of_frauds() -> None:
    fit = calibrate(np.array([0.05, 0.15, 0.15, 1.0]), np.array([False, True, False, True]))
    assert [(one.low, one.orders, one.fraud_share) for one in fit.bins] == [
        (0.0, 1, 0.0),
        (0.1, 2, 0.5),
        (0.9, 1, 1.0),
    ]
    assert fit.expected_error == pytest.approx((0.05 + 0.7 + 0.0) / 4)
    assert fit.brier == pytest.approx((0.05**2 + 0.85**2 + 0.15**2 + 0) / 4)


def test_an_episode_ends_where_the_hidden_percentage_changes() -> None:
    hidden = np.array([0, 100, 100, 0, 100, 50, 50, 0])
    assert hidden_episodes(hidden).tolist() == [0, 1, 1, 0, 2, 3, 3, 0]


EPISODE = np.array([0, 1, 1, 1, 1, 0, 2, 2, 2])
PARTITION = np.array([0, 0, 1, 0, 1, 0, 1, 0, 1])
MINUTES = np.array([0, 10, 12, 15, 30, 40, 50, 60, 75])
TIMES = np.datetime64("2025-01-01T08:00", "ms") + MINUTES.astype("timedelta64[m]")


def test_delay_counts_a_partitions_own_orders_until_the_first_that_is_flagged() -> None:
    # Episode 1: partition 0 at its second order (5 min), partition 1 at once.
    # Episode 2: partition 1 at its second order (25 min), partition 0 at once.
    flagged = np.array([True, False, True, True, True, False, False, True, True])
    delay = measure_delay(EPISODE, PARTITION, flagged, TIMES)
    assert (delay.episodes, delay.missed) == (4, 0)
    assert (delay.orders_p50, delay.orders_p95) == (1, 2)
    assert (delay.minutes_p50, delay.minutes_p95) == (0, 25)


def test_a_missed_episode_counts_as_an_endless_delay() -> None:
    flagged = np.array([False, False, True, True, False, False, False, False, True])
    delay = measure_delay(EPISODE, PARTITION, flagged, TIMES)
    assert (delay.episodes, delay.missed) == (4, 1)
    assert (delay.orders_p50, delay.orders_p95) == (2, None)
    assert delay.minutes_p95 is None


def test_without_episodes_there_is_no_delay() -> None:
    delay = measure_delay(np.zeros(9, dtype=int), PARTITION, EPISODE > 0, TIMES)
    assert (delay.episodes, delay.missed, delay.orders_p95) == (0, 0, None)


def test_a_false_alarm_is_a_flag_outside_of_every_episode() -> None:
    alarms = count_false_alarms(EPISODE, np.array([True, *[True] * 4, False, *[True] * 3]))
    assert (alarms.clean_orders, alarms.flagged, alarms.per_million) == (2, 1, 500_000)
