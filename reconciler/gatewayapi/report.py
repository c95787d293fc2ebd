"""build_status(): what a run says about each object it looked at. Pure, without times.

Everything is told where its owner looks: a Route's trouble on the Route, a listener's on the listener.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from reconciler.errors import QuotaExceeded, TransientError
from reconciler.gatewayapi.conditions import Conditions
from reconciler.gatewayapi.features import supported_features
from reconciler.gatewayapi.graph import Attachment, Graph, PolicyNode, Problem
from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.report_listeners import ListenerReport, left_alone
from reconciler.gatewayapi.resources import Gateway, GatewayClass, Meta, Route
from reconciler.gatewayapi.status import (
    ClassStatus,
    Condition,
    GatewayStatus,
    ParentStatus,
    PolicyStatus,
    RouteStatus,
    SetStatus,
    StatusUpdate,
)
from reconciler.ir import Capabilities, Rejection
from reconciler.keys import GatewayKey, RouteKey
from reconciler.plan import Failure, Outcome

type Body = GatewayStatus | SetStatus | RouteStatus | PolicyStatus | ClassStatus

ADDRESS = "address/"
"""What the text form of an `Address` begins with."""
OLDEST_BUNDLE = (1, 6)
"""Older bundles of CRDs lack fields that we rely on."""


def build_status(
    graph: Graph, controller: str, capabilities: Capabilities, rejections: Sequence[Rejection], outcome: Outcome
) -> tuple[StatusUpdate, ...]:
    """Return the updates of one run: Gateway (or GatewayClass), its ListenerSets, Routes, then those that we let go."""
    story = _Story(graph, tuple(rejections), outcome)
    updates: list[StatusUpdate] = []
    if graph.gateway_class is not None and graph.gateway is None:
        updates.append(_class(graph, graph.gateway_class, capabilities))
    if graph.gateway is not None and graph.ours and not graph.gateway.meta.deleted:
        updates.extend(_gateway(graph, graph.gateway, story))
        updates.extend(_routes(graph, controller, story))
    elif graph.gateway is not None:
        updates.extend(_update("ListenerSet", node.listener_set.meta, left_alone(node)) for node in graph.sets)
    updates.extend(_route(route, RouteStatus(controller, graph.holders, ())) for route in graph.former)
    updates.extend(_policy(node, graph.key, controller) for node in graph.policies)
    updates.extend(
        _update(one.kind, one.meta, PolicyStatus(controller, graph.key, ())) for one in graph.former_policies
    )
    return tuple(updates)


def _update(kind: str, meta: Meta, body: Body) -> StatusUpdate:
    return StatusUpdate(kind, meta.namespace, meta.name, meta.uid, meta.generation, body)


def _route(route: Route, body: RouteStatus) -> StatusUpdate:
    return _update(route.key.kind, route.meta, body)


def _policy(node: PolicyNode, gateway: GatewayKey, controller: str) -> StatusUpdate:
    say = Conditions("Policy", node.meta.generation)
    by_condition = {problem.condition: problem for problem in reversed(node.problems)}
    told = {name: by_condition.get(name) for name in ("Accepted", "ResolvedRefs")}
    conditions = (say.false(name, one.reason, one.message) if one else say.true(name) for name, one in told.items())
    return _update(node.kind, node.meta, PolicyStatus(controller, gateway, tuple(conditions)))


def _gateway(graph: Graph, gateway: Gateway, story: _Story) -> Iterator[StatusUpdate]:
    """Yield the updates of a Gateway and of its ListenerSets."""
    say = Conditions("Gateway", gateway.meta.generation)
    accepted = story.accepted(say)
    programmed = story.programmed(say, accepted)
    sets = [(node.listener_set, story.listeners.of_set(node, accepted, programmed)) for node in graph.sets]
    attached = sum(body.conditions[0].status == "True" for _, body in sets)
    yield _update("Gateway", gateway.meta, replace(story.gateway(say, accepted, programmed), attached_sets=attached))
    yield from (_update("ListenerSet", one.meta, body) for one, body in sets)


def _routes(graph: Graph, controller: str, story: _Story) -> Iterator[StatusUpdate]:
    by_route: dict[RouteKey, list[Attachment]] = {}
    for item in graph.attachments:
        by_route.setdefault(item.key, []).append(item)
    for items in by_route.values():
        parents = tuple(ParentStatus(item.parent, story.parent(item)) for item in items)
        yield _route(items[0].route, RouteStatus(controller, graph.holders, parents))


def _class(graph: Graph, gateway_class: GatewayClass, capabilities: Capabilities) -> StatusUpdate:
    say = Conditions("GatewayClass", gateway_class.meta.generation)
    conditions = []
    if graph.class_problems:
        problem = graph.class_problems[0]
        conditions.append(say.false("Accepted", problem.reason, problem.message))
    else:
        conditions.append(say.true("Accepted"))
    if graph.bundle_version:
        conditions.append(_version(say, graph.bundle_version))
    return _update("GatewayClass", gateway_class.meta, ClassStatus(tuple(conditions), supported_features(capabilities)))


def _version(say: Conditions, bundle: str) -> Condition:
    numbers = bundle.removeprefix("v").split("-")[0].split(".")[:2]
    known = all(number.isdigit() for number in numbers) and tuple(map(int, numbers)) >= OLDEST_BUNDLE
    if known:
        return say.true("SupportedVersion", message=f"Gateway API CRDs {bundle}")
    oldest = ".".join(map(str, OLDEST_BUNDLE))
    return say.false("SupportedVersion", "UnsupportedVersion", f"Gateway API CRDs {bundle} are older than v{oldest}")


@dataclass(frozen=True, slots=True)
class _Story:
    """What became of a graph in the cloud."""

    graph: Graph
    rejections: tuple[Rejection, ...]
    outcome: Outcome

    # --- Gateway ---

    @property
    def listeners(self) -> ListenerReport:
        return ListenerReport(self.graph, self.rejections)

    def gateway(self, say: Conditions, accepted: Condition, programmed: Condition) -> GatewayStatus:
        unresolved = next((one for one in self.graph.problems if one.condition == "ResolvedRefs"), None)
        resolved = say.true("ResolvedRefs")
        if unresolved is not None:
            resolved = say.false("ResolvedRefs", unresolved.reason, unresolved.message)
        trouble = bool(self.outcome.failed or self.outcome.held or accepted.status == "False")
        addresses = tuple((_address_type(address), address) for address in self.outcome.addresses)
        return GatewayStatus(
            addresses=None if trouble and not addresses else addresses,
            conditions=(accepted, programmed, resolved, *self._insecure(say)),
            listeners=tuple(self.listeners.status(node, programmed, accepted.generation) for node in self.graph.own),
        )

    def _insecure(self, say: Conditions) -> Iterator[Condition]:
        validations = [(node.listener, node.client_validation) for node in self.graph.listeners]
        ports = {str(one.port) for one, found in validations if found and found.mode == "AllowInsecureFallback"}
        if ports:
            message = f"port {', '.join(sorted(ports))}: clients without a valid certificate are let in"
            yield say.true("InsecureFrontendValidationMode", "ConfigurationChanged", message)

    def accepted(self, say: Conditions) -> Condition:
        problem = next((one for one in self.graph.problems if one.condition == "Accepted"), None)
        if problem is not None:
            return say.false("Accepted", problem.reason, problem.message)
        own = self.graph.own
        invalid = [node.listener.name for node in own if not self.listeners.valid(node)]
        if not invalid:
            return say.true("Accepted")
        message = f"listeners that are not valid: {', '.join(invalid)}; see their conditions"
        if all(self.listeners.refused(node) for node in own):
            return say.false("Accepted", "ListenersNotValid", message)
        return say.true("Accepted", "ListenersNotValid", message)

    def programmed(self, say: Conditions, accepted: Condition) -> Condition:
        if accepted.status == "False":
            return say.false("Programmed", "Invalid", f"not accepted: {accepted.message}")
        if self.outcome.held:
            return say.false("Programmed", "Pending", f"changes are held: {self.outcome.held}")
        if failure := self._worst():
            return say.false("Programmed", _reason(failure), failure.error.message)
        return self._serving(say)

    def _serving(self, say: Conditions) -> Condition:
        """Return whether all was made that was asked for, and answers under the addresses asked for."""
        if unusable := [one for one in self.rejections if one.origin.startswith(ADDRESS)]:
            return say.false("Programmed", unusable[0].reason, "; ".join(one.message for one in unusable))
        if self.outcome.waiting:
            return say.false(
                "Programmed", "Pending", f"waiting: {'; '.join(sorted(one.text for one in self.outcome.waiting))}"
            )
        if not self.outcome.addresses:
            passing = (one for one in self.outcome.failed if isinstance(one.error, TransientError))
            if failure := next(passing, None):  # whosever it is: there is nothing to answer anybody yet
                return say.false("Programmed", "Pending", failure.error.message)
            return say.false("Programmed", "AddressNotAssigned", "the load balancer has no address yet")
        return say.true("Programmed")

    def _worst(self) -> Failure | None:
        """Return the failure that is the Gateway's own: one that concerns only Routes is told there."""
        own = [failure for failure in self.outcome.failed if not self._routes_of(failure)]
        lasting = [failure for failure in own if not isinstance(failure.error, TransientError)]
        return next(iter(lasting or own), None)

    # --- Routes ---

    def parent(self, item: Attachment) -> tuple[Condition, ...]:
        say = Conditions("Route", item.route.meta.generation)
        conditions = [self._route_accepted(say, item)]
        if item.unresolved:
            every = "; ".join(problem.message for problem in item.unresolved)
            conditions.append(say.false("ResolvedRefs", item.unresolved[0].reason, every))
        else:
            conditions.append(say.true("ResolvedRefs"))
        dropped = self._dropped(item)
        if dropped and conditions[0].status != "False":
            told = "; ".join(f"rule {index}: {problem.message}" for index, problem in sorted(dropped.items()))
            conditions.append(say.true("PartiallyInvalid", "UnsupportedValue", f"Dropped Rule: {told}"))
        return tuple(conditions)

    def _route_accepted(self, say: Conditions, item: Attachment) -> Condition:
        if item.refused is not None:
            return say.false("Accepted", item.refused.reason, item.refused.message)
        whole = next((one for one in self._of(item.key) if one.rule < 0), None)
        if whole is not None:
            return say.false("Accepted", whole.reason, whole.message)
        dropped = self._dropped(item)
        if item.route.rules and len(dropped) == len(item.route.rules):
            first = dropped[min(dropped)]
            return say.false("Accepted", first.reason, f"no rule can be used; rule {min(dropped)}: {first.message}")
        failure = next((one for one in self.outcome.failed if item.key in self._routes_of(one)), None)
        if failure is None:
            return say.true("Accepted")
        if isinstance(failure.error, TransientError):
            return say.unknown("Accepted", "Pending", failure.error.message)
        return say.false("Accepted", "UnsupportedValue", failure.error.message)

    def _routes_of(self, failure: Failure) -> frozenset[RouteKey]:
        """Return the Routes that a failed step was for; empty if it is the Gateway's matter.

        What fails for a pool (a target that the cloud refuses) concerns the Routes that send to it, nobody else.
        """
        found, known = set(), {name.lower(): name for name in route_kinds()}
        for origin in failure.origins:
            kind, *rest = origin.split("/")
            if kind in known and len(rest) > 1:
                found.add(RouteKey(known[kind], rest[0], rest[1]))
        pools = set(failure.origins) & self.graph.pools.keys()
        return frozenset(found).union(item.key for item in self.graph.attachments if pools & _pools_of(item))

    def _of(self, route: RouteKey) -> Iterable[Rejection]:
        return (one for one in self.rejections if one.route == route)

    def _dropped(self, item: Attachment) -> dict[int, Problem]:
        """Return by rule why it is not part of the load balancer: the user's mistake, or what the cloud cannot."""
        cannot = {
            one.rule: Problem("PartiallyInvalid", one.reason, one.message)
            for one in sorted(self._of(item.key), reverse=True)
            if one.rule >= 0
        }
        return {**cannot, **item.dropped}


def _reason(failure: Failure) -> str:
    if isinstance(failure.error, TransientError):
        return "Pending"
    address = next((origin for origin in failure.origins if origin.startswith(ADDRESS)), "")
    if address:
        return "AddressNotAssigned" if address.endswith("/") else "AddressNotUsable"
    return "NoResources" if isinstance(failure.error, QuotaExceeded) else "Invalid"


def _address_type(address: str) -> str:
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return "Hostname"
    return "IPAddress"


def _pools_of(item: Attachment) -> frozenset[str]:
    """Return the ids of the pools that a Route sends requests or copies to."""
    backends = (*item.backends.values(), *item.reencrypted.values())
    named = ((*(one.pool for one in found.pools), *(one.pool for one in found.mirrors)) for found in backends)
    return frozenset(itertools.chain.from_iterable(named))
