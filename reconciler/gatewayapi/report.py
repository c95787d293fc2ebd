"""build_status(): what a run says about each object it looked at. Pure, without times.

Everything is told where its owner looks: a Route's trouble on the Route, a listener's on the listener.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reconciler.capabilities import Capabilities, Rejection
from reconciler.errors import QuotaExceeded, TransientError
from reconciler.gatewayapi.conditions import Conditions
from reconciler.gatewayapi.features import supported_features
from reconciler.gatewayapi.graph import Attachment, Graph, PolicyNode, Problem
from reconciler.gatewayapi.refusals import Refusals
from reconciler.gatewayapi.report_failures import Failures, parent_status, standing, worst
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
    failures = Failures.of(graph, outcome.failed)
    refusals = Refusals.of([*rejections, *failures.refusals()])
    story = _Story(graph, tuple(rejections), outcome, controller, failures, refusals)
    parents = [(item, story.parent(item)) for item in graph.attachments]
    story = replace(story, attached=_attached(parents))
    updates: list[StatusUpdate] = []
    if graph.gateway_class is not None and graph.gateway is None:
        updates.append(_class(graph, graph.gateway_class, capabilities))
    if graph.gateway is not None and graph.ours and not graph.gateway.meta.deleted:
        updates.extend(_gateway(graph, graph.gateway, story))
        updates.extend(_routes(graph, controller, parents))
    elif graph.gateway is not None:
        updates.extend(_leaving(graph, graph.gateway, story))
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


def _leaving(graph: Graph, gateway: Gateway, story: _Story) -> Iterator[StatusUpdate]:
    """Yield the update of a Gateway that is being deleted but cannot go: it says what holds it."""
    lasting = [one for one in story.outcome.failed if not isinstance(one.error, TransientError)]
    why = f"changes are held: {story.outcome.held}" if story.outcome.held else "".join(_messages(lasting[:1]))
    if graph.ours and why:
        say = Conditions("Gateway", gateway.meta.generation)
        programmed = say.false("Programmed", "Invalid" if lasting else "Pending", f"it cannot be deleted: {why}")
        body = story.gateway(say, story.accepted(say), programmed)
        yield _update("Gateway", gateway.meta, replace(body, listeners=None))


type _Parents = Sequence[tuple[Attachment, tuple[Condition, ...]]]
"""What is said of each Route to each parentRef; Accepted first."""


def _routes(graph: Graph, controller: str, parents: _Parents) -> Iterator[StatusUpdate]:
    by_route: dict[RouteKey, list[tuple[Attachment, ParentStatus]]] = {}
    for item, conditions in parents:
        by_route.setdefault(item.key, []).append((item, ParentStatus(item.parent, conditions)))
    for told in by_route.values():
        body = RouteStatus(controller, graph.holders, tuple(parent for _, parent in told))
        yield _route(told[0][0].route, body)


def _attached(parents: _Parents) -> Mapping[str, int]:
    """Return attachedRoutes by listener: Routes that are Accepted there, each once, whatever became of the listener."""
    found: dict[str, set[RouteKey]] = {}
    for item, (accepted, *_) in parents:
        for bound in item.bound if accepted.status == "True" else ():
            found.setdefault(bound.listener, set()).add(item.key)
    return {listener: len(routes) for listener, routes in found.items()}


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
    controller: str
    failures: Failures
    refusals: Refusals
    attached: Mapping[str, int] = field(default_factory=dict)

    # --- Gateway ---

    @property
    def listeners(self) -> ListenerReport:
        return ListenerReport(self.graph, self.rejections, self.failures, self.attached)

    def gateway(self, say: Conditions, accepted: Condition, programmed: Condition) -> GatewayStatus:
        unresolved = next((one for one in self.graph.problems if one.condition == "ResolvedRefs"), None)
        resolved = say.true("ResolvedRefs")
        if unresolved is not None:
            resolved = say.false("ResolvedRefs", unresolved.reason, unresolved.message)
        open_still = self.outcome.failed or self.outcome.held or self.outcome.waiting
        trouble = bool(open_still or self._unusable) or accepted.status == "False"
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
        if failure := self.failures.of_gateway():
            if isinstance(failure.error, TransientError) and (before := self._before()):
                return before  # what is known is what was said: this run only did not get to know more
            return say.false("Programmed", _reason(failure), failure.error.message)
        return self._serving(say)

    def _serving(self, say: Conditions) -> Condition:
        """Return whether all was made that was asked for, and answers under the addresses asked for."""
        if unusable := self._unusable:
            return say.false("Programmed", unusable[0].reason, "; ".join(one.message for one in unusable))
        if self.outcome.waiting:
            return say.false(
                "Programmed", "Pending", f"waiting: {'; '.join(sorted(one.text for one in self.outcome.waiting))}"
            )
        if not self.outcome.addresses:
            if failure := self.failures.for_now():  # whosever it is: there is nothing to answer anybody yet
                return say.false("Programmed", "Pending", failure.error.message)
            return say.false("Programmed", "AddressNotAssigned", "the load balancer has no address yet")
        return say.true("Programmed")

    @property
    def _unusable(self) -> list[Rejection]:
        """The addresses that the cloud cannot have, whoever asks."""
        return [one for one in self.rejections if one.origin.startswith(ADDRESS)]

    def _before(self) -> Condition | None:
        """Return Programmed as it was said before, if it was True."""
        return standing(self.graph.gateway.status, "Programmed") if self.graph.gateway else None

    # --- Routes ---

    def parent(self, item: Attachment) -> tuple[Condition, ...]:
        say = Conditions("Route", item.route.meta.generation)
        last_good = self._last_good(item)
        fallen = last_good if self._accepted_before(item) else {}
        dropped = {**({} if fallen else last_good), **self.refusals.dropped(item), **item.dropped}
        conditions = [self._route_accepted(say, item, dropped, fallen=bool(fallen)), self._resolved(say, item)]
        partly = [(rule, f" on listener {name}", problem) for rule, name, problem in self.refusals.partly(item)]
        told = sorted([*partly, *((rule, "", problem) for rule, problem in {**fallen, **dropped}.items())])
        if told and conditions[0].status != "False":
            start = "Dropped Rule" if dropped or partly else "Fall Back"
            every = "; ".join(f"rule {rule}{where}: {problem.message}" for rule, where, problem in told)
            conditions.append(say.true("PartiallyInvalid", "UnsupportedValue", f"{start}: {every}"))
        return tuple(conditions)

    def _resolved(self, say: Conditions, item: Attachment) -> Condition:
        """Return ResolvedRefs: the user's mistakes, then the endpoints that the cloud does not take."""
        if item.unresolved:
            every = "; ".join(problem.message for problem in item.unresolved)
            return say.false("ResolvedRefs", item.unresolved[0].reason, every)
        failed = self.failures.of_backends(item)
        if lasting := [one for one in failed if not isinstance(one.error, TransientError)]:
            return say.false("ResolvedRefs", "BackendNotFound", "; ".join(_messages(lasting)))
        return say.true("ResolvedRefs")

    def _route_accepted(
        self, say: Conditions, item: Attachment, dropped: Mapping[int, Problem], *, fallen: bool
    ) -> Condition:
        if item.refused is not None:
            return say.false("Accepted", item.refused.reason, item.refused.message)
        if whole := self.refusals.whole(item):
            return say.false("Accepted", whole.reason, whole.message)
        if item.route.rules and len(dropped) == len(item.route.rules):
            first = dropped[min(dropped)]
            return say.false("Accepted", first.reason, f"no rule can be used; rule {min(dropped)}: {first.message}")
        before = self._accepted_before(item)
        if failure := self._for_now(item):
            return before or say.unknown("Accepted", "Pending", failure.error.message)
        return (before if fallen else None) or say.true("Accepted")

    def _for_now(self, item: Attachment) -> Failure | None:
        """Return what keeps the Route from being made yet."""
        failed = (*(one for one, _ in self.failures.of_route(item)), *self.failures.of_backends(item))
        return worst(one for one in failed if isinstance(one.error, TransientError))

    def _accepted_before(self, item: Attachment) -> Condition | None:
        return standing(parent_status(item, self.controller), "Accepted")

    def _last_good(self, item: Attachment) -> dict[int, Problem]:
        """Return by rule what the cloud refused when it was to be made, so that what was there goes on."""
        return {
            rule: Problem("PartiallyInvalid", "UnsupportedValue", one.error.message)
            for one, rules in self.failures.of_route(item)
            if one.last_good and not isinstance(one.error, TransientError)
            for rule in rules
        }


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


def _messages(failures: Iterable[Failure]) -> Iterator[str]:
    """Yield what failed, each message once."""
    return iter(dict.fromkeys(one.error.message for one in failures))
