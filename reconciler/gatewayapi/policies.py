"""Policies on Services: which one is in force for a Service port, and what is wrong with each.

The policy that names the port goes before one for the whole Service. Of two for the same the older is in force, by age
then namespace/name; the others are conflicted. One that is in force and not valid fails closed: nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.capabilities import Capabilities
from reconciler.certificates import CaBundle
from reconciler.gatewayapi.backend_config import INSTANCE, KIND, settings_of, wrong_with
from reconciler.gatewayapi.graph import PolicyNode, Problem
from reconciler.gatewayapi.nodes import without_node_port
from reconciler.gatewayapi.references import ancestors_claimed
from reconciler.gatewayapi.resources import (
    BackendTLSPolicy,
    ConfigObject,
    ObjectRef,
    PolicyTarget,
    Service,
    ServicePortSpec,
)
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.ir import BackendSettings, BackendTls
from reconciler.keys import ConfigMapRef

type Policy = BackendTLSPolicy | ConfigObject
type Place = tuple[str, str, str]
"""A Service port that policies name: namespace, Service, port name ("" for the whole Service)."""


@dataclass(slots=True)
class Policies:
    """The policies of a snapshot, by what they target.

    Attributes:
        capabilities: what the provider can do of them.
        bundles: certificate authorities by ConfigMap.
        services: those of the snapshot, by (namespace, name).
        check: what the provider cannot do of a BackendConfig for a pool of a protocol.
        used: Services that Routes of the Gateway send to; filled while backends are resolved.
    """

    capabilities: Capabilities
    bundles: Mapping[ConfigMapRef, CaBundle]
    services: Mapping[tuple[str, str], Service]
    check: Callable[[BackendSettings, str], tuple[str, ...]]
    used: set[tuple[str, str]] = field(default_factory=set)
    _tls: Mapping[Place, Sequence[BackendTLSPolicy]] = field(default_factory=dict)
    _configs: Mapping[Place, Sequence[ConfigObject]] = field(default_factory=dict)
    _cannot: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        capabilities: Capabilities,
        check: Callable[[BackendSettings, str], tuple[str, ...]],
    ) -> Policies:
        """Return the policies of a snapshot."""
        return cls(
            capabilities,
            {bundle.ref: bundle for bundle in snapshot.bundles},
            {(service.meta.namespace, service.meta.name): service for service in snapshot.services},
            check,
            _tls=_by_place(snapshot.tls_policies),
            _configs=_by_place(config for config in snapshot.configs if config.kind == KIND),
        )

    def tls(self, namespace: str, service: str, port: str) -> BackendTls | None:
        """Return how TLS is spoken to a Service port, None for plain; not `valid` where nothing may be sent at all."""
        policy = _in_force(self._tls, namespace, service, port)
        if policy is None:
            return None
        bundles = tuple(self._bundle(policy, ref) for ref in policy.ca_refs)
        return BackendTls(
            hostname=policy.hostname,
            alternative_names=policy.alternative_names,
            bundles=tuple(one for one in bundles if isinstance(one, CaBundle)),
            well_known=policy.well_known,
            valid=not any(problem.condition == "Accepted" for problem in self._tls_problems(policy)),
        )

    def settings(self, service: Service, port: ServicePortSpec, protocol: str) -> BackendSettings:
        """Return the settings of a Service's port; with anything wrong, all count as not given.

        What the provider cannot do of them for a pool that speaks `protocol`, or for such a Service, is remembered, to
        be told.
        """
        config = _in_force(self._configs, service.meta.namespace, service.meta.name, port.name)
        if config is None or wrong_with(config.spec):
            return BackendSettings()
        settings = settings_of(config.spec)
        cannot: tuple[str, ...] = self.check(settings, protocol)
        if settings.target_type == INSTANCE:
            cannot = (*cannot, *without_node_port(service, port, self.capabilities.node_families))
        self._cannot.setdefault((config.meta.namespace, config.meta.name), {}).update(dict.fromkeys(cannot))
        return BackendSettings() if cannot else settings

    def nodes(self) -> tuple[PolicyNode, ...]:
        """Return the policies that concern Services in use, judged, by kind and name."""
        found = [
            *(PolicyNode("BackendTLSPolicy", p.meta, self._told(self._tls, p)) for p in self._using(self._tls)),
            *(PolicyNode(KIND, c.meta, self._told(self._configs, c)) for c in self._using(self._configs)),
        ]
        return tuple(sorted(found, key=lambda node: (node.kind, node.meta.namespace, node.meta.name)))

    def _using[P: (BackendTLSPolicy, ConfigObject)](self, table: Mapping[Place, Sequence[P]]) -> list[P]:
        found = (p for place, policies in table.items() if place[:2] in self.used for p in policies)
        return list({(p.meta.namespace, p.meta.name): p for p in found}.values())

    def _told[P: (BackendTLSPolicy, ConfigObject)](
        self, table: Mapping[Place, Sequence[P]], policy: P
    ) -> tuple[Problem, ...]:
        targets = [target for target in policy.targets if (policy.meta.namespace, target.name) in self.used]
        for target in targets:
            first = table[policy.meta.namespace, target.name, target.section][0]
            if first.meta.name != policy.meta.name:
                message = f"Service {target.name} has an older policy: {first.meta.namespace}/{first.meta.name}"
                return (Problem("Accepted", "Conflicted", message),)
        missing = [text for text in (self._missing(policy, target) for target in targets) if text]
        if missing and len(missing) == len(targets):
            return (Problem("Accepted", "TargetNotFound", missing[0]),)
        if isinstance(policy, BackendTLSPolicy):
            return tuple(self._tls_problems(policy))
        cannot: dict[str, None] = self._cannot.get((policy.meta.namespace, policy.meta.name), {})
        sentences = (*wrong_with(policy.spec), *sorted(cannot))
        return (Problem("Accepted", "Invalid", "; ".join(sentences)),) if sentences else ()

    def _missing(self, policy: Policy, target: PolicyTarget) -> str:
        service = self.services.get((policy.meta.namespace, target.name))
        if service is None:
            return f"Service {policy.meta.namespace}/{target.name} does not exist"
        if target.section and all(port.name != target.section for port in service.ports):
            return f'Service {policy.meta.namespace}/{target.name} has no port named "{target.section}"'
        return ""

    # --- BackendTLSPolicy ---

    def _tls_problems(self, policy: BackendTLSPolicy) -> Iterator[Problem]:
        """Yield what is wrong with a policy itself; any problem of `Accepted` makes its Services unreachable."""
        found = [self._bundle(policy, ref) for ref in policy.ca_refs]
        bad = [one for one in found if isinstance(one, Problem)]
        yield from bad
        if bad and len(bad) == len(found):
            yield Problem("Accepted", "NoValidCACertificate", bad[0].message)
        elif policy.well_known and policy.well_known not in self.capabilities.well_known_ca:
            message = f'wellKnownCACertificates "{policy.well_known}" is not supported here; name caCertificateRefs'
            yield Problem("Accepted", "Invalid", message)
        elif not self.capabilities.backend_tls:
            message = "this load balancer does not verify its backends: requests to the Service are refused, never sent"
            yield Problem("Accepted", "Invalid", message)

    def _bundle(self, policy: BackendTLSPolicy, ref: ObjectRef) -> CaBundle | Problem:
        name = f"{policy.meta.namespace}/{ref.name}"
        if (ref.group, ref.kind) != ("", "ConfigMap"):
            message = f"caCertificateRefs names {ref.kind} {name} of group {ref.group!r}; use a ConfigMap"
            return Problem("ResolvedRefs", "InvalidKind", message)
        bundle = self.bundles.get(ConfigMapRef(policy.meta.namespace, ref.name))
        if bundle is None:
            return Problem("ResolvedRefs", "InvalidCACertificateRef", f"ConfigMap {name} does not exist")
        if bundle.problem:
            return Problem("ResolvedRefs", "InvalidCACertificateRef", f"ConfigMap {name}: {bundle.problem}")
        return bundle


def former_policies(snapshot: Snapshot, current: Iterable[PolicyNode]) -> tuple[PolicyNode, ...]:
    """Return the policies that carry an entry of ours for the Gateway and concern it no longer, by kind and name."""
    concerned = {(node.kind, node.meta.namespace, node.meta.name) for node in current}
    every = [
        *(("BackendTLSPolicy", policy.meta, policy.status) for policy in snapshot.tls_policies),
        *((KIND, config.meta, config.status) for config in snapshot.configs if config.kind == KIND),
    ]
    found = (
        PolicyNode(kind, meta)
        for kind, meta, status in every
        if (kind, meta.namespace, meta.name) not in concerned and _carries_entry(snapshot, meta.namespace, status)
    )
    return tuple(sorted(found, key=lambda node: (node.kind, node.meta.namespace, node.meta.name)))


def _carries_entry(snapshot: Snapshot, namespace: str, status: Mapping[str, Any]) -> bool:
    policy = {"metadata": {"namespace": namespace}, "status": status}
    return (snapshot.key.namespace, snapshot.key.name) in ancestors_claimed(policy, snapshot.controller)


def _by_place[P: (BackendTLSPolicy, ConfigObject)](policies: Iterable[P]) -> dict[Place, list[P]]:
    found: dict[Place, list[P]] = {}
    for policy in sorted(policies, key=_age):
        for target in policy.targets:
            if (target.group, target.kind) == ("", "Service"):
                found.setdefault((policy.meta.namespace, target.name, target.section), []).append(policy)
    return found


def _age(policy: Policy) -> tuple[str, str, str]:
    return (policy.meta.created, policy.meta.namespace, policy.meta.name)


def _in_force[P: (BackendTLSPolicy, ConfigObject)](
    table: Mapping[Place, Sequence[P]], namespace: str, service: str, port: str
) -> P | None:
    """Return the policy of a port: the one that names it, else the one for the whole Service."""
    named = table.get((namespace, service, port), ()) if port else ()
    found = named or table.get((namespace, service, ""), ())
    return found[0] if found else None
