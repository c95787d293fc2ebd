"""Frozen typed views of the Kubernetes objects that a run reads, made from plain dicts.

Views hold what the CRDs' defaults would have filled in, so that a manifest from a file and the same object from an API
server read alike. Reading is total: what cannot be read becomes a missing value, never an exception; the schema's own
checks are the API server's (or, offline, `cli`'s) business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.ir import Filter, Redirect
from reconciler.keys import RouteKey
from reconciler.matches import Match
from reconciler.values import Json, frozen_map

GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True, slots=True)
class Meta:
    """Object metadata. `created` and `deleted` are RFC 3339 or ""."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 1
    resource_version: str = ""
    created: str = ""
    deleted: str = ""
    labels: Mapping[str, str] = field(default_factory=frozen_map)
    annotations: Mapping[str, str] = field(default_factory=frozen_map)
    finalizers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class ParentRef:
    """A parentRef as the user wrote it, with the CRD's defaults (group, kind); namespace "" if the user left it out."""

    group: str
    kind: str
    namespace: str
    name: str
    section_name: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """A reference to a Secret, a Service, a configuration object; `namespace` "" if left out, `port` 0 if none."""

    group: str
    kind: str
    namespace: str
    name: str
    port: int = 0


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """matchLabels and matchExpressions of a namespace selector."""

    labels: Mapping[str, str] = field(default_factory=frozen_map)
    expressions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class AllowedRoutes:
    """Who may attach. `source`: Same, All or Selector. `kinds`: (group, kind) pairs as given, empty for the default."""

    source: str = "Same"
    selector: LabelSelector | None = None
    kinds: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class AllowedListeners:
    """From which namespaces ListenerSets may join a Gateway. `source`: None, Same, All or Selector."""

    source: str = "None"
    selector: LabelSelector | None = None


@dataclass(frozen=True, slots=True, order=True)
class Holder:
    """The object that a listener stands in: a Gateway or a ListenerSet."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Listener:
    """A listener of a Gateway or ListenerSet.

    Attributes:
        name: unique in its holder only; `id` is unique on the Gateway with all its ListenerSets.
        hostname: "" for any, lower case.
        tls_mode: "" without a tls block.
        holder: whose listener it is.
    """

    name: str
    port: int
    protocol: str
    holder: Holder
    hostname: str = ""
    allowed: AllowedRoutes = field(default_factory=AllowedRoutes)
    tls_mode: str = ""
    certificate_refs: tuple[ObjectRef, ...] = ()
    tls_options: Mapping[str, str] = field(default_factory=frozen_map)

    @property
    def id(self) -> str:
        """The name, for a listener of a ListenerSet behind `<namespace>/<name of the set>/`."""
        holder = self.holder
        return self.name if holder.kind == "Gateway" else f"{holder.namespace}/{holder.name}/{self.name}"

    @property
    def ends_tls(self) -> bool:
        """Whether TLS ends here, so that a certificate is needed."""
        return self.protocol == "HTTPS" or (self.protocol == "TLS" and self.tls_mode != "Passthrough")


@dataclass(frozen=True, slots=True)
class Validation:
    """Client certificates: authorities to trust, and the mode (AllowValidOnly or AllowInsecureFallback)."""

    ca_refs: tuple[ObjectRef, ...]
    mode: str = "AllowValidOnly"


@dataclass(frozen=True, slots=True)
class GatewayTls:
    """`spec.tls` of a Gateway.

    Attributes:
        default: validation of clients on HTTPS ports without an entry in `ports`.
        ports: by port; None means that clients of this port are not validated, whatever the default.
        client_certificate: Secret that is presented to backends.
    """

    default: Validation | None = None
    ports: Mapping[int, Validation | None] = field(default_factory=dict)
    client_certificate: ObjectRef | None = None

    def validation(self, port: int) -> Validation | None:
        """Return how clients of an HTTPS port are validated: an entry for the port replaces the default."""
        return self.ports.get(port, self.default)


@dataclass(frozen=True, slots=True)
class Gateway:
    """A Gateway; `addresses`: (type, value); `status` is the object's status as read (plain), for merging."""

    meta: Meta
    class_name: str
    listeners: tuple[Listener, ...]
    addresses: tuple[tuple[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=frozen_map)
    annotations: Mapping[str, str] = field(default_factory=frozen_map)
    parameters: ObjectRef | None = None
    allowed_listeners: AllowedListeners = field(default_factory=AllowedListeners)
    tls: GatewayTls = field(default_factory=GatewayTls)
    status: Mapping[str, Any] = field(default_factory=frozen_map)

    @property
    def holder(self) -> Holder:
        """The Gateway as the holder of its own listeners."""
        return Holder("Gateway", self.meta.namespace, self.meta.name)


@dataclass(frozen=True, slots=True)
class ListenerSet:
    """Listeners that join a Gateway (`parent`); `status` as read (plain)."""

    meta: Meta
    parent: ParentRef
    listeners: tuple[Listener, ...] = ()
    status: Mapping[str, Any] = field(default_factory=frozen_map)

    @property
    def holder(self) -> Holder:
        """The ListenerSet as the holder of its listeners."""
        return Holder("ListenerSet", self.meta.namespace, self.meta.name)

    @property
    def age(self) -> tuple[str, str, str]:
        """Sort key of precedence: the older first, then by namespace/name."""
        return (self.meta.created, self.meta.namespace, self.meta.name)


@dataclass(frozen=True, slots=True)
class GatewayClass:
    """A GatewayClass; `parameters.namespace` is set for namespaced kinds."""

    meta: Meta
    controller: str
    parameters: ObjectRef | None = None
    status: Mapping[str, Any] = field(default_factory=frozen_map)


@dataclass(frozen=True, slots=True)
class BackendRef:
    """A backend of a rule with its weight (default 1) and its own filters."""

    ref: ObjectRef
    weight: int = 1
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a Route. No matches given: one match of everything. `redirect` has port 0 if unresolved.

    Attributes:
        mirrors: backends of RequestMirror filters, those inside of backendRefs included, with the share of the requests
            that they get a copy of.
        retry, session: the rule's own blocks as canonical JSON text, "" where not given.
        extensions: references of ExtensionRef filters.
        unknown: by field, what we do not know: the rule is refused for it, never served without it.
    """

    matches: tuple[Match, ...]
    backends: tuple[BackendRef, ...] = ()
    filters: tuple[Filter, ...] = ()
    redirect: Redirect | None = None
    name: str = ""
    timeouts: Mapping[str, str] = field(default_factory=frozen_map)
    retry: str = ""
    session: str = ""
    mirrors: tuple[tuple[ObjectRef, float], ...] = ()
    extensions: tuple[ObjectRef, ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """A Route of any kind (see `kinds`); `hostnames` lower case; `status` as read (plain)."""

    kind: str
    meta: Meta
    parents: tuple[ParentRef, ...]
    hostnames: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    status: Mapping[str, Any] = field(default_factory=frozen_map)

    @property
    def key(self) -> RouteKey:
        """The Route's key."""
        return RouteKey(self.kind, self.meta.namespace, self.meta.name)


@dataclass(frozen=True, slots=True)
class ReferenceGrant:
    """Who (group, kind, namespace) may refer to what (group, kind, name or "" for all) in this namespace."""

    meta: Meta
    sources: tuple[tuple[str, str, str], ...]
    targets: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class ServicePortSpec:
    """A port of a Service; `node_port` is 0 where nodes have none for it."""

    port: int
    name: str = ""
    protocol: str = "TCP"
    app_protocol: str = ""
    node_port: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """A Service.

    Attributes:
        local: whether a node only sends to endpoints of its own (externalTrafficPolicy Local).
        health_port: where a node tells whether it has one (healthCheckNodePort); 0 where it does not.
    """

    meta: Meta
    type: str = "ClusterIP"
    ports: tuple[ServicePortSpec, ...] = ()
    families: tuple[str, ...] = ()
    local: bool = False
    health_port: int = 0


@dataclass(frozen=True, slots=True)
class SliceEndpoint:
    """An endpoint of a slice; `ready` unknown counts as true; `pod`: name of one in the slice's namespace, or ""."""

    addresses: tuple[str, ...]
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    zone: str = ""
    node: str = ""
    pod: str = ""
    pod_uid: str = ""


@dataclass(frozen=True, slots=True)
class EndpointSlice:
    """An EndpointSlice; `ports`: (name, number, protocol); `service` from its label."""

    meta: Meta
    service: str
    family: str
    ports: tuple[tuple[str, int, str], ...]
    endpoints: tuple[SliceEndpoint, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.

    Attributes:
        provider_id: what the cloud calls it, e.g. `aws:///us-east-1a/i-0abc`; "" while nobody has said.
        ready: whether its condition Ready is True.
        excluded: whether its labels keep it from external load balancers.
    """

    meta: Meta
    provider_id: str = ""
    zone: str = ""
    ready: bool = False
    excluded: bool = False


@dataclass(frozen=True, slots=True)
class Namespace:
    """A Namespace with its labels."""

    meta: Meta


@dataclass(frozen=True, slots=True, order=True)
class PolicyTarget:
    """What a policy applies to, in its own namespace; `section` is a Service port's name, "" for all its ports."""

    group: str
    kind: str
    name: str
    section: str = ""


@dataclass(frozen=True, slots=True)
class BackendTLSPolicy:
    """How to speak TLS to the Services it targets.

    Attributes:
        hostname: SNI, and the identity to verify where `alternative_names` is empty.
        ca_refs: bundles of certificate authorities.
        well_known: e.g. `System`; "" where bundles are given.
        alternative_names: (type, value) of the identities any of which will do.
        status: as read (plain).
    """

    meta: Meta
    targets: tuple[PolicyTarget, ...]
    hostname: str = ""
    ca_refs: tuple[ObjectRef, ...] = ()
    well_known: str = ""
    alternative_names: tuple[tuple[str, str], ...] = ()
    status: Mapping[str, Any] = field(default_factory=frozen_map)


@dataclass(frozen=True, slots=True)
class ConfigObject:
    """A LoadBalancerConfig or BackendConfig (group routewright.dev): its spec, plain; a BackendConfig has `targets`."""

    meta: Meta
    kind: str
    spec: Mapping[str, Json]
    targets: tuple[PolicyTarget, ...] = ()
    status: Mapping[str, Any] = field(default_factory=frozen_map)
