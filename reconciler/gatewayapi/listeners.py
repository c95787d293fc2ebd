"""Listeners of a Gateway and its ListenerSets, judged: conflicts, protocol, TLS, kinds, in this order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from reconciler.capabilities import Capabilities
from reconciler.certificates import CaBundle, Certificate, ClientValidation
from reconciler.config import Config
from reconciler.gatewayapi.conflicts import conflicts, overlapping
from reconciler.gatewayapi.graph import ListenerNode, Problem
from reconciler.gatewayapi.kinds import carried, route_kinds, takers, transport_of
from reconciler.gatewayapi.resources import Gateway, Listener
from reconciler.gatewayapi.tls_refs import TlsRefs


@dataclass(frozen=True, slots=True)
class Judge:
    """What listeners are judged by."""

    gateway: Gateway
    capabilities: Capabilities
    config: Config
    refs: TlsRefs

    def judge(self, groups: Sequence[Sequence[Listener]]) -> tuple[ListenerNode, ...]:
        """Return a node for each listener. `groups`: each object's own, by precedence, the Gateway's first."""
        found = [
            (listener, problem)
            for group, problems in zip(groups, conflicts(groups), strict=True)
            for listener, problem in zip(group, problems, strict=True)
        ]
        doubtful = overlapping([listener for listener, problem in found if problem is None])
        nodes = (
            replace(self._node(listener, problem), overlapping=problem is None and listener.id in doubtful)
            for listener, problem in found
        )
        return tuple(self._within_limits(nodes))

    def _within_limits(self, nodes: Iterator[ListenerNode]) -> Iterator[ListenerNode]:
        """Refuse the listeners of ports beyond what a load balancer can have, by precedence."""
        ports, verified = set[tuple[int, str]](), set[tuple[int, str]]()
        most, most_verified = self.capabilities.max_ports, self.capabilities.max_verified_ports
        single = {protocol: set[tuple[int, str]]() for protocol in self.capabilities.once}
        for node in nodes:
            if not node.served:
                yield node
                continue
            port = (node.listener.port, transport_of(node.listener.protocol))
            wire = carried(node.listener.protocol)
            clients = node.client_validation
            verifies = clients is not None and clients.mode == "AllowValidOnly"
            if _full(ports, port, most):
                yield replace(node, problems=(_too_many(node.listener, most), *node.problems))
            elif verifies and _full(verified, port, most_verified):
                yield replace(node, problems=(_too_many_verified(most_verified), *node.problems))
            elif wire in single and _full(single[wire], port, 1):
                yield replace(node, problems=(_only_one(wire, node.listener.port), *node.problems))
            else:
                single.get(wire, set()).add(port)
                ports.add(port)
                verified |= {port} if verifies else set()
                yield node

    def _node(self, listener: Listener, conflict: Problem | None) -> ListenerNode:
        problems = () if conflict is None else (conflict,)
        if unsupported := self._unsupported(listener):
            return ListenerNode(listener, problems=(*problems, unsupported))
        kinds, dropped = self._kinds(listener)
        if listener.protocol == "TLS" and conflict is not None and conflict.reason == "ProtocolConflict":
            kinds = ()
        certificates, unresolved = self._certificates(listener)
        clients, untrusted = self._clients(listener)
        return ListenerNode(
            listener=listener,
            kinds=kinds,
            problems=(*problems, *unresolved, *untrusted, *dropped),
            certificates=certificates,
            client_validation=clients,
        )

    def _unsupported(self, listener: Listener) -> Problem | None:
        known = takers(self.capabilities)
        if listener.protocol not in known:
            message = f'protocol "{listener.protocol}" is not supported here; supported are {", ".join(sorted(known))}'
            return Problem("Accepted", "UnsupportedProtocol", message)
        mode = listener.tls_mode or "Terminate"
        if listener.protocol == "HTTPS" and mode != "Terminate":
            message = f'tls.mode "{mode}" is not supported on an HTTPS listener; use Terminate'
            return Problem("Accepted", "UnsupportedValue", message)
        modes = self.capabilities.tls_modes
        if listener.protocol == "TLS" and mode not in modes:
            message = f'tls.mode "{mode}" is not supported here; supported are {", ".join(modes) or "none"}'
            return Problem("Accepted", "UnsupportedValue", message)
        return None

    def _kinds(self, listener: Listener) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
        supported = takers(self.capabilities)[listener.protocol]
        if not listener.allowed.kinds:
            return supported, ()
        given = dict.fromkeys(listener.allowed.kinds)
        fit = [(group, kind) for group, kind in given if kind in supported and route_kinds()[kind].group == group]
        kinds = tuple(kind for _, kind in fit)
        wrong = [f"{kind} ({group})" for group, kind in given if (group, kind) not in fit]
        if not wrong:
            return kinds, ()
        message = f"allowedRoutes.kinds: {', '.join(wrong)} cannot attach here; supported are {', '.join(supported)}"
        return kinds, (Problem("ResolvedRefs", "InvalidRouteKinds", message),)

    def _certificates(self, listener: Listener) -> tuple[tuple[Certificate, ...], tuple[Problem, ...]]:
        if not listener.ends_tls:
            return (), ()
        found: list[Certificate] = []
        problems: list[Problem] = []
        for one in [*self._by_option(listener), *self._by_secret(listener)]:
            if isinstance(one, Certificate):
                found.append(one)
            else:
                problems.append(one)
        if not found and not problems:
            problems.append(_bad_certificate("the listener names no certificate: set tls.certificateRefs"))
        return tuple(dict.fromkeys(found)), tuple(sorted(problems, key=_permission_first))

    def _by_option(self, listener: Listener) -> Iterator[Certificate | Problem]:
        option = self.capabilities.cloud_certificate_option
        for cloud_id in filter(None, (part.strip() for part in listener.tls_options.get(option, "").split(","))):
            if any(_fits(pattern, cloud_id) for pattern in self.config.allowed_certificates):
                yield Certificate(cloud_id=cloud_id)
            else:
                yield _bad_certificate(
                    f"tls.options {option}: {cloud_id} is not among the allowedCertificates of the GatewayClass"
                )

    def _by_secret(self, listener: Listener) -> Iterator[Certificate | Problem]:
        for ref in listener.certificate_refs:
            found = self.refs.key_pair(listener.holder, ref, "certificateRefs", "InvalidCertificateRef")
            yield found if isinstance(found, Problem) else Certificate(found)

    def _clients(self, listener: Listener) -> tuple[ClientValidation | None, tuple[Problem, ...]]:
        """Return how clients of an HTTPS listener are validated. The Gateway says so for all."""
        wanted = self.gateway.tls.validation(listener.port)
        if listener.protocol != "HTTPS" or wanted is None:
            return None, ()
        if wanted.mode not in self.capabilities.client_validation:
            message = f"tls.frontend of the Gateway: client certificates cannot be validated here in mode {wanted.mode}"
            return None, (Problem("Accepted", "UnsupportedValue", message),)
        found = [self.refs.authorities(self.gateway.holder, ref) for ref in wanted.ca_refs]
        bundles = tuple(one for one in found if isinstance(one, CaBundle))
        problems = [one for one in found if isinstance(one, Problem)]
        if not bundles:
            message = "; ".join(problem.message for problem in problems) or "tls.frontend names no caCertificateRefs"
            problems.append(Problem("Accepted", "NoValidCACertificate", message))
        return ClientValidation(tuple(dict.fromkeys(bundles)), wanted.mode), tuple(problems)


def _too_many(listener: Listener, limit: int) -> Problem:
    reason = "TooManyListeners" if listener.holder.kind == "ListenerSet" else "PortUnavailable"
    message = f"the load balancer has {limit} ports, all taken by listeners of the Gateway or of older ListenerSets"
    return Problem("Accepted", reason, message)


def _too_many_verified(limit: int) -> Problem:
    message = (
        f"the load balancer verifies the certificates of clients on {limit} ports, which listeners of the Gateway or "
        "of older ListenerSets have; use another Gateway for more"
    )
    return Problem("Accepted", "UnsupportedValue", message)


def _full(taken: Collection[tuple[int, str]], port: tuple[int, str], limit: int) -> bool:
    return bool(limit) and port not in taken and len(taken) >= limit


def _only_one(protocol: str, port: int) -> Problem:
    message = f"port {port}: a load balancer has {protocol} on one port here, and another listener has it already"
    return Problem("Accepted", "PortUnavailable", message)


def _bad_certificate(message: str) -> Problem:
    return Problem("ResolvedRefs", "InvalidCertificateRef", message)


def _permission_first(problem: Problem) -> bool:
    return problem.reason != "RefNotPermitted"


def _fits(pattern: str, value: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
