"""Resources, the difference between those wanted and those there, and the plan that closes it.

The machine is generic; what a resource is, what "equal" means and which order keeps traffic is a provider's business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from reconciler.capabilities import Rejection
from reconciler.errors import ReconcilerError
from reconciler.keys import GatewayKey
from reconciler.values import Json, frozen_map


@dataclass(frozen=True, slots=True, order=True)
class ResourceKey:
    """Identity of a cloud resource in our words, never from its position.

    Attributes:
        kind: e.g. `rule`.
        scope: the resource it lives in, e.g. `listener/80`; "" if none.
        name: unique within kind and scope.
    """

    kind: str
    scope: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.scope, self.name) if part)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, wanted or observed, in canonical form.

    Attributes:
        key: its identity.
        spec: the fields that we want or that can be compared; plain JSON values.
        origins: what it is there for: entry ids, pool ids, listener names.
        listeners: ids of the listeners that the origins are entries of, one each; "" for other origins, () if none is.
        cloud_id: the cloud's own id, observed; "" when only wanted.
        owned: proven to be ours (observed); what is not proven is never changed.
    """

    key: ResourceKey
    spec: Mapping[str, Json] = field(default_factory=frozen_map)
    origins: tuple[str, ...] = ()
    cloud_id: str = ""
    owned: bool = True
    listeners: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Awaited:
    """Something that the cloud is still making.

    Attributes:
        id: of the provider's own making, understood by its `waits` alone; fit for a queue message.
        text: in words, e.g. `load balancer x is provisioning`.
    """

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class ResourceSet:
    """What an observation found, or what a rendering wants.

    Attributes:
        resources: by key.
        addresses: of the load balancers seen, in order; only those that serve.
        waiting: what the cloud is still making.
        nonce: given to the load balancer at creation; "" if there is none.
        exists: the load balancers wanted are there and ours.
        failed: what of the want cannot be had, found by looking: to be told, and not tried.
        health: of the pools whose endpoints were looked at: by pool id and target (address, port) "" where it is
            healthy or its group not in use, else why it is not.
    """

    resources: Mapping[ResourceKey, Resource] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    waiting: tuple[Awaited, ...] = ()
    nonce: str = ""
    exists: bool = False
    failed: tuple[Failure, ...] = ()
    health: Mapping[str, Mapping[tuple[str, int], str]] = field(default_factory=frozen_map)

    def of_kind(self, kind: str) -> Iterator[Resource]:
        """Yield the resources of one kind, in order of their keys."""
        return (self.resources[key] for key in sorted(self.resources) if key.kind == kind)


class Depth(IntEnum):
    """How much an observation reads."""

    EXISTS = 1
    TOUCHED = 2
    ALL = 3


@dataclass(frozen=True, slots=True)
class Look:
    """What to observe.

    Attributes:
        depth: EXISTS: is the load balancer there, ours, and serving (two reads); TOUCHED: the parts named;
            ALL: everything of ours, by name and by tag.
        parts: names of the parts (`Rendered.parts`) whose digest differs from the mark.
        pools: ids of the pools whose endpoints are to be compared; None means all of them.
        names: names recorded in a dirty mark, to be looked for as well.
        refused: what the cloud refused in an earlier run, as the mark remembers it: neither looked for nor asked again.
    """

    depth: Depth
    parts: frozenset[str] = frozenset()
    pools: frozenset[str] | None = frozenset()
    names: tuple[str, ...] = ()
    refused: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Rendered:
    """A provider's native picture of a LoadBalancer.

    Attributes:
        resources: all that should exist; endpoints included.
        rejections: what this cloud cannot do.
        parts: digest by part name; a part is what is observed together. Endpoints are in no part.
        names: names of the resources to create, so that a cut run can be found again.
        shadowed: entries that an earlier equal match covers entirely, by id.
    """

    resources: Mapping[ResourceKey, Resource] = field(default_factory=dict)
    rejections: tuple[Rejection, ...] = ()
    parts: Mapping[str, str] = field(default_factory=frozen_map)
    names: tuple[str, ...] = ()
    shadowed: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Return the digest of the want; endpoints and program version are not in it."""
        return digest(dict(self.parts))


class Op(StrEnum):
    """What a step does to its resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a plan: exactly one call to the cloud.

    Attributes:
        op: what it does.
        key: to which resource.
        want: the resource as it shall be; None for a deletion.
        got: as it is; None for a creation.
        why: the reason, in a sentence for people.
        disruptive: why traffic would suffer, "" if it does not.
        call: the cloud's name of the call.
        protected: what somebody protected against it, "" if nobody did; made only where a person lets it happen.
        part: what the step refers to and can be made without, where the cloud refuses that alone.
    """

    op: Op
    key: ResourceKey
    want: Resource | None
    got: Resource | None
    why: str
    disruptive: str = ""
    call: str = ""
    protected: str = ""
    part: Resource | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, in an order that keeps traffic; `refused`: what the cloud is not asked again (`Look.refused`)."""

    key: GatewayKey
    changes: tuple[Change, ...] = ()
    refused: tuple[Failure, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes)

    @property
    def disruptive(self) -> tuple[Change, ...]:
        """The steps that would hurt traffic."""
        return tuple(change for change in self.changes if change.disruptive)


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that did not succeed.

    Attributes:
        origins: whom to tell.
        last_good: whether what it was to replace goes on.
        listeners: of the resource (`Resource.listeners`).
        call: the cloud's name of the call; "" if none was made.
        missing: the resource is not there at all.
        keeps: names of what the last good state needs and nobody wants any more.
    """

    key: ResourceKey
    error: ReconcilerError
    origins: tuple[str, ...] = ()
    last_good: bool = False
    listeners: tuple[str, ...] = ()
    call: str = ""
    missing: bool = False
    keeps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a plan.

    Attributes:
        addresses: hostnames or IPs that serve now.
        done: number of changes made.
        failed: steps that failed; the others were made all the same.
        waiting: what has to become ready.
        retry_after: seconds until going on is worth it; None if no change is left to make.
        complete: every change was made, so that the mark may say clean.
        settled: all that is left is what the cloud refused for good, which is among `failed`, and what waits for it.
        nonce: of the load balancer, as created or observed.
        held: why changes were not made (paused; or they disrupt, then all others were made), "" if all were.
        health: as observed before, see `ResourceSet`.
    """

    addresses: tuple[str, ...] = ()
    done: int = 0
    failed: tuple[Failure, ...] = ()
    waiting: tuple[Awaited, ...] = ()
    retry_after: float | None = None
    complete: bool = True
    settled: bool = False
    nonce: str = ""
    held: str = ""
    health: Mapping[str, Mapping[tuple[str, int], str]] = field(default_factory=frozen_map)


@dataclass(frozen=True, slots=True)
class Difference:
    """A resource whose want and got differ; `fields` names the differing fields."""

    op: Op
    key: ResourceKey
    want: Resource | None
    got: Resource | None
    fields: tuple[str, ...] = ()


def canonical(value: Json) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Json, length: int = 16) -> str:
    """Return the first `length` hex digits of sha256 over the canonical JSON of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:length]


def _plain(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def diff(want: Mapping[ResourceKey, Resource], got: Mapping[ResourceKey, Resource]) -> tuple[Difference, ...]:
    """Return what differs, by key; a field that the want does not name is the cloud's own business."""
    return tuple(_differences(want, got))


def _differences(want: Mapping[ResourceKey, Resource], got: Mapping[ResourceKey, Resource]) -> Iterable[Difference]:
    for key in sorted(set(want) | set(got)):
        wanted, seen = want.get(key), got.get(key)
        if wanted is None:
            yield Difference(Op.DELETE, key, None, seen)
        elif seen is None:
            yield Difference(Op.CREATE, key, wanted, None)
        elif fields := differing(wanted.spec, seen.spec):
            yield Difference(Op.UPDATE, key, wanted, seen, fields)


def differing(want: Mapping[str, Json], got: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the names of the wanted fields whose observed value is another."""
    return tuple(name for name in sorted(want) if canonical(want[name]) != canonical(got.get(name)))
