"""One world of objects through the whole walk, and what has to hold of whatever came out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from providers import provider_for
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.read import take_snapshot
from reconciler.gatewayapi.resources import GROUP, ParentRef
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.status import RouteStatus, StatusUpdate, merge_status
from reconciler.keys import GatewayKey
from reconciler.offline import Planned, plan_snapshot
from reconciler.plan import canonical
from tests.builders import CLUSTER, CONTROLLER
from tests.property.crd_worlds import CERTIFICATES, status_validator

type Plain = Mapping[str, Any]

NOW, LATER = "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z"
_MOST_PARENTS = 32


def walk(world: Sequence[Plain]) -> dict[str, str]:
    """Read, attach, compile, render, plan and report for every subject of a world; return what came out, as text.

    Raises AssertionError where a status would be refused, is not stable, or a parentRef is not answered exactly once.
    """
    found: dict[str, str] = {}
    for key in subjects(world):
        snapshot = take_snapshot(key, CONTROLLER, world, CERTIFICATES, "v1.7.0")
        planned, updates = plan_snapshot(snapshot, provider_for(CONTROLLER))
        for update in updates:
            _check_status(update, _status_of(update, world))
        _check_parents(snapshot, updates)
        found[str(key)] = _text(planned, updates)
    return found


def subjects(world: Iterable[Plain]) -> Iterator[GatewayKey]:
    """Yield the Gateways and classes of a world, and a Gateway that is not there."""
    yield GatewayKey(CLUSTER, "infra", "gone")
    for item in world:
        if item["kind"] in ("Gateway", "GatewayClass"):
            yield GatewayKey(CLUSTER, item["metadata"].get("namespace", ""), item["metadata"]["name"])


def _status_of(update: StatusUpdate, world: Iterable[Plain]) -> Plain:
    wanted = (update.kind, update.namespace, update.name)
    found = (one for one in world if wanted == (one["kind"], one["metadata"].get("namespace", ""), _name(one)))
    status: Plain = next(found).get("status", {})
    return status


def _name(item: Plain) -> str:
    return str(item["metadata"]["name"])


def _check_status(update: StatusUpdate, before: Plain) -> None:
    """The API server takes what we write, and we write it once."""
    merged = merge_status(update, before, NOW)
    if merged is None:
        return
    assert [] == [error.message for error in status_validator(update.kind).iter_errors(merged)]
    assert merge_status(update, merged, LATER) is None
    for listed, key in _keyed(merged):
        twice = [name for name, count in Counter(one.get(key) for one in listed).items() if count > 1]
        assert [] == twice
    _check_foreign(update, before, merged)


def _check_foreign(update: StatusUpdate, before: Plain, after: Plain) -> None:
    """What others said stays, to the byte and in its order."""
    if isinstance(update.body, RouteStatus):
        theirs = [
            [canonical(one) for one in status.get("parents", ()) if one["controllerName"] != CONTROLLER]
            for status in (before, after)
        ]
        assert theirs[0] == theirs[1]
    foreign = [
        [canonical(one) for one in status.get("conditions", ()) if one["type"] == "Foreign"]
        for status in (before, after)
    ]
    assert foreign[0] == foreign[1]


def _keyed(status: Plain) -> Iterator[tuple[Sequence[Plain], str]]:
    yield status.get("conditions", ()), "type"
    yield status.get("listeners", ()), "name"
    for part in (*status.get("listeners", ()), *status.get("parents", ())):
        yield part["conditions"], "type"


def _check_parents(snapshot: Snapshot, updates: Sequence[StatusUpdate]) -> None:
    """Every parentRef that names the Gateway has exactly one answer, and nothing else has one."""
    graph = attach(snapshot, provider_for(CONTROLLER))
    answers = {(one.namespace, one.name): one.body for one in updates if isinstance(one.body, RouteStatus)}
    silent = snapshot.gateway is None or not graph.ours or bool(snapshot.gateway.meta.deleted)
    for route in snapshot.routes:
        wanted = [one for one in route.parents if _names(one, route.meta.namespace, snapshot.key)]
        body = answers.get((route.meta.namespace, route.meta.name))
        told = [one.parent for one in body.parents] if isinstance(body, RouteStatus) else []
        expected = [] if silent else list(dict.fromkeys(wanted))
        assert expected == told
        assert len(told) <= _MOST_PARENTS


def _names(parent: ParentRef, namespace: str, key: GatewayKey) -> bool:
    """Return whether a parentRef of a Route in a namespace names a Gateway."""
    named = (parent.group, parent.kind, parent.namespace or namespace, parent.name)
    return named == (GROUP, "Gateway", key.namespace, key.name)


def _text(planned: Planned | None, updates: Sequence[StatusUpdate]) -> str:
    """Return everything that must not depend on the order of the input."""
    told = sorted(repr(update) for update in updates)
    if planned is None:
        return "\n".join(told)
    resources = [f"{key} {canonical(one.spec)} {one.origins}" for key, one in planned.want.resources.items()]
    calls = [f"{one.call} {one.key} {one.why}" for one in planned.plan.changes]
    return "\n".join([*told, *resources, *calls, repr(planned.want.rejections), repr(dict(planned.want.parts))])
