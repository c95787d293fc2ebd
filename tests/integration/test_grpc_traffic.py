"""What the upstream suite's gRPC tests ask, over TLS: an ALB speaks HTTP/2 to clients on HTTPS listeners only (ADR 27).

A real gRPC client, the product between cluster and emulated AWS, Envoy in front of real gRPC servers.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import grpc
import pytest

from demo.certificates import KeyPair, key_pair
from demo.stage import Setting, Stage
from demo.wire import Told, call

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("stage"), pytest.mark.timeout(240)]

PLACE, CANCEL, PURGE = "shop.Orders/Place", "shop.Orders/Cancel", "shop.Orders/Purge"
PATIENCE = 20.0
V1 = "gateway.networking.k8s.io/v1"
type Object = dict[str, Any]


class World:
    """A stage with three gRPC backends `v1` to `v3` in namespace `a`, and a Gateway with certificates of its own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.pair: KeyPair = key_pair("*.example.com", "*.wild.example.com", "*.example.org")
        stage.plane.apply([self.pair.secret("infra", "all")])
        for name in ("v1", "v2", "v3"):
            stage.plane.apply(_backend(name))

    def gateway(self, name: str, *hosts: str) -> tuple[str, int]:
        """Make a Gateway with HTTPS listeners `l0`, `l1`, ... for some hosts; return where it listens."""
        self.stage.plane.apply([_gateway(name, hosts)])
        return self.stage.wait_address("infra", name, 443)

    def route(self, name: str, gateway: str, rules: list[Object], *hosts: str, listener: str = "l0") -> None:
        """Attach a GRPCRoute and wait until it is accepted."""
        parent = {"name": gateway, "namespace": "infra", "sectionName": listener}
        spec = {"parentRefs": [parent], "rules": rules} | ({"hostnames": list(hosts)} if hosts else {})
        metadata = {"name": name, "namespace": "a"}
        self.stage.plane.apply([{"apiVersion": V1, "kind": "GRPCRoute", "metadata": metadata, "spec": spec}])
        self.stage.wait_route("a", name, "Accepted", "True", "GRPCRoute")

    def reaches(self, ask: Callable[[], Told], version: str) -> bool:
        """Tell whether a call comes to a backend before patience ends."""
        return _eventually(lambda: ask().body.get("version") == version)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Stage(Setting(provisioning=0.2)) as stage:
        yield World(stage)


def _backend(version: str) -> list[Object]:
    labels = {"app": "orders", "version": version}
    env = {"TEAM": "a", "VERSION": version, "GRPC_METHODS": f"{PLACE},{CANCEL},{PURGE}"}
    container = {
        "name": "orders",
        "image": "routewright.dev/echo-grpc",
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "ports": [{"name": "grpc", "containerPort": 50051}],
    }
    template = {"metadata": {"labels": labels}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": version, "namespace": "a"}
    ports = [{"name": "grpc", "port": 8080, "targetPort": "grpc"}]
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": labels, "ports": ports}},
    ]


def _gateway(name: str, hosts: tuple[str, ...]) -> Object:
    everywhere = {"namespaces": {"from": "All"}}
    tls = {"certificateRefs": [{"name": "all"}]}
    listeners = [
        {
            "name": f"l{number}",
            "port": 443,
            "protocol": "HTTPS",
            "hostname": host,
            "tls": tls,
            "allowedRoutes": everywhere,
        }
        for number, host in enumerate(hosts)
    ]
    spec = {"gatewayClassName": "routewright-aws", "listeners": listeners}
    return {"apiVersion": V1, "kind": "Gateway", "metadata": {"name": name, "namespace": "infra"}, "spec": spec}


def _rule(version: str, *matches: Object, **more: Any) -> Object:
    return {"matches": list(matches), "backendRefs": [{"name": version, "port": 8080}], **more}


def _method(method: str, **headers: str) -> Object:
    service, _, name = method.partition("/")
    found: Object = {"method": {"service": service, "method": name}}
    return found | ({"headers": [{"name": key, "value": value} for key, value in headers.items()]} if headers else {})


def _eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return False


def test_a_method_goes_where_its_match_says_and_others_are_unimplemented(world: World) -> None:
    place, trust = world.gateway("methods", "*.example.com"), world.pair.certificate
    world.route("methods", "methods", [_rule("v1", _method(PLACE)), _rule("v2", _method(CANCEL))], "m.example.com")
    assert world.reaches(lambda: call(place, "m.example.com", PLACE, trust), "v1")
    assert world.reaches(lambda: call(place, "m.example.com", CANCEL, trust), "v2")
    assert "UNIMPLEMENTED" == call(place, "m.example.com", PURGE, trust).error


def test_metadata_chooses_among_rules_and_two_headers_go_before_one(world: World) -> None:
    place, trust = world.gateway("headers", "*.example.com"), world.pair.certificate
    one, two = {"headers": [{"name": "version", "value": "one"}]}, {"headers": [{"name": "version", "value": "two"}]}
    both = {"headers": [*one["headers"], {"name": "color", "value": "blue"}]}
    world.route("headers", "headers", [_rule("v1", one), _rule("v2", two), _rule("v3", both)], "h.example.com")

    def with_headers(**metadata: str) -> Told:
        return call(place, "h.example.com", PLACE, trust, metadata)

    assert world.reaches(lambda: with_headers(version="one"), "v1")
    assert world.reaches(lambda: with_headers(version="two"), "v2")
    assert world.reaches(lambda: with_headers(version="one", color="blue"), "v3")
    assert world.reaches(lambda: with_headers(version="two", color="blue"), "v2")
    assert "UNIMPLEMENTED" == with_headers(version="three").error
    assert "UNIMPLEMENTED" == with_headers(color="blue").error


def test_the_authority_chooses_the_listener(world: World) -> None:
    hosts = ("very.example.com", "*.wild.example.com", "*.example.org")
    place, trust = world.gateway("hosts", *hosts), world.pair.certificate
    for number, version in enumerate(("v1", "v2", "v3")):
        world.route(f"host-{version}", "hosts", [_rule(version, _method(PLACE))], listener=f"l{number}")
    for host, version in (("very.example.com", "v1"), ("a.wild.example.com", "v2"), ("b.example.org", "v3")):
        assert world.reaches(partial(call, place, host, PLACE, trust), version)
    assert "UNIMPLEMENTED" == call(place, "other.example.com", PLACE, trust).error


def test_a_named_rule_and_one_without_a_name_both_serve(world: World) -> None:
    place, trust = world.gateway("named", "*.example.com"), world.pair.certificate
    rules = [_rule("v1", _method(PLACE), name="place"), _rule("v2", _method(CANCEL))]
    world.route("named", "named", rules, "n.example.com")
    assert world.reaches(lambda: call(place, "n.example.com", PLACE, trust), "v1")
    assert world.reaches(lambda: call(place, "n.example.com", CANCEL, trust), "v2")


def test_weights_share_the_calls_and_nothing_is_sent_to_a_weight_of_nothing(world: World) -> None:
    place, trust = world.gateway("weights", "*.example.com"), world.pair.certificate
    weights: Mapping[str, int] = {"v1": 70, "v2": 30, "v3": 0}
    refs = [{"name": name, "port": 8080, "weight": weight} for name, weight in weights.items()]
    world.route("weights", "weights", [{"backendRefs": refs}], "w.example.com")
    for version in ("v1", "v2"):
        assert world.reaches(lambda: call(place, "w.example.com", PLACE, trust), version)
    counted = Counter(call(place, "w.example.com", PLACE, trust).body.get("version") for _ in range(300))
    assert {"v1", "v2"} == set(counted)
    assert counted["v1"] == pytest.approx(210, abs=36)  # four and a half standard deviations


def test_grpc_in_clear_is_not_spoken_by_an_alb(world: World) -> None:
    """If it were, the emulated ALB would pass tests of the suite that no ALB passes."""
    listener = {"name": "http", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    gateway = _gateway("clear", ("*.example.com",))
    gateway["spec"]["listeners"].append(listener)
    world.stage.plane.apply([gateway])
    host, port = world.stage.wait_address("infra", "clear", 80)
    names = [("grpc.default_authority", "m.example.com")]
    channel = grpc.insecure_channel(f"{host}:{port}", options=names)
    with channel, pytest.raises(grpc.RpcError) as told:
        channel.unary_unary(f"/{PLACE}")(b"hello", timeout=5)
    assert grpc.StatusCode.UNAVAILABLE == told.value.code()
