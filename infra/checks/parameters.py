"""The parameters of an environment, and the combinations of those that switch something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from allpairspy import AllPairs

from infra.checks.compiler import NOBODY, Compiler, CompilerError
from infra.checks.deployment import Templates, nested

FIREWALL = "10.0.0.4"
HUB_NETWORK = (
    f"/subscriptions/{NOBODY}/resourceGroups/rg-hub/providers/Microsoft.Network/virtualNetworks/hub"
)
ZONES_GROUP = f"/subscriptions/{NOBODY}/resourceGroups/rg-dns"
MLFLOW = "https://mlflow.example.com"

SWITCHES: Mapping[str, tuple[Any, ...]] = {
    "environmentName": ("dev", "test", "prod"),
    "privateNetwork": (False, True),
    "linkedNetworkIds": ((), (HUB_NETWORK,)),
    "dnsZonesGroupId": ("", ZONES_GROUP),
    "natGateway": (False, True),
    "firewallAddress": ("", FIREWALL),
    "privateMonitoring": (False, True),
    "zoneRedundant": (False, True),
    "dataReplication": ("Standard_LRS", "Standard_ZRS", "Standard_GZRS"),
    "throughputUnitsNow": (0, 3),
    "cosmosCapacity": ("serverless", "autoscale"),
    "lockData": (False, True),
    "mlflowTrackingUri": ("", MLFLOW),
    "deskClientId": ("", NOBODY),
    "analystGroupId": ("", "11111111-1111-1111-1111-111111111111"),
    "pipelinePrincipalId": ("", "22222222-2222-2222-2222-222222222222"),
    "scorerAlwaysReady": (0, 2),
    "storedVersion": ("1", "2"),
    "ordersWriteOnceDays": (0, 30),
    "recoverVault": (False, True),
    "budgetStart": ("", "2026-12-01"),
}
"""The parameters that switch something, and values on either side."""

CONTRADICTIONS: tuple[tuple[str, Any, str, Any, str], ...] = (
    ("zoneRedundant", True, "dataReplication", "Standard_LRS", "Standard_LRS does not"),
    ("privateNetwork", False, "linkedNetworkIds", (HUB_NETWORK,), "linkedNetworkIds needs private"),
    ("privateNetwork", False, "dnsZonesGroupId", ZONES_GROUP, "dnsZonesGroupId needs private"),
    ("privateNetwork", False, "natGateway", True, "natGateway needs privateNetwork"),
    ("privateNetwork", False, "firewallAddress", FIREWALL, "firewallAddress needs privateNetwork"),
    ("privateNetwork", False, "privateMonitoring", True, "privateMonitoring needs privateNetwork"),
    ("linkedNetworkIds", (HUB_NETWORK,), "dnsZonesGroupId", ZONES_GROUP, "links zones that are"),
    (
        "privateMonitoring",
        True,
        "dnsZonesGroupId",
        ZONES_GROUP,
        "changes the names of Azure Monitor",
    ),
    ("natGateway", True, "firewallAddress", FIREWALL, "the apps have one way out"),
    ("recoverVault", True, "mlflowTrackingUri", MLFLOW, "there is no vault"),
)
"""Two values of two switches that the template refuses, and what it says of them."""

WRONG: tuple[tuple[Mapping[str, Any], str], ...] = (
    (
        {"throughputUnits": 4, "throughputUnitsMaximum": 4},
        "throughputUnitsMaximum (4) must be greater than throughputUnits (4)",
    ),
    (
        {"cosmosCapacity": "autoscale", "alertsMaximumThroughput": 4500},
        "alertsMaximumThroughput (4500) must be a multiple of 1000",
    ),
    (
        {"ordersWriteOnceDays": 91, "ordersKeptDays": 90},
        "ordersWriteOnceDays (91) must not be greater than ordersKeptDays (90)",
    ),
    ({"budgetStart": "2026-12-15"}, "budgetStart (2026-12-15) must be the first day"),
)
"""Numbers and dates that Azure would refuse, and what the template says of them."""


def pairs() -> Iterator[dict[str, Any]]:
    """Combinations in which every two values of two switches meet, but for contradictions.

    Most faults that need more than one value need two (D. R. Kuhn, R. N. Kacker and Y. Lei,
    "Practical Combinatorial Testing", NIST SP 800-142).
    """
    for values in AllPairs(list(SWITCHES.values()), filter_func=possible):
        yield dict(zip(SWITCHES, values, strict=True))


def possible(values: Sequence[Any]) -> bool:
    """Whether the values of the first switches fit together."""
    given = dict(zip(SWITCHES, values, strict=False))
    return not any(
        given.get(one) == value and given.get(other) == another
        for one, value, other, another, _ in CONTRADICTIONS
    )


def refused(templates: Templates, compiler: Compiler, given: Mapping[str, Any]) -> Iterator[str]:
    """What the template takes and should refuse: all that is wrong is given to it at once."""
    contradictory = {
        name: value
        for one, value, other, another, _ in CONTRADICTIONS
        for name, value in ((one, value), (other, another))
    }
    wrong = {name: value for values, _ in WRONG for name, value in values.items()}
    said = ""
    try:
        templates.deployed(compiler, {**given, **contradictory, **wrong})
    except CompilerError as error:
        said = str(error)
    for text in [*(each[-1] for each in CONTRADICTIONS), *(text for _, text in WRONG)]:
        if text not in said:
            yield f"infra/main.bicep: does not refuse what it should with: {text}"


def problems(environment: str, given: Mapping[str, Any]) -> Iterator[str]:
    """What the file of an environment must not give."""
    file = f"infra/environments/{environment}.bicepparam"
    if given.get("environmentName") != environment:
        yield f"{file}: environmentName is not {environment}"


def unbounded(template: Mapping[str, Any]) -> Iterator[str]:
    """Parameters with a minimum and no maximum, in main.bicep and its modules."""
    every = [("main.bicep", template), *nested(template)]
    for where, one in every:
        for name, parameter in one.get("parameters", {}).items():
            for least, most in (("minValue", "maxValue"), ("minLength", "maxLength")):
                if least in parameter and most not in parameter:
                    yield f"{where}: {name} has a {least} and no {most}"
