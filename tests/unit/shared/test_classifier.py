"""The classifier: an additive correction whose parts explain it, and its place in a file."""

import hashlib
import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.assessment import Assessment
from shared.catalogue import packaged_catalogue
from shared.classifier import (
    CORE,
    WORTH_SAYING,
    Classifier,
    Term,
    adjust,
    logit,
    model_reasons,
    probability,
    read_classifier,
)
from shared.episodes import EpisodeState
from shared.features import FEATURE_NAMES
from shared.model import ModelBundle, decode_bundle, encode_bundle, packaged_bundle
from shared.order import Order
from shared.policy import Policy
from shared.profiles import Profile, Profiles, ProfileTable
from shared.scoring import Scorer
from tests.orders import an_order

NATS = st.floats(-20, 20)
SUSPICIOUS = an_order(
    lines=[
        {"product_id": "LLCrankset", "quantity": 1},
        {"product_id": "Road150Red44", "quantity": 1},
    ],
    charged_price=round(3578.27 + 0.2 * 175.49, 4),
)


def term(feature: str, *log_odds: float) -> Term:
    edges = tuple(float(at) for at in range(1, len(log_odds)))
    return Term(feature, edges, log_odds, (0,) * len(log_odds))


def classifier(**log_odds: tuple[float, ...]) -> Classifier:
    """The identity but for some terms, whose edges are 1, 2, ..."""
    terms = tuple(term(name, *log_odds.get(name, (0.0,))) for name in FEATURE_NAMES)
    return Classifier(slope=1.0, intercept=0.0, terms=terms)


def bundle_with(model: Classifier) -> ModelBundle:
    return msgspec.structs.replace(packaged_bundle(), classifier=model)


def score(bundle: ModelBundle, order: Order = SUSPICIOUS) -> Assessment:
    return Scorer(bundle, packaged_catalogue(), Policy()).score_many([order], EpisodeState())[0][0]


classifiers = st.builds(
    lambda slope, intercept, tables: Classifier(
        slope,
        intercept,
        tuple(term(name, *table) for name, table in zip(FEATURE_NAMES, tables, strict=True)),
    ),
    st.floats(0, 3),
    NATS,
    st.tuples(*[st.lists(NATS, min_size=1, max_size=4)] * len(FEATURE_NAMES)),
)
values = st.tuples(*[st.floats(-100, 100)] * len(FEATURE_NAMES)).map(
    lambda row: dict(zip(FEATURE_NAMES, row, strict=True))
)


@given(classifiers, st.floats(0, 1), values)
def test_the_contributions_sum_to_the_logit_of_what_is_served(
    model: Classifier, p_core: float, features: dict[str, float]
) -> None:
    served, parts = adjust(model, p_core, features)
    assert list(parts) == [CORE, *FEATURE_NAMES]
    assert served == probability(math.fsum(parts.values()))
    assert parts[CORE] == model.slope * logit(p_core) + model.intercept
    if 1e-9 < served < 1 - 1e-9:
        assert logit(served) == pytest.approx(math.fsum(parts.values()), rel=1e-6, abs=1e-6)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.01, 10))
def test_a_positive_contribution_is_more_suspicious(p_core: float, nats: float) -> None:
    features = dict.fromkeys(FEATURE_NAMES, 0.0)
    for sign in (1, -1):
        served, parts = adjust(classifier(units=(sign * nats,)), p_core, features)
        assert parts["units"] == sign * nats
        assert (served > p_core) == (sign > 0)
        assert served != p_core


@given(st.floats(0, 1))
def test_a_classifier_without_corrections_leaves_the_core_as_it_is(p_core: float) -> None:
    served, _ = adjust(classifier(), p_core, dict.fromkeys(FEATURE_NAMES, 0.0))
    assert served == pytest.approx(p_core, rel=1e-9, abs=1e-15)


def test_a_bin_holds_its_lower_edge_and_not_its_upper_one() -> None:
    found = term("units", -1.0, 0.0, 2.0)  # edges 1 and 2
    assert [found.at(value) for value in (-1e9, 0.99, 1.0, 1.99, 2.0, 1e9)] == [-1, -1, 0, 0, 2, 2]


@pytest.mark.parametrize(
    "table",
    [
        {"edges": (1.0,), "log_odds": (0.0,), "decided": (0,)},
        {"edges": (), "log_odds": (0.0,), "decided": ()},
        {"edges": (2.0, 1.0), "log_odds": (0.0, 0.0, 0.0), "decided": (0, 0, 0)},
        {"edges": (1.0, 1.0), "log_odds": (0.0, 0.0, 0.0), "decided": (0, 0, 0)},
    ],
)
def test_a_table_that_does_not_fit_together_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError, match="units"):
        msgspec.convert({"feature": "units", **table}, Term)


def test_a_bundle_keeps_its_classifier() -> None:
    model = msgspec.structs.replace(
        classifier(units=(0.5, -0.25)),
        profiles=Profiles(ProfileTable(Profile(3, 2, 0.1), {"A": Profile(3)})),
    )
    data, sha256 = encode_bundle(bundle_with(model))
    loaded = decode_bundle(data, sha256)
    assert loaded == bundle_with(model)
    assert loaded.refused_classifier is None


def test_a_classifier_of_other_features_costs_the_classifier_and_never_the_tables() -> None:
    model = classifier(units=(5.0,))
    renamed = (msgspec.structs.replace(model.terms[0], feature="moon_phase"), *model.terms[1:])
    data, sha256 = encode_bundle(bundle_with(msgspec.structs.replace(model, terms=renamed)))
    loaded = decode_bundle(data, sha256)
    assert loaded.classifier is None
    assert loaded.refused_classifier == (
        "the classifier was trained on other features: unknown moon_phase, missing units"
    )
    assert score(loaded) == score(packaged_bundle())


@pytest.mark.parametrize("field", [b'{"kind":"a forest"}', b"[1,2]", b'"pickle"', b"7"])
def test_a_classifier_of_another_kind_costs_the_classifier_and_never_the_tables(
    field: bytes,
) -> None:
    data, _ = encode_bundle(packaged_bundle())
    data = data[:-1] + b',"classifier":' + field + b"}"
    loaded = decode_bundle(data, hashlib.sha256(data).hexdigest())
    assert loaded.classifier is None
    assert "the classifier is not readable" in str(loaded.refused_classifier)
    assert score(loaded) == score(packaged_bundle())


def test_a_bundle_from_before_there_were_classifiers_loads_and_scores_as_before() -> None:
    fields = msgspec.json.decode(encode_bundle(packaged_bundle())[0])
    assert "classifier" not in fields
    data = msgspec.json.encode(fields)
    loaded = decode_bundle(data, hashlib.sha256(data).hexdigest())
    assert loaded == packaged_bundle()
    assert read_classifier(b"null") == (None, None)


def test_the_scorer_serves_the_adjusted_probability_and_says_why() -> None:
    plain = score(packaged_bundle())
    raised = score(bundle_with(classifier(suspect_percent=(0.0, 0.0, 1.5), units=(0.1,))))
    assert logit(raised.p_added_item) == pytest.approx(logit(plain.p_added_item) + 1.6)
    assert raised.p_hidden_discount == plain.p_hidden_discount
    both = (1 - raised.p_added_item) * (1 - raised.p_hidden_discount)
    assert raised.probability == pytest.approx(1 - both)
    assert raised.findings[0].probability == raised.p_added_item
    (reason,) = [reason for reason in raised.reasons if reason.source == "model"]
    assert (reason.code, reason.contribution) == ("suspect_percent", 1.5)
    assert reason.message == (
        "The suspected discount is 80 %. Analysts' decisions on such orders make an added item "
        "4.5 times likelier."
    )
    weights = [reason.contribution for reason in raised.reasons]
    assert weights == sorted(weights, reverse=True)


def test_what_analysts_dismissed_can_fall_below_the_threshold() -> None:
    assert score(packaged_bundle()).alerted
    assert not score(bundle_with(classifier(suspect_percent=(0.0, -30.0)))).alerted


def test_an_order_not_worth_a_look_is_left_to_the_core() -> None:
    listed = an_order(charged_price=159 + 2 * 120)
    found = score(bundle_with(classifier(units=(9.0,))), listed)
    assert found.p_added_item == score(packaged_bundle(), listed).p_added_item < 0.05


@pytest.mark.parametrize("feature", FEATURE_NAMES)
@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
def test_every_feature_has_a_sentence(feature: str, value: float) -> None:
    (up,) = model_reasons({CORE: 3.0, feature: 1.0}, {feature: value})
    (down,) = model_reasons({CORE: 3.0, feature: -1.0}, {feature: value})
    assert up.message.endswith("make an added item 2.7 times likelier.")
    assert down.message.endswith("make an added item 2.7 times less likely.")
    assert "{" not in up.message
    assert model_reasons({feature: WORTH_SAYING * 0.99}, {feature: value}) == ()


@pytest.mark.parametrize(
    ("value", "said"),
    [(3.0, "20 times likelier to have been"), (-3.0, "20 times less likely to have been")],
)
def test_a_factor_is_said_with_its_direction(value: float, said: str) -> None:
    (reason,) = model_reasons({"suspect_fit_log_odds": 1.0}, {"suspect_fit_log_odds": value})
    assert said in reason.message
