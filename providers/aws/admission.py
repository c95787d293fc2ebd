"""Who gets the rules and target groups of a load balancer: at a quota the oldest Routes stay, whole or not at all.

Admission is by age, never by match precedence, so that no team's new Route evicts another's live one (Law 11).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.aws.config import Quotas
from reconciler.ir import Origin, Rejection
from reconciler.keys import RouteKey


@dataclass(slots=True)
class Need:
    """What one Route takes: rules, and names of target groups. `age` is its place in the queue."""

    route: RouteKey
    age: tuple[str, str, str, str]
    rules: int = 0
    groups: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Needs:
    """What all Routes of a Gateway take; a rule that several share is its oldest Route's."""

    routes: dict[RouteKey, Need] = field(default_factory=dict)
    fences: int = 0

    def of(self, origin: Origin) -> Need:
        """Return the need of an origin's Route."""
        if origin.route not in self.routes:
            self.routes[origin.route] = Need(origin.route, origin.age)
        return self.routes[origin.route]


def refused(needs: Needs, quotas: Quotas, per_namespace: int) -> tuple[Rejection, ...]:
    """Return a rejection for each Route that does not fit; the oldest is asked first, after the fences."""
    free, groups = quotas.rules - needs.fences, set[str]()
    namespaces: dict[str, int] = {}
    found: list[Rejection] = []
    for need in sorted(needs.routes.values(), key=lambda one: one.age):
        used = namespaces.get(need.route.namespace, 0)
        limits: Mapping[str, tuple[int, int, int]] = {
            "rules of the load balancer": (need.rules, free, quotas.rules),
            "target groups of the load balancer": (
                len(need.groups - groups),
                quotas.target_groups - len(groups),
                quotas.target_groups,
            ),
            f"rules of namespace {need.route.namespace}": (need.rules, per_namespace - used, per_namespace),
        }
        over = (_message(what, *numbers) for what, numbers in limits.items() if numbers[2] and numbers[0] > numbers[1])
        short = next(over, "")
        if short:
            found.append(Rejection(str(need.route), "UnsupportedValue", short, need.route))
            continue
        free -= need.rules
        groups |= need.groups
        namespaces[need.route.namespace] = used + need.rules
    return tuple(found)


def _message(what: str, needed: int, free: int, limit: int) -> str:
    return f"{what}: needs {needed}, {max(0, free)} left of {limit}; older Routes keep theirs"
