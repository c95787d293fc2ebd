"""Status: what we say about each object, and how it goes between what others say.

`merge_status` puts an update into an object's status as read: our own entries only, foreign ones untouched,
`lastTransitionTime` moved only where `status` does. `report.build_status` makes the updates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.read_refs import read_parent_ref
from reconciler.gatewayapi.references import names_gateway, parent_named
from reconciler.gatewayapi.resources import GROUP, Holder, ParentRef
from reconciler.gatewayapi.values import items, mapping, number, text
from reconciler.keys import GatewayKey

MAX_CONDITIONS = 8
MAX_PARENTS = 32
MAX_ANCESTORS = 16
OURS = frozenset(
    {
        "Accepted",
        "Programmed",
        "ResolvedRefs",
        "Conflicted",
        "OverlappingTLSConfig",
        "PartiallyInvalid",
        "InsecureFrontendValidationMode",
    }
)
"""Condition types that we write on all but classes: one of these that no longer holds is removed."""
OURS_ON_CLASS = frozenset({"Accepted", "SupportedVersion"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition without its times. `status`: True, False or Unknown."""

    type: str
    status: str
    reason: str
    message: str
    generation: int


@dataclass(frozen=True, slots=True)
class ListenerStatus:
    """An entry of the status.listeners of a Gateway or ListenerSet."""

    name: str
    kinds: tuple[str, ...]
    attached: int
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """Our part of a Gateway's status.

    Attributes:
        addresses: (type, value); None leaves what is published: we know no better.
        listeners: None leaves them as they are: those of a Gateway that is being deleted.
        attached_sets: number of ListenerSets that are part of it.
    """

    addresses: tuple[tuple[str, str], ...] | None
    conditions: tuple[Condition, ...]
    listeners: tuple[ListenerStatus, ...] | None
    attached_sets: int = 0


@dataclass(frozen=True, slots=True)
class SetStatus:
    """Our part of a ListenerSet's status."""

    conditions: tuple[Condition, ...]
    listeners: tuple[ListenerStatus, ...]


@dataclass(frozen=True, slots=True)
class ParentStatus:
    """One entry of ours in a Route's status.parents."""

    parent: ParentRef
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class RouteStatus:
    """Our entries for one Gateway in a Route's status.

    Entries of `controller` whose parentRef resolves to one of `holders` (the Gateway and its ListenerSets) and that are
    not in `parents` are removed; all else stays.
    """

    controller: str
    holders: frozenset[Holder]
    parents: tuple[ParentStatus, ...]


@dataclass(frozen=True, slots=True)
class PolicyStatus:
    """Our entry for one Gateway in a policy's status.ancestors; without conditions it is removed."""

    controller: str
    gateway: GatewayKey
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class ClassStatus:
    """Our part of a GatewayClass's status."""

    conditions: tuple[Condition, ...]
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatusUpdate:
    """What we say about one object. `generation` is the one that was read: a newer object drops the update."""

    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    body: GatewayStatus | SetStatus | RouteStatus | PolicyStatus | ClassStatus


def merge_status(update: StatusUpdate, current: Mapping[str, Any], now: str) -> dict[str, Any] | None:
    """Return the whole status to write (plain JSON), None if nothing would change. `now` is RFC 3339.

    None too where the status already speaks of a newer generation than the one that was read.
    """
    match update.body:
        case GatewayStatus():
            fresh = _gateway(update.body, current, now)
        case SetStatus():
            fresh = _holding(update.body, current, now)
        case RouteStatus():
            fresh = _route(update, update.body, current, now)
        case PolicyStatus():
            fresh = _policy(update, update.body, current, now)
        case ClassStatus():
            fresh = dict(current)
            fresh["conditions"] = _conditions(
                update.body.conditions, items(current.get("conditions")), now, OURS_ON_CLASS
            )
            if update.body.features:
                fresh["supportedFeatures"] = [{"name": name} for name in sorted(update.body.features)]
    if _is_newer(update, current) or _plain(fresh) == _plain(current):
        return None
    return fresh


def _is_newer(update: StatusUpdate, current: Mapping[str, Any]) -> bool:
    if isinstance(update.body, PolicyStatus):
        entries = [one for one in items(current.get("ancestors")) if _is_ancestor(one, update, update.body)]
        conditions = [condition for entry in entries for condition in items(entry.get("conditions"))]
    elif isinstance(update.body, RouteStatus):
        mine = [entry for entry in items(current.get("parents")) if _named(entry, update, update.body) is not None]
        conditions = [condition for entry in mine for condition in items(entry.get("conditions"))]
    else:
        conditions = list(items(current.get("conditions")))
    types = OURS | OURS_ON_CLASS
    return any(
        number(one.get("observedGeneration")) > update.generation for one in conditions if one.get("type") in types
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _gateway(body: GatewayStatus, current: Mapping[str, Any], now: str) -> dict[str, Any]:
    fresh = _holding(body, current, now)
    if body.addresses is not None:
        fresh["addresses"] = [{"type": kind, "value": value} for kind, value in body.addresses]
        if not fresh["addresses"]:
            del fresh["addresses"]
    if body.attached_sets or "attachedListenerSets" in fresh:  # absent means none
        fresh["attachedListenerSets"] = body.attached_sets
    return fresh


def _holding(body: GatewayStatus | SetStatus, current: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return the status of an object with listeners, their entries and its conditions replaced."""
    fresh = dict(current)
    fresh["conditions"] = _conditions(body.conditions, items(current.get("conditions")), now, OURS)
    if body.listeners is None:
        return fresh
    old = {text(one.get("name")): one for one in items(current.get("listeners"))}
    fresh["listeners"] = [_listener(one, old.get(one.name, {}), now) for one in body.listeners]
    return fresh


def _listener(body: ListenerStatus, old: Mapping[str, Any], now: str) -> dict[str, Any]:
    return {
        **old,
        "name": body.name,
        "supportedKinds": [{"group": route_kinds()[kind].group, "kind": kind} for kind in body.kinds],
        "attachedRoutes": body.attached,
        "conditions": _conditions(body.conditions, items(old.get("conditions")), now, OURS),
    }


def _conditions(
    ours: Sequence[Condition], old: Sequence[Mapping[str, Any]], now: str, types: frozenset[str]
) -> list[dict[str, Any]]:
    """Return the merged list: order and foreign types as they were, ours new behind them while there is room."""
    wanted = {condition.type: condition for condition in ours}
    merged: list[dict[str, Any]] = []
    for one in old:
        name = text(one.get("type"))
        if name in wanted:
            merged.append(_condition(wanted.pop(name), one, now))
        elif name not in types:
            merged.append(dict(one))
    room = MAX_CONDITIONS - len(merged)
    return merged + [_condition(condition, {}, now) for condition in list(wanted.values())[:room]]


def _condition(ours: Condition, old: Mapping[str, Any], now: str) -> dict[str, Any]:
    moved = old.get("status") != ours.status or not old.get("lastTransitionTime")
    return {
        "type": ours.type,
        "status": ours.status,
        "reason": ours.reason,
        "message": ours.message,
        "observedGeneration": ours.generation,
        "lastTransitionTime": now if moved else old["lastTransitionTime"],
    }


def _route(update: StatusUpdate, body: RouteStatus, current: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return the status with our entries for this Gateway changed, added and removed; foreign ones as they were."""
    wanted = {parent.parent: parent for parent in body.parents}
    entries: list[Any] = []
    for entry in items(current.get("parents")):
        named = _named(entry, update, body)
        if named is None:
            entries.append(entry)
        elif named in wanted:
            entries.append(_parent(wanted.pop(named), body.controller, entry, now))
    room = MAX_PARENTS - len(entries)
    added = [_parent(parent, body.controller, {}, now) for parent in list(wanted.values())[:room]]
    return {**current, "parents": entries + added}


def _named(entry: Mapping[str, Any], update: StatusUpdate, body: RouteStatus) -> ParentRef | None:
    """Return the parentRef of an entry that is ours and this run's, None for any other."""
    ref = mapping(entry.get("parentRef"))
    named = parent_named(ref, update.namespace)
    if entry.get("controllerName") != body.controller or named is None or Holder(*named) not in body.holders:
        return None
    return read_parent_ref(ref)


def _policy(update: StatusUpdate, body: PolicyStatus, current: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return the status with our entry for this Gateway changed, added or removed; a full list gets none added."""
    fresh: list[Any] = []
    told = not body.conditions
    for entry in items(current.get("ancestors")):
        if not _is_ancestor(entry, update, body):
            fresh.append(entry)
        elif not told:
            fresh.append(_ancestor(body, entry, now))
            told = True
    if not told and len(fresh) < MAX_ANCESTORS:
        fresh.append(_ancestor(body, {}, now))
    return {**current, "ancestors": fresh}


def _is_ancestor(entry: Mapping[str, Any], update: StatusUpdate, body: PolicyStatus) -> bool:
    ref = mapping(entry.get("ancestorRef"))
    here = (text(ref.get("namespace")) or update.namespace, text(ref.get("name")))
    ours = entry.get("controllerName") == body.controller and names_gateway(ref)
    return ours and here == (body.gateway.namespace, body.gateway.name)


def _ancestor(body: PolicyStatus, old: Mapping[str, Any], now: str) -> dict[str, Any]:
    gateway = {"group": GROUP, "kind": "Gateway", "namespace": body.gateway.namespace, "name": body.gateway.name}
    conditions = _conditions(body.conditions, items(old.get("conditions")), now, OURS)
    ref = old.get("ancestorRef") or gateway
    return {"ancestorRef": ref, "controllerName": body.controller, "conditions": conditions}


def _parent(parent: ParentStatus, controller: str, old: Mapping[str, Any], now: str) -> dict[str, Any]:
    conditions = _conditions(parent.conditions, items(old.get("conditions")), now, OURS)
    return {"parentRef": parent_ref(parent.parent), "controllerName": controller, "conditions": conditions}


def parent_ref(parent: ParentRef) -> dict[str, Any]:
    """Return a parentRef as it stands in a status: group and kind always, the rest as the user gave it."""
    optional = {"namespace": parent.namespace, "sectionName": parent.section_name, "port": parent.port}
    given: Iterable[tuple[str, Any]] = ((key, value) for key, value in optional.items() if value)
    return {"group": parent.group, "kind": parent.kind, "name": parent.name, **dict(given)}
