"""What the emulated ELBv2 remembers: load balancers, their listeners and rules, target groups and targets.

Plain mutable records without behaviour beyond what follows from their own fields; operations live in the module of
their kind. Conditions, actions and transforms are kept whole, in botocore's shapes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Request = dict[str, Any]
Tags = dict[str, str]


@dataclass(slots=True)
class Rule:
    """A listener rule; `priority` None is the default rule."""

    arn: str
    listener_arn: str
    priority: int | None
    conditions: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    transforms: list[dict[str, Any]]
    tags: Tags
    visible_at: float


@dataclass(slots=True)
class Listener:
    """A listener with its rules by ARN, the default rule included; `certificates` holds the default one first."""

    arn: str
    load_balancer_arn: str
    port: int
    protocol: str
    ssl_policy: str | None
    certificates: list[str]
    alpn_policy: list[str]
    mutual_authentication: dict[str, Any] | None
    attributes: Tags
    tags: Tags
    visible_at: float
    rules: dict[str, Rule] = field(default_factory=dict)

    @property
    def default_rule(self) -> Rule:
        """The rule that answers when no other one holds."""
        return next(rule for rule in self.rules.values() if rule.priority is None)

    @property
    def own_rules(self) -> list[Rule]:
        """All rules but the default one, ascending by priority."""
        numbered = [(rule.priority, rule) for rule in self.rules.values() if rule.priority is not None]
        return [rule for _, rule in sorted(numbered, key=lambda pair: pair[0])]


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface of a Network Load Balancer in one subnet.

    `public` is the address that clients reach it at, "" of an internal one; `allocation` names an Elastic IP, `chosen`
    tells that the private address was asked for.
    """

    id: str
    private: str
    public: str
    allocation: str
    chosen: bool

    def asked(self) -> dict[str, str]:
        """Return the members of the subnet mapping that it was made from."""
        elastic = {"AllocationId": self.allocation} if self.allocation else {}
        return elastic | ({"PrivateIPv4Address": self.private} if self.chosen else {})

    def shown(self) -> list[dict[str, str]]:
        """Return LoadBalancerAddresses: only what was asked for is in it."""
        return [({"IpAddress": self.public} if self.allocation else {}) | self.asked()] if self.asked() else []


@dataclass(slots=True)
class TrustStore:
    """A trust store and the authorities that it holds, PEM; `in_use_until` as of a target group."""

    arn: str
    name: str
    certificates: list[str]
    active_at: float
    tags: Tags
    visible_at: float
    attached: bool = False
    in_use_until: float = 0.0


@dataclass(slots=True)
class LoadBalancer:
    """An Application (`application`) or Network (`network`) Load Balancer with its listeners by ARN."""

    arn: str
    name: str
    type: str
    scheme: str
    vpc_id: str
    zones: list[dict[str, Any]]
    security_groups: list[str]
    ip_address_type: str
    dns_name: str
    address: str
    created: float
    active_at: float
    attributes: Tags
    tags: Tags
    visible_at: float
    listeners: dict[str, Listener] = field(default_factory=dict)
    interfaces: dict[str, Interface] = field(default_factory=dict)

    @property
    def subnets(self) -> set[str]:
        """The ids of the subnets it stands in."""
        return {zone["SubnetId"] for zone in self.zones}

    @property
    def rules(self) -> list[Rule]:
        """Every rule of every listener, default rules included."""
        return [rule for listener in self.listeners.values() for rule in listener.rules.values()]

    def state(self, now: float) -> str:
        """Return `provisioning` or `active`."""
        return "active" if now >= self.active_at else "provisioning"


@dataclass(slots=True)
class Target:
    """A registered target; its key in the target group is (id, port)."""

    id: str
    port: int | None
    zone: str | None
    registered_at: float
    draining_since: float | None = None
    forced_state: str | None = None
    server_id: str | None = None


@dataclass(slots=True)
class TargetGroup:
    """A target group; `settings` are the members of its Describe item that creation and health checks set.

    `attached_since` is when an active load balancer begins to use it (None: nobody does), `in_use_until` how long
    after its release a deletion is still refused.
    """

    arn: str
    name: str
    settings: dict[str, Any]
    attributes: Tags
    tags: Tags
    visible_at: float
    targets: dict[tuple[str, int | None], Target] = field(default_factory=dict)
    attached_since: float | None = None
    in_use_until: float = 0.0

    @property
    def protocol(self) -> str | None:
        """HTTP, HTTPS, TCP, ...; None for Lambda."""
        return self.settings.get("Protocol")

    @property
    def target_type(self) -> str:
        """`ip`, `instance`, `lambda` or `alb`."""
        return str(self.settings["TargetType"])
