"""Pods, as far as they say how a Service's endpoints are asked for their health: by the readiness probe.

One Pod speaks for a Service. Reading is total, as in `read`: a probe of the wrong shape counts as absent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.gatewayapi.references import gateway_of_set, parents_claimed, parents_named, services_named
from reconciler.gatewayapi.resources import EndpointSlice, Meta, ServicePortSpec
from reconciler.gatewayapi.values import items, mapping, number, read_meta, text
from reconciler.probe import Probe

GATE = "target-health.routewright.dev/ready"
"""Type of our condition in Pods that have it among their readiness gates."""
_HIGHEST_PORT = 65_535
_PERIOD, _TIMEOUT, _SUCCESS, _FAILURE = 10, 1, 1, 3
"""What the API server fills in (Kubernetes API, core/v1 Probe)."""
_ONLY_KUBELET = ("host", "httpHeaders")
"""Of an httpGet or tcpSocket: no cloud asks another host than the target, nor sends headers of ours."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Our readiness gate in a Pod.

    Attributes:
        open: its condition is True.
        alone: nothing else keeps the Pod from being ready: its containers are, and all other gates are open.
        message: that the condition carries, "" before it was written.
    """

    open: bool
    alone: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Container:
    """A container that stays up; `ports`: (number, protocol) that it declares."""

    ports: tuple[tuple[int, str], ...] = ()
    probe: Probe | None = None


@dataclass(frozen=True, slots=True)
class Pod:
    """A Pod: its containers, sidecars among its init containers included; `gate`: None without, or of unread status."""

    meta: Meta
    containers: tuple[Container, ...] = ()
    gate: Gate | None = None

    def probe_at(self, port: int, protocol: str) -> Probe | None:
        """Return the probe of the container that a port belongs to, None if it has none or if none is to be told.

        To declare a port is not asked of a container: the only one has every port, and of several the one that is
        asked at the very port.
        """
        owners = [one for one in self.containers if (port, protocol) in one.ports]
        if not owners:
            alone = len(self.containers) == 1
            owners = [one for one in self.containers if alone or (one.probe is not None and one.probe.port == port)]
        return owners[0].probe if owners else None


def read_pod(item: Mapping[str, Any]) -> Pod:
    """Return the view of a Pod."""
    spec = mapping(item.get("spec"))
    sidecars = (one for one in items(spec.get("initContainers")) if one.get("restartPolicy") == "Always")
    containers = tuple(_container(one) for one in (*items(spec.get("containers")), *sidecars))
    return Pod(read_meta(item), containers, read_gate(item))


def gates_of(item: Mapping[str, Any]) -> frozenset[str]:
    """Return the condition types in a Pod's readiness gates."""
    return frozenset(text(one.get("conditionType")) for one in items(mapping(item.get("spec")).get("readinessGates")))


def read_gate(item: Mapping[str, Any]) -> Gate | None:
    """Return our gate in a Pod, None where it has none or its status is not there."""
    gates, status = gates_of(item), mapping(item.get("status"))
    if GATE not in gates or not status:
        return None
    told = {text(one.get("type")): one for one in items(status.get("conditions"))}
    true = {kind for kind, one in told.items() if one.get("status") == "True"}
    message = text(told.get(GATE, {}).get("message"))
    return Gate(GATE in true, {"ContainersReady", *gates} - {GATE} <= true, message)


def _container(block: Mapping[str, Any]) -> Container:
    ports = items(block.get("ports"))
    named = {text(one.get("name")): number(one.get("containerPort")) for one in ports}
    declared = ((number(one.get("containerPort")), text(one.get("protocol")) or "TCP") for one in ports)
    return Container(tuple(declared), read_probe(mapping(block.get("readinessProbe")), named))


def read_probe(block: Mapping[str, Any], named: Mapping[str, int]) -> Probe | None:
    """Return a readinessProbe with its defaults, None for one that only a kubelet can ask; `named`: ports by name.

    A kubelet runs commands, asks other hosts, sends headers of its own and names a gRPC service: no load balancer does.
    """
    action = next((name for name in ("httpGet", "tcpSocket", "grpc") if mapping(block.get(name))), "")
    asked = mapping(block.get(action))
    port = asked.get("port")
    where = named.get(port, 0) if isinstance(port, str) else number(port)
    if not 0 < where <= _HIGHEST_PORT or any(asked.get(field) for field in _ONLY_KUBELET) or asked.get("service"):
        return None
    http = {"HTTPS": "https"}.get(text(asked.get("scheme")), "http")
    path = text(asked.get("path"))
    return Probe(
        kind={"httpGet": http, "tcpSocket": "tcp", "grpc": "grpc"}[action],
        port=where,
        path=("" if path.startswith("/") else "/") + path if action == "httpGet" else "",
        period=number(block.get("periodSeconds")) or _PERIOD,
        timeout=number(block.get("timeoutSeconds")) or _TIMEOUT,
        success=number(block.get("successThreshold")) or _SUCCESS,
        failure=number(block.get("failureThreshold")) or _FAILURE,
    )


def speakers(slices: Iterable[EndpointSlice]) -> list[str]:
    """Return the names of the Pods behind a Service, in the order in which they may speak for it.

    Pods that are made from one template share all of their names but the end. Of several templates (a rolling update,
    a canary) the one with the most ready endpoints speaks, so that what serves most is what is asked; where no
    endpoint is ready, the one with the most. Within one the first by name speaks.
    """
    found = {one.pod: one for slice_ in slices for one in slice_.endpoints if one.pod}
    ready = [name for name, one in found.items() if one.ready]
    counts = Counter(_template(name) for name in ready or found)
    return sorted(found, key=lambda name: (-counts[_template(name)], _template(name), name))


def _template(pod: str) -> str:
    """Return what Pods of one ReplicaSet, StatefulSet, DaemonSet or Job have in common in their names."""
    return pod.rpartition("-")[0] or pod


def probe_of(
    slices: Sequence[EndpointSlice], spec: ServicePortSpec, pods: Mapping[tuple[str, str], Pod]
) -> Probe | None:
    """Return the probe that is asked behind a Service's port, None where no Pod that is known says it."""
    for name in speakers(slices):
        for one in slices:
            pod = pods.get((one.meta.namespace, name))
            if pod is not None and any(endpoint.pod == name for endpoint in one.endpoints):
                return next((_asked(pod, port, spec.protocol) for port in ports_of(one, spec)), None)
    return None


def _asked(pod: Pod, port: int, protocol: str) -> Probe | None:
    """Return the probe behind a port; one of that very port is one of each endpoint's own, also where these differ."""
    probe = pod.probe_at(port, protocol)
    return replace(probe, port=0) if probe is not None and probe.port == port else probe


def ports_of(one: EndpointSlice, spec: ServicePortSpec) -> Iterator[int]:
    """Yield the numbers that a slice has for a Service's port: ports go by name, the number is the slice's own."""
    for name, port, protocol in one.ports:
        if name == spec.name and protocol == spec.protocol and port:
            yield port


def sharing_of(
    controller: str, objects: Iterable[Mapping[str, Any]], pods: Iterable[Pod]
) -> tuple[tuple[tuple[str, str], tuple[str, ...]], ...]:
    """Return, where a Pod waits for our gate, by Service the Gateways of Routes to it that we told the Route of."""
    if not any(pod.gate and not pod.gate.open for pod in pods):
        return ()
    every = tuple(objects)
    sets = {one: gateway_of_set(item) for item in every if item.get("kind") == "ListenerSet" for one in [_name(item)]}
    found: dict[tuple[str, str], set[str]] = {}
    for route in every:
        ours = (
            (kind, (space, name)) for kind, space, name in parents_named(route) & parents_claimed(route, controller)
        )
        named = (name if kind == "Gateway" else sets.get(name) for kind, name in ours)
        if gateways := {"/".join(name) for name in named if name}:
            for service in services_named(route):
                found.setdefault(service, set()).update(gateways)
    return tuple((service, tuple(sorted(found[service]))) for service in sorted(found))


def _name(item: Mapping[str, Any]) -> tuple[str, str]:
    meta = mapping(item.get("metadata"))
    return text(meta.get("namespace")), text(meta.get("name"))
