"""Readiness gates: a Pod that carries ours is ready only when the load balancers reach it.

Opt-in: Pods name the condition type `target-health.routewright.dev/ready` in `spec.readinessGates`. Until their gate is
open, Kubernetes calls them not ready, so their addresses are registered although they are not: else no load balancer
would ever ask them. A gate that is open stays open: what becomes of a target later is the load balancer's own business.

Several Gateways may send to one Pod. Each run knows the health in its own load balancers only, so the condition's
message names the Gateways that are still waited for: each takes itself off the list, and the last one opens the gate.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from reconciler.gatewayapi.pods import Pod
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.ir import BackendPool

type Health = Mapping[str, Mapping[tuple[str, int], str]]
"""By pool id and target (address, port): "" where it is healthy or its group is not in use, else why it is not."""
type Service = tuple[str, str]

WAITING, OPEN = "TargetNotHealthy", "TargetHealthy"
_UNREGISTERED = "not registered yet"
_GATEWAYS = re.compile(r"([a-z0-9.-]+/[a-z0-9.-]+)(?: \(([^)]*)\))?")


@dataclass(frozen=True, slots=True)
class GateUpdate:
    """What a Pod's condition shall say."""

    namespace: str
    name: str
    uid: str
    open: bool
    message: str

    @property
    def reason(self) -> str:
        """The condition's reason."""
        return OPEN if self.open else WAITING


def pending(snapshot: Snapshot) -> dict[Service, list[Pod]]:
    """Return the Pods whose gate is not open yet, by the Services that they are behind."""
    known = {(pod.meta.namespace, pod.meta.name): pod for pod in snapshot.pods if pod.gate and not pod.gate.open}
    found: dict[Service, list[Pod]] = {}
    for slice_ in snapshot.slices if known else ():
        here = slice_.meta.namespace
        for endpoint in slice_.endpoints:
            pod = known.get((here, endpoint.pod))
            if pod is not None and not endpoint.terminating:
                found.setdefault((here, slice_.service), []).append(pod)
    return found


def gate_updates(snapshot: Snapshot, pools: Collection[BackendPool], health: Health) -> tuple[GateUpdate, ...]:
    """Return what has to be written of the gates, for `pools` that this Gateway sends to, by namespace and name."""
    found: dict[Service, GateUpdate] = {}
    waiting = pending(snapshot)
    for pod in {(pod.meta.namespace, pod.meta.name): pod for pods in waiting.values() for pod in pods}.values():
        if pod.gate is None or not pod.gate.alone:
            continue  # something else keeps it from being ready, and until then nothing is to be told
        services = {service for service, pods in waiting.items() if pod in pods}
        update = _update(snapshot, pod, services, sorted(set(_unhealthy(snapshot, pod, pools, health))))
        if update.open or update.message != pod.gate.message:
            found[pod.meta.namespace, pod.meta.name] = update
    return tuple(found[key] for key in sorted(found))


def _update(snapshot: Snapshot, pod: Pod, services: Collection[Service], bad: list[str]) -> GateUpdate:
    """Return the condition: this Gateway waits if anything is bad, the others as the condition says so far."""
    me = f"{snapshot.key.namespace}/{snapshot.key.name}"
    sharing = {one for service, gateways in snapshot.sharing if service in services for one in gateways} - {me}
    said = dict(_GATEWAYS.findall(pod.gate.message if pod.gate else ""))
    waited = {name: said.get(name, "") for name in sharing if name in said or not said}
    if bad:
        waited[me] = bad[0]
    told = (f"{name} ({waited[name]})" if waited[name] else name for name in sorted(waited))
    message = f"waiting for targets of Gateways: {', '.join(told)}" if waited else "healthy in all target groups in use"
    return GateUpdate(pod.meta.namespace, pod.meta.name, pod.meta.uid, not waited, message)


def _unhealthy(snapshot: Snapshot, pod: Pod, pools: Collection[BackendPool], health: Health) -> Iterator[str]:
    """Yield why a Pod does not serve yet, for each of its targets that does not."""
    addresses = {
        (slice_.meta.namespace, slice_.service, address)
        for slice_ in snapshot.slices
        for endpoint in slice_.endpoints
        if (slice_.meta.namespace, endpoint.pod) == (pod.meta.namespace, pod.meta.name)
        for address in endpoint.addresses[:1]
    }
    for pool in pools:
        for one in pool.endpoints:
            if (pool.service.namespace, pool.service.name, one.address) in addresses:
                yield from filter(None, [health.get(pool.id, {}).get((one.address, one.port), _UNREGISTERED)])
