"""Law 11: at a quota the oldest Routes stay, whatever they match; told through whole runs against the emulated AWS.

Routes come and go on one Gateway whose quotas are small: rules, target groups, and rules of a namespace. After each
step who is admitted has to be what asking the oldest first gives, and no newcomer may have cost anybody a rule.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from emulators.aws.inprocess import strict_aws
from providers import provider_for
from reconciler.events import Seen
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.read import take_snapshot
from tests.aws_world import World
from tests.builders import (
    CONTROLLER,
    backend,
    config,
    config_ref,
    exact,
    gateway_class,
    prefix,
    route,
    rule,
    with_service,
)
from tests.fakes import trigger
from tests.proof.seeds import tell_all

RULES, GROUPS, PER_NAMESPACE = 8, 7, 5
"""The quotas: whichever is reached first differs from story to story."""
_LOOKS = 4
"""Runs after one change: where the quota is full and rules overlap, room has to be made first."""
_PATHS = ("/", "/a", "/a/b", "/a/b/c", "/b", "/b/c", "/c")
_HOSTS = ((), (), ("x.example.com",), ("x.example.com", "y.example.com"))
_MESSAGE = re.compile(r"needs (\d+), (\d+) left of (\d+)")

type Plain = dict[str, Any]
type Name = tuple[str, str]


@dataclass
class Story:
    """One Gateway, the Routes on it, and a random generator that decides what comes next."""

    world: World
    random: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    created: int = 0

    def prepare(self) -> None:
        """Set the quotas, in the account and in the class, and start without any Route."""
        limits = self.world.account.limits
        limits.set("rules-per-application-load-balancer", RULES)
        limits.set("target-groups-per-application-load-balancer", GROUPS)
        self.world.cluster.objects.pop(("HTTPRoute", "a", "web"))
        self.world.cluster.put(*_class(RULES, GROUPS, PER_NAMESPACE))

    def add(self) -> None:
        """A team adds a Route, younger than all others but for a tie now and then."""
        self.created += 1
        namespace, name = self.random.choice("abc"), f"r{self.random.randrange(1000):03}-{self.created}"
        born = f"2026-01-01T00:{self.created:02}:00Z"
        rules = [
            rule(self._backend(namespace, name), matches=self._matches()) for _ in range(self.random.randint(1, 3))
        ]
        hosts = self.random.choice(_HOSTS)
        self.world.cluster.put(route(name, namespace, rules, hosts, creationTimestamp=born))

    def _backend(self, namespace: str, name: str) -> Plain:
        """Return a Service of the Route's own, or now and then one that its team shares."""
        service = "shared" if self.random.random() < 0.2 else f"{name}-{self.random.randrange(2)}"
        if ("Service", namespace, service) not in self.world.cluster.objects:
            self.world.cluster.put(*with_service(service, namespace))
        return backend(service)

    def _matches(self) -> list[Plain]:
        found = []
        for _ in range(self.random.randint(1, 3)):
            made = self.random.choice((exact, prefix))(self.random.choice(_PATHS))
            found.append(made | self.random.choice(({}, {}, {"method": "GET"})))
        return found

    def remove(self) -> Name:
        """A team deletes a Route, an old one rather than a young one; return its name."""
        keys = sorted(self.routes(), key=self.age)
        namespace, name = keys[min(self.random.randrange(len(keys)), self.random.randrange(len(keys)))]
        self.world.cluster.remove("HTTPRoute", namespace, name)
        return namespace, name

    def run(self) -> None:
        """Reconcile as the queue would: again when a run says so; in the end AWS has refused nothing."""
        self.world.forget()
        one = trigger(seen=(Seen("HTTPRoute", "uid", str(self.counts["runs"])),))
        for _ in range(_LOOKS):
            result = self.world.run(one)
            self.counts["runs"] += 1
            if result.retry_after is None:
                break
            one = one.again()
        assert (None, ()) == (result.retry_after, result.outcome.failed)

    def routes(self) -> list[Name]:
        """Return the Routes."""
        return [(namespace, name) for kind, namespace, name in self.world.cluster.objects if kind == "HTTPRoute"]

    def age(self, name: Name) -> tuple[str, str, str]:
        """Return what decides at a quota."""
        return str(self.world.cluster.get("HTTPRoute", *name)["metadata"]["creationTimestamp"]), *name

    def accepted(self) -> dict[Name, Plain]:
        """Return each Route's Accepted condition, without its time."""
        found: dict[Name, Plain] = {}
        for name in self.routes():
            conditions = self.world.cluster.get("HTTPRoute", *name)["status"]["parents"][0]["conditions"]
            (one,) = [item for item in conditions if item["type"] == "Accepted"]
            found[name] = {key: one[key] for key in ("status", "reason", "message")}
        return found

    def takes(self, names: Iterable[Name]) -> dict[str, int]:
        """Return what these Routes alone would take if there were no quota, by the name of the limit."""
        chosen = set(names)
        objects = [
            item
            for (kind, namespace, name), item in self.world.cluster.objects.items()
            if kind not in ("HTTPRoute", "LoadBalancerConfig") or (namespace, name) in chosen
        ]
        provider = provider_for(CONTROLLER)
        snapshot = take_snapshot(trigger().key, CONTROLLER, [*objects, *_class(10_000, 10_000, 0)])
        want = provider.render(compile_ir(attach(snapshot, provider)).lb)
        rules = [resource for key, resource in want.resources.items() if key.kind == "rule"]
        taken = Counter({"rules": len(rules), "groups": sum(key.kind == "target-group" for key in want.resources)})
        for one in rules:
            owner = min((origin.split("/")[1:3] for origin in one.origins), key=lambda two: self.age((two[0], two[1])))
            taken[owner[0]] += 1
        return taken

    def expected(self) -> set[Name]:
        """Return who is to be admitted: the oldest is asked first, and stays if everything fits with it."""
        kept: list[Name] = []
        for name in sorted(self.routes(), key=self.age):
            taken = self.takes([*kept, name])
            over = taken["rules"] > RULES or taken["groups"] > GROUPS
            if not over and all(taken[namespace] <= PER_NAMESPACE for namespace in "abc"):
                kept.append(name)
        return set(kept)

    def check(self) -> None:
        """Compare who is admitted with who is to be, and read what the refused are told."""
        told = self.accepted()
        admitted = {name for name, one in told.items() if one["status"] == "True"}
        assert self.expected() == admitted, told
        for one in told.values():
            if one["status"] == "False":
                assert one["reason"] == "UnsupportedValue", one
                needed, free, limit = map(int, _MESSAGE.search(one["message"]).groups())  # type: ignore[union-attr]
                assert needed > free >= 0, one
                assert limit in (RULES, GROUPS, PER_NAMESPACE), one
        self.counts["admitted"] += len(admitted)
        self.counts["refused"] += len(told) - len(admitted)

    def check_newcomer(self, before: dict[Name, Plain]) -> None:
        """Everybody who was there before the newcomer is told what they were told, and lost nothing."""
        after = self.accepted()
        assert before == {name: after[name] for name in before}
        assert "DeleteTargetGroup" not in self.world.operations()
        self.counts["newcomers"] += 1


def _class(rules: int, groups: int, per_namespace: int) -> list[Plain]:
    quotas = {"rulesPerLoadBalancer": rules, "targetGroupsPerLoadBalancer": groups}
    spec = {"aws": {"quotas": quotas}, "maxRulesPerNamespace": per_namespace}
    return [gateway_class(parametersRef=config_ref()), config(spec)]


def tell(seed: int, steps: int = 12) -> Counter[str]:
    """Tell one story of Routes that come and go, and at last all but the youngest go; return counts."""
    with strict_aws() as account:
        story = Story(World(account), random.Random(seed))  # noqa: S311 - a story, no secret
        story.prepare()
        for _ in range(steps):
            before = story.accepted()
            if before and story.random.random() < 0.3:
                gone = story.remove()
                story.run()
                came = [name for name, one in story.accepted().items() if one["status"] > before[name]["status"]]
                story.counts["came in"] += len(came)
                assert gone not in story.accepted()
            else:
                story.add()
                story.run()
                story.check_newcomer(before)
            story.check()
        return story.counts


def prove(size: int = 100) -> dict[str, int]:
    """Tell `size` stories; return counts. Raises AssertionError, naming the seed."""
    return {"stories": size, **tell_all(size, tell)}
