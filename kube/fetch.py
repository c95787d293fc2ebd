"""What one run has to know of the cluster: the Routes that name its Gateway from a store, all else by name.

Every read by name is a consistent one, so nothing is older than the trigger. A failed or forbidden read ends the run.
What is read grows with the Gateway, never with the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import batched

from kube import kinds
from kube.api import Api, Plain
from kube.certificates import facts_of
from kube.errors import NotFound
from kube.freshness import Need, need
from kube.store import Found, Store
from reconciler.errors import PermissionDenied, Unavailable
from reconciler.events import Trigger
from reconciler.gatewayapi.read import SERVICE_LABEL
from reconciler.gatewayapi.references import configs_named, secrets_named, secrets_wanted, services_named
from reconciler.gatewayapi.values import mapping, text
from reconciler.ir import CertificateFacts, frozen_map
from reconciler.keys import SecretRef

type Read = Callable[[], Sequence[Plain]]

BUNDLE = "gateway.networking.k8s.io/bundle-version"
_BUNDLE_CRD = kinds.CRD.path(name=f"{kinds.GATEWAY.plural}.{kinds.GATEWAY.group}")
_PARALLEL = 8
_SERVICES_A_LIST = 50
"""Services whose slices one list asks for: 50 names of 63 characters keep the address below 4 KB."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `take_snapshot` is made from; `versions`: by kind of Route, up to which nothing is missing."""

    objects: tuple[Plain, ...] = ()
    certificates: tuple[CertificateFacts, ...] = ()
    bundle_version: str = ""
    versions: Mapping[str, str] = frozen_map()


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetches for the Gateways of one controller; `provider` is the short name that their marks carry."""

    api: Api
    store: Store
    controller: str
    provider: str

    def gateway(self, trigger: Trigger, now: datetime) -> Fetched:
        """Return a Gateway, its class, the Routes that name it, and what these refer to."""
        gateway = self._get(kinds.GATEWAY, trigger.namespace, trigger.name)
        with ThreadPoolExecutor(_PARALLEL) as pool:
            bundle = pool.submit(self._bundle_version)
            gateway_class = pool.submit(self._class_of, gateway)
            found = self._routes(trigger, gateway)
            if gateway is None:
                return Fetched(found.routes, bundle_version=bundle.result(), versions=found.versions)
            own = [gateway, *gateway_class.result()]
            grants = _all(pool, self._grants(gateway, found.routes))
            certificates = pool.submit(self._certificates, own, grants, now)
            named = _all(pool, self._named(own, found.routes))
            objects = (*own, *found.routes, *grants, *named)
            return Fetched(objects, certificates.result(), bundle.result(), found.versions)

    def gateway_class(self, name: str) -> Fetched:
        """Return a GatewayClass with its configuration."""
        own = self._object(kinds.GATEWAY_CLASS, "", name)
        configs = (item for read in self._configs(own) for item in read())
        return Fetched((*own, *configs), bundle_version=self._bundle_version())

    def _routes(self, trigger: Trigger, gateway: Plain | None) -> Found:
        def fresh(kind: str) -> Need:
            return need(kind, trigger, gateway, self.provider)

        return self.store.routes(trigger.namespace, trigger.name, fresh)

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

    def _grants(self, gateway: Plain, routes: Sequence[Plain]) -> list[Read]:
        """Return the reads of the ReferenceGrants that may permit what crosses a namespace."""
        refs = {(_namespace(gateway), ref.namespace) for ref in secrets_wanted(gateway)}
        refs |= {(_namespace(route), there) for route in routes for there, _ in services_named(route)}
        crossed = sorted({there for here, there in refs if here != there})
        return [partial(self._list, kinds.REFERENCE_GRANT, there) for there in crossed]

    def _named(self, own: Sequence[Plain], routes: Sequence[Plain]) -> list[Read]:
        """Return the reads of what a Gateway, its class and its Routes name, and of the namespaces that they are in."""
        named = {service for route in routes for service in services_named(route)}
        services = sorted((namespace, name) for namespace, name in named if kinds.is_label(name))
        return [
            *self._configs(own),
            *self._slices(services),
            *(partial(self._object, kinds.SERVICE, *service) for service in services),
            *(partial(self._object, kinds.NAMESPACE, "", one) for one in sorted({_namespace(r) for r in routes})),
        ]

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

    def _list(self, kind: kinds.Kind, namespace: str, query: Mapping[str, str] | None = None) -> Sequence[Plain]:
        return self.api.list(kind.path(namespace), query).items

    def _certificates(
        self, own: Sequence[Plain], grants: Sequence[Plain], now: datetime
    ) -> tuple[CertificateFacts, ...]:
        """Return the facts of the Secrets that a Gateway of ours may refer to; a foreign one's are not looked at."""
        gateway, *classes = own
        if not any(mapping(one.get("spec")).get("controllerName") == self.controller for one in classes):
            return ()
        refs = sorted(secrets_named(gateway, grants))
        found = (self._certificate(ref, now) for ref in refs)
        return tuple(facts for facts in found if facts is not None)

    def _certificate(self, ref: SecretRef, now: datetime) -> CertificateFacts | None:
        """Return a Secret's facts, None if it does not exist.

        Raises Unavailable for one that our identity may not read: a right that was lost says nothing about the Secret,
        and a listener that is served with it must not go.
        """
        try:
            secret = self._get(kinds.SECRET, ref.namespace, ref.name)
        except PermissionDenied as error:
            where = f"Secret {ref.namespace}/{ref.name}"
            raise Unavailable(f"{where} may not be read; grant routewright `get` on it in RBAC") from error
        return None if secret is None else facts_of(secret, now)


def _all(pool: ThreadPoolExecutor, reads: Iterable[Read]) -> list[Plain]:
    """Return what all reads found, made in parallel. Raises the first failure."""
    return [item for found in pool.map(lambda read: read(), reads) for item in found]


def _namespace(item: Plain) -> str:
    return str(item["metadata"]["namespace"])
