"""The parameters of an environment, and the combinations of those that switch something."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from itertools import combinations, product
from typing import Any

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
    "ordersFlow": (False, True),
    "watchActivity": ("none", "group", "subscription"),
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
    "Practical Combinatorial Testing", NIST SP 800-142). Each combination begins with two values
    that have not met and takes of every other switch the value that meets most others anew; with
    so many contradictions the library for this (allpairspy) leaves pairs out.
    """
    every = combinations(SWITCHES, 2)
    met = {_pair(one, v, other, w) for one, other in every for v, w in _values(one, other)}
    waiting = {pair: None for pair in sorted(met, key=repr) if possible(dict(pair))}
    while waiting:
        made = dict(next(iter(waiting)))
        for name, values in SWITCHES.items():
            fitting = [one for one in values if possible({**made, name: one})]
            made.setdefault(name, max(fitting, key=lambda one: _new(waiting, made, name, one)))
        for one, other in combinations(SWITCHES, 2):
            waiting.pop(_pair(one, made[one], other, made[other]), None)
        yield {name: made[name] for name in SWITCHES}


type Pair = tuple[tuple[str, Any], tuple[str, Any]]
"""Two switches in the order of their names, each with a value."""


def _pair(one: str, value: Any, other: str, another: Any) -> Pair:
    first, second = sorted([(one, value), (other, another)], key=lambda each: each[0])
    return first, second


def _values(one: str, other: str) -> Iterator[tuple[Any, Any]]:
    return product(SWITCHES[one], SWITCHES[other])


def _new(waiting: Container[Pair], made: Mapping[str, Any], name: str, value: Any) -> int:
    return sum(_pair(name, value, one, made[one]) in waiting for one in made)


def possible(given: Mapping[str, Any]) -> bool:
    """Whether the values of some switches fit together."""
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


FROM_ENVIRONMENT = {
    "deskClientId": "SHERIFF_DESK_CLIENT_ID",
    "analystGroupId": "SHERIFF_ANALYST_GROUP_ID",
    "pipelinePrincipalId": "SHERIFF_PIPELINE_PRINCIPAL_ID",
    "alertEmails": "SHERIFF_ALERT_EMAILS",
    "throughputUnitsNow": "SHERIFF_THROUGHPUT_UNITS",
    "budgetStart": "SHERIFF_BUDGET_START",
}
"""Parameters that whoever deploys gives, and by which variable."""


def from_environment(file: str, text: str) -> Iterator[str]:
    """Parameters that an environment's file does not take from the variable for them."""
    for parameter, variable in FROM_ENVIRONMENT.items():
        if not re.search(rf"(?m)^param {parameter} = .*'{variable}'", text):
            yield f"{file}: {parameter} is not read from {variable}"


def unbounded(template: Mapping[str, Any]) -> Iterator[str]:
    """Parameters with a minimum and no maximum, in main.bicep and its modules."""
    every = [("main.bicep", template), *nested(template)]
    for where, one in every:
        for name, parameter in one.get("parameters", {}).items():
            for least, most in (("minValue", "maxValue"), ("minLength", "maxLength")):
                if least in parameter and most not in parameter:
                    yield f"{where}: {name} has a {least} and no {most}"
