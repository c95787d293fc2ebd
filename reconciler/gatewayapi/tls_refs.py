"""What TLS settings refer to: key pairs in Secrets, authorities in ConfigMaps. Permission is asked before existence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.certificates import CaBundle, CertificateFacts
from reconciler.gatewayapi.grants import Grants, Referrer, Target
from reconciler.gatewayapi.graph import Problem
from reconciler.gatewayapi.resources import Holder, ObjectRef
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.keys import ConfigMapRef, SecretRef


@dataclass(frozen=True, slots=True)
class TlsRefs:
    """Resolves references of Gateways and ListenerSets. What is granted and not in a table does not exist."""

    grants: Grants
    certificates: Mapping[SecretRef, CertificateFacts]
    bundles: Mapping[ConfigMapRef, CaBundle]

    @classmethod
    def of(cls, snapshot: Snapshot, grants: Grants) -> TlsRefs:
        """Return what the references of a snapshot resolve to."""
        certificates = {facts.ref: facts for facts in snapshot.certificates}
        return cls(grants, certificates, {bundle.ref: bundle for bundle in snapshot.bundles})

    def key_pair(self, holder: Holder, ref: ObjectRef, field: str, reason: str) -> CertificateFacts | Problem:
        """Return the facts of a Secret that a field names, or what is wrong with it (`reason`, or RefNotPermitted)."""
        namespace = ref.namespace or holder.namespace
        name = f"{namespace}/{ref.name}"
        if refused := self._refused(holder, ref):
            return refused
        if (ref.group, ref.kind) != ("", "Secret"):
            message = f"{field} names {ref.kind} {name} of group {ref.group!r}; use a Secret"
            return Problem("ResolvedRefs", reason, message)
        facts = self.certificates.get(SecretRef(namespace, ref.name))
        if facts is None:
            return Problem("ResolvedRefs", reason, f"Secret {name} does not exist")
        return Problem("ResolvedRefs", reason, f"Secret {name}: {facts.problem}") if facts.problem else facts

    def authorities(self, holder: Holder, ref: ObjectRef) -> CaBundle | Problem:
        """Return the certificate authorities that a caCertificateRef of a Gateway names, or what is wrong with it."""
        namespace = ref.namespace or holder.namespace
        name = f"{namespace}/{ref.name}"
        if refused := self._refused(holder, ref):
            return refused
        if (ref.group, ref.kind) != ("", "ConfigMap"):
            message = f"caCertificateRefs names {ref.kind} {name} of group {ref.group!r}; use a ConfigMap"
            return Problem("ResolvedRefs", "InvalidCACertificateKind", message)
        bundle = self.bundles.get(ConfigMapRef(namespace, ref.name))
        if bundle is None:
            return Problem("ResolvedRefs", "InvalidCACertificateRef", f"ConfigMap {name} does not exist")
        if bundle.problem:
            return Problem("ResolvedRefs", "InvalidCACertificateRef", f"ConfigMap {name}: {bundle.problem}")
        return bundle

    def _refused(self, holder: Holder, ref: ObjectRef) -> Problem | None:
        namespace = ref.namespace or holder.namespace
        source = Referrer(holder.kind, holder.namespace)
        if self.grants.allow(source, Target(ref.group, ref.kind, namespace, ref.name)):
            return None
        name = f"{ref.kind} {namespace}/{ref.name}"
        message = f"no ReferenceGrant in namespace {namespace} lets {holder.kind}s of {holder.namespace} use {name}"
        return Problem("ResolvedRefs", "RefNotPermitted", message)
