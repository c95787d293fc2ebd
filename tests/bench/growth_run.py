"""Compile, render and plan a number of matches in a process of its own, by function calls and seconds; prints JSON.

`python -m tests.bench.growth_run SHAPE MATCHES`; see `SHAPES`.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from providers import provider_for
from providers.aws import calls
from providers.aws.resources import ORDER, RULE
from reconciler.config import Placement
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.read import take_snapshot
from reconciler.keys import GatewayKey
from reconciler.plan import Depth, Look, Plan, Rendered, ResourceKey, ResourceSet
from reconciler.ports import Owner
from reconciler.values import Json
from tests.builders import (
    CLUSTER,
    CONTROLLER,
    backend,
    config,
    config_ref,
    exact,
    gateway,
    gateway_class,
    prefix,
    route,
    rule,
)
from tests.builders import with_service as service

type Plain = dict[str, Any]
SHAPES = {"a host a Route": "r{}.example.com", "one host for all": "www.example.com", "no host": ""}
MATCHES_A_ROUTE = 5
_KEY = GatewayKey(CLUSTER, "infra", "gw")
_ALL = Look(Depth.ALL, pools=None)


@dataclass(slots=True)
class Growth:
    """What each step of the story took."""

    calls: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def step[T](self, name: str, work: Callable[[], T]) -> T:
        """Do a step twice: once for its seconds of CPU, once for its calls of functions."""
        before = time.process_time()
        work()
        self.seconds[name] = time.process_time() - before
        profile = cProfile.Profile()
        found = profile.runcall(work)
        self.calls[name] = int(pstats.Stats(profile).total_calls)  # type: ignore[attr-defined]
        return found


class Story:
    """The pure part of a run, step by step."""

    def __init__(self, growth: Growth) -> None:
        self._growth, self._provider = growth, provider_for(CONTROLLER)

    def want(self, objects: Sequence[Plain], name: str = "") -> Rendered:
        """Return what objects want; measured if the story has a name."""
        step = self._growth.step if name else _quietly
        snapshot = step("read", lambda: take_snapshot(_KEY, CONTROLLER, objects))
        graph = step("attach", lambda: attach(snapshot, self._provider))
        compiled = step("compile", lambda: compile_ir(graph))
        return step("render", lambda: self._provider.render(compiled.lb))

    def plan(self, want: Rendered, got: ResourceSet, name: str) -> Plan:
        """Return a plan and measure it."""
        owner = Owner(_KEY, "uid", Placement(), "nonce")
        return self._growth.step(name, lambda: self._provider.plan(owner, want, got, _ALL))

    def settled(self, want: Rendered) -> ResourceSet:
        """Return what is there after a plan for an empty account, as it would be observed."""
        owner = Owner(_KEY, "uid", Placement(), "nonce")
        made = self._provider.plan(owner, want, ResourceSet(), _ALL).changes
        numbers = {one.key: one.want.spec["Priority"] for one in made if one.call == calls.CREATE_RULE and one.want}
        found = {key: replace(one, cloud_id=f"id:{key}") for key, one in want.resources.items()}
        for key, one in want.resources.items():
            if key.kind == ORDER:
                names: Any = one.spec["Rules"]
                given: list[Json] = [numbers[ResourceKey(RULE, key.scope, name)] for name in names]
                found[key] = replace(found[key], spec={**one.spec, "Priorities": given, "Taken": []})
        return ResourceSet(found, exists=True)


def _quietly[T](_: str, work: Callable[[], T]) -> T:
    return work()


def objects_of(routes: Sequence[Plain], quota: int = 20_000) -> list[Plain]:
    """Return a Gateway with these Routes, 80 Services of 20 teams, and quotas that its class raised."""
    quotas = {"rulesPerLoadBalancer": quota, "targetGroupsPerLoadBalancer": 1000}
    own = [gateway_class(parametersRef=config_ref()), config({"aws": {"quotas": quotas}}), gateway()]
    services = [item for number in range(80) for item in service(f"s{number}", f"team{number % 20}")]
    return [*own, *routes, *services]


def routes_of(count: int, host: str, version: str = "1") -> list[Plain]:
    """Return Routes of five matches each."""
    found = []
    for number in range(count):
        paths = [exact(f"/r{number}/{leaf}") for leaf in ("login", "logout", "x")]
        matches = [*paths, prefix(f"/r{number}/api"), prefix(f"/r{number}") | _header(version)]
        rules = [rule(backend(f"s{number % 80}"), matches=matches)]
        hosts = [host.format(number)] if host else []
        found.append(route(f"r{number}", f"team{number % 20}", rules, hosts))
    return found


def _header(version: str) -> Plain:
    return {"headers": [{"name": "x-version", "value": version}]}


def top(host: str) -> Plain:
    """Return a Route that comes before all others."""
    match = {**exact("/r0/login"), "method": "GET", **_header("top")}
    return route("top", "team0", [rule(backend("s0"), matches=[match])], [host.format(0)] if host else [])


def main() -> None:
    """Print calls and seconds by step, and the changes of the plans that ought to have few."""
    host, count = SHAPES[sys.argv[1]], int(sys.argv[2]) // MATCHES_A_ROUTE
    growth = Growth()
    story, routes = Story(growth), routes_of(count, host)
    want = story.want(objects_of(routes), "measured")
    story.plan(want, ResourceSet(), "plan: everything is new")
    got = story.settled(want)
    nothing = story.plan(want, got, "plan: nothing to do")
    inserted = story.plan(story.want(objects_of([*routes, top(host)])), got, "plan: a Route on top")
    half = story.settled(story.want(objects_of(routes[::2])))
    story.plan(want, half, "plan: every second Route is new")
    rules = sum(key.kind == RULE for key in want.resources)
    others = story.want(objects_of(routes_of(count, host, "2"), rules))
    story.plan(others, got, "plan: a fifth of the rules replaced, the quota full")
    figures = {
        "calls": growth.calls,
        "seconds": growth.seconds,
        "nothing": len(nothing.changes),
        "inserted": len(inserted.changes),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
