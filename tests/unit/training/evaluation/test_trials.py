"""A trial scores every order of its stream once, and knows what each fraud took."""

import pytest

from shared.policy import Policy
from training.comparison.metrics import Truth
from training.evaluation.trials import Sizes, Trial, run_trial
from training.simulation.scenarios import make_scenarios

SMALL = Sizes(history=500, orders=400, seed=1, partitions=2)


@pytest.fixture(scope="module")
def trial() -> Trial:
    (scenario,) = make_scenarios(["many-runs"], SMALL.history, SMALL.orders, SMALL.seed)
    return run_trial(scenario, SMALL, Policy())


@pytest.mark.xdist_group("evaluate")
def test_every_order_of_the_stream_is_scored_once_and_none_of_the_history(trial: Trial) -> None:
    assert sorted(trial.rows.tolist()) == list(range(SMALL.orders))
    assert [trial.stream.ids[row] for row in trial.rows] == [s.order_id for s in trial.scores]
    assert set(trial.partition.tolist()) == {0, 1}
    assert trial.learned.bundle.trained_orders == SMALL.history


@pytest.mark.xdist_group("evaluate")
def test_injected_losses_add_up_to_what_the_frauds_took(trial: Trial) -> None:
    stream, drawn = trial.stream, trial.stream.drawn
    losses, truth = stream.losses_e4(), stream.truth()
    injected = [truth[order_id] for order_id in stream.ids]
    assert [Truth(bool(a), bool(h)) for a, h in zip(
        losses["added_item"], losses["hidden_discount"], strict=True
    )] == injected  # fmt: skip
    assert (losses["either"] == losses["added_item"] + losses["hidden_discount"]).all()
    only_hidden = drawn.hidden_bp > 0
    before = drawn.charged_e4[only_hidden] / (1 - drawn.hidden_bp[only_hidden] / 1e4)
    taken = before - drawn.charged_e4[only_hidden]
    assert losses["hidden_discount"][only_hidden] == pytest.approx(taken, abs=2)
    added = drawn.units.added
    prices = stream.prices.list_e4[drawn.units.product[added], 0]
    assert losses["added_item"].sum() == pytest.approx(
        (prices * drawn.units.discount_bp[added] / 1e4).sum(), abs=int(added.sum())
    )
