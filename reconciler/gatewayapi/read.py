"""Plain Kubernetes objects become the typed views of `resources`, with the defaults that the CRDs give.

Reading is total: a value of the wrong shape counts as absent. Routes are read in `read_routes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.read_policies import read_targets, read_tls_policy
from reconciler.gatewayapi.read_routes import read_route
from reconciler.gatewayapi.references import gateways_named
from reconciler.gatewayapi.resources import (
    GROUP,
    AllowedRoutes,
    ConfigObject,
    EndpointSlice,
    Gateway,
    GatewayClass,
    Holder,
    LabelSelector,
    Listener,
    Namespace,
    ObjectRef,
    ReferenceGrant,
    Service,
    ServicePortSpec,
    SliceEndpoint,
)
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.values import boolean, items, mapping, number, read_meta, strings, text
from reconciler.ir import CertificateFacts, frozen_map
from reconciler.keys import GatewayKey

CONFIG_GROUP = "routewright.dev"
CONFIG_KINDS = ("LoadBalancerConfig", "BackendConfig")
SERVICE_LABEL = "kubernetes.io/service-name"
_NO_VERSIONS: Mapping[str, str] = frozen_map()


def take_snapshot(
    key: GatewayKey,
    controller: str,
    objects: Iterable[Mapping[str, Any]],
    certificates: Iterable[CertificateFacts] = (),
    bundle_version: str = "",
    versions: Mapping[str, str] = _NO_VERSIONS,
) -> Snapshot:
    """Return the snapshot of one Gateway (or, with an empty namespace in `key`, of one GatewayClass).

    `objects` are plain and may hold more than the run needs: other Gateways, classes and Routes are left out.
    """
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for item in objects:
        by_kind.setdefault(kind_of(item), []).append(item)
    gateways = [read_gateway(item) for item in by_kind.get("Gateway", ())]
    gateway = next((g for g in gateways if (g.meta.namespace, g.meta.name) == (key.namespace, key.name)), None)
    class_name = gateway.class_name if gateway else ("" if key.namespace else key.name)
    classes = [read_gateway_class(item) for item in by_kind.get("GatewayClass", ())]
    named = (key.namespace, key.name)
    routes = (
        item for kind in route_kinds() for item in by_kind.get(kind, ()) if named in gateways_named(item, controller)
    )
    configs = (item for kind in CONFIG_KINDS for item in by_kind.get(kind, ()))
    return Snapshot(
        key=key,
        controller=controller,
        gateway=gateway,
        gateway_class=next((c for c in classes if class_name and c.meta.name == class_name), None),
        routes=tuple(read_route(item) for item in routes),
        grants=tuple(read_grant(item) for item in by_kind.get("ReferenceGrant", ())),
        services=tuple(read_service(item) for item in by_kind.get("Service", ())),
        slices=tuple(read_slice(item) for item in by_kind.get("EndpointSlice", ())),
        namespaces=tuple(Namespace(read_meta(item)) for item in by_kind.get("Namespace", ())),
        configs=tuple(read_config(item) for item in configs),
        tls_policies=tuple(read_tls_policy(item) for item in by_kind.get("BackendTLSPolicy", ())),
        certificates=tuple(certificates),
        bundle_version=bundle_version,
        versions=versions,
    )


_GROUPS = {
    "Gateway": GROUP,
    "GatewayClass": GROUP,
    "ReferenceGrant": GROUP,
    "BackendTLSPolicy": GROUP,
    "Service": "",
    "Namespace": "",
    "Secret": "",
    "EndpointSlice": "discovery.k8s.io",
    **dict.fromkeys(CONFIG_KINDS, CONFIG_GROUP),
}


def kind_of(item: Mapping[str, Any]) -> str:
    """Return the kind of an object that runs read, "" for any other (a kind of the same name in another group too)."""
    kind, api_version = text(item.get("kind")), text(item.get("apiVersion"))
    known = route_kinds()[kind].group if kind in route_kinds() else _GROUPS.get(kind)
    return kind if known == api_version.rpartition("/")[0] else ""


def read_gateway(item: Mapping[str, Any]) -> Gateway:
    """Return the view of a Gateway."""
    spec = mapping(item.get("spec"))
    infrastructure = mapping(spec.get("infrastructure"))
    meta = read_meta(item)
    return Gateway(
        meta=meta,
        class_name=text(spec.get("gatewayClassName")),
        listeners=read_listeners(spec, Holder("Gateway", meta.namespace, meta.name)),
        addresses=tuple(
            (text(entry.get("type")) or "IPAddress", text(entry.get("value"))) for entry in items(spec.get("addresses"))
        ),
        labels=_strings_of(infrastructure.get("labels")),
        annotations=_strings_of(infrastructure.get("annotations")),
        parameters=_parameters(infrastructure.get("parametersRef"), meta.namespace),
        status=mapping(item.get("status")),
    )


def read_listeners(spec: Mapping[str, Any], holder: Holder) -> tuple[Listener, ...]:
    """Return the listeners of a Gateway's or ListenerSet's spec."""
    return tuple(_listener(entry, holder) for entry in items(spec.get("listeners")))


def _listener(entry: Mapping[str, Any], holder: Holder) -> Listener:
    tls = mapping(entry.get("tls"))
    return Listener(
        name=text(entry.get("name")),
        port=number(entry.get("port")),
        protocol=text(entry.get("protocol")),
        holder=holder,
        hostname=text(entry.get("hostname")).lower(),
        allowed=_allowed(mapping(entry.get("allowedRoutes"))),
        tls_mode=(text(tls.get("mode")) or "Terminate") if isinstance(entry.get("tls"), Mapping) else "",
        certificate_refs=tuple(_object_ref(ref, "Secret") for ref in items(tls.get("certificateRefs"))),
        tls_options=_strings_of(tls.get("options")),
    )


def _allowed(block: Mapping[str, Any]) -> AllowedRoutes:
    namespaces = mapping(block.get("namespaces"))
    selector = namespaces.get("selector")
    kinds = (
        (text(kind.get("group")) if "group" in kind else GROUP, text(kind.get("kind")))
        for kind in items(block.get("kinds"))
    )
    return AllowedRoutes(
        source=text(namespaces.get("from")) or "Same",
        selector=_selector(selector) if isinstance(selector, Mapping) else None,
        kinds=tuple(kinds),
    )


def _selector(block: Mapping[str, Any]) -> LabelSelector:
    expressions = (
        (text(one.get("key")), text(one.get("operator")), strings(one.get("values")))
        for one in items(block.get("matchExpressions"))
    )
    return LabelSelector(labels=_strings_of(block.get("matchLabels")), expressions=tuple(expressions))


def _object_ref(block: Mapping[str, Any], kind: str) -> ObjectRef:
    return ObjectRef(
        group=text(block.get("group")),
        kind=text(block.get("kind")) or kind,
        namespace=text(block.get("namespace")),
        name=text(block.get("name")),
        port=number(block.get("port")),
    )


def _parameters(block: object, namespace: str) -> ObjectRef | None:
    ref = mapping(block)
    if not ref:
        return None
    return ObjectRef(
        group=text(ref.get("group")),
        kind=text(ref.get("kind")),
        namespace=text(ref.get("namespace")) or namespace,
        name=text(ref.get("name")),
    )


def read_gateway_class(item: Mapping[str, Any]) -> GatewayClass:
    """Return the view of a GatewayClass."""
    spec = mapping(item.get("spec"))
    return GatewayClass(
        meta=read_meta(item),
        controller=text(spec.get("controllerName")),
        parameters=_parameters(spec.get("parametersRef"), ""),
        status=mapping(item.get("status")),
    )


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
        )
        for one in items(spec.get("ports"))
    )
    return Service(
        meta=read_meta(item),
        type=text(spec.get("type")) or "ClusterIP",
        ports=tuple(ports),
        families=strings(spec.get("ipFamilies")),
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
        endpoints=tuple(_endpoint(one) for one in items(item.get("endpoints"))),
    )


def _endpoint(block: Mapping[str, Any]) -> SliceEndpoint:
    conditions = mapping(block.get("conditions"))
    ready = boolean(conditions.get("ready"), default=True)
    return SliceEndpoint(
        addresses=strings(block.get("addresses")),
        ready=ready,
        serving=boolean(conditions.get("serving"), default=ready),
        terminating=boolean(conditions.get("terminating"), default=False),
        zone=text(block.get("zone")),
        node=text(block.get("nodeName")),
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


def _strings_of(value: object) -> Mapping[str, str]:
    return frozen_map({str(key): text(item) for key, item in mapping(value).items()})
