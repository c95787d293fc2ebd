"""Users' tags on what exists: those that are wanted come, those that we gave and nobody wants any more go. Pure.

Which tags we gave is recorded beside them, by digests of their keys, for a tag's value holds 256 characters: what
others put there stays. The record is widened before a tag comes and narrowed after one went, so that no cut loses one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from providers.aws import calls
from providers.aws.names import PREFIX, TAG_KEYS, key_record, recorded
from providers.aws.resources import TAGS_KEY
from reconciler.plan import Change, Op, Resource, ResourceKey, canonical
from reconciler.values import Json

BATCH = 20
"""Resources that one AddTags or RemoveTags call takes."""

type Resources = Mapping[ResourceKey, Resource]
type Step = tuple[str, Mapping[str, Json]]
"""A call and what it sets."""


def tag_steps(want: Mapping[str, Json], there: Mapping[str, Json]) -> list[Step]:
    """Return the calls that lead from the tags of one resource, ours among them, to the wanted ones of the user."""
    record, wanted = str(there.get(TAG_KEYS, "")), key_record(want)
    fresh = {name: value for name, value in want.items() if there.get(name) != value}
    ours = recorded(record)
    others = (one for one in sorted(there) if one not in want and not one.startswith(PREFIX))
    stale = [one for one in others if key_record([one]) in ours]
    first = "".join(sorted({*ours, *recorded(wanted)})) if stale else wanted
    steps: list[Step] = []
    if fresh:
        steps.append((calls.ADD_TAGS, {"Tags": {**fresh, **({TAG_KEYS: first} if first != record else {})}}))
        record = first
    if stale:
        steps.append((calls.REMOVE_TAGS, {"TagKeys": list[Json](stale)}))
    if record != wanted and wanted:
        steps.append((calls.ADD_TAGS, {"Tags": {TAG_KEYS: wanted}}))
    elif record != wanted:
        steps.append((calls.REMOVE_TAGS, {"TagKeys": [TAG_KEYS]}))
    return steps


def tag_changes(want: Resources, got: Resources, kept: Mapping[ResourceKey, Mapping[str, Json]]) -> Iterator[Change]:
    """Yield the calls for load balancers, target groups, listeners and rules that stay, by their observed tags."""
    tags = _texts(want[TAGS_KEY].spec.get("Tags")) if TAGS_KEY in want else {}
    alike: dict[str, tuple[list[Step], list[ResourceKey]]] = {}
    for key, there in sorted(kept.items()):
        if key in want and (steps := tag_steps(tags, there)):
            plain: list[Json] = [[call, spec] for call, spec in steps]
            alike.setdefault(canonical(plain), (steps, []))[1].append(key)
    for _, (steps, keys) in sorted(alike.items()):
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            on: list[Json] = [[key.kind, key.scope, key.name] for key in batch]
            for call, spec in steps:
                verb = "lack a tag or its value" if call == calls.ADD_TAGS else "carry tags that nobody wants any more"
                why = f"{len(batch)} resources {verb}"
                part = Resource(TAGS_KEY, {**spec, "On": on}, got[TAGS_KEY].origins)
                yield Change(Op.UPDATE, TAGS_KEY, part, got[TAGS_KEY], why, call=call)


def tagged(change: Change, want: Resources) -> Change:
    """Return the making of a target group, listener or rule with the user's tags."""
    if change.call not in _MADE_WITH_TAGS or change.want is None or TAGS_KEY not in want:
        return change
    spec = {**change.want.spec, "Tags": want[TAGS_KEY].spec["Tags"]}
    return replace(change, want=replace(change.want, spec=spec))


_MADE_WITH_TAGS = frozenset({calls.CREATE_TARGET_GROUP, calls.CREATE_LISTENER, calls.CREATE_RULE})


def observed_tags(got: Resources) -> dict[ResourceKey, Mapping[str, Json]]:
    """Return the tags that were read, by resource."""
    known = got[TAGS_KEY].spec.get("Known") if TAGS_KEY in got else ()
    found: dict[ResourceKey, Mapping[str, Json]] = {}
    for item in known if isinstance(known, (list, tuple)) else ():
        if isinstance(item, (list, tuple)):
            kind, scope, name, tags = item
            found[ResourceKey(str(kind), str(scope), str(name))] = _texts(tags)
    return found


def _texts(value: Json) -> dict[str, Json]:
    return dict(value) if isinstance(value, Mapping) else {}
