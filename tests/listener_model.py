"""A listener in memory that takes the rule calls of a plan one by one, and answers requests as an ALB would."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from providers.aws.plan import plan
from providers.aws.resources import LISTENER, LOAD_BALANCER_KEY, RULE, listener_key, order_key, rule_key, scope_of
from reconciler.config import Placement
from reconciler.keys import GatewayKey
from reconciler.plan import Change, Depth, Look, Plan, Rendered, Resource, ResourceKey, ResourceSet
from reconciler.ports import Owner
from reconciler.values import Json

PORT = 80
OWNER = Owner(GatewayKey("c", "team", "gw"), "uid", Placement())
ALL = Look(Depth.ALL, pools=None)

type Rule = tuple[str, str, str]
"""Host pattern ("" any), path prefix, name of the target group."""


def conditions(host: str, prefix: str) -> list[Json]:
    """Return a rule's canonical conditions."""
    paths: list[Json] = [*sorted({prefix, prefix.rstrip("/") + "/*"})]
    hosts: list[Json] = [{"Field": "host-header", "Values": [host]}] if host else []
    return [*hosts, {"Field": "path-pattern", "Values": paths}]


def rule_of(rule: Rule) -> Resource:
    """Return a rule as render writes it."""
    host, prefix, group = rule
    found = conditions(host, prefix)
    actions: list[Json] = [{"Type": "forward", "TargetGroups": [[group, 1]], "Stickiness": 0}]
    spec: dict[str, Json] = {"Conditions": found, "Actions": actions, "Transforms": []}
    return Resource(rule_key(PORT, found), spec, (f"httproute/team/{group}",))


def rendered(rules: Sequence[Rule], quota: int = 100) -> Rendered:
    """Return a load balancer with one listener and these rules, the first with the highest precedence."""
    resources = [rule_of(rule) for rule in rules]
    order = Resource(order_key(PORT), {"Rules": [rule.key.name for rule in resources]})
    balancer = Resource(LOAD_BALANCER_KEY, {"Name": "rw", "RulesQuota": quota})
    listener = Resource(listener_key(PORT), {"Port": PORT, "Protocol": "HTTP", "DefaultActions": []})
    return Rendered({one.key: one for one in (balancer, listener, order, *resources)})


@dataclass(slots=True)
class Model:
    """Rules by cloud id: priority and spec. `taken` are numbers of rules of others, which take no request here."""

    rules: dict[str, tuple[int, Mapping[str, Any]]] = field(default_factory=dict)
    taken: tuple[int, ...] = ()
    made: int = 0

    @classmethod
    def of(cls, rules: Sequence[Rule], numbers: Sequence[int], taken: Sequence[int] = ()) -> Model:
        """Return a listener with these rules at these priorities."""
        model = cls(taken=tuple(taken))
        for rule, number in zip(rules, numbers, strict=True):
            model._create(number, rule_of(rule).spec)
        return model

    def apply(self, change: Change) -> Iterator[None]:
        """Take one call; yields after each effect of it, since SetRulePriorities may not be atomic."""
        spec: dict[str, Any] = dict(change.want.spec) if change.want else {}
        cloud_id = change.got.cloud_id if change.got else ""
        if change.call == "CreateRule":
            self._create(spec.pop("Priority"), spec)
        elif change.call == "ModifyRule":
            number, was = self.rules[cloud_id]
            self.rules[cloud_id] = (number, {**was, **spec})
        elif change.call == "DeleteRule":
            del self.rules[cloud_id]
        else:
            assert "SetRulePriorities" == change.call
            yield from self._number(spec["Priorities"])
        yield

    def _create(self, number: int, spec: Mapping[str, Any]) -> None:
        assert number not in self._held
        self.made += 1
        self.rules[f"arn:{self.made}"] = (number, spec)

    def _number(self, priorities: Mapping[str, int]) -> Iterator[None]:
        ids = {resource.key.name: resource.cloud_id for resource in self.observed().of_kind(RULE)}
        for name, number in priorities.items():
            assert number not in self._held
            self.rules[ids[name]] = (number, self.rules[ids[name]][1])
            yield

    @property
    def _held(self) -> set[int]:
        return {*self.taken, *(number for number, _ in self.rules.values())}

    @property
    def in_order(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Cloud ids and specs, highest precedence first."""
        return [(one, self.rules[one][1]) for one in sorted(self.rules, key=lambda one: self.rules[one][0])]

    def answer(self, host: str, path: str) -> Json:
        """Return the actions of the first rule that takes a request, None for the default."""
        for _, spec in self.in_order:
            if all(_takes(condition, host, path) for condition in spec["Conditions"]):
                return list(spec["Actions"])
        return None

    def observed(self) -> ResourceSet:
        """Return what observe reports of the load balancer, this listener and its rules."""
        names: list[Json] = []
        resources: list[Resource] = [
            Resource(LOAD_BALANCER_KEY, {"Name": "rw"}, cloud_id="arn:lb"),
            Resource(ResourceKey(LISTENER, "", str(PORT)), {"Port": PORT, "Protocol": "HTTP", "DefaultActions": []}),
        ]
        for cloud_id, spec in self.in_order:
            digest = rule_key(PORT, spec["Conditions"]).name
            repeated = sum(str(name).partition("~")[0] == digest for name in names)
            names.append(f"{digest}~{repeated + 1}" if repeated else digest)
            resources.append(Resource(ResourceKey(RULE, scope_of(PORT), str(names[-1])), spec, cloud_id=cloud_id))
        numbers: list[Json] = [self.rules[cloud_id][0] for cloud_id, _ in self.in_order]
        order: dict[str, Json] = {"Rules": names, "Priorities": numbers, "Taken": list(self.taken)}
        found = {one.key: one for one in (*resources, Resource(order_key(PORT), order))}
        return ResourceSet(found, exists=True)

    def plan(self, want: Rendered) -> Plan:
        """Return the plan from here to the want."""
        return plan(OWNER, want, self.observed(), ALL)


def _takes(condition: Mapping[str, Any], host: str, path: str) -> bool:
    text = host if condition["Field"] == "host-header" else path
    return any(fnmatchcase(text, value) for value in condition["Values"])
