"""What is configured for one Gateway (kind LoadBalancerConfig), already merged and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.values import Json, frozen_map


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
