"""What a Gateway means, in no cloud's words: frontends with one total order of entries, first match wins.

The order of `Frontend.entries` is the specification's precedence; every provider's output must answer each request as
`first_match` does. Hostnames in entries are effective ones (the overlap of Route and Listener), lower case, `""` any,
`*.example.com` for one or more labels in front of `example.com`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconciler.certificates import CaBundle, Certificate, ClientValidation
from reconciler.config import Config
from reconciler.keys import GatewayKey, RouteKey, ServicePort
from reconciler.matches import Match, Request, host_matches, match_takes
from reconciler.probe import Probe
from reconciler.values import Json, frozen_map

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
    """A ready address behind a pool (or a serving one where all are terminating).

    Of a pool by nodes `address` is a node's provider id and `port` its node port.
    `gated`: of a Pod that is not ready for nothing but our readiness gate.
    """

    address: str
    port: int
    zone: str = ""
    node: str = ""
    ready: bool = True
    terminating: bool = False
    gated: bool = False


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
        target_type: ip or instance (nodes take what comes, and pass it on); "" for the provider's default.
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
        probe: how the Pods say they are ready; None where they do not say it, or only a kubelet can ask.
        tls: how TLS is spoken to it, always `valid`; None for plain.
        node_health: how a node is asked whether it has an endpoint of its own, where it only sends to those; None where
            any node will do, or where `settings` say what is asked.
    """

    id: str
    service: ServicePort
    protocol: str = "HTTP"
    app_protocol: str = ""
    family: str = "IPv4"
    probe: Probe | None = None
    endpoints: tuple[Endpoint, ...] = ()
    tls: BackendTls | None = None
    settings: BackendSettings = field(default_factory=BackendSettings)
    node_health: HealthCheck | None = None


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
