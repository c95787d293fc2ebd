"""Random wants: a Gateway and Routes that overlap in host and path, and edits that lead from one want to the next."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, field
from random import Random
from typing import Any

from reconciler.matches import Request
from tests.builders import backend, gateway, gateway_class, listener, parent, route, rule, with_service

type Plain = dict[str, Any]

HOSTS = ("a.example.com", "b.example.com", "*.example.com", "x.a.example.com", "*.a.example.com", "c.example.org")
PATHS = ("/", "/a", "/a/b", "/a/b/c", "/b", "/ab")
SERVICES = tuple((namespace, f"s{number}") for namespace in ("a", "b") for number in range(3))
PORTS = (80, 8080)
SERVICE_OF = {
    f"10.244.0.{10 * index + last}": f"{namespace}/{name}"
    for index, (namespace, name) in enumerate(SERVICES)
    for last in range(1, 5)
}
NODE_PORTS = {service: 30_000 + index for index, service in enumerate(SERVICES)}
SERVICE_BEHIND = {f":{port}": f"{namespace}/{name}" for (namespace, name), port in NODE_PORTS.items()}
"""By node port, on every instance."""
REQUESTS = tuple(
    Request(host, path, method, headers, query)
    for host, path, (method, headers, query) in itertools.product(
        ("a.example.com", "b.example.com:80", "X.A.example.com", "y.example.com", "c.example.org", "d.example.net"),
        ("/", "/a", "/a/", "/a/b", "/a/b/x", "/ab", "/b/c", "/c"),
        (("GET", (), ()), ("POST", (), ()), ("GET", (("x-team", "1"),), ()), ("GET", (), (("v", "2"),))),
    )
)
"""Asked on each port; a few hundred."""


@dataclass
class Want:
    """What a cluster holds, in parts that edits can turn.

    Attributes:
        listeners: of the Gateway: name -> (port, hostname).
        routes: by namespace/name.
        endpoints: number of ready Pods of each Service.
    """

    listeners: dict[str, tuple[int, str]]
    routes: dict[str, Plain] = field(default_factory=dict)
    endpoints: dict[tuple[str, str], int] = field(default_factory=lambda: dict.fromkeys(SERVICES, 1))

    def objects(self, uid: str = "uid") -> list[Plain]:
        """Return the Kubernetes objects; `uid` is the Gateway's."""
        named = [
            listener(name, port) | ({"hostname": host} if host else {}) for name, (port, host) in self.listeners.items()
        ]
        found = [gateway_class(), gateway(listeners=named, uid=uid), *copy.deepcopy(list(self.routes.values()))]
        for index, (namespace, name) in enumerate(SERVICES):
            ready = [f"10.244.0.{10 * index + last}" for last in range(1, 1 + self.endpoints[namespace, name])]
            found += with_service(name, namespace, ready)
        return found


def first_want(chance: Random) -> Want:
    """Return a want from nothing."""
    want = Want({"http": (80, "")})
    for _ in range(chance.randint(2, 5)):
        _add_route(want, chance)
    return want


def edited(want: Want, chance: Random) -> Want:
    """Return a want that one to four edits lead to."""
    fresh = copy.deepcopy(want)
    for _ in range(chance.randint(1, 4)):
        edits = (_add_route, _remove_route, _turn_backends, _turn_backends, _turn_hosts, _swap_hosts, _reorder)
        chance.choice((*edits, _turn_match, _turn_match, _scale, _turn_listeners))(fresh, chance)
    return fresh


def _match(chance: Random) -> Plain:
    found: Plain = {
        "path": {"type": chance.choice(("Exact", "PathPrefix", "PathPrefix")), "value": chance.choice(PATHS)}
    }
    if chance.random() < 0.2:
        found["method"] = chance.choice(("GET", "POST"))
    if chance.random() < 0.2:
        found["headers"] = [{"name": "X-Team", "value": chance.choice(("1", "2"))}]
    if chance.random() < 0.15:
        found["queryParams"] = [{"name": "v", "value": chance.choice(("1", "2"))}]
    return found


def _backends(namespace: str, chance: Random) -> list[Plain]:
    mine = [name for space, name in SERVICES if space == namespace]
    chosen = chance.sample(mine, chance.choice((1, 1, 2)))
    return [backend(name, weight=chance.choice((1, 1, 2, 9))) for name in chosen]


def _rule(namespace: str, chance: Random) -> Plain:
    matches = [_match(chance) for _ in range(chance.randint(1, 3))]
    if chance.random() < 0.1:
        redirect = {"type": "RequestRedirect", "requestRedirect": {"hostname": "other.example.com", "statusCode": 301}}
        return rule(matches=matches, filters=[redirect])
    return rule(*_backends(namespace, chance), matches=matches)


def _add_route(want: Want, chance: Random) -> None:
    namespace, name = chance.choice(("a", "b")), f"r{chance.randint(0, 7)}"
    rules = [_rule(namespace, chance) for _ in range(chance.randint(1, 3))]
    hosts = chance.sample(HOSTS, chance.choice((0, 1, 1, 2)))
    created = f"2026-01-01T00:00:{chance.randint(0, 59):02}Z"
    refs = [parent(sectionName=chance.choice(list(want.listeners)))] if chance.random() < 0.2 else [parent()]
    want.routes[f"{namespace}/{name}"] = route(name, namespace, rules, hosts, refs, creationTimestamp=created)


def _any_route(want: Want, chance: Random) -> Plain:
    if not want.routes:
        _add_route(want, chance)
    return want.routes[chance.choice(list(want.routes))]


def _remove_route(want: Want, chance: Random) -> None:
    if len(want.routes) > 1:
        del want.routes[chance.choice(list(want.routes))]


def _turn_backends(want: Want, chance: Random) -> None:
    found = _any_route(want, chance)
    one = chance.choice(found["spec"]["rules"])
    if "backendRefs" in one:
        one["backendRefs"] = _backends(found["metadata"]["namespace"], chance)


def _turn_match(want: Want, chance: Random) -> None:
    one = chance.choice(_any_route(want, chance)["spec"]["rules"])
    one["matches"][chance.randrange(len(one["matches"]))] = _match(chance)


def _turn_hosts(want: Want, chance: Random) -> None:
    _any_route(want, chance)["spec"]["hostnames"] = chance.sample(HOSTS, chance.choice((0, 1, 2)))


def _swap_hosts(want: Want, chance: Random) -> None:
    left, right = _any_route(want, chance)["spec"], _any_route(want, chance)["spec"]
    left["hostnames"], right["hostnames"] = right.get("hostnames", []), left.get("hostnames", [])


def _reorder(want: Want, chance: Random) -> None:
    chance.shuffle(_any_route(want, chance)["spec"]["rules"])


def _scale(want: Want, chance: Random) -> None:
    want.endpoints[chance.choice(SERVICES)] = chance.randint(1, 3)


def _turn_listeners(want: Want, chance: Random) -> None:
    if "more" in want.listeners:
        del want.listeners["more"]
    else:
        want.listeners["more"] = (chance.choice(PORTS), chance.choice(("a.example.com", "*.example.com")))
