"""The marked orders are clear to whatever serves: any bundle, prices, policy and belief."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.smoke_orders import SmokeOrder, smoke_orders
from shared.assessment import Assessment
from shared.catalogue import Catalogue, packaged_catalogue
from shared.episodes import EpisodeState
from shared.errors import ConfigurationError
from shared.model import ModelBundle, packaged_bundle
from shared.order import Order, parse_order
from shared.policy import Policy
from shared.scoring import Scorer
from shared.smoke_orders import is_smoke_order
from training import simulate, train
from training.models import bundle_folder

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = "product_id,name,category,subcategory,list_price,standard_cost,currency,valid_from"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    at = tmp_path_factory.mktemp("marked")
    orders = ["--seed", "3", "--truth", str(at / "unused.csv"), "--hidden-percent", "2"]
    simulate.main(["--orders", "2500", "--out", str(at / "history.jsonl"), *orders])
    simulate.main([
        *("--orders", "400", "--out", str(at / "run.jsonl"), "--prefix", "run-"),
        *("--hidden-rate", "1", *orders),
    ])  # fmt: skip
    train.main(["--history", str(at / "history.jsonl"), "--out", str(at / "model")])
    return at


@pytest.fixture(scope="module")
def bundle(folder: Path) -> ModelBundle:
    return bundle_folder.load(folder / "model")


class FakeScorer(Scorer):
    """A scorer with ``change`` applied to each assessment, by what the partition believes."""

    def __init__(
        self, bundle: ModelBundle, change: Callable[[Assessment, EpisodeState], Assessment]
    ) -> None:
        super().__init__(bundle, packaged_catalogue(), Policy())
        self._change = change

    def score_many(
        self, orders: Sequence[Order], episode: EpisodeState
    ) -> tuple[list[Assessment], EpisodeState]:
        assessments, after = super().score_many(orders, episode)
        return [self._change(assessment, episode) for assessment in assessments], after


def orders_of(file: Path) -> list[Order]:
    return [parse_order(line) for line in file.read_bytes().splitlines()]


def assessed(scorer: Scorer, marked: SmokeOrder, episode: EpisodeState) -> Assessment:
    (found,), _ = scorer.score_many([parse_order(marked.body)], episode)
    return found


def check(scorer: Scorer, *episodes: EpisodeState) -> str | None:
    """The fraud's typology, once both verdicts are seen to be clear."""
    good, fraud = smoke_orders(scorer, episodes, "20260301-x", NOW)
    assert (good.alert_id, good.typology) == ("smoke-20260301-x-good.0", None)
    assert fraud.alert_id == "smoke-20260301-x-fraud.0"
    assert all(is_smoke_order(parse_order(marked.body)) for marked in (good, fraud))
    for episode in (EpisodeState(), *episodes):
        assert not assessed(scorer, good, episode).alerted
        found = assessed(scorer, fraud, episode)
        assert found.alerted
        assert fraud.typology in {finding.typology for finding in found.findings}
    return fraud.typology


def with_prices(factor: float, *products: str) -> Catalogue:
    """The packaged catalogue at other prices; only these products where any are named."""
    rows = [
        f"{p.product_id},n,c,s,{p.list_e4 / 1e4 * factor:.2f},{p.cost_e4 / 1e4 * factor:.2f},USD,"
        "2020-01-01T00:00:00Z"
        for p in packaged_catalogue()
        if not products or p.product_id in products
    ]
    return Catalogue.from_csv("\n".join([COLUMNS, *rows]).encode())


def test_a_learned_bundle_is_asked_about_an_item_that_was_added(bundle: ModelBundle) -> None:
    scorer = Scorer(bundle, packaged_catalogue(), Policy())
    assert check(scorer) == "added_item"
    _, fraud = smoke_orders(scorer, (), "x", NOW)
    assert assessed(scorer, fraud, EpisodeState()).p_added_item >= 0.9


def test_verdicts_are_clear_while_a_hidden_discount_runs(bundle: ModelBundle, folder: Path) -> None:
    scorer = Scorer(bundle, packaged_catalogue(), Policy())
    _, running = scorer.score_many(orders_of(folder / "run.jsonl"), EpisodeState())
    assert running.belief.running > 0.9
    assert check(scorer, running) == "added_item"


def test_a_belief_under_which_nothing_is_clear_is_heeded(bundle: ModelBundle) -> None:
    suspicious = EpisodeState()

    def alerted(assessment: Assessment, episode: EpisodeState) -> Assessment:
        return replace(assessment, alerted=episode is suspicious)

    scorer = FakeScorer(bundle, alerted)
    with pytest.raises(ConfigurationError, match="no order at list price clearly good"):
        smoke_orders(scorer, [suspicious], "x", NOW)


def test_an_added_item_that_is_not_sure_is_not_sent(bundle: ModelBundle) -> None:
    def unsure(assessment: Assessment, _: EpisodeState) -> Assessment:
        return replace(assessment, p_added_item=min(assessment.p_added_item, 0.8))

    assert check(FakeScorer(bundle, unsure)) == "below_cost"


@pytest.mark.parametrize("factor", [0.37, 3.0])
def test_other_prices_than_the_models_turn_no_verdict_round(
    bundle: ModelBundle, factor: float
) -> None:
    check(Scorer(bundle, with_prices(factor), Policy()))


def test_before_anything_was_learned_the_fraud_is_one_of_arithmetic() -> None:
    assert check(Scorer(packaged_bundle(), packaged_catalogue(), Policy())) == "below_cost"


def test_a_catalogue_without_the_golden_products_has_others(bundle: ModelBundle) -> None:
    golden = {
        line.product_id
        for known in bundle.golden.orders
        for line in parse_order(known.order.encode()).lines
    }
    others = [p.product_id for p in packaged_catalogue() if p.product_id not in golden]
    assert check(Scorer(bundle, with_prices(1, *others[:5]), Policy())) == "below_cost"


def test_where_no_order_is_clear_it_says_so() -> None:
    blind = Policy(below_cost_margin_percent=100, unexplained_gap_probability=1)
    with pytest.raises(ConfigurationError, match="no order clearly a fraud"):
        smoke_orders(Scorer(packaged_bundle(), packaged_catalogue(), blind), (), "x", NOW)
