"""The Provider port on AWS: the pure rooms, and the two that talk to AWS, behind one door."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from providers.aws.apply import Applier
from providers.aws.backend_settings import check_backend
from providers.aws.capabilities import capabilities
from providers.aws.clients import Clients
from providers.aws.config import check, refused
from providers.aws.errors import without_account
from providers.aws.left_alone import without_refused
from providers.aws.limiter import Limiter, Limits, limits
from providers.aws.observe import observe
from providers.aws.plan import plan
from providers.aws.quic import clashes
from providers.aws.render import render
from providers.aws.resources import LOAD_BALANCER, LOAD_BALANCER_KEY
from providers.aws.sweep import Grace, sweep
from providers.aws.unified import standing
from providers.aws.waiting import waits
from providers.kinds import Deployment
from reconciler.capabilities import Capabilities
from reconciler.config import Config, Placement
from reconciler.errors import Misconfigured
from reconciler.ir import BackendSettings, LoadBalancer
from reconciler.plan import Look, Outcome, Plan, Rendered, ResourceSet
from reconciler.ports import Live, Owner, ReadSecret
from reconciler.values import Json

OWN = Placement()
"""The Region of our environment, with our own identity."""


@dataclass(slots=True)
class AwsProvider:
    """Implements `reconciler.ports.Provider`.

    Attributes:
        left: seconds left of the invocation under way.
        roles: identities that a GatewayClass may ask us to assume.
        limits: on calls, shared by all placements.
        now: seconds since the epoch; replaced in tests.
        sleep: how `apply` pauses; replaced in tests.
        settle: seconds until what AWS acknowledged is everywhere.
        bucket: where the objects stand that trust stores are made from; "" for nowhere, then clients are not verified.
    """

    left: Callable[[], float] = lambda: float("inf")
    roles: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    now: Callable[[], float] = time.time
    name: str = "aws"
    sleep: Callable[[float], None] = time.sleep
    settle: float = 0.0
    bucket: str = ""
    _clients: dict[tuple[str, str, Limiter], Clients] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def capabilities(self, config: Config) -> Capabilities:
        """Return what an ALB can honour."""
        return capabilities(config, verifies=bool(self.bucket))

    def check(self, config: Config) -> tuple[str, ...]:
        """Return what is wrong with the `aws` block."""
        return (*check(config), *clashes(config))

    def refused(self, base: Config, own: Mapping[str, Json]) -> tuple[str, ...]:
        """Return what a Gateway may not say in its own settings."""
        return refused(base, own)

    def check_backend(self, settings: BackendSettings, protocol: str) -> tuple[str, ...]:
        """Return what AWS cannot do of a BackendConfig."""
        return check_backend(settings, protocol)

    def render(self, lb: LoadBalancer) -> Rendered:
        """Return the AWS resources."""
        return render(lb, self.bucket)

    def observe(self, owner: Owner, want: Rendered, look: Look) -> ResourceSet:
        """Return what is there. Raises ReconcilerError."""
        return observe(self.clients(owner.placement), owner, without_refused(want, look), look, self.bucket)

    def plan(self, owner: Owner, want: Rendered, got: ResourceSet, look: Look) -> Plan:
        """Return the exact calls."""
        return plan(owner, without_refused(want, look), got, look)

    def scheme_of(self, got: ResourceSet) -> str:
        """Return the scheme of the load balancer that is there; of two, of the one to go."""
        there = sorted(got.of_kind(LOAD_BALANCER), key=lambda one: one.key == LOAD_BALANCER_KEY)
        return str(there[0].spec["Scheme"]) if there else ""

    def standing(self, lb: LoadBalancer, got: ResourceSet) -> LoadBalancer:
        """Return the Gateway with the addresses that it has."""
        return standing(lb, got)

    def apply(self, owner: Owner, plan: Plan, got: ResourceSet, read_secret: ReadSecret) -> Outcome:
        """Make the calls."""
        return Applier(self.clients(owner.placement), owner, read_secret, self.sleep, self.settle).apply(plan, got)

    def sweep(self, cluster: str, live: Live, grace: float, now: float, placement: Placement = OWN) -> dict[str, int]:
        """Remove what nobody of a cluster owns any more, in one placement; return counts by kind."""
        return sweep(self.clients(placement, self.limits.sweep), cluster, live, Grace(grace, now), self.bucket)

    def waits(self, ids: Collection[str]) -> Mapping[str, float]:
        """Return, of load balancers that AWS is making, seconds until the next look. Raises ReconcilerError."""
        return waits(lambda placement: self.clients(placement, self.limits.look), ids, self.now())

    def clients(self, placement: Placement, limiter: Limiter | None = None) -> Clients:
        """Return the clients of a placement, under the limits of a reconcile or of what else is done.

        Raises Misconfigured for a role that the deployment does not allow.
        """
        limiter = limiter or self.limits.reconcile
        if placement.role and placement.role not in self.roles:
            role = without_account(placement.role)
            raise Misconfigured(f"{role} is not among ROUTEWRIGHT_ALLOWED_ROLES of this deployment")
        with self._lock:
            key = (placement.region, placement.role, limiter)
            if key not in self._clients:
                self._clients[key] = Clients(placement.region, placement.role, limiter, self.left)
            return self._clients[key]


def make(deployment: Deployment) -> AwsProvider:
    """Return the provider for a deployment. Raises Misconfigured for more reconciles than its account allows."""
    shared = limits(deployment.concurrency, deployment.rate)
    return AwsProvider(deployment.left, deployment.roles, shared, settle=deployment.settle, bucket=deployment.bucket)
