"""Frontends of streams as listeners of a Network Load Balancer: what a port forwards to, and what an NLB cannot do.

An NLB looks into nothing: one listener a port, one set of target groups a listener. It knows no SNI routing, so of
several TLSRoutes on a port one is served and the others are told. Source: ELBv2 guide, "Listeners for your NLB".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from providers.aws.actions import CannotError, forward_to
from providers.aws.config import AwsConfig
from providers.aws.instances import INSTANCE
from providers.aws.pools import Group, empty_group, stream_group
from providers.aws.quic import QUIC
from providers.aws.resources import NLB
from reconciler.capabilities import Rejection
from reconciler.ir import Entry, Forward, Frontend, LoadBalancer
from reconciler.values import Json

BESIDE_TCP = {"UDP": "TCP_UDP", QUIC: "TCP_QUIC"}
"""What a listener is that carries both TCP and datagrams of a protocol, by the latter."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A listener of an NLB.

    Attributes:
        frontend: what it serves; of a port with both transports the one of TCP.
        protocol: TCP, UDP, TCP_UDP, QUIC, TCP_QUIC or TLS.
        action: its default action, canonical.
    """

    frontend: Frontend
    protocol: str
    action: Mapping[str, Json]
    origins: tuple[str, ...]


@dataclass(slots=True)
class Streams:
    """All listeners of an NLB, by port, with the target groups they forward to and what was refused."""

    listeners: list[Stream] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)


def make_streams(lb: LoadBalancer, aws: AwsConfig) -> Streams:
    """Return the streams of a load balancer."""
    found = Streams()
    for port in sorted({one.port for one in lb.frontends if one.streams}):
        _Port(lb, aws, found).add([one for one in lb.frontends if one.streams and one.port == port])
    return found


def _port_taken(frontend: Frontend, why: str) -> Iterator[Rejection]:
    for one in frontend.listeners:
        yield Rejection(f"listener/{one.name}", "PortUnavailable", f"port {frontend.port} {why}; choose another")


@dataclass(frozen=True, slots=True)
class _Port:
    """Builds the listener of one port."""

    lb: LoadBalancer
    aws: AwsConfig
    found: Streams

    def add(self, frontends: Sequence[Frontend]) -> None:
        """Add the listener of a port's frontends: of TCP and UDP together where both lead to the same.

        Else the one stays whose listeners go before the other's.
        """
        first, *more = sorted(frontends, key=lambda one: one.protocol in BESIDE_TCP)
        protocol = _protocol(first)
        if more and protocol == "TCP" and self._alike(first, more[0]):
            names = (*first.listeners, *more[0].listeners)
            self._listen(first, BESIDE_TCP[more[0].protocol], tuple(f"listener/{one.name}" for one in names))
            return
        datagrams = (more or [first])[-1].protocol
        first, *more = sorted(frontends, key=_precedence)
        for one in more:
            only = f"an NLB takes TCP and {datagrams} on one port only where both lead to one Service port"
            self.found.rejections.extend(_port_taken(one, f"carries {first.protocol}, and {only}"))
        self._listen(first, _protocol(first), tuple(f"listener/{one.name}" for one in first.listeners))

    def _alike(self, one: Frontend, other: Frontend) -> bool:
        """Return whether two frontends forward to the same endpoints in the same shares."""
        return bool(one.entries and other.entries) and self._shares(one.entries[0]) == self._shares(other.entries[0])

    def _shares(self, entry: Entry) -> Json:
        if not isinstance(entry.action, Forward):
            return None
        pools = ((self.lb.pool(pool.pool), pool.weight) for pool in entry.action.pools)
        shares: list[Json] = [
            [str(pool.service), weight, [[e.address, e.port] for e in sorted(pool.endpoints)]] for pool, weight in pools
        ]
        return [*shares, entry.action.error_share]

    def _listen(self, frontend: Frontend, protocol: str, origins: tuple[str, ...]) -> None:
        entry = self._served(frontend)
        transport = "TCP" if protocol == "TLS" else protocol
        try:
            self._check_sticky(entry, protocol)
            action = self._action(entry, transport)
        except CannotError as error:
            if entry is not None and entry.origin is not None:
                self.found.rejections.append(_refusal(entry, f"rule {entry.origin.rule}: {error}"))
            action = self._action(None, transport)
        self.found.listeners.append(Stream(frontend, protocol, action, origins))

    def _check_sticky(self, entry: Entry | None, protocol: str) -> None:
        """Raise CannotError for what an NLB cannot keep (guide, "Sticky sessions": not with TLS listeners)."""
        if protocol == "TLS" and entry is not None and isinstance(entry.action, Forward):
            for one in entry.action.pools:
                if self.lb.pool(one.pool).settings.sticky:
                    raise CannotError(f"{one.pool} is sticky by a BackendConfig, which an NLB that ends TLS cannot do")

    def _served(self, frontend: Frontend) -> Entry | None:
        """Return the entry that is served; Routes of other hostnames on the port are refused."""
        entries = [entry for entry in frontend.entries if entry.origin is not None]
        served = entries[0] if entries else None
        winner = served.origin.route if served and served.origin else None
        losers = {(one.origin.route, one.listener): one for one in entries if one.origin and one.origin.route != winner}
        message = f"port {frontend.port} of an NLB serves one TLSRoute, and {winner} goes before it"
        self.found.rejections.extend(_refusal(one, message) for one in losers.values())
        return served

    def _action(self, entry: Entry | None, transport: str) -> Mapping[str, Json]:
        """Return where a listener forwards to; without anything valid, to a target group without targets."""
        empty = empty_group(self.lb, self.aws, NLB, transport)
        forward = entry.action if entry is not None and isinstance(entry.action, Forward) else Forward((), 1)
        if QUIC in transport:
            self._told_apart(forward)
        groups = {pool.pool: self._group(pool.pool, transport) for pool in forward.pools}
        names = {pool: group.name for pool, group in groups.items()}
        action = forward_to(forward, names, empty.name, self.aws.quotas.groups_per_stream)
        used = {str(name) for name, _ in _pairs(action)}
        self.found.groups.update({one.name: one for one in (*groups.values(), empty) if one.name in used})
        return action

    def _told_apart(self, forward: Forward) -> None:
        """Raise CannotError for an endpoint of two backends: its listener tells servers apart by their ids.

        A Node is no server of its own: what it has an id for goes to any Pod behind it.
        """
        if by_nodes := [one.pool for one in forward.pools if self.lb.pool(one.pool).settings.target_type == INSTANCE]:
            raise CannotError(f"{by_nodes[0]} has instance targets by a BackendConfig, and QUIC needs the servers' own")
        places = Counter((e.address, e.port) for pool in forward.pools for e in self.lb.pool(pool.pool).endpoints)
        if twice := sorted(f"{address}:{port}" for (address, port), count in places.items() if count > 1):
            raise CannotError(f"{twice[0]} stands behind two backends, and on a QUIC listener a server has one place")

    def _group(self, pool_id: str, transport: str) -> Group:
        pools = [self.lb.pool(pool_id)]
        if transport in BESIDE_TCP.values():
            other = pool_id.removesuffix("/tcp") + "/udp"
            pools += [pool for pool in self.lb.pools if pool.id == other]
        return stream_group(self.lb, self.aws, pools, transport)


def _pairs(action: Mapping[str, Json]) -> Iterator[Sequence[Json]]:
    groups = action["TargetGroups"]
    for pair in groups if isinstance(groups, (list, tuple)) else ():
        if isinstance(pair, (list, tuple)):
            yield pair


def _protocol(frontend: Frontend) -> str:
    """Return the protocol of the listener: TLS is only ended where the Gateway ends it, else passed on as it comes."""
    if frontend.protocol == "TLS":
        return "TLS" if frontend.tls_mode == "Terminate" else "TCP"
    return frontend.protocol


def _precedence(frontend: Frontend) -> tuple[int, str]:
    return min(((one.place, one.name) for one in frontend.listeners), default=(0, ""))


def _refusal(entry: Entry, message: str) -> Rejection:
    route = entry.origin.route if entry.origin else None
    return Rejection(str(route), "UnsupportedValue", message, route, listener=entry.listener)
