"""The schedule that removes what nobody owns any more: left behind by deletions, by crashes, by Gateways that vanished.

A resource goes only if its tags name this cluster and a Gateway whose UID no Gateway of the cluster has, and after the
grace. A list of Gateways that fails ends the sweep: absence has to be proven.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from functions import log, wiring

if TYPE_CHECKING:
    from kube.cluster import KubeCluster


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Sweep every cluster of this deployment once; answers counts by kind. Raises ReconcilerError."""
    wired = wiring.container()
    counts: Counter[str] = Counter()
    for cluster in wired.clusters():
        counts.update(_sweep(wired, cluster))
    log.bound(__name__, {}).info("swept", extra={"removed": dict(counts)})
    return dict(counts)


def _sweep(wired: wiring.Container, cluster: KubeCluster) -> dict[str, int]:
    alive = cluster.gateway_uids()
    grace = wired.settings.sweep_grace
    return wired.provider.sweep(cluster.cluster_id, lambda _name, uid: uid in alive, grace, time.time())
