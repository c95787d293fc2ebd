"""Plain Kubernetes objects become the typed views of `resources`, with the defaults that the CRDs give.

Reading is total: a value of the wrong shape counts as absent. Routes are read in `read_routes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.certificates import CaBundle, CertificateFacts
from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.pods import read_pod, sharing_of
from reconciler.gatewayapi.read_gateways import read_gateway, read_gateway_class, read_listener_set
from reconciler.gatewayapi.read_nodes import read_node
from reconciler.gatewayapi.read_policies import read_targets, read_tls_policy
from reconciler.gatewayapi.read_routes import read_route
from reconciler.gatewayapi.references import (
    Sets,
    gateway_of_set,
    gateways_named,
    parents_claimed,
)
from reconciler.gatewayapi.resources import (
    GROUP,
    ConfigObject,
    EndpointSlice,
    Gateway,
    GatewayClass,
    Holder,
    ListenerSet,
    Namespace,
    ReferenceGrant,
    Service,
    ServicePortSpec,
    SliceEndpoint,
)
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.values import boolean, items, mapping, number, read_meta, strings, text
from reconciler.keys import GatewayKey
from reconciler.values import frozen_map

CONFIG_GROUP = "routewright.dev"
CONFIG_KINDS = ("LoadBalancerConfig", "BackendConfig")
SERVICE_LABEL = "kubernetes.io/service-name"
_NO_VERSIONS: Mapping[str, str] = frozen_map()


def take_snapshot(
    key: GatewayKey,
    controller: str,
    objects: Iterable[Mapping[str, Any]],
    facts: Iterable[CertificateFacts | CaBundle] = (),
    bundle_version: str = "",
    versions: Mapping[str, str] = _NO_VERSIONS,
) -> Snapshot:
    """Return the snapshot of one Gateway (or, with an empty namespace in `key`, of one GatewayClass).

    `objects` are plain and may hold more than the run needs: other Gateways, classes and Routes are left out. All
    ListenerSets that these Routes name have to be there: one that is not is gone. `facts` are those of Secrets and
    of ConfigMaps that are referred to.
    """
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    everything = tuple(objects)
    for item in everything:
        by_kind.setdefault(kind_of(item), []).append(item)
    gateway, gateway_class = _gateway_of(key, by_kind.get("Gateway", ()), by_kind.get("GatewayClass", ()))
    configs = (item for kind in CONFIG_KINDS for item in by_kind.get(kind, ()))
    sets = {_name(item): gateway_of_set(item) for item in by_kind.get("ListenerSet", ())}
    routes = [item for kind in route_kinds() for item in by_kind.get(kind, ())]
    mine, lost = _routes_of(key, controller, routes, sets)
    known = tuple(facts)
    pods = tuple(read_pod(item) for item in by_kind.get("Pod", ()))
    return Snapshot(
        key=key,
        controller=controller,
        gateway=gateway,
        gateway_class=gateway_class,
        listener_sets=_sets_of(key, by_kind.get("ListenerSet", ())),
        lost_sets=lost,
        routes=tuple(read_route(item) for item in mine),
        grants=tuple(read_grant(item) for item in by_kind.get("ReferenceGrant", ())),
        services=tuple(read_service(item) for item in by_kind.get("Service", ())),
        slices=tuple(read_slice(item) for item in by_kind.get("EndpointSlice", ())),
        pods=pods,
        sharing=sharing_of(controller, everything, pods),
        namespaces=tuple(Namespace(read_meta(item)) for item in by_kind.get("Namespace", ())),
        nodes=tuple(read_node(item) for item in by_kind.get("Node", ())),
        configs=tuple(read_config(item) for item in configs),
        tls_policies=tuple(read_tls_policy(item) for item in by_kind.get("BackendTLSPolicy", ())),
        certificates=tuple(one for one in known if isinstance(one, CertificateFacts)),
        bundles=tuple(one for one in known if isinstance(one, CaBundle)),
        bundle_version=bundle_version,
        versions=versions,
    )


def _gateway_of(
    key: GatewayKey, gateways: Iterable[Mapping[str, Any]], classes: Iterable[Mapping[str, Any]]
) -> tuple[Gateway | None, GatewayClass | None]:
    """Return the Gateway, and its class or the one that `key` names."""
    gateway = next((read_gateway(item) for item in gateways if _name(item) == (key.namespace, key.name)), None)
    name = gateway.class_name if gateway else ("" if key.namespace else key.name)
    return gateway, next((one for one in map(read_gateway_class, classes) if name and one.meta.name == name), None)


def _sets_of(key: GatewayKey, sets: Iterable[Mapping[str, Any]]) -> tuple[ListenerSet, ...]:
    """Return the ListenerSets that name the Gateway."""
    return tuple(read_listener_set(item) for item in sets if gateway_of_set(item) == (key.namespace, key.name))


def _name(item: Mapping[str, Any]) -> tuple[str, str]:
    meta = mapping(item.get("metadata"))
    return text(meta.get("namespace")), text(meta.get("name"))


def _routes_of(
    key: GatewayKey, controller: str, routes: Iterable[Mapping[str, Any]], sets: Sets
) -> tuple[list[Mapping[str, Any]], tuple[Holder, ...]]:
    """Return the Routes of a Gateway, and the ListenerSets that are gone but still stand in an entry of ours.

    An entry for a ListenerSet that is gone names no Gateway any more: whichever run meets it removes it.
    """
    mine: list[Mapping[str, Any]] = []
    lost: set[Holder] = set()
    for route in routes:
        gone = {one for one in parents_claimed(route, controller) if one[0] == "ListenerSet" and one[1:] not in sets}
        lost |= {Holder(*one) for one in gone}
        if gone or (key.namespace, key.name) in gateways_named(route, controller, sets):
            mine.append(route)
    return mine, tuple(sorted(lost)) if key.namespace else ()


_GROUPS = {
    "Gateway": GROUP,
    "GatewayClass": GROUP,
    "ReferenceGrant": GROUP,
    "BackendTLSPolicy": GROUP,
    "ListenerSet": GROUP,
    "ConfigMap": "",
    "Pod": "",
    "Service": "",
    "Namespace": "",
    "Node": "",
    "Secret": "",
    "EndpointSlice": "discovery.k8s.io",
    **dict.fromkeys(CONFIG_KINDS, CONFIG_GROUP),
}


def kind_of(item: Mapping[str, Any]) -> str:
    """Return the kind of an object that runs read, "" for any other (a kind of the same name in another group too)."""
    kind, api_version = text(item.get("kind")), text(item.get("apiVersion"))
    known = route_kinds()[kind].group if kind in route_kinds() else _GROUPS.get(kind)
    return kind if known == api_version.rpartition("/")[0] else ""


def read_grant(item: Mapping[str, Any]) -> ReferenceGrant:
    """Return the view of a ReferenceGrant."""
    spec = mapping(item.get("spec"))
    sources = (
        (text(one.get("group")), text(one.get("kind")), text(one.get("namespace"))) for one in items(spec.get("from"))
    )
    targets = ((text(one.get("group")), text(one.get("kind")), text(one.get("name"))) for one in items(spec.get("to")))
    return ReferenceGrant(read_meta(item), tuple(sources), tuple(targets))


def read_service(item: Mapping[str, Any]) -> Service:
    """Return the view of a Service."""
    spec = mapping(item.get("spec"))
    ports = (
        ServicePortSpec(
            port=number(one.get("port")),
            name=text(one.get("name")),
            protocol=text(one.get("protocol")) or "TCP",
            app_protocol=text(one.get("appProtocol")),
            node_port=number(one.get("nodePort")),
        )
        for one in items(spec.get("ports"))
    )
    return Service(
        meta=read_meta(item),
        type=text(spec.get("type")) or "ClusterIP",
        ports=tuple(ports),
        families=strings(spec.get("ipFamilies")),
        local=spec.get("externalTrafficPolicy") == "Local",
        health_port=number(spec.get("healthCheckNodePort")),
    )


def read_slice(item: Mapping[str, Any]) -> EndpointSlice:
    """Return the view of an EndpointSlice."""
    meta = read_meta(item)
    ports = (
        (text(one.get("name")), number(one.get("port")), text(one.get("protocol")) or "TCP")
        for one in items(item.get("ports"))
    )
    return EndpointSlice(
        meta=meta,
        service=meta.labels.get(SERVICE_LABEL, ""),
        family=text(item.get("addressType")) or "IPv4",
        ports=tuple(ports),
        endpoints=tuple(_endpoint(one, meta.namespace) for one in items(item.get("endpoints"))),
    )


def _endpoint(block: Mapping[str, Any], here: str) -> SliceEndpoint:
    target = mapping(block.get("targetRef"))
    is_pod = target.get("kind") == "Pod" and (text(target.get("namespace")) or here) == here  # no other namespace's
    conditions = mapping(block.get("conditions"))
    ready = boolean(conditions.get("ready"), default=True)
    return SliceEndpoint(
        addresses=strings(block.get("addresses")),
        ready=ready,
        serving=boolean(conditions.get("serving"), default=ready),
        terminating=boolean(conditions.get("terminating"), default=False),
        zone=text(block.get("zone")),
        node=text(block.get("nodeName")),
        pod=text(target.get("name")) if is_pod else "",
        pod_uid=text(target.get("uid")) if is_pod else "",
    )


def read_config(item: Mapping[str, Any]) -> ConfigObject:
    """Return the view of a LoadBalancerConfig or BackendConfig."""
    return ConfigObject(
        meta=read_meta(item),
        kind=text(item.get("kind")),
        spec=mapping(item.get("spec")),
        targets=read_targets(mapping(item.get("spec"))),
        status=mapping(item.get("status")),
    )
