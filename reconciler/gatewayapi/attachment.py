"""attach(): every object of one Gateway validated and connected (specification, Route attachment).

For each parentRef the furthest rung of this ladder is told: the Listener by name and port, then kind and namespace,
then hostname, then whether any rule can be used. References are resolved whatever came of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.gatewayapi.backends import REASONS, Backends
from reconciler.gatewayapi.config import Cloud, class_config, gateway_config
from reconciler.gatewayapi.grants import Grants
from reconciler.gatewayapi.graph import Attachment, Bound, Graph, ListenerNode, Problem, RuleBackends
from reconciler.gatewayapi.hostnames import effective
from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.listeners import Judge
from reconciler.gatewayapi.namespaces import allowed_from
from reconciler.gatewayapi.policies import Policies, former_policies
from reconciler.gatewayapi.read_refs import read_parent_ref
from reconciler.gatewayapi.references import names_gateway
from reconciler.gatewayapi.resources import GROUP, Gateway, GatewayClass, ParentRef, Route, Rule
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.values import items, mapping
from reconciler.keys import GatewayKey
from reconciler.mark import finalizer


def attach(snapshot: Snapshot, cloud: Cloud, scheme: str = "") -> Graph:
    """Return the graph of a snapshot's Gateway. Total: a user's mistake is a Problem in it.

    Args:
        snapshot: all that the run needs.
        cloud: what the provider can honour.
        scheme: to have in place of the configured one, as long as a change of it is not allowed.
    """
    gateway, gateway_class = snapshot.gateway, _class_of_ours(snapshot)
    if gateway is None:
        return _without_gateway(snapshot, gateway_class, cloud)
    foreign = snapshot.gateway_class is not None and gateway_class is None
    leaving = bool(gateway.meta.deleted)
    withdrawn = leaving or (foreign and finalizer(cloud.name) in gateway.meta.finalizers)
    if gateway_class is None or leaving:
        former = _with_our_entry(snapshot) if foreign or leaving else ()
        return Graph(
            key=snapshot.key,
            gateway=gateway,
            gateway_class=gateway_class,
            ours=gateway_class is not None,
            former=former,
            former_policies=former_policies(snapshot, ()) if foreign or leaving else (),
            withdrawn=withdrawn,
        )
    return _graph(snapshot, gateway, gateway_class, cloud, scheme)


def _class_of_ours(snapshot: Snapshot) -> GatewayClass | None:
    found = snapshot.gateway_class
    return found if found is not None and found.controller == snapshot.controller else None


def _without_gateway(snapshot: Snapshot, gateway_class: GatewayClass | None, cloud: Cloud) -> Graph:
    """A GatewayClass is judged alone; Routes that still carry our entry for a Gateway that is gone lose it."""
    problems: tuple[Problem, ...] = ()
    if gateway_class is not None:
        _, problems = class_config(snapshot, gateway_class, cloud)
    return Graph(
        key=snapshot.key,
        gateway=None,
        gateway_class=gateway_class,
        ours=False,
        class_problems=problems,
        bundle_version=snapshot.bundle_version,
        former=_with_our_entry(snapshot) if snapshot.key.namespace else (),
        former_policies=former_policies(snapshot, ()) if snapshot.key.namespace else (),
    )


def _graph(snapshot: Snapshot, gateway: Gateway, gateway_class: GatewayClass, cloud: Cloud, scheme: str) -> Graph:
    config, problems = gateway_config(snapshot, gateway, gateway_class, cloud)
    config = replace(config, scheme=scheme or config.scheme)
    capabilities, grants = cloud.capabilities(config), Grants(snapshot.grants)
    facts = {one.ref: one for one in snapshot.certificates}
    nodes = Judge(gateway, capabilities, config, grants, facts).judge()
    policies = Policies.of(snapshot, capabilities)
    backends = Backends.of(snapshot, grants, config, policies)
    labels = {namespace.meta.name: namespace.meta.labels for namespace in snapshot.namespaces}
    ladder = _Ladder(snapshot.key, gateway, nodes, labels, backends)
    attachments = tuple(item for route in sorted(snapshot.routes, key=_by_name) for item in ladder.climb(route))
    attached = {item.key for item in attachments}
    return Graph(
        key=snapshot.key,
        gateway=gateway,
        gateway_class=gateway_class,
        ours=True,
        config=config,
        problems=(*problems, *_addresses(gateway)),
        listeners=tuple(_counted(nodes, attachments)),
        attachments=attachments,
        pools=dict(sorted(backends.pools.items())),
        policies=policies.nodes(),
        former_policies=former_policies(snapshot, policies.nodes()),
        former=tuple(route for route in _with_our_entry(snapshot) if route.key not in attached),
    )


def _by_name(route: Route) -> tuple[str, str]:
    return (route.meta.namespace, route.meta.name)


def _addresses(gateway: Gateway) -> tuple[Problem, ...]:
    """Static addresses are a layer 4 load balancer's; asking for one here is refused, not ignored."""
    if not gateway.addresses:
        return ()
    kind, value = gateway.addresses[0]
    message = f'spec.addresses: an address of type {kind} ("{value}") cannot be chosen for this load balancer'
    return (Problem("Accepted", "UnsupportedAddress", message),)


def _with_our_entry(snapshot: Snapshot) -> tuple[Route, ...]:
    """Return the Routes whose status holds a parent entry of ours for this Gateway, by name."""
    return tuple(
        route
        for route in sorted(snapshot.routes, key=_by_name)
        if any(_is_ours(entry, route, snapshot) for entry in items(route.status.get("parents")))
    )


def _is_ours(entry: Mapping[str, Any], route: Route, snapshot: Snapshot) -> bool:
    if entry.get("controllerName") != snapshot.controller:
        return False
    ref = mapping(entry.get("parentRef"))
    return names_gateway(ref) and resolves(read_parent_ref(ref), route.meta.namespace, snapshot.key)


def resolves(parent: ParentRef, route_namespace: str, key: GatewayKey) -> bool:
    """Return whether a parentRef of a Route names this Gateway."""
    if (parent.group, parent.kind) != (GROUP, "Gateway"):
        return False
    return (parent.namespace or route_namespace, parent.name) == (key.namespace, key.name)


def _counted(nodes: Sequence[ListenerNode], attachments: Sequence[Attachment]) -> list[ListenerNode]:
    """Return the nodes with attachedRoutes: each Route once a listener, whatever became of the listener."""
    counts: dict[str, set[object]] = {}
    for item in attachments:
        for bound in item.bound:
            counts.setdefault(bound.listener, set()).add(item.key)
    return [replace(node, attached=len(counts.get(node.listener.id, ()))) for node in nodes]


@dataclass(frozen=True, slots=True)
class _Ladder:
    """Judges Routes against one Gateway's listeners. `labels`: of the Namespaces by name."""

    key: GatewayKey
    gateway: Gateway
    nodes: Sequence[ListenerNode]
    labels: Mapping[str, Mapping[str, str]]
    backends: Backends

    def climb(self, route: Route) -> list[Attachment]:
        """Return an attachment for each parentRef of a Route that names the Gateway."""
        parents = [parent for parent in route.parents if resolves(parent, route.meta.namespace, self.key)]
        if not parents:
            return []
        requests = bool(route_kinds()[route.kind].no_backend)
        resolved = [self.backends.resolve(route, rule, encrypted=requests) for rule in route.rules]
        backends: dict[int, RuleBackends] = {index: found for index, (found, _) in enumerate(resolved)}
        unresolved = {problem: None for _, problems in resolved for problem in problems}
        reencrypted = {} if requests else self._reencrypted(route, backends)
        dropped = _unusable(route)
        return [
            Attachment(
                route=route,
                parent=parent,
                bound=bound if refused is None else (),
                refused=refused,
                unresolved=tuple(sorted(unresolved, key=_by_reason)),
                backends=backends,
                reencrypted=reencrypted,
                dropped=dropped,
            )
            for parent in dict.fromkeys(parents)
            for bound, refused in [self._bind(route, parent, dropped)]
        ]

    def _reencrypted(self, route: Route, backends: Mapping[int, RuleBackends]) -> dict[int, RuleBackends]:
        """Return the rules of a TLSRoute whose backends are others where a listener ends the TLS."""
        if "TLS" not in route_kinds()[route.kind].protocols:
            return {}
        found = {i: self.backends.resolve(route, rule, encrypted=True)[0] for i, rule in enumerate(route.rules)}
        return {index: one for index, one in found.items() if one != backends[index]}

    def _bind(
        self, route: Route, parent: ParentRef, dropped: Mapping[int, Problem]
    ) -> tuple[tuple[Bound, ...], Problem | None]:
        named = [node for node in self.nodes if _named(node, parent)]
        if not named:
            return (), Problem("Accepted", "NoMatchingParent", self._no_listener(parent))
        allowed = [node for node in named if self._takes(node, route)]
        if not allowed:
            return (), Problem("Accepted", "NotAllowedByListeners", self._not_allowed(named, route))
        hosts = ((node, effective(node.listener.hostname, route.hostnames)) for node in allowed)
        bound = tuple(Bound(node.listener.id, found) for node, found in hosts if found)
        if not bound:
            return (), Problem("Accepted", "NoMatchingListenerHostname", self._no_hostname(allowed, route))
        if route.rules and len(dropped) == len(route.rules):
            worst = min(dropped.values(), key=lambda problem: problem.reason)
            return (), replace(worst, condition="Accepted")
        return bound, None

    def _takes(self, node: ListenerNode, route: Route) -> bool:
        return route.key.kind in node.kinds and allowed_from(
            node.listener.allowed, node.listener.holder.namespace, route.meta.namespace, self.labels
        )

    def _no_listener(self, parent: ParentRef) -> str:
        wanted = [f'name "{parent.section_name}"'] if parent.section_name else []
        wanted += [f"port {parent.port}"] if parent.port else []
        have = ", ".join(f'"{node.listener.name}" (port {node.listener.port})' for node in self.nodes)
        return f"{_name(self.gateway)} has no listener with {' and '.join(wanted) or 'any name'}; it has {have}"

    def _not_allowed(self, named: Sequence[ListenerNode], route: Route) -> str:
        if not any(route.key.kind in node.kinds for node in named):
            return f"no listener of {_name(self.gateway)} that parentRef names takes Routes of kind {route.key.kind}"
        listeners = ", ".join(f'"{node.listener.name}" (from {node.listener.allowed.source})' for node in named)
        return (
            f"{_name(self.gateway)} does not allow Routes from namespace {route.meta.namespace}: "
            f"see allowedRoutes.namespaces of listener {listeners}"
        )

    def _no_hostname(self, allowed: Sequence[ListenerNode], route: Route) -> str:
        have = ", ".join(f'"{node.listener.name}" ({node.listener.hostname})' for node in allowed)
        return f"hostnames {', '.join(route.hostnames)} overlap with no listener of {_name(self.gateway)}: {have}"


def _name(gateway: Gateway) -> str:
    return f"Gateway {gateway.meta.namespace}/{gateway.meta.name}"


def _named(node: ListenerNode, parent: ParentRef) -> bool:
    listener = node.listener
    return parent.section_name in ("", listener.name) and parent.port in (0, listener.port)


def _by_reason(problem: Problem) -> tuple[int, str]:
    return (REASONS.index(problem.reason), problem.message)


def _unusable(route: Route) -> dict[int, Problem]:
    """Return what is wrong with each rule that nobody could use, by index."""
    found = ((index, _wrong(rule)) for index, rule in enumerate(route.rules))
    return {index: problem for index, problem in found if problem is not None}


def _wrong(rule: Rule) -> Problem | None:
    if rule.unknown:
        return Problem("PartiallyInvalid", "UnsupportedValue", f"{rule.unknown[0]} is not supported")
    types = {one.type for one in rule.filters}
    if rule.redirect is not None and (rule.backends or "URLRewrite" in types):
        other = "backendRefs" if rule.backends else "URLRewrite"
        message = f"filters: RequestRedirect ends the request, so it cannot stand beside {other}"
        return Problem("PartiallyInvalid", "IncompatibleFilters", message)
    return None
