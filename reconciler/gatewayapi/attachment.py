"""attach(): every object of one Gateway validated and connected (specification, Route attachment).

For each parentRef the furthest rung of this ladder is told: the Listener by name and port, then kind and namespace,
then hostname, then whether any rule can be used. References are resolved whatever came of that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.capabilities import Capabilities
from reconciler.config import Config
from reconciler.gatewayapi.backends import REASONS, Backends
from reconciler.gatewayapi.config import Cloud, class_config, gateway_config
from reconciler.gatewayapi.grants import Grants
from reconciler.gatewayapi.graph import Attachment, Bound, Graph, ListenerNode, Problem, RuleBackends, SetNode
from reconciler.gatewayapi.hostnames import effective
from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.listeners import Judge
from reconciler.gatewayapi.listenersets import admit, parent_trouble, without_parent
from reconciler.gatewayapi.namespaces import allowed_from
from reconciler.gatewayapi.policies import Policies, former_policies
from reconciler.gatewayapi.references import parent_named
from reconciler.gatewayapi.resources import GROUP, Gateway, GatewayClass, Holder, ParentRef, Route, Rule
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.tls_refs import TlsRefs
from reconciler.gatewayapi.values import items, mapping
from reconciler.ir import Address
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
        gone = f"Gateway {gateway.meta.namespace}/{gateway.meta.name} is being deleted"
        return Graph(
            key=snapshot.key,
            gateway=gateway,
            gateway_class=gateway_class,
            ours=gateway_class is not None,
            config=class_config(snapshot, gateway_class, cloud)[0] if gateway_class else Config(),
            sets=without_parent(admit(snapshot, gateway, _labels(snapshot)), gone) if leaving else (),
            holders=_holders(snapshot),
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
    config = Config()
    if gateway_class is not None:
        found, problems = class_config(snapshot, gateway_class, cloud)
        config = config if snapshot.key.namespace else found  # what a class can do follows from its settings
    return Graph(
        key=snapshot.key,
        gateway=None,
        gateway_class=gateway_class,
        ours=False,
        config=config,
        class_problems=problems,
        bundle_version=snapshot.bundle_version,
        holders=_holders(snapshot),
        former=_with_our_entry(snapshot) if snapshot.key.namespace else (),
        former_policies=former_policies(snapshot, ()) if snapshot.key.namespace else (),
    )


def _graph(snapshot: Snapshot, gateway: Gateway, gateway_class: GatewayClass, cloud: Cloud, scheme: str) -> Graph:
    config, problems = gateway_config(snapshot, gateway, gateway_class, cloud)
    config = replace(config, scheme=scheme or config.scheme)
    capabilities, grants = cloud.capabilities(config), Grants(snapshot.grants)
    refs, labels = TlsRefs.of(snapshot, grants), _labels(snapshot)
    sets = admit(snapshot, gateway, labels)
    admitted = [node.listener_set.listeners for node in sets if node.refused is None]
    nodes = Judge(gateway, capabilities, config, refs).judge([gateway.listeners, *admitted])
    addresses, unsupported = _addresses(gateway, capabilities)
    problems = (*problems, *unsupported, *_client_certificate(gateway, refs))
    own = [node for node in nodes if node.listener.holder == gateway.holder]
    if trouble := parent_trouble(gateway, problems, own):
        sets = without_parent(sets, trouble)
    policies = Policies.of(snapshot, capabilities, cloud.check_backend)
    backends = Backends.of(snapshot, grants, config, policies)
    ladder = _Ladder(gateway.holder, sets, nodes, labels, backends)
    attachments = tuple(item for route in sorted(snapshot.routes, key=_by_name) for item in ladder.climb(route))
    attached = {item.key for item in attachments}
    return Graph(
        key=snapshot.key,
        gateway=gateway,
        gateway_class=gateway_class,
        ours=True,
        config=config,
        problems=problems,
        listeners=tuple(_counted(nodes, attachments)),
        sets=sets,
        holders=_holders(snapshot),
        addresses=addresses,
        attachments=attachments,
        pools=dict(sorted(backends.pools.items())),
        policies=policies.nodes(),
        former_policies=former_policies(snapshot, policies.nodes()),
        former=tuple(route for route in _with_our_entry(snapshot) if route.key not in attached),
    )


def _by_name(route: Route) -> tuple[str, str]:
    return (route.meta.namespace, route.meta.name)


def _labels(snapshot: Snapshot) -> Mapping[str, Mapping[str, str]]:
    """Return the labels of the Namespaces by name."""
    return {namespace.meta.name: namespace.meta.labels for namespace in snapshot.namespaces}


def _holders(snapshot: Snapshot) -> frozenset[Holder]:
    """Return what a parent entry must name to be this run's: the Gateway, its ListenerSets, and those that are gone."""
    own = Holder("Gateway", snapshot.key.namespace, snapshot.key.name)
    return frozenset({own, *(one.holder for one in snapshot.listener_sets), *snapshot.lost_sets})


def _addresses(gateway: Gateway, capabilities: Capabilities) -> tuple[tuple[Address, ...], tuple[Problem, ...]]:
    """Return the addresses asked for; one of a type that cannot be asked for is refused, never ignored."""
    types = capabilities.address_types
    wrong = [(kind, value) for kind, value in gateway.addresses if kind not in types]
    if not wrong:
        return tuple(Address(kind, value) for kind, value in gateway.addresses), ()
    kind, value = wrong[0]
    message = f'spec.addresses: an address of type {kind} ("{value}") cannot be chosen for this load balancer'
    return (), (Problem("Accepted", "UnsupportedAddress", message),)


def _client_certificate(gateway: Gateway, refs: TlsRefs) -> tuple[Problem, ...]:
    """Return what is wrong with the certificate that is presented to backends; the Gateway serves all the same."""
    ref, reason = gateway.tls.client_certificate, "InvalidClientCertificateRef"
    if ref is None:
        return ()
    found = refs.key_pair(gateway.holder, ref, "tls.backend.clientCertificateRef", reason)
    return (found,) if isinstance(found, Problem) else ()


def _with_our_entry(snapshot: Snapshot) -> tuple[Route, ...]:
    """Return the Routes whose status holds a parent entry of ours for this Gateway or one of its sets, by name."""
    holders = _holders(snapshot)
    return tuple(
        route
        for route in sorted(snapshot.routes, key=_by_name)
        if any(_is_ours(entry, route, snapshot, holders) for entry in items(route.status.get("parents")))
    )


def _is_ours(entry: Mapping[str, Any], route: Route, snapshot: Snapshot, holders: frozenset[Holder]) -> bool:
    if entry.get("controllerName") != snapshot.controller:
        return False
    named = parent_named(mapping(entry.get("parentRef")), route.meta.namespace)
    return named is not None and Holder(*named) in holders


def _holder(parent: ParentRef, route_namespace: str) -> Holder | None:
    """Return the object that a parentRef of a Route names, None if it is of a kind that holds no listeners."""
    if parent.group != GROUP or parent.kind not in ("Gateway", "ListenerSet"):
        return None
    return Holder(parent.kind, parent.namespace or route_namespace, parent.name)


def _counted(nodes: Sequence[ListenerNode], attachments: Sequence[Attachment]) -> list[ListenerNode]:
    """Return the nodes with attachedRoutes: each Route once a listener, whatever became of the listener."""
    counts: dict[str, set[object]] = {}
    for item in attachments:
        for bound in item.bound:
            counts.setdefault(bound.listener, set()).add(item.key)
    return [replace(node, attached=len(counts.get(node.listener.id, ()))) for node in nodes]


@dataclass(frozen=True, slots=True)
class _Ladder:
    """Judges Routes against the listeners of one Gateway and its ListenerSets. `labels`: of the Namespaces by name."""

    gateway: Holder
    sets: Sequence[SetNode]
    nodes: Sequence[ListenerNode]
    labels: Mapping[str, Mapping[str, str]]
    backends: Backends

    def climb(self, route: Route) -> list[Attachment]:
        """Return an attachment for each parentRef of a Route that names the Gateway or one of its ListenerSets."""
        holders = {self.gateway, *(node.listener_set.holder for node in self.sets)}
        parents = [parent for parent in route.parents if _holder(parent, route.meta.namespace) in holders]
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
        holder = _holder(parent, route.meta.namespace)
        there = [node for node in self.nodes if node.listener.holder == holder]
        named = [node for node in there if _named(node, parent)]
        if not named:
            return (), Problem("Accepted", "NoMatchingParent", _no_listener(parent, there, holder))
        allowed = [node for node in named if self._takes(node, route)]
        if not allowed:
            return (), Problem("Accepted", "NotAllowedByListeners", _not_allowed(named, route))
        hosts = ((node, effective(node.listener.hostname, route.hostnames)) for node in allowed)
        bound = tuple(Bound(node.listener.id, found) for node, found in hosts if found)
        if not bound:
            return (), Problem("Accepted", "NoMatchingListenerHostname", _no_hostname(allowed, route))
        if route.rules and len(dropped) == len(route.rules):
            worst = min(dropped.values(), key=lambda problem: problem.reason)
            return (), replace(worst, condition="Accepted")
        return bound, None

    def _takes(self, node: ListenerNode, route: Route) -> bool:
        return route.key.kind in node.kinds and allowed_from(
            node.listener.allowed, node.listener.holder.namespace, route.meta.namespace, self.labels
        )


def _no_listener(parent: ParentRef, there: Sequence[ListenerNode], holder: Holder | None) -> str:
    if not there:
        return f"{_name(holder)} is not part of its Gateway: see its conditions"
    wanted = [f'name "{parent.section_name}"'] if parent.section_name else []
    wanted += [f"port {parent.port}"] if parent.port else []
    have = ", ".join(f'"{node.listener.name}" (port {node.listener.port})' for node in there)
    return f"{_name(holder)} has no listener with {' and '.join(wanted) or 'any name'}; it has {have}"


def _not_allowed(named: Sequence[ListenerNode], route: Route) -> str:
    holder = _name(named[0].listener.holder)
    if not any(route.key.kind in node.kinds for node in named):
        return f"no listener of {holder} that parentRef names takes Routes of kind {route.key.kind}"
    listeners = ", ".join(f'"{node.listener.name}" (from {node.listener.allowed.source})' for node in named)
    return (
        f"{holder} does not allow Routes from namespace {route.meta.namespace}: "
        f"see allowedRoutes.namespaces of listener {listeners}"
    )


def _no_hostname(allowed: Sequence[ListenerNode], route: Route) -> str:
    have = ", ".join(f'"{node.listener.name}" ({node.listener.hostname})' for node in allowed)
    holder = _name(allowed[0].listener.holder)
    return f"hostnames {', '.join(route.hostnames)} overlap with no listener of {holder}: {have}"


def _name(holder: Holder | None) -> str:
    return f"{holder.kind} {holder.namespace}/{holder.name}" if holder else ""


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
