"""What the cloud cannot do of a Route, seen from one of its parentRefs: a rule may be refused on one listener only.

A rule that no listener of a parentRef takes is dropped there; one that some take is partly invalid; a Route of which
nothing is left is not accepted, and not attached either (specification, Route attachment and attachedRoutes).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from reconciler.capabilities import Rejection
from reconciler.gatewayapi.graph import Attachment, Graph, Problem
from reconciler.keys import RouteKey

ADMITTED = "Accepted"


@dataclass(frozen=True, slots=True)
class Refusals:
    """Rejections that name a Route, by Route."""

    by_route: Mapping[RouteKey, tuple[Rejection, ...]]

    @classmethod
    def of(cls, rejections: Iterable[Rejection]) -> Self:
        """Return the refusals among these rejections."""
        found: dict[RouteKey, list[Rejection]] = {}
        for one in sorted(rejections, key=lambda one: (one.origin, one.listener, one.rule, one.message)):
            if one.route is not None:
                found.setdefault(one.route, []).append(one)
        return cls({route: tuple(several) for route, several in found.items()})

    def whole(self, item: Attachment) -> Problem | None:
        """Return why nothing of a Route is left on any listener of a parentRef; None if something is."""
        refused = self._by_listener(item)
        left = [index for index in range(len(item.route.rules)) if index not in item.dropped]
        if not refused or any(rule not in refused[name] for name in refused for rule in left):
            return None
        entire = next((one for one in self.by_route[item.key] if one.rule < 0), None)
        if entire is not None:
            return Problem(ADMITTED, entire.reason, entire.message)
        rule, problem = min({**self.dropped(item), **item.dropped}.items())
        return Problem(ADMITTED, problem.reason, f"no rule can be used; rule {rule}: {problem.message}")

    def dropped(self, item: Attachment) -> dict[int, Problem]:
        """Return by rule why no listener of a parentRef takes it."""
        refused = list(self._by_listener(item).values())
        return {
            rule: refused[0][rule] for rule in (refused[0] if refused else ()) if all(rule in one for one in refused)
        }

    def partly(self, item: Attachment) -> list[tuple[int, str, Problem]]:
        """Return (rule, listener, why) of each rule that some listeners of a parentRef take and this one does not."""
        everywhere = self.dropped(item)
        return [
            (rule, name, problem)
            for name, rules in self._by_listener(item).items()
            for rule, problem in rules.items()
            if rule not in everywhere and rule not in item.dropped
        ]

    def _by_listener(self, item: Attachment) -> dict[str, dict[int, Problem]]:
        """Return by listener of a parentRef, then by rule, what the cloud cannot; empty if it can everything."""
        told = self.by_route.get(item.key, ())
        found: dict[str, dict[int, Problem]] = {bound.listener: {} for bound in item.bound}
        for one in told:
            problem = Problem("PartiallyInvalid", one.reason, one.message)
            rules = range(len(item.route.rules)) if one.rule < 0 else (one.rule,)
            for name in found if not one.listener else {one.listener} & found.keys():
                for rule in rules:
                    found[name].setdefault(rule, problem)
        return found if any(found.values()) else {}


def counted(graph: Graph, rejections: Iterable[Rejection]) -> Graph:
    """Return the graph with attachedRoutes less the Routes of which the cloud leaves nothing."""
    refusals = Refusals.of(rejections)
    if not refusals.by_route:
        return graph
    attached: dict[str, set[RouteKey]] = {}
    for item in graph.attachments:
        if refusals.whole(item) is None:
            for bound in item.bound:
                attached.setdefault(bound.listener, set()).add(item.key)
    nodes = (replace(node, attached=len(attached.get(node.listener.id, ()))) for node in graph.listeners)
    return replace(graph, listeners=tuple(nodes))
