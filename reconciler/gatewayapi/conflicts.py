"""Listeners of one load balancer that are not distinct (specification, Gateway and ListenerSet).

Inside one object nobody wins: all listeners of a conflict are refused. Between objects precedence decides; a listener
that lost stands in nobody's way, so when the winner goes, or the loser changes, the others follow at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.gatewayapi.graph import Problem
from reconciler.gatewayapi.hostnames import overlap
from reconciler.gatewayapi.kinds import has_hostnames, transport_of
from reconciler.gatewayapi.resources import Listener

_ENCRYPTED = frozenset({"HTTPS", "TLS"})


def conflicts(groups: Iterable[Sequence[Listener]]) -> tuple[tuple[Problem | None, ...], ...]:
    """Return for each group, and each listener in it, why it is refused; the groups come in order of precedence."""
    standing: dict[int, list[Listener]] = {}
    return tuple(_of_group(group, standing) for group in groups)


def _of_group(group: Sequence[Listener], standing: dict[int, list[Listener]]) -> tuple[Problem | None, ...]:
    """Judge one group against those before it, then against itself; what did not lose joins those that stand."""
    lost = [_conflict(listener, standing.get(listener.port, ())) for listener in group]
    left: dict[int, list[Listener]] = {}
    for listener, problem in zip(group, lost, strict=True):
        if problem is None:
            left.setdefault(listener.port, []).append(listener)
    for port, listeners in left.items():
        standing.setdefault(port, []).extend(listeners)
    pairs = zip(group, lost, strict=True)
    return tuple(
        problem or _conflict(listener, [one for one in left[listener.port] if one is not listener])
        for listener, problem in pairs
    )


def _conflict(listener: Listener, others: Sequence[Listener]) -> Problem | None:
    """Return why a listener cannot stand beside others of its port."""
    if clashing := [other for other in others if _clash(listener, other)]:
        names = ", ".join(dict.fromkeys(_called(other, listener) for other in clashing))
        other = "protocol" if any(one.protocol != listener.protocol for one in clashing) else "tls.mode"
        message = f"port {listener.port} is also used, with another {other}, by {names}"
        return Problem("Conflicted", "ProtocolConflict", message)
    same = [other for other in others if other.protocol == listener.protocol]
    if same and transport_of(listener.protocol) and not has_hostnames(listener.protocol):
        message = f"port {listener.port} is also used by {_called(same[0], listener)}"
        return Problem("Conflicted", "ProtocolConflict", message)
    equal = [other for other in same if other.hostname == listener.hostname]
    if equal:
        message = f"{_called(equal[0], listener)} has the same port, protocol and hostname"
        return Problem("Conflicted", "HostnameConflict", message)
    return None


def _clash(one: Listener, other: Listener) -> bool:
    """Return whether two listeners of a port cannot share it. No load balancer of ours looks at what a client speaks.

    A protocol that nobody knows clashes with nothing: it is refused for itself.
    """
    transports = {transport_of(one.protocol), transport_of(other.protocol)}
    if len(transports) > 1 or "" in transports:
        return False
    return one.protocol != other.protocol or (one.protocol == "TLS" and one.tls_mode != other.tls_mode)


def _called(other: Listener, listener: Listener) -> str:
    """Name a listener to the owner of another one; a ListenerSet of another namespace stays unnamed."""
    if other.holder == listener.holder:
        return f'listener "{other.name}" ({other.protocol})'
    if other.holder.kind == "ListenerSet" and other.holder.namespace != listener.holder.namespace:
        return f"a listener ({other.protocol}) of a ListenerSet of another namespace"
    holder = other.holder
    return f'listener "{other.name}" ({other.protocol}) of {holder.kind} {holder.namespace}/{holder.name}'


def overlapping(listeners: Sequence[Listener]) -> frozenset[str]:
    """Return the ids of the TLS listeners whose hostnames overlap with another one's of their port."""
    ports: dict[int, list[Listener]] = {}
    for listener in listeners:
        if listener.protocol in _ENCRYPTED:
            ports.setdefault(listener.port, []).append(listener)
    return frozenset(
        one.id
        for there in ports.values()
        for one in there
        if any(other is not one and overlap(one.hostname, other.hostname) is not None for other in there)
    )
