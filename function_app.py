"""The function app: it registers the triggers of the part of Sheriff that SHERIFF_ROLE names."""

import os

import azure.functions as func

from functions import alerts_api, retrain_nightly, score_orders, watch_hub
from functions.settings import role

_BLUEPRINTS = {
    "scorer": (score_orders.blueprint, watch_hub.blueprint),
    "desk": (alerts_api.blueprint,),
    "trainer": (retrain_nightly.blueprint,),
    "all": (
        score_orders.blueprint,
        watch_hub.blueprint,
        alerts_api.blueprint,
        retrain_nightly.blueprint,
    ),
}

app = func.FunctionApp()
for blueprint in (*_BLUEPRINTS[role(os.environ)], alerts_api.health_blueprint):
    app.register_functions(blueprint)
