"""What a Gateway means, in no cloud's words: frontends with one total order of entries, first match wins.

The order of `Frontend.entries` is the specification's precedence; every provider's output must answer each request as
`first_match` does. Hostnames in entries are effective ones (the overlap of Route and Listener), lower case, `""` any,
`*.example.com` for one or more labels in front of `example.com`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from reconciler.keys import ConfigMapRef, GatewayKey, RouteKey, SecretRef, ServicePort
from reconciler.matches import Match, Request, host_matches, match_takes

type Json = str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None


def frozen_map[V](items: Mapping[str, V] | None = None) -> Mapping[str, V]:
    """Return a read-only copy with sorted keys."""
    return MappingProxyType(dict(sorted((items or {}).items())))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a Gateway's resources live; from the GatewayClass's configuration only; fixed once recorded in the mark.

    Attributes:
        owner: account id or project id; "" means the one our credentials belong to.
        region: region name; "" means the deployment's.
        network: network id; "" means the deployment's.
        role: identity to assume before calling the cloud; "" means our own.
    """

    owner: str = ""
    region: str = ""
    network: str = ""
    role: str = ""


# --- configuration (kind LoadBalancerConfig and BackendConfig, already merged and checked) -------------------------


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one Gateway: the class's LoadBalancerConfig, overridden where the class allows it.

    Attributes:
        scheme: `internal` (default) or `internet-facing`.
        address_type: `ipv4` or `dualstack`.
        source_ranges: CIDRs that may connect; empty means the cloud's default for the scheme.
        target_cidrs: CIDRs that an endpoint's address must lie in; empty means no bound but the always refused ones.
        tls_policy: name of the cloud's TLS policy; "" means ours.
        attributes: load balancer attributes by the cloud's own names.
        deletion_protection: asked for.
        max_rules_per_namespace: bound on the entries of one namespace's Routes; 0 means none.
        placement: see `Placement`.
        allowed_certificates: certificate ids (patterns with a trailing `*` allowed) that a Listener's options may name.
        cloud: the provider's own block, e.g. the value of `spec.aws`, merged.
    """

    scheme: str = "internal"
    address_type: str = "ipv4"
    source_ranges: tuple[str, ...] = ()
    target_cidrs: tuple[str, ...] = ()
    tls_policy: str = ""
    attributes: Mapping[str, str] = field(default_factory=frozen_map)
    deletion_protection: bool = False
    max_rules_per_namespace: int = 0
    placement: Placement = field(default_factory=Placement)
    allowed_certificates: tuple[str, ...] = ()
    cloud: Mapping[str, Json] = field(default_factory=frozen_map)


# --- actions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class WeightedPool:
    """A share of the traffic: `weight / sum of weights` goes to the pool with this id (see `BackendPool.id`)."""

    pool: str
    weight: int
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Mirror:
    """A copy of `share` of the requests goes to this pool, its answer to nobody. `filters` are not repeated here."""

    pool: str
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Forward:
    """Send to weighted pools. `error_share` is the weight of the invalid backends, which answers 500."""

    pools: tuple[WeightedPool, ...]
    error_share: int = 0
    mirrors: tuple[Mirror, ...] = ()


class RewriteType(StrEnum):
    """How a path is replaced."""

    FULL = "ReplaceFullPath"
    PREFIX = "ReplacePrefixMatch"


@dataclass(frozen=True, slots=True, order=True)
class PathRewrite:
    """A path replacement; PREFIX replaces the prefix that the entry's own PathPrefix match names."""

    type: RewriteType
    value: str


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with a redirect. `""`, `0` and None mean: as in the request, resolved by the specification's rules.

    `port` is already resolved where the specification resolves it (explicit, else the given scheme's, else the
    listener's port), so it is never 0.
    """

    status: int
    port: int
    scheme: str = ""
    hostname: str = ""
    path: PathRewrite | None = None


@dataclass(frozen=True, slots=True)
class FixedResponse:
    """Answer with this status, without a backend. 404: listener isolation; 500: no valid backend."""

    status: int


@dataclass(frozen=True, slots=True)
class Close:
    """End a connection, or drop a datagram: nothing valid is there to send it to (listeners of streams only)."""


type Action = Forward | Redirect | FixedResponse | Close


@dataclass(frozen=True, slots=True, order=True)
class Filter:
    """A filter of a rule that is not the action itself, e.g. `Filter("URLRewrite", ...)`.

    Attributes:
        type: the specification's name (RequestHeaderModifier, URLRewrite, ...).
        body: the filter's own block as canonical JSON text; providers that support the type parse it.
    """

    type: str
    body: str


# --- the load balancer --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """The line of the user's YAML that an entry comes from; `rule`, `match` count from 0."""

    route: RouteKey
    created: str
    rule: int
    match: int
    rule_name: str = ""

    @property
    def age(self) -> tuple[str, str, str, str]:
        """Admission order: the oldest Route first, then namespace/name, then kind."""
        return (self.created, self.route.namespace, self.route.name, self.route.kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """One (hostname, match) of one rule on one listener; `id` prints as httproute/ns/name/rule/0/match/1/host.

    A fence (`origin` is None) is the explicit 404 that closes a Listener's hostname against broader listeners below it.
    """

    id: str
    listener: str
    hostname: str
    match: Match
    action: Action
    origin: Origin | None = None
    filters: tuple[Filter, ...] = ()
    timeouts: Mapping[str, str] = field(default_factory=frozen_map)
    retry: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What may be known of a TLS Secret outside the cluster edge; never the key.

    Attributes:
        ref: the Secret.
        resource_version: of the Secret as read.
        fingerprint: first 16 hex digits of sha256 over leaf and chain (DER), "" if unreadable.
        names: DNS names of the leaf.
        key_type: e.g. `RSA_2048`, `EC_prime256v1`.
        not_after: RFC 3339 time.
        problem: why it cannot be used, "" if it can.
        warning: what is wrong with it although it is used: it expired, or is not valid yet.
    """

    ref: SecretRef
    resource_version: str = ""
    fingerprint: str = ""
    names: tuple[str, ...] = ()
    key_type: str = ""
    not_after: str = ""
    problem: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class CaBundle:
    """Certificate authorities that a ConfigMap holds under `ca.crt`; public, so the text may travel.

    Attributes:
        ref: the ConfigMap.
        pem: the certificates, each as PEM, in order; "" if unusable.
        digest: first 16 hex digits of sha256 over the certificates (DER).
        problem: why it cannot be used, "" if it can.
    """

    ref: ConfigMapRef
    pem: str = ""
    digest: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of a frontend: a Secret's (`facts`) or one the cloud holds already (`cloud_id`)."""

    facts: CertificateFacts | None = None
    cloud_id: str = ""


@dataclass(frozen=True, slots=True)
class ClientValidation:
    """Clients of a frontend are asked for a certificate, which must come from one of these authorities.

    Attributes:
        bundles: certificate authorities to trust, at least one.
        mode: AllowValidOnly: without a valid certificate the handshake fails; AllowInsecureFallback: asked for, but
            whatever comes is taken.
    """

    bundles: tuple[CaBundle, ...]
    mode: str = "AllowValidOnly"


@dataclass(frozen=True, slots=True)
class FrontendListener:
    """A listener of a Gateway or ListenerSet that lives on a frontend.

    Attributes:
        name: its id.
        hostname: "" for any.
        certificates: its own.
        place: in order of precedence: where not all listeners fit, those with the lower place stay.
    """

    name: str
    hostname: str
    certificates: tuple[Certificate, ...] = ()
    place: int = 0

    @property
    def of_set(self) -> bool:
        """Whether it is a ListenerSet's: its id begins with the name of that."""
        return "/" in self.name


@dataclass(frozen=True, slots=True)
class Frontend:
    """One port and protocol; a port of UDP is another one than that of TCP and all that runs on it.

    Attributes:
        protocol: HTTP, HTTPS, TLS, TCP or UDP, or what a registered Route kind is carried as (`RouteKind.carried`).
        entries: of streams (TLS, TCP, UDP): one for each SNI hostname, or a single one for all.
        certificates: the default first, then in listener order, without repeats.
        tls_mode: Terminate or Passthrough; "" without TLS.
        client_validation: which client certificates are taken; None asks for none.
    """

    port: int
    protocol: str
    listeners: tuple[FrontendListener, ...]
    entries: tuple[Entry, ...]
    certificates: tuple[Certificate, ...] = ()
    tls_options: Mapping[str, str] = field(default_factory=frozen_map)
    tls_mode: str = ""
    client_validation: ClientValidation | None = None

    @property
    def streams(self) -> bool:
        """Whether connections or datagrams are passed on as they come, rather than requests looked into."""
        return self.protocol not in ("HTTP", "HTTPS")


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """A ready address behind a pool (or a serving one where all are terminating)."""

    address: str
    port: int
    zone: str = ""
    node: str = ""
    ready: bool = True
    terminating: bool = False


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How the cloud asks a target for its health; seconds for times."""

    protocol: str = "HTTP"
    path: str = "/"
    port: str = ""
    interval: int = 15
    timeout: int = 5
    healthy: int = 2
    unhealthy: int = 2
    matcher: str = "200-399"


@dataclass(frozen=True, slots=True)
class BackendTls:
    """TLS towards a backend, as a BackendTLSPolicy asks for it.

    Attributes:
        hostname: SNI, and the identity to verify where `alternative_names` is empty.
        alternative_names: (Hostname or URI, value), any of which will do.
        bundles: certificate authorities to trust.
        well_known: name of a set of authorities to trust instead, e.g. System.
        valid: False where the policy cannot be followed: then nothing is sent at all.
    """

    hostname: str
    alternative_names: tuple[tuple[str, str], ...] = ()
    bundles: tuple[CaBundle, ...] = ()
    well_known: str = ""
    valid: bool = True


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """What a BackendConfig says of a Service port.

    Attributes:
        health: fields of `HealthCheck` that it sets.
        target_type: ip or instance; "" for the provider's default.
        draining: seconds that a leaving endpoint may finish its requests in; None for the provider's default.
        sticky: seconds that a client stays with an endpoint; 0 for not at all.
        protocol: HTTP, HTTPS, HTTP2 or GRPC; "" for what Route kind and appProtocol say.
        cloud: the providers' own blocks by name, e.g. `aws`.
    """

    health: Mapping[str, Json] = field(default_factory=frozen_map)
    target_type: str = ""
    draining: int | None = None
    sticky: int = 0
    protocol: str = ""
    cloud: Mapping[str, Json] = field(default_factory=frozen_map)


@dataclass(frozen=True, slots=True)
class BackendPool:
    """The endpoints of one Service port; shared by all Routes of the Gateway that use it with the same settings.

    Attributes:
        id: prints as service/ns/name:port, with /grpc, /tcp or /udp behind it for a protocol other than HTTP.
        protocol: what is spoken to it: HTTP, GRPC, TCP or UDP.
        app_protocol: the Service port's own word for it, "" if it says nothing.
        family: IPv4 or IPv6.
        tls: how TLS is spoken to it, always `valid`; None for plain.
    """

    id: str
    service: ServicePort
    protocol: str = "HTTP"
    app_protocol: str = ""
    family: str = "IPv4"
    health: HealthCheck = field(default_factory=HealthCheck)
    endpoints: tuple[Endpoint, ...] = ()
    tls: BackendTls | None = None
    settings: BackendSettings = field(default_factory=BackendSettings)


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An address that a Gateway asks for; `value` "" for any of the type (IPAddress, Hostname or a cloud's own)."""

    type: str
    value: str = ""

    def __str__(self) -> str:
        return f"address/{self.type}/{self.value}"


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """What one Gateway wants.

    Attributes:
        key: the Gateway.
        uid: the Gateway's UID; a re-created Gateway of the same name is another owner.
        config: the merged settings.
        frontends: by port.
        pools: by id.
        labels: `spec.infrastructure.labels` and annotations, to be put on what is made.
        protocols: of all listeners, those that are not served included: what kinds of load balancer the Gateway has.
        addresses: those asked for, in the order of the spec; nothing else may be bound then. One that cannot be had is
            a Rejection, or the origin of a Failure, under its text form.
        withdrawn: nothing is wanted: the Gateway is being deleted or left our class. A live Gateway without any
            frontend keeps its load balancer, empty.
    """

    key: GatewayKey
    uid: str
    config: Config = field(default_factory=Config)
    frontends: tuple[Frontend, ...] = ()
    pools: tuple[BackendPool, ...] = ()
    labels: Mapping[str, str] = field(default_factory=frozen_map)
    protocols: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    withdrawn: bool = False

    def pool(self, pool_id: str) -> BackendPool:
        """Return the pool with this id. Raises KeyError for an id that no pool has, which would be a bug of compile."""
        for pool in self.pools:
            if pool.id == pool_id:
                return pool
        raise KeyError(pool_id)


# --- what a provider says it can do, and what it could not --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can honour, as plain data; read before compiling.

    Attributes:
        features: names for GatewayClass.status.supportedFeatures, beyond those that follow from the rest (`features`).
        unclaimed: names that would follow from the rest, but are not kept in all that they promise.
        kinds: Route kinds that each protocol can take, e.g. {"HTTP": ("HTTPRoute",)}; a protocol that is absent is
            unsupported.
        carries: protocols beyond those that can be carried for kinds that other packages register, e.g. QUIC.
        once: protocols that a load balancer can have on one port only.
        tls_modes: what listeners of protocol TLS can do: Passthrough, Terminate (one of them a port).
        client_validation: modes of `ClientValidation` that HTTPS listeners can do.
        address_types: types of `spec.addresses` that can be asked for.
        max_verified_ports: ports on which clients can be verified (AllowValidOnly); 0 for no limit.
        max_ports: frontends that a load balancer may have; 0 for no limit.
        cloud_certificate_option: key of `listener.tls.options` that names a certificate the cloud holds.
        backend_tls: whether backends can be spoken to by TLS and verified (BackendTLSPolicy).
        well_known_ca: values of wellKnownCACertificates that are supported.
        app_protocols: values of a Service port's appProtocol that can be spoken to a backend.
    """

    features: tuple[str, ...]
    kinds: Mapping[str, tuple[str, ...]]
    carries: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    unclaimed: frozenset[str] = frozenset()
    cloud_certificate_option: str = ""
    tls_modes: tuple[str, ...] = ()
    client_validation: tuple[str, ...] = ()
    address_types: tuple[str, ...] = ()
    max_ports: int = 0
    max_verified_ports: int = 0
    backend_tls: bool = False
    well_known_ca: tuple[str, ...] = ()
    app_protocols: tuple[str, ...] = ("", "http", "kubernetes.io/ws")


@dataclass(frozen=True, slots=True, order=True)
class Rejection:
    """Something of the want that this cloud cannot do. It costs only the object it names.

    Attributes:
        origin: what is refused: an entry id, `listener/<id>`, the text form of an `Address`, or a pool id.
        reason: the specification's reason, e.g. UnsupportedValue.
        message: stable text that tells the user what to change.
        route: the Route to tell; None if it is a listener's or the Gateway's matter.
        rule: index of the refused rule; -1 for the whole Route.
        listener: id of the listener that it is refused on; "" for all of them.
    """

    origin: str
    reason: str
    message: str
    route: RouteKey | None = None
    rule: int = -1
    listener: str = ""


# --- semantics of matching: the oracle ----------------------------------------------------------------------------


def first_match(frontend: Frontend, request: Request) -> Entry | None:
    """Return the entry that answers a request, None for the default 404. The oracle of all property tests."""
    for entry in frontend.entries:
        if host_matches(entry.hostname, request.host) and match_takes(entry.match, request):
            return entry
    return None


def by_host(frontend: Frontend) -> Mapping[str, tuple[Entry, ...]]:
    """Return the entries grouped by hostname, each group with every entry that can take a request for that hostname."""
    hosts = dict.fromkeys(entry.hostname for entry in frontend.entries)
    return {host: tuple(e for e in frontend.entries if _covers(e.hostname, host)) for host in hosts}


def _covers(pattern: str, host: str) -> bool:
    if host.startswith("*."):
        return pattern in ("", host) or (pattern.startswith("*.") and host.endswith(pattern[1:]))
    return not pattern if not host else host_matches(pattern, host)
