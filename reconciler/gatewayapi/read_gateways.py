"""Plain Gateways, ListenerSets and GatewayClasses become the typed views of `resources`. Total, like `read`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.gatewayapi.read_refs import read_parent_ref
from reconciler.gatewayapi.resources import (
    GROUP,
    AllowedListeners,
    AllowedRoutes,
    Gateway,
    GatewayClass,
    GatewayTls,
    Holder,
    LabelSelector,
    Listener,
    ListenerSet,
    ObjectRef,
    Validation,
)
from reconciler.gatewayapi.values import items, mapping, number, read_meta, strings, text
from reconciler.values import frozen_map


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
        allowed_listeners=_allowed_listeners(mapping(mapping(spec.get("allowedListeners")).get("namespaces"))),
        tls=_gateway_tls(mapping(spec.get("tls"))),
        status=mapping(item.get("status")),
    )


def read_listener_set(item: Mapping[str, Any]) -> ListenerSet:
    """Return the view of a ListenerSet."""
    meta, spec = read_meta(item), mapping(item.get("spec"))
    return ListenerSet(
        meta=meta,
        parent=read_parent_ref(mapping(spec.get("parentRef"))),
        listeners=read_listeners(spec, Holder("ListenerSet", meta.namespace, meta.name)),
        status=mapping(item.get("status")),
    )


def _gateway_tls(block: Mapping[str, Any]) -> GatewayTls:
    frontend = mapping(block.get("frontend"))
    ports = {
        number(one.get("port")): _validation(mapping(mapping(one.get("tls")).get("validation")))
        for one in items(frontend.get("perPort"))
    }
    client = mapping(mapping(block.get("backend")).get("clientCertificateRef"))
    return GatewayTls(
        default=_validation(mapping(mapping(frontend.get("default")).get("validation"))),
        ports=ports,
        client_certificate=_object_ref(client, "Secret") if client else None,
    )


def _validation(block: Mapping[str, Any]) -> Validation | None:
    if not block:
        return None
    refs = tuple(_object_ref(ref, "") for ref in items(block.get("caCertificateRefs")))
    return Validation(refs, text(block.get("mode")) or "AllowValidOnly")


def _allowed_listeners(namespaces: Mapping[str, Any]) -> AllowedListeners:
    selector = namespaces.get("selector")
    return AllowedListeners(
        source=text(namespaces.get("from")) or "None",
        selector=_selector(selector) if isinstance(selector, Mapping) else None,
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


def _strings_of(value: object) -> Mapping[str, str]:
    return frozen_map({str(key): text(item) for key, item in mapping(value).items()})
