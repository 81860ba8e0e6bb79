"""The functions of Bicep that the templates use.

What depends on the subscription is worked out for one that does not exist, always the same.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable
from typing import Any

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
GROUP = f"{SUBSCRIPTION}/resourceGroups/sheriff"


def resource_id(of: str, *names: str) -> str:
    """The id of a resource of this type and these names, from the outermost in."""
    namespace, *kinds = of.split("/")
    if len(kinds) != len(names):
        raise ValueError(f"{of} takes {len(kinds)} names, not {len(names)}")
    parts = [f"{kind}/{name}" for kind, name in zip(kinds, names, strict=True)]
    return "/".join([GROUP, "providers", namespace, *parts])


def _union(*parts: Any) -> Any:
    if all(isinstance(part, dict) for part in parts):
        return {name: item for part in parts for name, item in part.items()}
    return [item for number, part in enumerate(parts) for item in part if number == 0 or item]


def _subnet(prefix: str, length: int, number: int) -> str:
    return str(list(ipaddress.ip_network(prefix).subnets(new_prefix=length))[number])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "cidrSubnet": _subnet,
    "concat": lambda *parts: (
        "".join(parts) if isinstance(parts[0], str) else [item for part in parts for item in part]
    ),
    "empty": lambda of: not of,
    "environment": lambda: {
        "suffixes": {"storage": "core.windows.net"},
        "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"},
    },
    "guid": lambda *parts: str(uuid.uuid5(uuid.NAMESPACE_URL, "-".join(parts))),
    "readEnvironmentVariable": lambda name, default: default,  # noqa: ARG005 - as if none were set
    "replace": lambda text, old, new: text.replace(old, new),
    "resourceGroup": lambda: {"id": GROUP, "location": "westeurope"},
    "resourceId": resource_id,
    "split": lambda text, by: text.split(by),
    "subscription": lambda: {"id": SUBSCRIPTION},
    "subscriptionResourceId": lambda of, name: f"{SUBSCRIPTION}/providers/{of}/{name}",
    "tenant": lambda: {"tenantId": "11111111-1111-1111-1111-111111111111"},
    "toLower": lambda text: text.lower(),
    "union": _union,
    "uniqueString": lambda *parts: f"u{len(parts)}abcdefghijk",  # 13 characters, as Azure's
}
