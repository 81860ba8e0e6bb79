"""Which tracking addresses are taken, whatever is installed."""

import pytest

from shared.errors import ConfigurationError
from training.models import tracking
from training.models.tracking import Store, located

WORKSPACE = (
    "azureml://westeurope.api.azureml.ms/mlflow/v1.0/subscriptions/s/resourceGroups/g"
    "/providers/Microsoft.MachineLearningServices/workspaces/w"
)
"""As `az ml workspace show --query mlflow_tracking_uri` prints it."""


def plugged_in(monkeypatch: pytest.MonkeyPatch, *schemes: str) -> None:
    monkeypatch.setattr(tracking, "entry_points", lambda *, group, name: {name} & set(schemes))


def test_a_workspace_is_taken_where_its_plug_in_is(monkeypatch: pytest.MonkeyPatch) -> None:
    plugged_in(monkeypatch, "azureml")
    assert located(WORKSPACE) == Store(WORKSPACE, None)


def test_a_workspace_without_its_plug_in_is_refused_by_the_name_of_the_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plugged_in(monkeypatch)
    with pytest.raises(ConfigurationError, match="needs the package azureml-mlflow"):
        located(WORKSPACE)


@pytest.mark.parametrize(
    "uri",
    [
        "azureml://w",
        WORKSPACE.replace("/workspaces/w", "/registries/w"),
        WORKSPACE.replace("resourceGroups", "resourcegroups"),  # as the plug-in does not read it
    ],
)
def test_an_address_that_names_no_workspace_is_refused(
    monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    plugged_in(monkeypatch, "azureml")
    with pytest.raises(ConfigurationError, match="the resource id of a workspace"):
        located(uri)
