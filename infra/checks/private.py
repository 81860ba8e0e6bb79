"""The switch `privateNetwork`: on, nothing that holds data is reached from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.checks.data import ours
from infra.checks.deployment import Deployment, Resource
from infra.checks.hardening import (
    INSIGHTS,
    LOGS,
    NAMESPACE,
    SITE,
    STORAGE,
)
from infra.checks.published import private_link

ENDPOINT = "Microsoft.Network/privateEndpoints"
ZONE_GROUP = f"{ENDPOINT}/privateDnsZoneGroups"
ZONE = "Microsoft.Network/privateDnsZones"
LINK = f"{ZONE}/virtualNetworkLinks"
NETWORK = "Microsoft.Network/virtualNetworks"
RULES = "Microsoft.Network/networkSecurityGroups"
NAT = "Microsoft.Network/natGateways"
ADDRESS = "Microsoft.Network/publicIPAddresses"
ROUTES = "Microsoft.Network/routeTables"
NAMESPACE_RULES = f"{NAMESPACE}/networkRuleSets"
SCOPE = "Microsoft.Insights/privateLinkScopes"
SCOPED = f"{SCOPE}/scopedResources"

_TABLE = ours("private")
REACHED: Mapping[str, Sequence[str]] = _TABLE["reached"]
"""What has an endpoint when private, by its groups."""


def problems(deployment: Deployment) -> Iterator[str]:
    """Resources that the switch does not reach, in the position it is in."""
    private = deployment.given["privateNetwork"]
    yield from _monitoring(deployment)
    if private:
        yield from _endpoints(deployment)
        yield from _zones(deployment)
        yield from _network(deployment)
    elif left := deployment.of(*_TABLE["only_private"]):
        yield f"{left[0].where}: {left[0].name} is made though the network is not private"


def _monitoring(deployment: Deployment) -> Iterator[str]:
    """Logs and measures go through the scope where they are private."""
    private = deployment.given["privateMonitoring"]
    watched = deployment.of(LOGS, INSIGHTS)
    scoped = {one.at("properties.linkedResourceId") for one in deployment.of(SCOPED)}
    if scoped != ({one.id for one in watched} if private else set()):
        yield "infra/modules/monitoringscope.bicep: the scope does not follow privateMonitoring"


def _endpoints(deployment: Deployment) -> Iterator[str]:
    """Everything has its endpoint, in the subnet for them, and the published zones for its name."""
    found = {_reached(one): one for one in deployment.of(ENDPOINT)}
    for resource in deployment.of(*REACHED):
        host = resource.type == STORAGE and not resource.name.startswith(("stdata", "stmlflow"))
        for group in (*REACHED[resource.type], *(["table"] if host else [])):
            endpoint = found.pop((resource.id, group), None)
            if endpoint is None:
                yield f"{resource.where}: {resource.name} has no private endpoint for {group}"
                continue
            names = private_link()[resource.type][group]
            if _zones_of(endpoint, deployment) != [_zone_id(one, deployment) for one in names]:
                yield f"{endpoint.where}: {endpoint.name} has not the zones {', '.join(names)}"
            if not str(endpoint.at("properties.subnet.id")).endswith("/subnets/endpoints"):
                yield f"{endpoint.where}: {endpoint.name} is not in the subnet of the endpoints"
    for _, group in found:
        yield f"infra/main.bicep: an endpoint for {group} leads to nothing that is made here"


def _reached(endpoint: Resource) -> tuple[str, str]:
    connections = endpoint.at("properties.privateLinkServiceConnections", [])
    properties = connections[0]["properties"] if connections else {}
    groups = properties.get("groupIds", [""])
    return properties.get("privateLinkServiceId", ""), groups[0]


def _zones_of(endpoint: Resource, deployment: Deployment) -> list[str]:
    return [
        one["properties"]["privateDnsZoneId"]
        for group in deployment.of(ZONE_GROUP)
        if group.name.startswith(f"{endpoint.name}/")
        for one in group.at("properties.privateDnsZoneConfigs", [])
    ]


def _zone_id(name: str, deployment: Deployment) -> str:
    """Where a zone must be: with the platform team, where it has them, else made here."""
    elsewhere = deployment.given["dnsZonesGroupId"]
    made = {one.name: one.id for one in deployment.of(ZONE)}
    return f"{elsewhere}/providers/{ZONE}/{name}" if elsewhere else made.get(name, "not made")


def _zones(deployment: Deployment) -> Iterator[str]:
    """Each zone that is made here is linked to the network; those of the data to others, too."""
    zones = deployment.of(ZONE)
    if deployment.given["dnsZonesGroupId"] and zones:
        yield f"{zones[0].where}: zones are made here, and a platform team has them"
    monitor = set(private_link()[SCOPE]["azuremonitor"]) - set(private_link()[STORAGE]["blob"])
    ours = {one.id for one in deployment.of(NETWORK)}
    for zone in zones:
        links = [one for one in deployment.of(LINK) if one.name.startswith(f"{zone.name}/")]
        linked = [one.at("properties.virtualNetwork.id") for one in links]
        others = set() if zone.name in monitor else set(deployment.given["linkedNetworkIds"])
        if set(linked) != ours | others or len(linked) != len(ours | others):
            yield f"{zone.where}: the zone {zone.name} is linked to {linked}"


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
    yield from _ways_out(network, subnets.get("apps", {}), deployment)


def network_first(main: Mapping[str, Any], alone: Mapping[str, Any]) -> Iterator[str]:
    """network.bicep gives the module of the network what main.bicep gives it.

    Name and tags come about in another way; a test compares what they come to.
    """
    wanted, given = (
        one["resources"]["network"]["properties"]["parameters"] for one in (main, alone)
    )
    for name in sorted(wanted.keys() - {"networkName", "tags"}):
        if given.get(name) != wanted[name]:
            yield f"infra/network.bicep: {name} is not what main.bicep gives the network"


def _ways_out(network: Resource, apps: Mapping[str, Any], deployment: Deployment) -> Iterator[str]:
    """The apps call the Internet by the one way that is given, where one is."""
    given = deployment.given
    gateways = [one.id for one in deployment.of(NAT)] if given["natGateway"] else [None]
    tables = [one.id for one in deployment.of(ROUTES)] if given["firewallAddress"] else [None]
    if [(apps.get("natGateway") or {}).get("id")] != gateways:
        yield f"{network.where}: the way out of the apps does not follow natGateway"
    if [(apps.get("routeTable") or {}).get("id")] != tables:
        yield f"{network.where}: the way out of the apps does not follow firewallAddress"
    controlled = bool(given["natGateway"] or given["firewallAddress"])
    if controlled is not (apps.get("defaultOutboundAccess") is False):
        yield f"{network.where}: the apps have a way out of their own"
    for gateway in deployment.of(NAT):
        addresses = [{"id": one.id} for one in deployment.of(ADDRESS)]
        if not addresses or gateway.at("properties.publicIpAddresses") != addresses:
            yield f"{gateway.where}: the NAT gateway has no address of its own"
    for table in deployment.of(ROUTES):
        hops = [
            (one["properties"]["addressPrefix"], one["properties"].get("nextHopIpAddress"))
            for one in table.at("properties.routes", [])
        ]
        if hops != [("0.0.0.0/0", given["firewallAddress"])]:
            yield f"{table.where}: not everything goes by the firewall: {hops}"
