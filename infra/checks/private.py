"""The switch `privateNetwork`: on, nothing that holds data is reached from outside."""

from __future__ import annotations

from collections.abc import Iterator

from infra.checks.deployment import Deployment, Resource
from infra.checks.hardening import COSMOS, NAMESPACE, SITE, STORAGE, VAULT, WORKSPACE

ENDPOINT = "Microsoft.Network/privateEndpoints"
ZONE_GROUP = f"{ENDPOINT}/privateDnsZoneGroups"
ZONE = "Microsoft.Network/privateDnsZones"
NETWORK = "Microsoft.Network/virtualNetworks"
RULES = "Microsoft.Network/networkSecurityGroups"
NAMESPACE_RULES = f"{NAMESPACE}/networkRuleSets"

REACHED = {
    STORAGE: {"blob": ["privatelink.blob.core.windows.net"]},
    COSMOS: {"Sql": ["privatelink.documents.azure.com"]},
    NAMESPACE: {"namespace": ["privatelink.servicebus.windows.net"]},
    SITE: {"sites": ["privatelink.azurewebsites.net"]},
    VAULT: {"vault": ["privatelink.vaultcore.azure.net"]},
    WORKSPACE: {"amlworkspace": ["privatelink.api.azureml.ms", "privatelink.notebooks.azure.net"]},
}
"""What must have an endpoint when private: its group, and the zones of its name."""


def problems(deployment: Deployment) -> Iterator[str]:
    """Resources that the switch does not reach, in the position it is in."""
    private = deployment.given["privateNetwork"]
    access, action = ("Disabled", "Deny") if private else ("Enabled", "Allow")
    for one in deployment.of(*REACHED, NAMESPACE_RULES):
        if one.at("properties.publicNetworkAccess") != access:
            yield f"{one.where}: {one.name}: publicNetworkAccess is not {access}"
        rules = one.at("properties.networkAcls") or one.properties
        if one.type in {STORAGE, VAULT, NAMESPACE_RULES} and rules.get("defaultAction") != action:
            yield f"{one.where}: {one.name}: the default action of its firewall is not {action}"
    for cosmos in deployment.of(COSMOS):
        if cosmos.at("properties.isVirtualNetworkFilterEnabled") is not private:
            yield f"{cosmos.where}: isVirtualNetworkFilterEnabled does not follow the switch"
    if private:
        yield from _endpoints(deployment)
        yield from _network(deployment)
    elif left := deployment.of(ENDPOINT, ZONE_GROUP, ZONE, NETWORK, RULES):
        yield f"{left[0].where}: {left[0].name} is made though the network is not private"


def _endpoints(deployment: Deployment) -> Iterator[str]:
    found = {_reached(one): one for one in deployment.of(ENDPOINT)}
    zones = {one.name: one for one in deployment.of(ZONE)}
    for resource in deployment.of(*REACHED):
        for group, names in REACHED[resource.type].items():
            endpoint = found.get((resource.id, group))
            if endpoint is None:
                yield f"{resource.where}: {resource.name} has no private endpoint for {group}"
                continue
            if _zones(endpoint, deployment) != names:
                yield f"{endpoint.where}: {endpoint.name} has not the zones {', '.join(names)}"
            for missing in set(names) - zones.keys():
                yield f"{endpoint.where}: the zone {missing} is not made"
    for name, zone in zones.items():
        linked = f"{name}/to-"
        links = [one.name for one in deployment.of(f"{ZONE}/virtualNetworkLinks")]
        if not any(link.startswith(linked) for link in links):
            yield f"{zone.where}: the zone {name} is not linked to the network"


def _reached(endpoint: Resource) -> tuple[str, str]:
    connections = endpoint.at("properties.privateLinkServiceConnections", [])
    properties = connections[0]["properties"] if connections else {}
    groups = properties.get("groupIds", [""])
    return properties.get("privateLinkServiceId", ""), groups[0]


def _zones(endpoint: Resource, deployment: Deployment) -> list[str]:
    ids = [
        one["properties"]["privateDnsZoneId"]
        for group in deployment.of(ZONE_GROUP)
        if group.name.startswith(f"{endpoint.name}/")
        for one in group.at("properties.privateDnsZoneConfigs", [])
    ]
    return [one.rpartition("/")[2] for one in ids]


def _network(deployment: Deployment) -> Iterator[str]:
    """Each subnet has its rules; that of the apps is delegated, and every app is in it."""
    networks = deployment.of(NETWORK)
    if len(networks) != 1:
        yield f"{len(networks)} virtual networks, expected one"
        return
    network = networks[0]
    rules = {one.id for one in deployment.of(RULES)}
    subnets = {one["name"]: one["properties"] for one in network.at("properties.subnets", [])}
    for name, subnet in subnets.items():
        if subnet.get("networkSecurityGroup", {}).get("id") not in rules:
            yield f"{network.where}: the subnet {name} has no network security group"
    delegations = subnets.get("apps", {}).get("delegations", [])
    services = [one["properties"]["serviceName"] for one in delegations]
    if services != ["Microsoft.App/environments"]:
        yield f"{network.where}: the subnet of the apps is not delegated to Flex Consumption"
    for group in deployment.of(RULES):
        for rule in group.at("properties.securityRules", []):
            inbound = rule["properties"]
            if inbound["access"] == "Allow" and inbound["sourceAddressPrefix"] in {"*", "Internet"}:
                yield f"{group.where}: {rule['name']} lets anybody in"
    for site in deployment.of(SITE):
        if site.at("properties.virtualNetworkSubnetId") != f"{network.id}/subnets/apps":
            yield f"{site.where}: {site.name} is not in the network"
