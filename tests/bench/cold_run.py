"""One snapshot in a process of its own, as a cold container takes it; prints JSON figures.

`python -m tests.bench.cold_run KUBECONFIG GATEWAY`.
"""

from __future__ import annotations

import json
import sys
import time

from kube.api import Api
from kube.auth import connect
from kube.cluster import KubeCluster
from reconciler.events import Cause, Trigger
from tests.bench.memory import peak_megabytes
from tests.builders import CONTROLLER
from tests.kube_requests import Requests


def main() -> None:
    """Print seconds, requests, bytes, the reads over the whole cluster, Routes found and peak memory in MB."""
    kubeconfig, gateway = sys.argv[1:]
    cluster = KubeCluster(Api(connect(kubeconfig)), CONTROLLER, "aws")
    asked = Requests(cluster.api)
    trigger = Trigger(cluster.cluster_id, "infra", gateway, cause=Cause.RELIST, run="r1")
    started = time.monotonic()
    found = cluster.snapshot(trigger)
    figures = {
        "seconds": time.monotonic() - started,
        "requests": len(asked.made),
        "bytes": sum(one.bytes for one in asked.made),
        "wide": asked.wide(),
        "routes": len(found.routes),
        "megabytes": peak_megabytes(),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
