"""Target groups and the targets in them: all that is wanted is made before any rule points to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from providers.aws import calls
from providers.aws.resources import TARGET_GROUP, TARGETS, TG_ATTRIBUTES
from providers.aws.steps import creation, deletion, purpose, setting, update
from reconciler.plan import Change, Op, Resource, ResourceKey, canonical, differing
from reconciler.values import Json

BATCH = 200
"""Targets a RegisterTargets or DeregisterTargets call takes."""
_PROTOCOL = "HealthCheckProtocol"
_MUTABLE = ("HealthyThresholdCount", "Matcher", "UnhealthyThresholdCount")

type Resources = Mapping[ResourceKey, Resource]


@dataclass(frozen=True, slots=True)
class TargetSteps:
    """The steps about target groups: `build` before any rule is made, `delete` after the last rule is gone."""

    build: tuple[Change, ...] = ()
    delete: tuple[Change, ...] = ()


def target_steps(want: Resources, got: Resources) -> TargetSteps:
    """Return the calls that lead from the observed target groups, their attributes and targets to the wanted ones.

    What AWS cannot change in place is in a target group's name, so that another value is another target group.
    """
    build = (*_groups(want, got), *_attributes(want, got), *_registrations(want, got), *_deregistrations(want, got))
    gone = (got[key] for key in sorted(got) if key.kind == TARGET_GROUP and key not in want)
    return TargetSteps(build, tuple(deletion(calls.DELETE_TARGET_GROUP, group) for group in gone))


def _wanted(want: Resources, kind: str) -> Iterator[Resource]:
    return (want[key] for key in sorted(want) if key.kind == kind)


def _groups(want: Resources, got: Resources) -> Iterator[Change]:
    for group in _wanted(want, TARGET_GROUP):
        there = got.get(group.key)
        if there is None:
            yield creation(calls.CREATE_TARGET_GROUP, group)
        elif fields := tuple(name for name in differing(group.spec, there.spec) if _mutable(name)):
            spec = {name: group.spec[name] for name in sorted({*fields, _PROTOCOL} & set(group.spec))}
            yield update(calls.MODIFY_TARGET_GROUP, replace(group, spec=spec), there, fields)


def _mutable(field: str) -> bool:
    return field.startswith("HealthCheck") or field in _MUTABLE


def _attributes(want: Resources, got: Resources) -> Iterator[Change]:
    for attributes in _wanted(want, TG_ATTRIBUTES):
        there = got.get(attributes.key)
        if fields := differing(attributes.spec, there.spec if there else {}):
            spec = {name: attributes.spec[name] for name in fields}
            yield setting(calls.MODIFY_TG_ATTRIBUTES, attributes, there, spec)


def _registrations(want: Resources, got: Resources) -> Iterator[Change]:
    for targets in _wanted(want, TARGETS):
        there = got.get(targets.key)
        missing = _without(targets_of(targets), targets_of(there))
        why = f"{len(missing)} ready endpoints are not registered in {targets.key.name}{purpose(targets)}"
        yield from _batches(calls.REGISTER_TARGETS, "Register", missing, (targets, there, why))


def _deregistrations(want: Resources, got: Resources) -> Iterator[Change]:
    for targets in _wanted(want, TARGETS):
        there = got.get(targets.key)
        stale = _without(targets_of(there), targets_of(targets))
        why = f"{len(stale)} targets of {targets.key.name} are no ready endpoints any more{purpose(targets)}"
        yield from _batches(calls.DEREGISTER_TARGETS, "Deregister", stale, (targets, there, why))


def _batches(
    call: str, field: str, targets: Sequence[Json], about: tuple[Resource, Resource | None, str]
) -> Iterator[Change]:
    want, got, why = about
    for start in range(0, len(targets), BATCH):
        part = Resource(want.key, {field: list(targets[start : start + BATCH])}, want.origins)
        yield Change(Op.UPDATE, want.key, part, got, why, call=call)


def halves(change: Change) -> tuple[Change, ...]:
    """Return a registration of several targets as two of half as many; nothing for that of a single one."""
    want, targets = change.want, targets_of(change.want, "Register")
    if want is None or len(targets) <= 1:
        return ()
    middle = len(targets) // 2
    parts = (targets[:middle], targets[middle:])
    return tuple(replace(change, want=replace(want, spec={"Register": part})) for part in parts)


def targets_of(resource: Resource | None, field: str = "Targets") -> list[Json]:
    """Return the targets that a resource lists under a field."""
    value = resource.spec.get(field) if resource else None
    return list(value) if isinstance(value, (list, tuple)) else []


def _without(targets: Sequence[Json], others: Sequence[Json]) -> list[Json]:
    known = {canonical(target) for target in others}
    return [target for target in targets if canonical(target) not in known]
