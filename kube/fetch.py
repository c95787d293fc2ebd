"""What one run has to know of the cluster: what names its Gateway, or its Services, from a store; all else by name.

Every read by name is a consistent one, so nothing is older than the trigger. A failed or forbidden read ends the run.
What is read grows with the Gateway, never with the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import batched

from kube import kinds
from kube.api import Api, Plain
from kube.credentials import Credentials, Facts
from kube.errors import NotFound
from kube.freshness import Need, need
from kube.pods import Pods
from kube.store import Found, Store
from reconciler.events import Trigger
from reconciler.gatewayapi.backend_config import by_nodes
from reconciler.gatewayapi.namespaces import allowed_from
from reconciler.gatewayapi.read import SERVICE_LABEL, kind_of, read_slice
from reconciler.gatewayapi.read_gateways import read_gateway
from reconciler.gatewayapi.references import (
    configmaps_wanted,
    configs_named,
    gateway_of_set,
    secrets_wanted,
    services_named,
    services_targeted,
)
from reconciler.gatewayapi.resources import EndpointSlice
from reconciler.gatewayapi.values import mapping, text
from reconciler.values import frozen_map

type Read = Callable[[], Sequence[Plain]]

BUNDLE = "gateway.networking.k8s.io/bundle-version"
_BUNDLE_CRD = kinds.CRD.path(name=f"{kinds.GATEWAY.plural}.{kinds.GATEWAY.group}")
_PARALLEL = 8
_SERVICES_A_LIST = 50
"""Services whose slices one list asks for: 50 names of 63 characters keep the address below 4 KB."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `take_snapshot` is made from.

    Attributes:
        versions: by kind that is searched for, up to which nothing is missing.
        sharing: Routes, and ListenerSets, that send to Pods which wait for a gate, whosoever they are.
    """

    objects: tuple[Plain, ...] = ()
    facts: tuple[Facts, ...] = ()
    bundle_version: str = ""
    versions: Mapping[str, str] = frozen_map()
    sharing: tuple[Plain, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetches for the Gateways of one controller; `provider` is the short name that their marks carry."""

    api: Api
    store: Store
    controller: str
    provider: str
    pods: Pods = field(default_factory=Pods)

    def gateway(self, trigger: Trigger, now: datetime) -> Fetched:
        """Return a Gateway, its class, ListenerSets and Routes, the policies of its Services, and what all refer to."""
        gateway = self._get(kinds.GATEWAY, trigger.namespace, trigger.name)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            bundle = pool.submit(self._bundle_version)
            gateway_class = pool.submit(self._class_of, gateway)
            found = self._found(trigger, gateway)
            searched = (*found.routes, *found.sets, *found.policies)
            if gateway is None:
                return Fetched(searched, bundle_version=bundle.result(), versions=found.versions)
            own = [gateway, *gateway_class.result()]
            sets = [item for item in found.sets if gateway_of_set(item) == (trigger.namespace, trigger.name)]
            homes = sorted({_namespace(item) for item in sets})
            grants = pool.map(_read, self._grants([gateway, *sets], found.routes))
            namespaces = _all(pool, [partial(self._object, kinds.NAMESPACE, "", one) for one in homes])
            granted = [item for some in grants for item in some]
            readers = [gateway, *_let_in(gateway, sets, namespaces), *_in_use(found)]
            facts = pool.submit(self._facts, own, readers, granted, now)
            named = _all(pool, [*self._named(own, found.routes, homes), *self._nodes(found)])
            services = self._slices_of(own, named)
            pods = _all(pool, [partial(self.pods.speaking, self._get, slices) for slices in services])
            waiting = _all(pool, [partial(self.pods.waiting, self._get, slices) for slices in services])
            sharing = self.store.sending_to(_behind(services, waiting)) if waiting else ()
            objects = (*own, *searched, *granted, *namespaces, *named, *pods, *waiting)
            return Fetched(objects, facts.result(), bundle.result(), found.versions, sharing)

    def gateway_class(self, name: str) -> Fetched:
        """Return a GatewayClass with its configuration."""
        own = self._object(kinds.GATEWAY_CLASS, "", name)
        configs = (item for read in self._configs(own) for item in read())
        return Fetched((*own, *configs), bundle_version=self._bundle_version())

    def _found(self, trigger: Trigger, gateway: Plain | None) -> Found:
        def fresh(kind: str) -> Need:
            return need(kind, trigger, gateway, self.provider)

        found = self.store.find(trigger.namespace, trigger.name, fresh)
        # That a ListenerSet is gone costs entries of other Gateways too: it is proven by name.
        late = (item for _, namespace, name in found.lost for item in self._object(kinds.LISTENER_SET, namespace, name))
        return replace(found, sets=(*found.sets, *late))

    def _bundle_version(self) -> str:
        """Return the version of the installed Gateway API CRDs, "" if they do not say."""
        crd = self.api.get(_BUNDLE_CRD, metadata_only=True) or {}
        return text(mapping(mapping(crd.get("metadata")).get("annotations")).get(BUNDLE))

    def _get(self, kind: kinds.Kind, namespace: str, name: str) -> Plain | None:
        if not kinds.is_name(name) or (kind.namespaced and not namespace):
            return None  # nothing can have that name: a mistake of one team's that must not cost the run
        found = self.api.get(kind.path(namespace, name))
        return None if found is None else {"apiVersion": kind.api_version, "kind": kind.name, **found}

    def _object(self, kind: kinds.Kind, namespace: str, name: str) -> Sequence[Plain]:
        try:
            found = self._get(kind, namespace, name)
        except NotFound:  # a cluster that does not serve an optional kind has none
            if not kind.optional:
                raise
            return ()
        return () if found is None else (found,)

    def _class_of(self, gateway: Plain | None) -> Sequence[Plain]:
        spec = mapping((gateway or {}).get("spec"))
        return self._object(kinds.GATEWAY_CLASS, "", text(spec.get("gatewayClassName")))

    def _grants(self, holders: Sequence[Plain], routes: Sequence[Plain]) -> list[Read]:
        """Return the reads of the ReferenceGrants that may permit what crosses a namespace."""
        wanted = ((item, secrets_wanted(item) | configmaps_wanted(item)) for item in holders)
        refs = {(_namespace(item), ref.namespace) for item, every in wanted for ref in every}
        refs |= {(_namespace(route), there) for route in routes for there, _ in services_named(route)}
        crossed = sorted({there for here, there in refs if here != there})
        return [partial(self._list, kinds.REFERENCE_GRANT, there) for there in crossed]

    def _named(self, own: Sequence[Plain], routes: Sequence[Plain], known: Sequence[str]) -> list[Read]:
        """Return the reads of what a Gateway, its class and its Routes name, and of namespaces not `known` yet."""
        named = {service for route in routes for service in services_named(route)}
        services = sorted((namespace, name) for namespace, name in named if kinds.is_label(name))
        homes = {_namespace(route) for route in routes}
        return [
            *self._configs(own),
            *self._slices(services),
            *(partial(self._object, kinds.SERVICE, *service) for service in services),
            *(partial(self._object, kinds.NAMESPACE, "", one) for one in sorted(homes.difference(known))),
        ]

    def _nodes(self, found: Found) -> Iterable[Read]:
        """Return the read of all Nodes, where a BackendConfig in use asks for them: else nobody looks at one."""
        configs = (item for item in _in_use(found) if item["kind"] == kinds.BACKEND_CONFIG.name)
        if any(by_nodes(mapping(item.get("spec"))) for item in configs):
            yield partial(self._list, kinds.NODE, "")

    def _configs(self, own: Iterable[Plain]) -> list[Read]:
        kind = kinds.LOAD_BALANCER_CONFIG
        named = sorted({config for item in own for config in configs_named(item)})
        return [
            partial(self._object, kind, namespace, name)
            for group, what, namespace, name in named
            if (group, what) == (kind.group, kind.name)
        ]

    def _slices(self, services: Iterable[tuple[str, str]]) -> Iterable[Read]:
        """Return the reads of the Services' slices, a few lists a namespace."""
        by_namespace: dict[str, list[str]] = {}
        for namespace, name in services:
            by_namespace.setdefault(namespace, []).append(name)
        for namespace, names in by_namespace.items():
            for some in batched(names, _SERVICES_A_LIST):
                query = {"labelSelector": f"{SERVICE_LABEL} in ({','.join(some)})"}
                yield partial(self._list, kinds.ENDPOINT_SLICE, namespace, query)

    def _slices_of(self, own: Sequence[Plain], named: Iterable[Plain]) -> list[list[EndpointSlice]]:
        """Return the slices of each Service that a Gateway of ours sends to."""
        by_service: dict[tuple[str, str], list[EndpointSlice]] = {}
        for item in named if self._is_ours(own) else ():
            if kind_of(item) == kinds.ENDPOINT_SLICE.name:
                one = read_slice(item)
                by_service.setdefault((one.meta.namespace, one.service), []).append(one)
        return [by_service[service] for service in sorted(by_service)]

    def _is_ours(self, own: Sequence[Plain]) -> bool:
        _, *classes = own
        return any(mapping(one.get("spec")).get("controllerName") == self.controller for one in classes)

    def _list(self, kind: kinds.Kind, namespace: str, query: Mapping[str, str] | None = None) -> Sequence[Plain]:
        return self.api.list(kind.path(namespace), query).items

    def _facts(
        self, own: Sequence[Plain], readers: Sequence[Plain], grants: Sequence[Plain], now: datetime
    ) -> tuple[Facts, ...]:
        """Return the facts of what is named for a Gateway of ours; for a foreign one nothing is looked at."""
        if not self._is_ours(own):
            return ()
        return Credentials(self._get, self.controller, now).named_by(readers, grants).read()


def _let_in(gateway: Plain, sets: Sequence[Plain], namespaces: Sequence[Plain]) -> list[Plain]:
    """Return the ListenerSets that a Gateway lets in; what others name is not looked at."""
    allowed, home = read_gateway(gateway).allowed_listeners, _namespace(gateway)
    labels = {text(item["metadata"].get("name")): mapping(item["metadata"].get("labels")) for item in namespaces}
    return [item for item in sets if allowed_from(allowed, home, _namespace(item), labels)]


def _in_use(found: Found) -> list[Plain]:
    """Return the policies on Services that Routes send to; others have but an entry of ours to lose."""
    used = {service for route in found.routes for service in services_named(route)}
    return [item for item in found.policies if not used.isdisjoint(services_targeted(item))]


def _behind(services: Iterable[Sequence[EndpointSlice]], pods: Iterable[Plain]) -> frozenset[tuple[str, str]]:
    """Return (namespace, name) of the Services that any of these Pods is behind."""
    names = {(_namespace(pod), str(pod["metadata"]["name"])) for pod in pods}
    return frozenset(
        (one.meta.namespace, one.service)
        for slices in services
        for one in slices
        if any((one.meta.namespace, endpoint.pod) in names for endpoint in one.endpoints)
    )


def _read(read: Read) -> Sequence[Plain]:
    return read()


def _all(pool: ThreadPoolExecutor, reads: Iterable[Read]) -> list[Plain]:
    """Return what all reads found, made in parallel. Raises the first failure."""
    return [item for found in pool.map(_read, reads) for item in found]


def _namespace(item: Plain) -> str:
    return str(item["metadata"]["namespace"])
