"""What would be built and said, from manifests alone: no cluster, no cloud.

The same rooms as `reconcile` up to the plan; then the statuses as after an apply that succeeded. Absent Namespaces
exist with their name label, objects without a generation are at their first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.capabilities import Rejection
from reconciler.certificates import CaBundle, CertificateFacts
from reconciler.config import Placement
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.read import kind_of, take_snapshot
from reconciler.gatewayapi.report import build_status
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.status import StatusUpdate, merge_status
from reconciler.gatewayapi.values import mapping, text
from reconciler.ir import LoadBalancer
from reconciler.keys import GatewayKey
from reconciler.plan import Depth, Look, Outcome, Plan, Rendered, ResourceSet
from reconciler.ports import Owner, Provider

ADDRESS = "assigned-by-the-cloud"
"""Stands for the address of a load balancer that does not exist yet."""
BUNDLE = "v1.7.0"
"""The Gateway API bundle that input without a cluster is read by."""
CLUSTER = "offline"
NAME_LABEL = "kubernetes.io/metadata.name"
_CLUSTER_SCOPED = frozenset({"GatewayClass", "Namespace", "Node"})
_PENDING = {
    "Gateway": ("Accepted", "Programmed"),
    "GatewayClass": ("Accepted",),
    "ListenerSet": ("Accepted", "Programmed"),
}
"""Conditions that the CRDs give an object until a controller speaks."""

type Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """One Gateway's part: what it means, how it is rendered, and the calls that would build it."""

    key: GatewayKey
    lb: LoadBalancer
    want: Rendered
    plan: Plan
    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True)
class Offline:
    """The answer. `statuses`: (kind, namespace, name, status without times), by kind, namespace and name."""

    gateways: tuple[Planned, ...]
    statuses: tuple[tuple[str, str, str, Mapping[str, Any]], ...]


def plan_offline(
    objects: Iterable[Plain],
    controller: str,
    provider: Provider,
    facts: Sequence[CertificateFacts | CaBundle] = (),
) -> Offline:
    """Return what every Gateway of ours in `objects` would become, and the status of every object we report on."""
    everything = complete(objects)
    gateways: list[Planned] = []
    updates: list[StatusUpdate] = []
    for key in sorted(_subjects(everything)):
        snapshot = take_snapshot(key, controller, everything, facts, BUNDLE)
        planned, told = plan_snapshot(snapshot, provider)
        updates.extend(told)
        if planned is not None:
            gateways.append(planned)
    return Offline(tuple(gateways), tuple(_statuses(everything, updates)))


def complete(objects: Iterable[Plain]) -> list[dict[str, Any]]:
    """Return the objects with what an API server would fill in, and the Namespaces that they live in."""
    filled = [_filled(item) for item in objects if kind_of(item)]
    present = {text(item["metadata"].get("name")) for item in filled if item["kind"] == "Namespace"}
    used = {text(item["metadata"].get("namespace")) for item in filled} - {""}
    absent = ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in sorted(used - present))
    return [*filled, *(_filled(item) for item in absent)]


def _filled(item: Plain) -> dict[str, Any]:
    meta = dict(mapping(item.get("metadata")))
    if item["kind"] not in _CLUSTER_SCOPED:
        meta["namespace"] = text(meta.get("namespace")) or "default"
    if item["kind"] == "Namespace":
        meta["labels"] = {**mapping(meta.get("labels")), NAME_LABEL: text(meta.get("name"))}
    meta["uid"] = (
        text(meta.get("uid")) or f"{item['kind'].lower()}/{text(meta.get('namespace'))}/{text(meta.get('name'))}"
    )
    filled = {**item, "metadata": meta}
    if item["kind"] in _PENDING and not mapping(item.get("status")):
        filled["status"] = {"conditions": [_pending(kind) for kind in _PENDING[item["kind"]]]}
    return filled


def _pending(kind: str) -> dict[str, str]:
    return {"type": kind, "status": "Unknown", "reason": "Pending", "message": "Waiting for controller"}


def _subjects(objects: Iterable[Plain]) -> Iterator[GatewayKey]:
    for item in objects:
        if item["kind"] in ("Gateway", "GatewayClass"):
            meta = item["metadata"]
            yield GatewayKey(CLUSTER, text(meta.get("namespace")), text(meta.get("name")))


def plan_snapshot(snapshot: Snapshot, provider: Provider) -> tuple[Planned | None, tuple[StatusUpdate, ...]]:
    """Return what one snapshot's Gateway would become (None if it is not ours), and what would be said of it."""
    graph = attach(snapshot, provider)
    capabilities = provider.capabilities(graph.config)
    if snapshot.gateway is None or not graph.ours:
        return None, build_status(graph, snapshot.controller, capabilities, (), Outcome())
    compiled = compile_ir(graph)
    want = provider.render(compiled.lb)
    rejections = (*compiled.rejections, *want.rejections)
    refused = any(problem.condition == "Accepted" for problem in graph.problems)
    if refused or not compiled.lb.frontends:
        want = Rendered()
    owner = Owner(snapshot.key, compiled.lb.uid, Placement())
    plan = provider.plan(owner, want, ResourceSet(), Look(Depth.ALL, pools=None))
    addresses = _addresses(compiled.lb, rejections) if want.resources else ()
    outcome = Outcome(addresses=addresses, done=len(plan.changes))
    updates = build_status(graph, snapshot.controller, capabilities, rejections, outcome)
    return Planned(snapshot.key, compiled.lb, want, plan, rejections), updates


def _addresses(lb: LoadBalancer, rejections: Iterable[Rejection]) -> tuple[str, ...]:
    """Return the addresses after an apply that succeeded: those asked for, else one that the cloud assigns."""
    refused = {one.origin for one in rejections}
    asked = tuple(one.value or ADDRESS for one in lb.addresses if str(one) not in refused)
    return asked if lb.addresses else (ADDRESS,)


def _statuses(
    objects: Iterable[Plain], updates: Iterable[StatusUpdate]
) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    reported = ("GatewayClass", "Gateway", "ListenerSet", *route_kinds(), "BackendTLSPolicy", "BackendConfig")
    found: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for item in objects:
        if item["kind"] in reported:
            meta = item["metadata"]
            found[item["kind"], text(meta.get("namespace")), text(meta.get("name"))] = mapping(item.get("status"))
    for update in updates:
        key = (update.kind, update.namespace, update.name)
        merged = merge_status(update, found[key], "")
        found[key] = found[key] if merged is None else merged
    for kind, namespace, name in sorted(found, key=lambda key: (reported.index(key[0]), *key[1:])):
        yield kind, namespace, name, without_times(found[kind, namespace, name])


def without_times(value: Any) -> Any:
    """Return plain JSON without `lastTransitionTime`, at any depth."""
    if isinstance(value, Mapping):
        return {key: without_times(item) for key, item in value.items() if key != "lastTransitionTime"}
    return [without_times(item) for item in value] if isinstance(value, (list, tuple)) else value
