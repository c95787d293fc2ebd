"""The Gateway's listeners, judged: conflicts, protocol, TLS, kinds, in this order (specification, Listener)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reconciler.gatewayapi.grants import Grants, Referrer, Target
from reconciler.gatewayapi.graph import ListenerNode, Problem
from reconciler.gatewayapi.hostnames import overlap
from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.resources import Gateway, Listener, ObjectRef
from reconciler.ir import Capabilities, Certificate, CertificateFacts, Config
from reconciler.keys import SecretRef

_STREAMS = {"HTTP": "http", "HTTPS": "tls", "TLS": "tls", "TCP": "tcp", "UDP": "udp"}
"""Listeners of one port are distinct only within one of these; UDP shares nothing with the others."""


@dataclass(frozen=True, slots=True)
class Judge:
    """What listeners are judged by. `certificates`: facts of the Secrets that could be read."""

    gateway: Gateway
    capabilities: Capabilities
    config: Config
    grants: Grants
    certificates: dict[SecretRef, CertificateFacts]

    def judge(self) -> tuple[ListenerNode, ...]:
        """Return a node for each listener, in the order of the spec."""
        everyone = self.gateway.listeners
        return tuple(self._node(index, listener, everyone) for index, listener in enumerate(everyone))

    def _node(self, index: int, listener: Listener, everyone: Sequence[Listener]) -> ListenerNode:
        others = [other for place, other in enumerate(everyone) if place != index]
        problems: list[Problem] = []
        if conflict := _conflict(listener, others):
            problems.append(conflict)
        if unsupported := self._unsupported(listener):
            return ListenerNode(listener, problems=(*problems, unsupported))
        kinds, dropped = self._kinds(listener)
        certificates, unresolved = self._certificates(listener)
        return ListenerNode(
            listener=listener,
            kinds=kinds,
            problems=(*problems, *unresolved, *dropped),
            certificates=certificates,
            overlapping=any(_overlapping(listener, other) for other in others),
        )

    def _unsupported(self, listener: Listener) -> Problem | None:
        known = self.capabilities.kinds
        if listener.protocol not in known:
            message = f'protocol "{listener.protocol}" is not supported here; supported are {", ".join(sorted(known))}'
            return Problem("Accepted", "UnsupportedProtocol", message)
        if listener.protocol == "HTTPS" and listener.tls_mode not in ("", "Terminate"):
            message = f'tls.mode "{listener.tls_mode}" is not supported on an HTTPS listener; use Terminate'
            return Problem("Accepted", "UnsupportedValue", message)
        return None

    def _kinds(self, listener: Listener) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
        supported = self.capabilities.kinds[listener.protocol]
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
        for one in [*self._by_option(listener), *(self._by_secret(ref) for ref in listener.certificate_refs)]:
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

    def _by_secret(self, ref: ObjectRef) -> Certificate | Problem:
        namespace = ref.namespace or self.gateway.meta.namespace
        name = f"{namespace}/{ref.name}"
        source = Referrer("Gateway", self.gateway.meta.namespace)
        if not self.grants.allow(source, Target(ref.group, ref.kind, namespace, ref.name)):
            message = (
                f"no ReferenceGrant in namespace {namespace} lets Gateways of {source.namespace} use {ref.kind} {name}"
            )
            return Problem("ResolvedRefs", "RefNotPermitted", message)
        if (ref.group, ref.kind) != ("", "Secret"):
            return _bad_certificate(f"certificateRefs names {ref.kind} {name} of group {ref.group!r}; use a Secret")
        facts = self.certificates.get(SecretRef(namespace, ref.name))
        if facts is None:
            return _bad_certificate(f"Secret {name} does not exist")
        return _bad_certificate(f"Secret {name}: {facts.problem}") if facts.problem else Certificate(facts)


def _bad_certificate(message: str) -> Problem:
    return Problem("ResolvedRefs", "InvalidCertificateRef", message)


def _permission_first(problem: Problem) -> bool:
    return problem.reason != "RefNotPermitted"


def _fits(pattern: str, value: str) -> bool:
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def _conflict(listener: Listener, others: Sequence[Listener]) -> Problem | None:
    """Inside one Gateway nobody wins: every listener of a conflict is refused."""
    neighbours = [other for other in others if other.port == listener.port]
    clashing = [other for other in neighbours if _clash(listener, other)]
    if clashing:
        names = ", ".join(f'"{other.name}" ({other.protocol})' for other in clashing)
        message = f"port {listener.port} is also used, with another protocol, by listener {names}"
        return Problem("Conflicted", "ProtocolConflict", message)
    same = [other for other in neighbours if other.protocol == listener.protocol]
    if listener.protocol in ("TCP", "UDP") and same:
        return Problem("Conflicted", "ProtocolConflict", f'port {listener.port} is also used by "{same[0].name}"')
    equal = [other for other in same if other.hostname == listener.hostname]
    if equal:
        message = f'listener "{equal[0].name}" has the same port, protocol and hostname'
        return Problem("Conflicted", "HostnameConflict", message)
    return None


def _clash(one: Listener, other: Listener) -> bool:
    streams = {_STREAMS.get(one.protocol), _STREAMS.get(other.protocol)}
    if None in streams or "udp" in streams:
        return False
    return len(streams) > 1 or (one.protocol != other.protocol and one.tls_mode != other.tls_mode)


def _overlapping(one: Listener, other: Listener) -> bool:
    both = {one.protocol, other.protocol} <= {"HTTPS", "TLS"}
    return both and one.port == other.port and overlap(one.hostname, other.hostname) is not None
