"""The parameters of an environment, and the combinations of those that switch something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from allpairspy import AllPairs

from infra.checks.compiler import NOBODY
from infra.checks.deployment import nested

SWITCHES: Mapping[str, tuple[Any, ...]] = {
    "environmentName": ("dev", "test", "prod"),
    "privateNetwork": (False, True),
    "zoneRedundant": (False, True),
    "cosmosCapacity": ("serverless", "autoscale"),
    "lockData": (False, True),
    "mlflowTrackingUri": ("", "https://mlflow.example.com"),
    "deskClientId": ("", NOBODY),
    "analystGroupId": ("", "11111111-1111-1111-1111-111111111111"),
    "pipelinePrincipalId": ("", "22222222-2222-2222-2222-222222222222"),
    "scorerAlwaysReady": (0, 2),
    "storedVersion": ("1", "2"),
    "ordersFlow": (False, True),
    "watchActivity": ("none", "group", "subscription"),
}
"""The parameters that switch something, and values on either side."""


def pairs() -> Iterator[dict[str, Any]]:
    """Combinations in which every two values of two switches meet.

    Most faults that need more than one value need two (D. R. Kuhn, R. N. Kacker and Y. Lei,
    "Practical Combinatorial Testing", NIST SP 800-142).
    """
    for values in AllPairs(list(SWITCHES.values())):
        yield dict(zip(SWITCHES, values, strict=True))


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
