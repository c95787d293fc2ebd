"""The watcher's entry point: `python -m functions.watch` in a Deployment, or `handler` on a schedule until a deadline.

It holds nothing that matters: at the next start every Gateway is triggered.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from functions import log, wiring
from kube.watch import Lasting
from kube.watcher import Watched, Watcher

if TYPE_CHECKING:
    from kube.cluster import KubeCluster


def handler(_event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Watch until shortly before Lambda's deadline; the schedule starts the next one."""
    wired = wiring.container()
    left = getattr(context, "get_remaining_time_in_millis", None)
    reserve = wired.deadline.reserve
    watch_all(wired, Lasting(left=lambda: float("inf") if left is None else left() / 1000 - reserve))
    return {}


def watch_all(wired: wiring.Container, lasting: Lasting) -> None:
    """Watch every cluster of this deployment, one thread each; raises what broke the first of them."""
    clusters = wired.clusters()
    with ThreadPoolExecutor(len(clusters)) as pool:
        running = [pool.submit(_watch, wired, cluster, lasting) for cluster in clusters]
        done, _ = wait(running, return_when=FIRST_EXCEPTION)
        lasting.stop.set()
    for one in done:
        one.result()


def _watch(wired: wiring.Container, cluster: KubeCluster, lasting: Lasting) -> None:
    quiet = wired.settings.debounce
    watched = Watched(cluster.api, cluster.cluster_id, cluster.controller, cluster.provider, quiet)
    log.bound(__name__, {"cluster": cluster.cluster_id}).info("watching")
    Watcher(watched, wired.queue, wired.new_run).run(lasting)


def main() -> None:
    """Watch until SIGTERM or SIGINT."""
    wired = wiring.container()
    log.setup(wired.settings.log_level)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watch_all(wired, Lasting(stop=stop))


if __name__ == "__main__":
    main()
