"""The schedule: a trigger for every Gateway of ours, so that correctness never depends on an event having arrived.

Light (every 15 minutes by default) costs two reads a Gateway; deep (every 24 h) looks for drift.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from functions import log, wiring
from reconciler.events import Cause, Trigger
from reconciler.keys import GatewayKey
from reconciler.ports import Queue


class GatewayRef(Protocol):
    """A Gateway of ours by key, with the name of its class."""

    @property
    def key(self) -> GatewayKey:
        """The Gateway."""

    @property
    def class_name(self) -> str:
        """Its GatewayClass."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which Gateways; "" selects all."""

    namespace: str = ""
    name: str = ""
    class_name: str = ""

    def takes(self, gateway: GatewayRef) -> bool:
        """Return whether a Gateway is selected."""
        return (
            self.namespace in ("", gateway.key.namespace)
            and self.name in ("", gateway.key.name)
            and self.class_name in ("", gateway.class_name)
        )


def triggers(gateways: Iterable[GatewayRef], selection: Selection, cause: Cause, run: str) -> Iterator[Trigger]:
    """Yield a trigger for each selected Gateway, by namespace and name; `run` makes them new within five minutes."""
    for gateway in sorted(gateways, key=lambda item: item.key):
        if selection.takes(gateway):
            key = gateway.key
            yield Trigger(key.cluster, key.namespace, key.name, cause=cause, run=run)


def class_triggers(cluster: str, classes: Sequence[str], cause: Cause, run: str) -> Iterator[Trigger]:
    """Yield a trigger for each GatewayClass of ours: a subject of its own."""
    for name in sorted(classes):
        yield Trigger(cluster, "", name, kind="GatewayClass", cause=cause, run=run)


def send_all(queue: Queue, items: Iterable[Trigger]) -> int:
    """Send triggers; return how many. Raises Unavailable at the first refusal: the schedule comes again."""
    count = 0
    for trigger in items:
        queue.send(trigger)
        count += 1
    return count


def handler(event: Mapping[str, Any], _context: object) -> dict[str, int]:
    """Take a schedule's event; `{"deep": true}` asks for a deep one."""
    wired = wiring.container()
    cause = Cause.DEEP if event.get("deep") else Cause.RESYNC
    run = str(event.get("id") or wired.new_run())
    sent = 0
    for cluster in wired.clusters():
        sent += send_all(wired.queue, class_triggers(cluster.cluster_id, cluster.classes(), cause, run))
        sent += send_all(wired.queue, triggers(cluster.gateways(), Selection(), cause, run))
    log.bound(__name__, {"cause": cause}).info("resync sent %d triggers", sent)
    return {"sent": sent}
