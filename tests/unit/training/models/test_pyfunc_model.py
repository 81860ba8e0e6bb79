"""A registered model: it loads with MLflow alone, and decides as the scorer does."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.pyfunc import load_model

from shared.catalogue import packaged_catalogue
from shared.episodes import EpisodeState
from shared.errors import OrderError
from shared.model import packaged_bundle
from shared.policy import Policy
from shared.scoring import Scorer
from tests.orders import an_order, order_fields
from tests.unit.training.models.mlflow_world import bundle_of, register
from training.models.registry import Registry


def test_a_registered_model_loads_and_decides_as_the_scorer_does(
    registry: Registry, client: MlflowClient
) -> None:
    number = register(registry, "loaded", "sheriff-loaded")
    source = client.get_model_version("sheriff-loaded", str(number)).source
    model = load_model(source)
    charges = (399, 300, 123.45)
    orders = [order_fields(order_id=f"o-{n}", charged_price=c) for n, c in enumerate(charges)]
    found = model.predict(pd.DataFrame({"order": [json.dumps(order) for order in orders]}))
    scorer = Scorer(packaged_bundle(), packaged_catalogue(), Policy())
    for row, order in zip(found.itertuples(), orders, strict=True):
        (expected,), _ = scorer.score_many([an_order(**order)], EpisodeState())
        assert row.order_id == expected.order.order_id
        assert row.p_added_item == expected.p_added_item
        assert row.p_hidden_discount == expected.p_hidden_discount
        assert row.probability == expected.probability
        assert row.alerted == expected.alerted
    assert model.metadata.signature.inputs.input_names() == ["order"]
    assert model.input_example["order"].map(json.loads).tolist() == [order_fields()]


def test_a_registered_model_loads_where_sheriff_is_not(
    registry: Registry, client: MlflowClient, tmp_path: Path
) -> None:
    number = register(registry, "elsewhere", "sheriff-elsewhere")
    source = client.get_model_version("sheriff-elsewhere", str(number)).source
    script = (
        "import sys, pandas; from mlflow import pyfunc\n"
        "model = pyfunc.load_model(sys.argv[1])\n"
        "import shared; assert 'artifacts' in shared.__file__, shared.__file__\n"
        "print(model.predict(pandas.DataFrame({'order': [sys.argv[2]]})).order_id[0])"
    )
    command = [sys.executable, "-I", "-c", script, source, json.dumps(order_fields())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "o-1"), done.stderr


def test_a_model_keeps_the_prices_it_is_given(registry: Registry, client: MlflowClient) -> None:
    prices = (
        b"product_id,name,category,subcategory,list_price,standard_cost,currency,valid_from\n"
        b"bike,Bike,Bikes,Road,100,50,EUR,2015-01-01T00:00:00Z\n"
    )
    order = order_fields(lines=[{"product_id": "bike", "quantity": 1}], charged_price=100)
    with registry.run("priced") as run:
        number = run.model("sheriff-priced", bundle_of("priced"), "priced", [order], prices)
    model = load_model(client.get_model_version("sheriff-priced", str(number)).source)
    dollars = json.dumps(order | {"currency": "USD"})
    with pytest.raises(OrderError, match="row 0: currency is USD, expected EUR"):
        model.predict(pd.DataFrame({"order": [dollars]}))
