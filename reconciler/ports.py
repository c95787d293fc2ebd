"""What the centre asks of the edges: a Provider (cloud), a Cluster, a Queue."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from reconciler.config import Placement
from reconciler.events import Trigger
from reconciler.gatewayapi.config import Cloud
from reconciler.gatewayapi.gates import GateUpdate
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.status import StatusUpdate
from reconciler.ir import LoadBalancer
from reconciler.keys import GatewayKey, SecretRef
from reconciler.mark import Mark
from reconciler.plan import Look, Outcome, Plan, Rendered, ResourceSet


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A TLS Secret's content, PEM. Prints without the key."""

    certificate: str
    chain: str
    private_key: str = field(repr=False)


type Live = Callable[[str, str], bool]
"""(`namespace/name`, or what stands for it where the cloud took no more; UID) -> whether such a Gateway exists.

Raises rather than guesses.
"""

type ReadSecret = Callable[[SecretRef, str], KeyPair]
"""Reads a key pair at the moment of import; raises Conflict if its fingerprint is not the planned one."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom cloud resources belong to: a Gateway (key, UID), its placement, and the nonce of its load balancer."""

    key: GatewayKey
    uid: str
    placement: Placement
    nonce: str = ""


class Provider(Cloud, Protocol):
    """A cloud: what the specification's rooms ask of it (`Cloud`), and what a run does with it.

    `render` and `plan` are pure; `apply` is the only door that writes.
    """

    def render(self, lb: LoadBalancer) -> Rendered:
        """Return the native resources; total and deterministic: what cannot be becomes a Rejection."""

    def observe(self, owner: Owner, want: Rendered, look: Look) -> ResourceSet:
        """Return what is there, as deep as `look` says; only what is ours is `owned`. Raises ReconcilerError."""

    def plan(self, owner: Owner, want: Rendered, got: ResourceSet, look: Look) -> Plan:
        """Return the exact calls that lead from got to want, in an order that keeps traffic. Pure."""

    def scheme_of(self, got: ResourceSet) -> str:
        """Return the scheme of the observed load balancer, "" if there is none. Pure."""

    def standing(self, lb: LoadBalancer, got: ResourceSet) -> LoadBalancer:
        """Return what is wanted, but with the addresses observed where a change of them would cut clients off. Pure.

        The same object where nothing is to be kept.
        """

    def apply(self, owner: Owner, plan: Plan, got: ResourceSet, read_secret: ReadSecret) -> Outcome:
        """Make the calls of the plan and none besides; failures are in the Outcome, never raised."""

    def waits(self, ids: Collection[str]) -> Mapping[str, float]:
        """Return, of what is waited for (`Awaited.id`), seconds until another look at it is worth the call.

        What is ready, has failed or is gone is absent: a run has to look. Raises ReconcilerError.
        """

    def sweep(self, cluster: str, live: Live, grace: float, now: float, placement: Placement) -> Mapping[str, int]:
        """Remove what is a cluster's and no live Gateway's, in one placement; return how much, by kind.

        Nothing goes before every sweep of `grace` seconds found it so; `now` in seconds since the epoch. Raises
        ReconcilerError.
        """


class Cluster(Protocol):
    """A Kubernetes cluster, seen through the objects that matter to a run."""

    def snapshot(self, trigger: Trigger) -> Snapshot:
        """Return all that a run needs, not older than the trigger's versions. Raises Unavailable, PermissionDenied."""

    def write_status(self, updates: Sequence[StatusUpdate]) -> int:
        """Merge our entries into the objects' status and write what differs; return the number of writes.

        On a conflict reads and merges again; if the generation moved on, drops the write. Raises TransientError.
        """

    def write_mark(self, key: GatewayKey, mark: Mark | None, *, finalizer: bool) -> None:
        """Set (or with None remove) our annotation and our finalizer on the Gateway, in one patch.

        Raises Conflict if the Gateway is gone or was re-created.
        """

    def write_gates(self, updates: Sequence[GateUpdate]) -> int:
        """Set our condition on Pods that still exist; return the number of writes. Raises ReconcilerError."""

    def read_secret(self, ref: SecretRef, fingerprint: str) -> KeyPair:
        """Return a key pair; raises Conflict if its fingerprint is another by now."""


class Queue(Protocol):
    """The provider's FIFO queue and the `later` queue in front of it."""

    def send(self, trigger: Trigger) -> None:
        """Put a trigger on the FIFO queue; raises Unavailable."""

    def send_later(self, triggers: Sequence[Trigger], delay: float) -> None:
        """Bring triggers back after `delay` seconds (1 to 900), travelling together; raises Unavailable."""


type Clock = Callable[[], float]
"""Seconds since the epoch."""

type Settings = Mapping[str, str]
