"""What a provider says it can do, and what of a want it could not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.keys import RouteKey


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
        node_families: families (IPv4, IPv6) in which nodes can be targets, by their node ports; none where they cannot.
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
    node_families: tuple[str, ...] = ()


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
