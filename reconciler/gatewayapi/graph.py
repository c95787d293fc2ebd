"""The graph: every object of one Gateway validated and connected. Status and IR both come from it.

Types only; `attachment.attach` builds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.certificates import Certificate, ClientValidation
from reconciler.config import Config
from reconciler.gatewayapi.resources import Gateway, GatewayClass, Holder, Listener, ListenerSet, Meta, ParentRef, Route
from reconciler.ir import Address, BackendPool, Mirror, WeightedPool
from reconciler.keys import GatewayKey, RouteKey
from reconciler.values import frozen_map


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A user's mistake: the condition it turns False (`Conflicted`: True), the reason, and what to change."""

    condition: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class ListenerNode:
    """A listener of the Gateway, judged.

    Attributes:
        listener: as the user wrote it.
        kinds: supportedKinds, e.g. ("HTTPRoute",).
        problems: what is wrong; those on `Accepted` or `Conflicted` keep it out of the cloud.
        certificates: usable ones, in the order of certificateRefs.
        attached: number of Routes attached (attachedRoutes).
        overlapping: hostnames overlap with another TLS listener of the port (OverlappingTLSConfig).
        client_validation: which client certificates it takes; None asks for none.
    """

    listener: Listener
    kinds: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    attached: int = 0
    overlapping: bool = False
    client_validation: ClientValidation | None = None

    @property
    def refused(self) -> bool:
        """Whether the listener is not accepted."""
        return any(problem.condition in ("Accepted", "Conflicted") for problem in self.problems)

    @property
    def known(self) -> bool:
        """Whether its protocol is one that the provider has load balancers for."""
        return all(problem.reason != "UnsupportedProtocol" for problem in self.problems)

    @property
    def served(self) -> bool:
        """Whether the listener is built at all: accepted, and with a usable certificate where it needs one."""
        return not self.refused and (bool(self.certificates) or not self.listener.ends_tls)


@dataclass(frozen=True, slots=True)
class SetNode:
    """A ListenerSet that names the Gateway; `refused` says why it is not part of it, None if it is."""

    listener_set: ListenerSet
    refused: Problem | None = None


@dataclass(frozen=True, slots=True)
class PolicyNode:
    """A policy on a Service that Routes of the Gateway send to, judged. `kind`: BackendTLSPolicy or BackendConfig."""

    kind: str
    meta: Meta
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleBackends:
    """Backends of one rule, resolved.

    Attributes:
        pools: the valid ones, with weights.
        error_share: weight of those that are invalid, or that nothing may be sent to (answered 500).
        mirrors: pools that get copies.
        broken: a filter of the rule names something that nobody understands: every request is answered 500.
    """

    pools: tuple[WeightedPool, ...] = ()
    error_share: int = 0
    mirrors: tuple[Mirror, ...] = ()
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    """A Route on one listener with the hostnames that hold there: (effective, as written on the Route), "" for any."""

    listener: str
    hostnames: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Attachment:
    """One parentRef of one Route that names our Gateway, judged.

    Attributes:
        route: the Route.
        parent: the parentRef as written (defaults filled in).
        bound: listeners it is attached to; empty if it was refused.
        refused: why it is not accepted; None if it is.
        unresolved: problems of its references (ResolvedRefs=False); only the first is the condition's reason.
        backends: by rule index.
        reencrypted: the same where TLS is ended and begun again towards the backends; only where that differs.
        dropped: rules that cannot be used: index -> what is wrong (PartiallyInvalid).
    """

    route: Route
    parent: ParentRef
    bound: tuple[Bound, ...] = ()
    refused: Problem | None = None
    unresolved: tuple[Problem, ...] = ()
    backends: Mapping[int, RuleBackends] = field(default_factory=dict)
    reencrypted: Mapping[int, RuleBackends] = field(default_factory=dict)
    dropped: Mapping[int, Problem] = field(default_factory=dict)

    @property
    def key(self) -> RouteKey:
        """The Route's key."""
        return self.route.key


@dataclass(frozen=True, slots=True)
class Graph:
    """One Gateway with all that hangs on it.

    Attributes:
        key: the Gateway.
        gateway: None if it does not exist.
        gateway_class: None if it does not exist or is not ours.
        ours: the Gateway's class names our controller.
        config: merged and checked settings.
        problems: of the Gateway itself (Accepted, ResolvedRefs, Programmed).
        class_problems: of the GatewayClass.
        listeners: in order of precedence: the Gateway's own, in the order of the spec, then those of its
            ListenerSets; those of a ListenerSet that is not allowed are left out.
        sets: the ListenerSets that name the Gateway, by precedence.
        holders: the Gateway, its ListenerSets, and lost ones: a parent entry of ours for one of them is this run's.
        addresses: those asked for, all of types that can be asked for.
        attachments: sorted by Route key, then parentRef.
        pools: all pools that attachments use, by id.
        policies: on Services that its Routes send to, by kind and name.
        former_policies: those that carry an entry of ours for this Gateway and concern it no longer.
        former: Routes that carry a parent entry of ours for this Gateway but no longer name it.
        withdrawn: the Gateway is being deleted, or it carries our finalizer and left our class: it wants nothing in
            the cloud.
        bundle_version: of the installed CRDs (a GatewayClass's run only).
    """

    key: GatewayKey
    gateway: Gateway | None
    gateway_class: GatewayClass | None
    ours: bool
    config: Config = field(default_factory=Config)
    problems: tuple[Problem, ...] = ()
    class_problems: tuple[Problem, ...] = ()
    listeners: tuple[ListenerNode, ...] = ()
    sets: tuple[SetNode, ...] = ()
    holders: frozenset[Holder] = frozenset()
    addresses: tuple[Address, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    pools: Mapping[str, BackendPool] = field(default_factory=frozen_map)
    policies: tuple[PolicyNode, ...] = ()
    former_policies: tuple[PolicyNode, ...] = ()
    former: tuple[Route, ...] = ()
    withdrawn: bool = False
    bundle_version: str = ""

    @property
    def own(self) -> tuple[ListenerNode, ...]:
        """The Gateway's own listeners."""
        return tuple(node for node in self.listeners if node.listener.holder.kind == "Gateway")

    @property
    def served(self) -> tuple[ListenerNode, ...]:
        """The listeners that are built: served ones, but those of a ListenerSet that is not part of the Gateway."""
        out = {node.listener_set.holder for node in self.sets if node.refused is not None}
        return tuple(node for node in self.listeners if node.served and node.listener.holder not in out)

    @property
    def shut(self) -> tuple[ListenerNode, ...]:
        """Listeners of the Gateway and its ListenerSets that are not built: refused, in conflict, or not served."""
        out = {node.listener_set.holder for node in self.sets if node.refused is not None}
        return tuple(node for node in self.listeners if not node.served and node.listener.holder not in out)
