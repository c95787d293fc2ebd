"""What would end an object's story early, taken away again: else hardly any drawn Route would ever reach a rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

type Plain = dict[str, Any]

_EVERYWHERE = {"namespaces": {"from": "All"}}


def tame(item: Plain, world: Sequence[Plain], random: Random) -> None:
    """Change an object so that it gets one step further: accepted, attached, with a backend that is there."""
    if found := _TAMERS.get(item["kind"]):
        found(item, world, random)


def _gateway_class(item: Plain, world: Sequence[Plain], random: Random) -> None:
    configs = [one["metadata"] for one in world if one["kind"] == "LoadBalancerConfig"]
    item["spec"].pop("parametersRef", None)
    if configs and random.random() < 0.7:
        meta = random.choice(configs)
        ref = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "name": meta["name"]}
        item["spec"]["parametersRef"] = {**ref, "namespace": meta["namespace"]}


def _config(item: Plain, _world: Sequence[Plain], random: Random) -> None:
    spec = item["spec"]
    for name in random.sample(sorted(spec), len(spec) * 2 // 3):
        del spec[name]
    if "allowedOverrides" in spec:
        spec["allowedOverrides"] = ["scheme", "aws", "sourceRanges"]


def _gateway(item: Plain, _world: Sequence[Plain], random: Random) -> None:
    spec = item["spec"]
    spec["gatewayClassName"] = "aws"
    spec.pop("addresses", None)
    if random.random() < 0.7:
        spec.pop("infrastructure", None)
    for place, listener in enumerate(spec["listeners"]):
        listener["protocol"] = random.choice(("HTTP", "HTTP", "HTTPS"))
        listener["port"] = {"HTTP": 80, "HTTPS": 443}[listener["protocol"]] + random.choice((0, 0, place))
        if random.random() < 0.8:
            listener["allowedRoutes"] = _EVERYWHERE
        if random.random() < 0.5:
            listener.pop("hostname", None)
        if listener["protocol"] == "HTTPS":
            listener["tls"] = {"mode": "Terminate", "certificateRefs": [_secret(random)]}


def _secret(random: Random) -> Plain:
    return {"group": "", "kind": "Secret", "name": random.choice(("tls", "tls", "spare"))}


def _route(item: Plain, world: Sequence[Plain], random: Random) -> None:
    spec, gateways = item["spec"], [one["metadata"] for one in world if one["kind"] == "Gateway"]
    meta = random.choice(gateways)
    parent = {"name": meta["name"], "namespace": meta["namespace"]}
    spec["parentRefs"] = [parent, *spec.get("parentRefs", ())[:2]]
    if random.random() < 0.5:
        spec.pop("hostnames", None)
    for rule in spec.get("rules", ()):
        for name in ("timeouts", "retry", "filters"):
            if random.random() < 0.8:
                rule.pop(name, None)
        if random.random() < 0.8 and not rule.get("filters"):
            rule["backendRefs"] = [_backend(item, world, random) for _ in range(random.choice((1, 1, 2, 6)))]


def _backend(item: Plain, world: Sequence[Plain], random: Random) -> Plain:
    services = [one for one in world if one["kind"] == "Service"]
    near = [one for one in services if one["metadata"]["namespace"] == item["metadata"]["namespace"]]
    service = random.choice(near or services)
    ports = [port["port"] for port in service["spec"]["ports"]] or [80]
    ref = {"name": service["metadata"]["name"], "port": random.choice(ports), "weight": random.choice((0, 1, 5, 5000))}
    if service["metadata"]["namespace"] != item["metadata"]["namespace"]:
        ref["namespace"] = service["metadata"]["namespace"]
    return ref


def _slice(item: Plain, _world: Sequence[Plain], random: Random) -> None:
    item["addressType"] = "IPv4"
    item["ports"] = [{"name": "web", "port": 8080, "protocol": "TCP"}]
    for endpoint in item["endpoints"] or ():
        if random.random() < 0.7:
            endpoint["addresses"] = ["10.244.0.1"]


def _grant(item: Plain, _world: Sequence[Plain], _random: Random) -> None:
    item["spec"]["to"] = [{"group": "", "kind": "Service"}, {"group": "", "kind": "Secret"}]


def _service(item: Plain, _world: Sequence[Plain], _random: Random) -> None:
    spec = item["spec"]
    spec["type"] = "ClusterIP"
    spec["ports"] = [{"name": "web", "protocol": "TCP", "port": port} for port in (80, 443)]


_TAMERS: Mapping[str, Callable[[Plain, Sequence[Plain], Random], None]] = {
    "GatewayClass": _gateway_class,
    "Gateway": _gateway,
    "LoadBalancerConfig": _config,
    "HTTPRoute": _route,
    "EndpointSlice": _slice,
    "ReferenceGrant": _grant,
    "Service": _service,
}
