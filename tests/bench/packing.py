"""Rules that thousands of matches take, against the least that any packing could do with: reported, not bounded.

The bound knows nothing of our packer, only what a rule of an Application Load Balancer is (ELBv2 guide, "Quotas" and
"Condition types"): five values of 128 characters. A rule answers for its hosts times its paths; without alternation a
value is one host or one path, with it as many as fit between anchors and bars.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from providers import provider_for
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.read import take_snapshot
from reconciler.keys import GatewayKey
from reconciler.plan import Rendered
from tests.bench.rows import Row, Say
from tests.builders import (
    CLUSTER,
    CONTROLLER,
    Plain,
    backend,
    config,
    exact,
    gateway,
    gateway_class,
    route,
    rule,
    with_service,
)

ROUTES, MATCHES, QUOTA = 100, 3000, 100
VALUES, CHARACTERS = 5, 128
_HOST, _PATH = len("^(?:)(:[0-9]+)?$"), len("^(?:)$")
"""Characters that an expression of several hosts, or of several paths, needs beside them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What each of a hundred Routes matches: so many hosts, each with the same paths, all to one Service."""

    name: str
    hosts: int
    paths: int

    def hosts_of(self, number: int) -> list[str]:
        """Return the hostnames of a Route."""
        return [f"h{n:02}.team{number:02}.example.com" for n in range(self.hosts)]

    @property
    def path_list(self) -> list[str]:
        """The paths of each Route."""
        return [f"/api/item{n:02}" for n in range(self.paths)]


SHAPES = (Shape("30 paths of a host", 1, 30), Shape("15 hosts of 2 paths", 15, 2), Shape("5 hosts of 6 paths", 5, 6))


def measure_packing(say: Say) -> Iterator[Row]:
    """Report, for each shape and with alternation off and on, rules used, the bound, and what 100 rules hold."""
    for shape in SHAPES:
        for alternation in (False, True):
            say(f"packing {MATCHES:,} matches, {shape.name}, alternation {_switch(alternation)}")
            what = f"{MATCHES:,} matches, {shape.name}, alternation {_switch(alternation)}"
            used = _count(_rendered(shape, alternation=alternation, quota=MATCHES), "rule")
            yield Row(f"{what}: rules used", used)
            yield Row(f"{what}: lower bound", ROUTES * least(shape, alternation=alternation))
            yield Row(f"{what}: held by {QUOTA} rules", _held(_rendered(shape, alternation=alternation, quota=QUOTA)))


def least(shape: Shape, *, alternation: bool) -> int:
    """Return how many rules a Route needs at least, however its matches are packed."""
    hosts, paths = shape.hosts_of(0), shape.path_list
    a_host = _in_a_value(hosts, _HOST) if alternation else 1
    a_path = _in_a_value(paths, _PATH) if alternation else 1
    best = max(
        min(len(hosts), values * a_host) * min(len(paths), (VALUES - values) * a_path) for values in range(1, VALUES)
    )
    return -(-len(hosts) * len(paths) // best)


def _in_a_value(texts: Sequence[str], beside: int) -> int:
    """Return how many texts a value holds at most; each but the first comes with a bar."""
    shortest = min(len(re.escape(text).replace("\\-", "-").replace("\\/", "/")) for text in texts)
    return max(1, (CHARACTERS - beside + 1) // (shortest + 1))


def _rendered(shape: Shape, *, alternation: bool, quota: int) -> Rendered:
    ref = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "namespace": "infra", "name": "config"}
    settings: Mapping[str, object] = {"regexAlternation": alternation, "quotas": {"rulesPerLoadBalancer": quota}}
    objects: list[Plain] = [gateway_class(parametersRef=ref), config({"aws": settings}), gateway()]
    for number in range(ROUTES):
        matches = [exact(path) for path in shape.path_list]
        objects += with_service(f"s{number}", "a", [f"10.244.1.{number}"])
        objects.append(
            route(f"r{number:03}", "a", [rule(backend(f"s{number}"), matches=matches)], shape.hosts_of(number))
        )
    key = GatewayKey(CLUSTER, "infra", "gw")
    provider = provider_for(CONTROLLER)
    return provider.render(compile_ir(attach(take_snapshot(key, CONTROLLER, objects), provider)).lb)


def _count(rendered: Rendered, kind: str) -> int:
    return sum(key.kind == kind for key in rendered.resources)


def _held(rendered: Rendered) -> int:
    """Return how many matches, one a host, the rules carry."""
    return sum(len(one.origins) for key, one in rendered.resources.items() if key.kind == "rule")


def _switch(value: bool) -> str:  # noqa: FBT001 - what is said of it
    return "on" if value else "off"
