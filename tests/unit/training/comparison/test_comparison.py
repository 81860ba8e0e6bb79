"""The columns of a comparison."""

import numpy as np
import pytest

from training.comparison.comparison import Scores


def test_the_probability_of_either_fraud_leaves_only_that_of_neither() -> None:
    added, hidden, flags = np.array([0.5, 0.0]), np.array([0.2, 1.0]), np.zeros(2, dtype=bool)
    scores = Scores("v", added, hidden, flags, hidden, hidden, flags, added, 1.0, 1)
    assert scores.probability.tolist() == pytest.approx([0.6, 1.0])
    assert scores.probability_real.tolist() == pytest.approx([0.36, 1.0])
