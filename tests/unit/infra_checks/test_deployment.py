import pytest

from infra.checks.bicep import read_files
from infra.checks.deployment import MAIN, Deployment, deployed
from infra.checks.hardening import SITE, settings
from infra.checks.parameters import given
from infra.checks.private import ENDPOINT, NETWORK, ZONE
from infra.checks.syntax import BicepError


def production(*, private: bool) -> Deployment:
    """Production, with the network's switch as it is asked for."""
    files = read_files({})
    return deployed(files, given(files, "prod") | {"privateNetwork": private})


def test_a_private_network_brings_endpoints_and_names_and_takes_public_access_away() -> None:
    public, private = production(private=False), production(private=True)
    assert not public.of(ENDPOINT, NETWORK, ZONE)
    assert len(private.of(ENDPOINT)) == 15
    assert len(private.of(NETWORK)) == 1
    for deployment, access in ((public, "Enabled"), (private, "Disabled")):
        reached = [one for one in deployment.resources if one.at("properties.publicNetworkAccess")]
        assert len(reached) == 13
        assert {one.at("properties.publicNetworkAccess") for one in reached} == {access}


def test_three_apps_of_one_code_base_differ_by_role_identity_and_settings() -> None:
    sites = {settings(one)["SHERIFF_ROLE"]: one for one in production(private=True).of(SITE)}
    assert set(sites) == {"scorer", "trainer", "desk"}
    assert len({one.at("properties.serverFarmId") for one in sites.values()}) == 3
    assert "RETRAIN_SCHEDULE" in settings(sites["trainer"])
    assert "EventHubConnection__fullyQualifiedNamespace" in settings(sites["scorer"])
    assert "EventHubConnection__fullyQualifiedNamespace" not in settings(sites["desk"])


def test_a_resource_is_as_long_named_as_its_type() -> None:
    text = "resource a 'Microsoft.Web/sites/config@2025-03-01' = {\n  name: 'x'\n}\n"
    with pytest.raises(BicepError, match=r"main\.bicep:1: a of Microsoft\.Web/sites/config"):
        deployed({MAIN: text}, {})


def test_a_name_that_depends_on_itself_is_refused() -> None:
    with pytest.raises(BicepError, match="a depends on itself"):
        deployed({MAIN: "var a = b\nvar b = a\noutput o string = a\n"}, {})


def test_a_resource_whose_condition_fails_is_not_made() -> None:
    text = "resource a 'Microsoft.Web/sites@2025-03-01' = if (false) {\n  name: 'x'\n}\n"
    assert deployed({MAIN: text}, {}).resources == []
