"""A resync by hand, for a cluster, namespace, class or Gateway.

The event: `{"cluster": "", "namespace": "", "class": "", "name": ""}`; what is empty or absent selects all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions import log, wiring
from functions.resync import Selection, send_all, triggers
from reconciler.events import Cause


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Send a trigger for each selected Gateway; answers the run's id and the number sent."""
    wired = wiring.container()
    selection = Selection(
        namespace=str(event.get("namespace") or ""),
        name=str(event.get("name") or ""),
        class_name=str(event.get("class") or ""),
    )
    run, wanted = wired.new_run(), str(event.get("cluster") or "")
    sent = sum(
        send_all(wired.queue, triggers(cluster.gateways(), selection, Cause.BACKFILL, run))
        for cluster in wired.clusters()
        if wanted in ("", cluster.cluster_id)
    )
    log.bound(__name__, {"run": run}).info("backfill sent %d triggers", sent)
    return {"run": run, "sent": sent}
