"""compile_ir(): the graph becomes the flat picture of a load balancer, in no cloud's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.capabilities import Rejection
from reconciler.certificates import Certificate
from reconciler.gatewayapi.fences import Block, fenced
from reconciler.gatewayapi.graph import Attachment, Graph, ListenerNode, RuleBackends
from reconciler.gatewayapi.hostnames import covers, specificity
from reconciler.gatewayapi.kinds import carried, route_kinds, transport_of
from reconciler.gatewayapi.precedence import Rank, rank
from reconciler.gatewayapi.resources import Listener, Rule
from reconciler.ir import (
    Action,
    Close,
    Entry,
    FixedResponse,
    Forward,
    Frontend,
    FrontendListener,
    LoadBalancer,
    Origin,
    Redirect,
)
from reconciler.matches import Match
from reconciler.values import frozen_map

_BROKEN = 500
_WELL_KNOWN = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Compiled:
    """The load balancer that a graph means, and what could not be part of it."""

    lb: LoadBalancer
    rejections: tuple[Rejection, ...] = ()


def compile_ir(graph: Graph) -> Compiled:
    """Return the load balancer of a graph; a withdrawn one where nothing is wanted."""
    gateway = graph.gateway
    empty = LoadBalancer(graph.key, gateway.meta.uid if gateway else "", graph.config)
    if gateway is None or graph.withdrawn or not graph.ours:
        return Compiled(replace(empty, withdrawn=True))
    bound = _by_listener(graph)
    ports: dict[tuple[int, bool], list[ListenerNode]] = {}
    for node in graph.served:
        datagrams = transport_of(node.listener.protocol) == "UDP"
        ports.setdefault((node.listener.port, datagrams), []).append(node)
    frontends = tuple(_frontend(graph, port, nodes, bound) for (port, _), nodes in sorted(ports.items()))
    used = {pool for f in frontends for e in f.entries for pool in _pools_of(e.action)}
    pools = tuple(graph.pools[pool] for pool in sorted(used))
    labels = frozen_map({**gateway.labels, **gateway.annotations})
    protocols = tuple(sorted({carried(node.listener.protocol) for node in graph.listeners if node.known}))
    wanted = replace(empty, frontends=frontends, pools=pools, labels=labels, protocols=protocols)
    return Compiled(replace(wanted, addresses=graph.addresses))


def _pools_of(action: Action) -> tuple[str, ...]:
    """Return the ids of the pools that an action sends requests or copies to."""
    if not isinstance(action, Forward):
        return ()
    return (*(pool.pool for pool in action.pools), *(mirror.pool for mirror in action.mirrors))


type _Bound = Mapping[str, Sequence[tuple[Attachment, tuple[tuple[str, str], ...]]]]


def _by_listener(graph: Graph) -> _Bound:
    """Return by listener the Routes on it with their hostnames; a Route that came by two parentRefs counts once."""
    found: dict[str, dict[object, tuple[Attachment, tuple[tuple[str, str], ...]]]] = {}
    for item in graph.attachments:
        for bound in item.bound:
            found.setdefault(bound.listener, {}).setdefault(item.key, (item, bound.hostnames))
    return {listener: tuple(routes.values()) for listener, routes in found.items()}


def _shut(graph: Graph, nodes: Sequence[ListenerNode]) -> tuple[ListenerNode, ...]:
    """Return the listeners of a port that are not served, but whose hosts no broader one may answer for.

    One that lost a conflict to a listener that is served has no hosts of its own.
    """
    first, taken = nodes[0].listener, {node.listener.hostname for node in nodes}
    found: dict[str, ListenerNode] = {}
    for node in graph.shut:
        alike = (node.listener.port, node.listener.protocol) == (first.port, first.protocol)
        if alike and node.listener.hostname not in taken:
            found.setdefault(node.listener.hostname, node)
    return tuple(found.values())


def _frontend(graph: Graph, port: int, nodes: Sequence[ListenerNode], bound: _Bound) -> Frontend:
    shut, places = _shut(graph, nodes), {node.listener.id: place for place, node in enumerate(graph.listeners)}
    order = sorted((*nodes, *shut), key=lambda node: (specificity(node.listener.hostname), node.listener.hostname))
    listeners, served = [node.listener for node in order], {node.listener.id for node in nodes}
    blocks = [
        Block(one.id, one.hostname, _entries(one, listeners[:place], bound) if one.id in served else ())
        for place, one in enumerate(listeners)
    ]
    first = nodes[0].listener
    frontend = Frontend(
        port=port,
        protocol=carried(first.protocol),
        listeners=tuple(
            FrontendListener(one.listener.id, one.listener.hostname, one.certificates, places[one.listener.id])
            for one in nodes
        ),
        entries=tuple(fenced(blocks, streams=carried(first.protocol) not in ("HTTP", "HTTPS"))),
        certificates=_certificates([one for one in order if one.listener.id in served]),
        tls_options=frozen_map({k: v for node in reversed(nodes) for k, v in node.listener.tls_options.items()}),
        tls_mode=first.tls_mode,
        client_validation=nodes[0].client_validation,
    )
    return replace(frontend, entries=tuple(_winners(frontend.entries))) if frontend.streams else frontend


def _winners(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield the first entry of each hostname: of several Routes on a listener of streams one gets all of it."""
    taken: set[str] = set()
    for entry in entries:
        if entry.hostname not in taken:
            taken.add(entry.hostname)
            yield entry


def _certificates(blocks: Sequence[ListenerNode]) -> tuple[Certificate, ...]:
    """Return the most specific listener's first; without repeats."""
    return tuple(dict.fromkeys(certificate for node in blocks for certificate in node.certificates))


def _entries(listener: Listener, narrower: Sequence[Listener], bound: _Bound) -> list[Entry]:
    """Return the entries of one listener in order; a hostname that a narrower listener owns answers there alone."""
    ranked: list[tuple[Rank, Entry]] = []
    for item, hostnames in bound.get(listener.id, ()):
        here = [pair for pair in hostnames if not any(covers(other.hostname, pair[0]) for other in narrower)]
        if here:
            ranked.extend(_of_route(listener, item, here))
    ranked.sort(key=lambda pair: pair[0])
    return [entry for _, entry in ranked]


def _of_route(
    listener: Listener, item: Attachment, hostnames: Sequence[tuple[str, str]]
) -> Iterator[tuple[Rank, Entry]]:
    route = item.route
    for index, rule in enumerate(route.rules):
        if index in item.dropped:
            continue
        backends = item.backends.get(index, RuleBackends())
        if listener.tls_mode == "Terminate":
            backends = item.reencrypted.get(index, backends)
        action = _action(rule, backends, listener.port, route_kinds()[route.kind].no_backend)
        for place, match in enumerate(rule.matches):
            origin = Origin(route.key, route.meta.created, index, place, rule.name)
            for hostname, written in hostnames:
                yield rank(written, match, origin, hostname), _entry(listener, rule, origin, (match, hostname, action))


def _entry(listener: Listener, rule: Rule, origin: Origin, parts: tuple[Match, str, Action]) -> Entry:
    match, hostname, action = parts
    return Entry(
        id=f"{origin.route}/rule/{origin.rule}/match/{origin.match}/{hostname or '*'}",
        listener=listener.id,
        hostname=hostname,
        match=match,
        action=action,
        origin=origin,
        filters=() if rule.extensions else rule.filters,  # nothing is left to filter: the answer is an error
        timeouts=rule.timeouts,
        retry=rule.retry,
        session=rule.session,
    )


def _action(rule: Rule, backends: RuleBackends, port: int, no_backend: int) -> Action:
    if backends.broken:
        return FixedResponse(_BROKEN)
    if rule.redirect is not None:
        return _resolved(rule.redirect, port)
    if not any(pool.weight > 0 for pool in backends.pools):
        return FixedResponse(no_backend) if no_backend else Close()
    return Forward(backends.pools, backends.error_share, backends.mirrors)


def _resolved(redirect: Redirect, port: int) -> Redirect:
    """The port is the one given, else the given scheme's, else the listener's."""
    return replace(redirect, port=redirect.port or _WELL_KNOWN.get(redirect.scheme, port))
