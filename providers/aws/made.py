"""What is known of the cloud in the course of a run, and what a change says: for the calls that make changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.aws import wire
from providers.aws.names import (
    ADDONS,
    ID,
    NONCE,
    SPEC,
    TAG_KEYS,
    key_record,
    logical_id,
    owner_tags,
)
from providers.aws.network import SUBNETS_KEY
from providers.aws.resources import (
    ADDRESSES_KEY,
    ALB,
    LOAD_BALANCER,
    MANAGED,
    NLB,
    SECURITY_GROUP_KEY,
    balancer_key,
    certificate_key,
    target_group_key,
    trust_store_key,
)
from providers.aws.unified import PLACES
from reconciler.errors import Conflict, Misconfigured
from reconciler.plan import Awaited, Change, Resource, ResourceKey, ResourceSet, digest
from reconciler.ports import KeyPair, Owner
from reconciler.values import Json


@dataclass(slots=True)
class Made:
    """What is known of the cloud so far: observed, or made by this run.

    Attributes:
        ids: AWS's ids by our keys.
        rules: rule ARNs by our names, by listener.
        network: VPC and subnets to stand in.
        addresses: of the load balancers that serve, as they are published.
        mappings: of subnets to addresses, where an NLB is to have chosen ones.
        observed: the ids that were there before this run.
    """

    owner: Owner
    ids: dict[ResourceKey, str]
    network: Mapping[str, Json]
    nonce: str
    addresses: dict[ResourceKey, tuple[str, ...]] = field(default_factory=dict)
    mappings: Json = ()
    waiting: tuple[Awaited, ...] = ()
    secrets: dict[ResourceKey, KeyPair] = field(default_factory=dict)
    observed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, got: ResourceSet, owner: Owner) -> Made:
        """Return what an observation knows."""
        ids = {key: resource.cloud_id for key, resource in got.resources.items() if resource.cloud_id}
        known = (got.resources.get(key) for key in (SUBNETS_KEY, *map(balancer_key, (ALB, NLB))))
        subnets = next(filter(None, known), None)
        balancers = (one for one in got.resources.values() if one.key.kind == LOAD_BALANCER)
        addresses = {one.key: tuple(map(str, wire.items(one.spec.get("Published")))) for one in balancers}
        found = cls(owner, ids, subnets.spec if subnets else {}, got.nonce or owner.nonce, addresses)
        found.observed = frozenset(ids.values())
        if ADDRESSES_KEY in got.resources:
            found.mappings = got.resources[ADDRESSES_KEY].spec["Mappings"]
        return found

    @property
    def fresh(self) -> frozenset[str]:
        """The ids of what this run made."""
        return frozenset(self.ids.values()) - self.observed

    @property
    def published(self) -> tuple[str, ...]:
        """The addresses to publish: the one for requests first."""
        return tuple(one for key in map(balancer_key, (ALB, NLB)) for one in self.addresses.get(key, ()))

    def arn(self, name: str) -> str:
        """Return the ARN of a target group by our name; a name that is an ARN stands for itself."""
        return name if name.startswith("arn:") else self.id_of(target_group_key(name))

    def certificate(self, name: str) -> str:
        """Return the ARN of a certificate by our name."""
        return name if name.startswith("arn:") else self.id_of(certificate_key(name))

    def trust_store(self, name: str) -> str:
        """Return the ARN of a trust store by its name."""
        return self.id_of(trust_store_key(name))

    def id_of(self, key: ResourceKey) -> str:
        """Return AWS's id. Raises Conflict for what is not there: the call that should have made it failed."""
        if key not in self.ids:
            raise Conflict(f"{key} is not there yet")
        return self.ids[key]

    def tags(self, want: Resource) -> list[dict[str, str]]:
        """Return the tags that a new resource gets in the very call that makes it."""
        given = want.spec.get("Tags")
        users = {str(k): str(v) for k, v in given.items()} if isinstance(given, Mapping) else {}
        spec = {name: value for name, value in want.spec.items() if name not in PLACES}
        ours = {ID: logical_id(want.key), SPEC: digest(spec)}
        if want.key.kind == LOAD_BALANCER:
            ours[NONCE] = self.nonce
        if addons := wire.items(want.spec.get("Addons")):
            ours[ADDONS] = " ".join(map(str, addons))
        if users:
            ours[TAG_KEYS] = key_record(users)
        return wire.tags({**users, **owner_tags(self.owner), **ours})

    def groups(self, value: Json) -> list[str]:
        """Return security group ids; `managed` stands for our own."""
        names = map(str, wire.items(value))
        return sorted(self.id_of(SECURITY_GROUP_KEY) if name == MANAGED else name for name in names)

    @property
    def vpc(self) -> str:
        """The VPC; Misconfigured if none is known."""
        found = str(self.network.get("VpcId") or "")
        if not found:
            raise Misconfigured("no VPC is known: set spec.aws.vpc or spec.aws.subnets of the LoadBalancerConfig")
        return found


def want_of(change: Change) -> Resource:
    """Return what a change wants. Raises TypeError where it wants nothing."""
    if change.want is None:
        raise TypeError(f"{change.call} of {change.key} without a want")  # a bug of the plan
    return change.want


def got_id(change: Change) -> str:
    """Return AWS's id of what a change found. Raises TypeError where nothing was observed."""
    if change.got is None:
        raise TypeError(f"{change.call} of {change.key} without what was observed")  # a bug of the plan
    return change.got.cloud_id


def spec_of(change: Change) -> dict[str, Any]:
    """Return the fields that a change wants."""
    return dict(want_of(change).spec)
