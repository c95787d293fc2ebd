"""The schedule that removes what nobody owns any more: left behind by deletions, by crashes, by Gateways that vanished.

A resource goes only if its tags name this cluster and a Gateway that is neither in the list of all Gateways nor there
when asked for by name, both answered by the cluster whose id the tags carry, and if every sweep of the last hour (the
grace) found it so. A read that fails, or that another cluster answers, ends the sweep: absence has to be proven.
Every placement that a class of ours names is swept, and one that cannot be costs none of the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions import log, wiring
from reconciler.errors import ReconcilerError

if TYPE_CHECKING:
    from kube.cluster import KubeCluster


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Sweep every cluster of this deployment once; answers counts by kind. Raises ReconcilerError."""
    wired = wiring.container()
    counts: Counter[str] = Counter()
    if wired.settings.mode == "observe":
        log.bound(__name__, {}).info("the deployment runs in mode observe: nothing is swept")
        return {}
    for cluster in wired.clusters():
        counts.update(_sweep(wired, cluster))
    log.bound(__name__, {}).info("swept", extra={"removed": dict(counts)})
    return dict(counts)


def _sweep(wired: wiring.Container, cluster: KubeCluster) -> Mapping[str, int]:
    alive = cluster.gateway_uids()

    def live(gateway: str, uid: str) -> bool:
        if uid in alive:
            return True
        namespace, _, name = gateway.partition("/")
        if not name:  # a name too long for a tag stands there as a digest, so the list has to say it twice
            return uid in cluster.gateway_uids()
        return cluster.has_gateway(namespace, name, uid)

    counts, failures = Counter[str](), list[ReconcilerError]()
    for placement in cluster.placements():
        try:
            counts.update(
                wired.provider.sweep(cluster.cluster_id, live, wired.settings.sweep_grace, wired.clock(), placement)
            )
        except ReconcilerError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return counts
