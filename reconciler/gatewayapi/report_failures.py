"""Whose matter a failed step is: a Route's, a pool's, a listener's, or else the Gateway's. And what was said before it.

A failure that may pass tells nothing new: where an object was said to serve, that is still the best that is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from reconciler.capabilities import Rejection
from reconciler.errors import InvalidCertificate, TransientError
from reconciler.gatewayapi.graph import Attachment, Graph
from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.status import Condition, parent_ref
from reconciler.gatewayapi.values import items, mapping, number, text
from reconciler.keys import RouteKey
from reconciler.plan import Failure

_RULE = 3
"""Where an entry's id, `<kind>/<namespace>/<name>/rule/<index>/...`, has the index of its rule."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The failed steps of a run, by whom they concern. What concerns nobody in particular is the Gateway's.

    Attributes:
        by_route: each with the rules, by index, and listeners, "" for all, that it was for.
    """

    graph: Graph
    failed: tuple[Failure, ...]
    by_route: Mapping[RouteKey, Mapping[int, frozenset[tuple[int, str]]]]

    @classmethod
    def of(cls, graph: Graph, failed: tuple[Failure, ...]) -> Self:
        """Return the failures of a run of this graph."""
        found: dict[RouteKey, dict[int, frozenset[tuple[int, str]]]] = {}
        for place, one in enumerate(failed):
            for route, rule, listener in _entries(one):
                places = found.setdefault(route, {})
                places[place] = places.get(place, frozenset()) | {(rule, listener)}
        return cls(graph, failed, found)

    def of_gateway(self) -> Failure | None:
        """Return the failure to tell on the Gateway: its own, or a listener's if none of those it has was made."""
        own = [one for one in self.failed if not (self._listeners(one) or self._pools(one) or any(_entries(one)))]
        if not own:
            served = [self.of_listener(node.listener.id) for node in self.graph.served]
            own = [one for one in served if one is not None] if all(served) else []
        return worst(own)

    def for_now(self) -> Failure | None:
        """Return a failure, whoever's, that a later try may mend."""
        return next((one for one in self.failed if isinstance(one.error, TransientError)), None)

    def of_listener(self, name: str) -> Failure | None:
        """Return the failure that keeps a listener, by its id, from being as it should."""
        return worst(one for one in self.failed if name in self._listeners(one) and not one.last_good)

    def of_certificates(self, name: str) -> Failure | None:
        """Return the failure of a listener, by its id, whose certificate the cloud does not take."""
        wrong = (one for one in self.failed if isinstance(one.error, InvalidCertificate))
        return next((one for one in wrong if name in self._listeners(one)), None)

    def of_route(self, item: Attachment) -> Iterator[tuple[Failure, frozenset[int]]]:
        """Yield the failures of what a Route asks for where a parentRef leads, each with its rules, by index."""
        here = {"", *(bound.listener for bound in item.bound)}
        for place, wanted in self.by_route.get(item.key, {}).items():
            if rules := frozenset(rule for rule, listener in wanted if listener in here):
                yield self.failed[place], rules

    def refusals(self) -> Iterator[Rejection]:
        """Yield what the cloud refused of Routes when it was to be made, where no last good state goes on."""
        for route, places in self.by_route.items():
            for place, wanted in places.items():
                one = self.failed[place]
                if not (one.last_good or isinstance(one.error, TransientError)):
                    for rule, listener in wanted:
                        yield Rejection(str(one.key), "UnsupportedValue", one.error.message, route, rule, listener)

    def of_backends(self, item: Attachment) -> tuple[Failure, ...]:
        """Return the failures of the pools that a Route sends requests or copies to."""
        backends = (*item.backends.values(), *item.reencrypted.values())
        used = {one.pool for found in backends for one in found.pools}
        used |= {one.pool for found in backends for one in found.mirrors}
        return tuple(one for one in self.failed if used & self._pools(one))

    def _pools(self, failure: Failure) -> frozenset[str]:
        return frozenset(failure.origins) & self.graph.pools.keys()

    def _listeners(self, failure: Failure) -> frozenset[str]:
        """Return the ids of the listeners that a failed step was for, or whose fence it is."""
        named = {f"listener/{node.listener.id}": node.listener.id for node in self.graph.listeners}
        origins = (origin.removesuffix("/fence") if origin not in named else origin for origin in failure.origins)
        return frozenset(named[one] for one in origins if one in named)


def worst(failures: Iterable[Failure]) -> Failure | None:
    """Return the first failure that lasts, else the first one."""
    found = list(failures)
    lasting = [failure for failure in found if not isinstance(failure.error, TransientError)]
    return next(iter(lasting or found), None)


def _entries(failure: Failure) -> Iterator[tuple[RouteKey, int, str]]:
    """Yield Route, rule and listener ("" if it is not known which) of the entries that a failed step was for."""
    known = {name.lower(): name for name in route_kinds()}
    for origin, listener in itertools.zip_longest(failure.origins, failure.listeners, fillvalue=""):
        kind, *rest = origin.split("/")
        if kind in known and rest[_RULE - 1 : _RULE] == ["rule"]:
            yield RouteKey(known[kind], rest[0], rest[1]), int(rest[_RULE]), listener


# --- what was said before -----------------------------------------------------------------------------------------


def standing(status: Mapping[str, Any], name: str) -> Condition | None:
    """Return a condition of an object's status as read, if it is True."""
    for one in items(status.get("conditions")):
        if one.get("type") == name and one.get("status") == "True":
            generation = number(one.get("observedGeneration"))
            return Condition(name, "True", text(one.get("reason")), text(one.get("message")), generation)
    return None


def listener_status(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the entry of a listener in its holder's status; empty if there is none."""
    return next((one for one in items(status.get("listeners")) if one.get("name") == name), {})


def parent_status(item: Attachment, controller: str) -> Mapping[str, Any]:
    """Return our entry of a parent in a Route's status; empty if there is none."""
    named = parent_ref(item.parent)
    entries = (one for one in items(item.route.status.get("parents")) if one.get("controllerName") == controller)
    return next((one for one in entries if dict(mapping(one.get("parentRef"))) == named), {})
