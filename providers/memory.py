"""The reference provider: a cloud in a dictionary, and the laws in their shortest form.

A load balancer is one resource, each backend pool one, each frontend (with all its entries) one. What a real cloud
does in many calls is one here, so this file shows what a provider owes: canonical resources, a pure plan that makes
before it breaks, an apply that does exactly the plan and reports failures as values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from providers.kinds import Deployment, ProviderKind
from reconciler.capabilities import Capabilities, Rejection
from reconciler.config import Config, Placement
from reconciler.errors import Misconfigured, ReconcilerError, TransientError
from reconciler.gatewayapi.kinds import route_kinds, transport_of
from reconciler.ir import BackendSettings, Entry, Frontend, LoadBalancer
from reconciler.keys import GatewayKey
from reconciler.plan import (
    Change,
    Depth,
    Difference,
    Failure,
    Look,
    Op,
    Outcome,
    Plan,
    Rendered,
    Resource,
    ResourceKey,
    ResourceSet,
    diff,
    digest,
)
from reconciler.ports import Live, Owner, ReadSecret
from reconciler.values import Json, frozen_map

LOAD_BALANCER, POOL, ENDPOINTS, FRONTEND = "load-balancer", "pool", "endpoints", "frontend"
_ORDER = (LOAD_BALANCER, POOL, ENDPOINTS, FRONTEND)
"""Made in this order, broken in the opposite one: nothing is ever referred to that is not there."""


@dataclass(slots=True)
class MemoryCloud:
    """What is there, by load balancer name. `on_call` sees each write before its effect and may raise."""

    held: dict[str, dict[ResourceKey, Resource]] = field(default_factory=dict)
    owners: dict[str, tuple[str, str]] = field(default_factory=dict)  # name -> (uid, nonce)
    keys: dict[str, GatewayKey] = field(default_factory=dict)
    absent: dict[str, float] = field(default_factory=dict)  # name -> when a sweep first found its Gateway gone
    calls: list[str] = field(default_factory=list)
    on_call: Callable[[str], None] = lambda _: None
    after_call: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class MemoryProvider:
    """Implements `reconciler.ports.Provider`."""

    cloud: MemoryCloud = field(default_factory=MemoryCloud)
    name: str = "memory"

    def capabilities(self, config: Config) -> Capabilities:
        """Every protocol and kind that is known: what a real cloud lacks is its own business."""
        del config
        protocols = sorted({protocol for kind in route_kinds().values() for protocol in kind.protocols})
        takers = {p: tuple(kind.name for kind in route_kinds().values() if p in kind.protocols) for p in protocols}
        return Capabilities(
            features=(),
            kinds=frozen_map(takers),
            cloud_certificate_option="routewright.dev/certificate",
            tls_modes=("Passthrough", "Terminate"),
            client_validation=("AllowValidOnly", "AllowInsecureFallback"),
            address_types=("IPAddress",),
            node_families=("IPv4", "IPv6"),
        )

    def check(self, config: Config) -> tuple[str, ...]:
        """The provider has no block of its own: any field in it is wrong."""
        return tuple(f"spec.memory.{field_} is not known" for field_ in sorted(config.cloud))

    def refused(self, base: Config, own: Mapping[str, Json]) -> tuple[str, ...]:
        """Nothing is shared here, so nothing is refused."""
        del base, own
        return ()

    def check_backend(self, settings: BackendSettings, protocol: str) -> tuple[str, ...]:
        """All that the centre lets through is fine here."""
        del settings, protocol
        return ()

    def render(self, lb: LoadBalancer) -> Rendered:
        """Return the resources; entries with filters are rejected, for this cloud has none."""
        if lb.withdrawn:
            return Rendered()
        rejected = tuple(_rejections(lb))
        resources = {
            resource.key: resource for resource in _resources(lb, {(one.listener, one.origin) for one in rejected})
        }
        parts = {str(key): digest(dict(one.spec)) for key, one in resources.items() if key.kind != ENDPOINTS}
        return Rendered(resources, rejected, frozen_map(parts), (_name(lb.key),))

    def observe(self, owner: Owner, want: Rendered, look: Look) -> ResourceSet:
        """Return all that is there: looking costs nothing here."""
        del want, look
        name = _name(owner.key)
        if name not in self.cloud.held:
            return ResourceSet()
        uid, nonce = self.cloud.owners[name]
        if uid != owner.uid:
            raise Misconfigured(f"the name {name} belongs to somebody else")
        held = dict(self.cloud.held[name])
        pools = {key.name: one.spec["Endpoints"] for key, one in held.items() if key.kind == ENDPOINTS}
        health = {pool: {(str(a), int(str(p))): "" for a, p in _pairs(found)} for pool, found in pools.items()}
        return ResourceSet(held, (f"{name}.memory",), nonce=nonce, exists=True, health=health)

    def plan(self, owner: Owner, want: Rendered, got: ResourceSet, look: Look) -> Plan:
        """Return creations and changes from the ground up, then deletions from the top down."""
        differences = [d for d in diff(want.resources, got.resources) if _looked_at(d, want, look)]
        made = sorted((d for d in differences if d.op is not Op.DELETE), key=_height)
        broken = sorted((d for d in differences if d.op is Op.DELETE), key=_height, reverse=True)
        return Plan(owner.key, tuple(_change(d) for d in (*made, *broken)))

    def scheme_of(self, got: ResourceSet) -> str:
        """Return the scheme of what is there."""
        return next((str(one.spec["Scheme"]) for one in got.of_kind(LOAD_BALANCER)), "")

    def standing(self, lb: LoadBalancer, got: ResourceSet) -> LoadBalancer:
        """Return it as it is: no change of addresses cuts anybody off here."""
        del got
        return lb

    def apply(self, owner: Owner, plan: Plan, got: ResourceSet, read_secret: ReadSecret) -> Outcome:
        """Make the changes; a failed one stops what comes after it, since that may build on it."""
        del read_secret
        name, done = _name(owner.key), 0
        for change in plan.changes:
            try:
                self._make(name, owner, change)
            except ReconcilerError as error:
                origins = change.want.origins if change.want else ()
                retry = 1.0 if isinstance(error, TransientError) else None
                return Outcome(got.addresses, done, (Failure(change.key, error, origins),), (), retry, complete=False)
            done += 1
        addresses = (f"{name}.memory",) if name in self.cloud.held else ()
        return Outcome(addresses, done, nonce=self.cloud.owners.get(name, ("", ""))[1])

    def waits(self, ids: Collection[str]) -> Mapping[str, float]:
        """Nothing here takes time."""
        del ids
        return {}

    def sweep(self, cluster: str, live: Live, grace: float, now: float, placement: Placement) -> Mapping[str, int]:
        """Remove the load balancers of a cluster whose Gateways were gone at every sweep of the grace."""
        del placement
        gone = 0
        for name, key in [(name, key) for name, key in self.cloud.keys.items() if key.cluster == cluster]:
            if live(f"{key.namespace}/{key.name}", self.cloud.owners[name][0]):
                self.cloud.absent.pop(name, None)
            elif now - self.cloud.absent.setdefault(name, now) >= grace:
                self._forget(name)
                gone += 1
        return {LOAD_BALANCER: gone} if gone else {}

    def _forget(self, name: str) -> None:
        cloud = self.cloud
        del cloud.held[name], cloud.owners[name], cloud.keys[name]
        cloud.absent.pop(name, None)

    def _make(self, name: str, owner: Owner, change: Change) -> None:
        cloud = self.cloud
        cloud.calls.append(change.call)
        cloud.on_call(change.call)
        if change.want is not None:
            cloud.owners.setdefault(name, (owner.uid, owner.nonce))
            cloud.keys[name] = owner.key
            cloud.held.setdefault(name, {})[change.key] = change.want
        else:
            cloud.held[name].pop(change.key, None)
            if change.key.kind == LOAD_BALANCER:
                self._forget(name)
        cloud.after_call(change.call)


def _pairs(endpoints: Json) -> Iterable[Sequence[Json]]:
    found = endpoints if isinstance(endpoints, (list, tuple)) else ()
    return (one for one in found if isinstance(one, (list, tuple)))


def _name(key: GatewayKey) -> str:
    return f"{key.namespace}-{key.name}-{digest([key.cluster, key.namespace, key.name], 8)}"


def _resources(lb: LoadBalancer, rejected: Iterable[tuple[str, str]]) -> Iterable[Resource]:
    without = frozenset(rejected)
    yield Resource(
        ResourceKey(LOAD_BALANCER, "", "lb"),
        {"Scheme": lb.config.scheme, "Addresses": [one.value for one in lb.addresses]},
    )
    for pool in lb.pools:
        yield Resource(ResourceKey(POOL, "", pool.id), {"Protocol": pool.protocol}, (pool.id,))
        endpoints: Json = [[one.address, one.port] for one in pool.endpoints]
        yield Resource(ResourceKey(ENDPOINTS, "", pool.id), {"Endpoints": endpoints}, (pool.id,))
    for frontend in lb.frontends:
        entries = tuple(entry for entry in frontend.entries if (entry.listener, entry.id) not in without)
        yield Resource(
            ResourceKey(FRONTEND, "", f"{frontend.port}/{transport_of(frontend.protocol)}"),
            {"Protocol": frontend.protocol, "Entries": [_entry(entry) for entry in entries], **_tls(frontend)},
            tuple(entry.id for entry in entries),
        )


def _tls(frontend: Frontend) -> Mapping[str, Json]:
    names = (one.cloud_id or (one.facts.fingerprint if one.facts else "") for one in frontend.certificates)
    clients = frontend.client_validation
    trusted: Json = [clients.mode, *(bundle.digest for bundle in clients.bundles)] if clients else []
    return {"Certificates": list(names), "Mode": frontend.tls_mode, "Clients": trusted}


def _entry(entry: Entry) -> Json:
    return {"Host": entry.hostname, "Match": repr(entry.match), "Action": repr(entry.action)}


def _rejections(lb: LoadBalancer) -> Iterable[Rejection]:
    for frontend in lb.frontends:
        for entry in frontend.entries:
            if entry.filters and entry.origin is not None:
                message, origin = f"filter {entry.filters[0].type} is not supported", entry.origin
                yield Rejection(entry.id, "UnsupportedValue", message, origin.route, origin.rule, entry.listener)


def _height(difference: Difference) -> tuple[int, ResourceKey]:
    return (_ORDER.index(difference.key.kind), difference.key)


def _looked_at(difference: Difference, want: Rendered, look: Look) -> bool:
    """A shallow look compares only what it names: the laws are the same as with a cloud that charges for looks."""
    if look.depth is Depth.ALL or not want.resources:
        return True
    if difference.key.kind == ENDPOINTS and difference.op is Op.UPDATE:
        return look.pools is None or difference.key.name in look.pools
    if difference.key.kind == ENDPOINTS:
        return look.depth is Depth.TOUCHED
    return str(difference.key) in look.parts


def _change(difference: Difference) -> Change:
    verb = {Op.CREATE: "Create", Op.UPDATE: "Modify", Op.DELETE: "Delete"}[difference.op]
    why = (
        f"{', '.join(difference.fields)} changed" if difference.fields else f"{difference.op}d with its Gateway's want"
    )
    got = replace(difference.got) if difference.got else None
    return Change(difference.op, difference.key, difference.want, got, why, call=f"{verb}:{difference.key}")


def make(deployment: Deployment) -> MemoryProvider:
    """Return a provider with an empty cloud: it needs nothing of a deployment."""
    del deployment
    return MemoryProvider()


KIND = ProviderKind("routewright.dev/memory", make)
"""What the entry point `memory` of `routewright.providers` names."""
