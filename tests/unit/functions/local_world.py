"""What stands behind the functions in tests: a cluster in memory with what the schedules ask of it, and a container."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from functions import wiring
from providers.memory import MemoryProvider
from reconciler.config import Placement
from reconciler.errors import Misconfigured, Unavailable
from reconciler.keys import GatewayKey
from reconciler.reconcile import Room
from tests.builders import CLUSTER
from tests.fakes import FakeCluster


@dataclass
class Ref:
    """A Gateway of ours."""

    key: GatewayKey
    class_name: str = "aws"


class LocalCluster(FakeCluster):
    """A cluster in memory with what the schedules ask of it."""

    cluster_id = CLUSTER
    dead = False
    places: Sequence[Placement] = (Placement(),)

    def gateways(self) -> list[Ref]:
        """Return the Gateways."""
        found = [key for key in self.objects if key[0] == "Gateway"]
        return [Ref(GatewayKey(CLUSTER, namespace, name)) for _, namespace, name in found]

    def classes(self) -> list[str]:
        """Return the classes."""
        return [name for kind, _, name in self.objects if kind == "GatewayClass"]

    def placements(self) -> Sequence[Placement]:
        """Return where the classes place load balancers."""
        return self.places

    def gateway_uids(self) -> frozenset[str]:
        """Return the UIDs of all Gateways."""
        if self.dead:
            raise Unavailable("the API server did not answer")
        return frozenset(self.objects[key]["metadata"]["uid"] for key in self.objects if key[0] == "Gateway")


class Sweeping(MemoryProvider):
    """A provider that notes how it was asked to sweep."""

    asked: list[tuple[str, float, bool]] = []  # noqa: RUF012 - one test, one process

    def sweep(self, cluster: str, live: Any, grace: float, _now: float, placement: Placement) -> dict[str, int]:
        """Note the request; a place of another role may not be looked at."""
        if placement.role:
            raise Misconfigured(f"role {placement.role} is not allowed")
        self.asked.append((cluster, grace, live("infra/gw", "uid-infra-gw")))
        return {"target groups": 2}


class Wired(wiring.Container):
    """A container on fakes."""

    def room(self, cluster: str) -> Room:
        """Return the room of the only cluster."""
        if cluster != CLUSTER:
            raise Misconfigured(f"cluster {cluster!r} is not one of this deployment's")
        return Room(self._clusters[CLUSTER], self.provider, lambda: "nonce")
