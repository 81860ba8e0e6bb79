"""What the templates come to with the switches that no environment has on, and what they refuse."""

import json
import re
from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any

import pytest

from infra.checks.access import grants
from infra.checks.bicep import Bench, bench
from infra.checks.compiler import NOBODY, CompilerError
from infra.checks.deployment import Deployment, Templates
from infra.checks.parameters import REFUSED, SWITCHES, pairs
from infra.checks.private import ENDPOINT, LINK, NETWORK, SCOPE, ZONE

pytestmark = pytest.mark.compiler

FIREWALL = SWITCHES["firewallAddress"][1]
HUB_NETWORK = SWITCHES["linkedNetworkIds"][1][0]
ZONES_GROUP = SWITCHES["dnsZonesGroupId"][1]

type Deploy = Callable[..., Deployment]
"""What the templates come to in an environment, with some parameters otherwise."""


@pytest.fixture(scope="module")
def on() -> Iterator[Bench]:
    with bench({}) as made:
        yield made


@pytest.fixture(scope="module")
def deployed(on: Bench) -> Deploy:
    templates = Templates.of(on.compiler, on.folder)
    files = {one: on.compiler.parameters(on.environment(one))[0] for one in ("dev", "prod")}

    def deploy(environment: str, **given: Any) -> Deployment:
        return templates.deployed(on.compiler, {**files[environment], **given})

    return deploy


@pytest.mark.parametrize(
    ("given", "said"),
    [
        *REFUSED,
        ({"budgetStart": "12-01"}, "budgetStart (12-01) must be the first day"),
        ({"networkAddressPrefix": "10.0.0.0/24"}, "networkAddressPrefix (10.0.0.0/24) has no room"),
    ],
)
def test_what_contradicts_itself_or_azure_would_refuse_is_refused_by_the_template(
    deployed: Deploy, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(CompilerError, match=re.escape(said)):
        deployed("dev", **{"privateNetwork": True, **given})


def test_everything_that_contradicts_itself_is_said_at_once(deployed: Deploy) -> None:
    with pytest.raises(CompilerError, match=r"throughputUnitsMaximum.*; natGateway needs"):
        deployed("dev", throughputUnitsMaximum=2, throughputUnits=2, natGateway=True)


@pytest.mark.parametrize(
    ("there", "capacity", "maximum"),
    [(0, 2, 20), (1, 2, 20), (12, 12, 20), (19, 19, 20), (20, 20, 21), (39, 39, 40)],
)
def test_what_the_namespace_has_grown_to_stays_and_it_may_grow_further(
    deployed: Deploy, there: int, capacity: int, maximum: int
) -> None:
    """Production has 2 to 20 units; Azure wants the maximum greater than the capacity."""
    (made,) = deployed("prod", throughputUnitsNow=there).of("Microsoft.EventHub/namespaces")
    assert made.at("sku.capacity") == capacity
    assert made.at("properties.isAutoInflateEnabled") is True
    assert made.at("properties.maximumThroughputUnits") == maximum


def test_a_namespace_that_has_all_units_there_are_stays_so_without_auto_inflate(
    deployed: Deploy,
) -> None:
    """40 at most; "Cannot set MaximumThroughputUnits property if AutoInflate is not enabled"."""
    (made,) = deployed("prod", throughputUnitsNow=40).of("Microsoft.EventHub/namespaces")
    assert made.at("sku.capacity") == 40
    assert made.at("properties.isAutoInflateEnabled") is False
    assert made.at("properties.maximumThroughputUnits") == 0


def test_a_write_once_policy_is_written_until_it_is_locked_and_then_left_alone(
    deployed: Deploy,
) -> None:
    """ "The only action allowed on a Locked policy is ExtendImmutabilityPolicy"."""
    kind = "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies"
    (made,) = deployed("prod", ordersWriteOnceDays=30).of(kind)
    assert made.at("properties.immutabilityPeriodSinceCreationInDays") == 30
    assert deployed("prod", ordersWriteOnceDays=30, ordersWriteOnceLocked=True).of(kind) == []


def test_without_a_start_there_is_no_budget_and_with_one_it_has_that_start(
    deployed: Deploy,
) -> None:
    kind = "Microsoft.Consumption/budgets"
    assert deployed("dev").of(kind) == []
    made = deployed("dev", budgetStart="2027-03-01").of(kind)
    assert [one.at("properties.timePeriod.startDate") for one in made] == ["2027-03-01"]


def test_a_salt_changes_every_name_that_azure_may_still_hold(deployed: Deploy) -> None:
    usual, salted = deployed("dev"), deployed("dev", nameSalt="again")
    kinds = (
        "Microsoft.KeyVault/vaults",
        "Microsoft.MachineLearningServices/workspaces",
        "Microsoft.OperationalInsights/workspaces",
        "Microsoft.Storage/storageAccounts",
        "Microsoft.DocumentDB/databaseAccounts",
        "Microsoft.EventHub/namespaces",
        "Microsoft.Web/sites",
    )
    for kind in kinds:
        before, after = ({one.name for one in each.of(kind)} for each in (usual, salted))
        assert before
        assert len(before) == len(after)
        assert not before & after


def test_a_deleted_vault_comes_back_only_where_that_is_asked_for(deployed: Deploy) -> None:
    for recover, mode in ((False, "default"), (True, "recover")):
        vaults = deployed("dev", recoverVault=recover).of("Microsoft.KeyVault/vaults")
        assert [one.at("properties.createMode") for one in vaults] == [mode]


def test_zones_of_a_platform_team_are_used_and_none_is_made(deployed: Deploy) -> None:
    made = deployed("prod", dnsZonesGroupId=ZONES_GROUP)
    assert made.of(ZONE, LINK) == []
    assert made.of(ENDPOINT)
    used = [
        one["properties"]["privateDnsZoneId"]
        for group in made.of(f"{ENDPOINT}/privateDnsZoneGroups")
        for one in group.at("properties.privateDnsZoneConfigs")
    ]
    assert used
    assert all(one.startswith(f"{ZONES_GROUP}/providers/{ZONE}/") for one in used)


def test_a_hub_finds_the_data_by_name_and_its_own_monitoring_as_before(deployed: Deploy) -> None:
    made = deployed("prod", linkedNetworkIds=[HUB_NETWORK], privateMonitoring=True)
    linked = {
        one.name.partition("/")[0]
        for one in made.of(LINK)
        if one.at("properties.virtualNetwork.id") == HUB_NETWORK
    }
    every = {one.name for one in made.of(ZONE)}
    assert "privatelink.documents.azure.com" in linked
    assert every - linked == {
        "privatelink.monitor.azure.com",
        "privatelink.oms.opinsights.azure.com",
        "privatelink.ods.opinsights.azure.com",
        "privatelink.agentsvc.azure-automation.net",
    }


def test_the_apps_call_out_by_the_gateway_or_by_the_firewall(deployed: Deploy) -> None:
    def apps(**given: Any) -> dict[str, Any]:
        (network,) = deployed("prod", **given).of(NETWORK)
        subnets = {one["name"]: one["properties"] for one in network.at("properties.subnets")}
        return {name: one for name, one in subnets["apps"].items() if one is not None}

    assert not {"natGateway", "routeTable", "defaultOutboundAccess"} & apps().keys()
    assert apps(natGateway=True)["natGateway"]["id"].endswith("-egress")
    assert apps(natGateway=True)["defaultOutboundAccess"] is False
    by_firewall = apps(firewallAddress=FIREWALL)
    assert by_firewall["routeTable"]["id"].endswith("-by-firewall")
    assert by_firewall["defaultOutboundAccess"] is False


def test_private_monitoring_refuses_what_comes_from_outside(deployed: Deploy) -> None:
    made = deployed("prod", privateMonitoring=True)
    assert len(made.of(SCOPE)) == 1
    watched = made.of("Microsoft.OperationalInsights/workspaces", "Microsoft.Insights/components")
    for one in watched:
        assert one.at("properties.publicNetworkAccessForIngestion") == "Disabled"
        assert one.at("properties.publicNetworkAccessForQuery") == "Disabled"


def test_the_network_that_is_made_first_is_the_one_that_main_makes(
    on: Bench, deployed: Deploy
) -> None:
    given = {"linkedNetworkIds": [HUB_NETWORK], "natGateway": True, "privateMonitoring": True}
    whole = deployed("prod", **given)
    first = Templates.of(on.compiler, on.folder, "infra/network.bicep")
    alone = first.deployed(on.compiler, {"environmentName": "prod", "costCentre": "fraud", **given})
    shown = {one.id: json.dumps(one.body, sort_keys=True) for one in alone.resources}
    network = {
        one.id: json.dumps(one.body, sort_keys=True)
        for one in whole.resources
        if one.module == "network"
    }
    assert network
    assert shown == network


def test_names_are_as_long_as_azure_takes_them(deployed: Deploy) -> None:
    """Azure's "Naming rules and restrictions for Azure resources"."""
    longest = {
        "Microsoft.KeyVault/vaults": 24,
        "Microsoft.Storage/storageAccounts": 24,
        "Microsoft.MachineLearningServices/workspaces": 33,
        "Microsoft.DocumentDB/databaseAccounts": 44,
        "Microsoft.EventHub/namespaces": 50,
        "Microsoft.Web/sites": 60,
        "Microsoft.OperationalInsights/workspaces": 63,
        "Microsoft.Network/privateEndpoints": 64,
    }
    made = deployed("prod", nameSalt="twenty characters ok")
    for kind, length in longest.items():
        assert made.of(kind)
        assert all(len(one.name) <= length for one in made.of(kind)), kind


def test_every_two_values_that_fit_together_meet_in_a_combination() -> None:
    made = list(pairs())
    assert len(SWITCHES) >= 20
    wrong = [one.given.items() for one in REFUSED]
    for one, other in combinations(SWITCHES, 2):
        met = {(each[one], each[other]) for each in made}
        assert met == {
            (value, another)
            for value, another in product(SWITCHES[one], SWITCHES[other])
            if {one: value, other: another}.items() not in wrong
        }


def test_contributor_is_the_workspaces_own_identity_alone_on_what_the_workspace_needs(
    deployed: Deploy,
) -> None:
    """Owner is nobody, and no role is given on more than one resource."""
    granted = set(grants(deployed("prod", analystGroupId=NOBODY)))
    assert {one.holder for one in granted if one.role == "Contributor"} == {"mlflow"}
    assert not [one for one in granted if one.role == "Owner" or "whole" in one.on]


def test_the_subscription_of_an_evaluation_is_nobodys() -> None:
    assert HUB_NETWORK.startswith(f"/subscriptions/{NOBODY}/")
