"""What one run has to know of the cluster: lists for what selects (Routes, grants, Namespaces), the rest by name.

Every read is a consistent one, so nothing is older than the trigger. A failed or forbidden read ends the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from kube import kinds
from kube.api import Api, Plain
from kube.certificates import facts_of
from kube.errors import NotFound
from reconciler.errors import PermissionDenied
from reconciler.gatewayapi.read import SERVICE_LABEL
from reconciler.gatewayapi.references import configs_named, gateways_named, secrets_named, services_named
from reconciler.gatewayapi.values import mapping, text
from reconciler.ir import CertificateFacts
from reconciler.keys import SecretRef

type ListKind = Callable[[kinds.Kind], Sequence[Plain]]
"""Returns all objects of a kind as of now; raises ReconcilerError."""

BUNDLE = "gateway.networking.k8s.io/bundle-version"
_BUNDLE_CRD = kinds.CRD.path(name=f"{kinds.GATEWAY.plural}.{kinds.GATEWAY.group}")
_PARALLEL = 8


@dataclass(frozen=True, slots=True)
class Fetched:
    """What `take_snapshot` is made from."""

    objects: tuple[Plain, ...] = ()
    certificates: tuple[CertificateFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetch:
    """Fetches for the Gateways of one controller. `list_kind` may answer from a store that is as fresh as a list."""

    api: Api
    controller: str
    list_kind: ListKind

    def gateway(self, namespace: str, name: str, now: datetime) -> Fetched:
        """Return a Gateway, its class, the Routes that name it, and what these refer to."""
        gateway = self._get(kinds.GATEWAY, namespace, name)
        routes = [
            route
            for route in self.list_kind(kinds.HTTP_ROUTE)
            if (namespace, name) in gateways_named(route, self.controller)
        ]
        if gateway is None:
            return Fetched(tuple(routes))
        gateway_class = self._get(kinds.GATEWAY_CLASS, "", text(mapping(gateway.get("spec")).get("gatewayClassName")))
        own = [item for item in (gateway, gateway_class) if item is not None]
        grants = self.list_kind(kinds.REFERENCE_GRANT)
        return Fetched(
            objects=(*own, *routes, *grants, *self._namespaces([gateway, *routes]), *self._fetched(own, routes)),
            certificates=self._certificates(gateway, gateway_class, grants, now),
        )

    def gateway_class(self, name: str) -> Fetched:
        """Return a GatewayClass with its configuration."""
        found = self._get(kinds.GATEWAY_CLASS, "", name)
        return Fetched() if found is None else Fetched((found, *self._fetched([found], ())))

    def bundle_version(self) -> str:
        """Return the version of the installed Gateway API CRDs, "" if they do not say."""
        crd = self.api.get(_BUNDLE_CRD, metadata_only=True) or {}
        return text(mapping(mapping(crd.get("metadata")).get("annotations")).get(BUNDLE))

    def _get(self, kind: kinds.Kind, namespace: str, name: str) -> Plain | None:
        if not name or (kind.namespaced and not namespace):
            return None
        found = self.api.get(kind.path(namespace, name))
        return None if found is None else {"apiVersion": kind.api_version, "kind": kind.name, **found}

    def _namespaces(self, items: Iterable[Mapping[str, Any]]) -> Iterator[Plain]:
        wanted = {item["metadata"].get("namespace") for item in items}
        return (item for item in self.list_kind(kinds.NAMESPACE) if item["metadata"]["name"] in wanted)

    def _fetched(self, own: Iterable[Plain], routes: Iterable[Plain]) -> list[Plain]:
        """Return the configurations of a Gateway and its class, and the Services of Routes with their slices."""
        services = sorted({service for route in routes for service in services_named(route)})
        configs = sorted({config for item in own for config in configs_named(item)})
        reads: list[Callable[[], Sequence[Plain]]] = [
            *(partial(self._config, *config) for config in configs),
            *(partial(self._service, *service) for service in services),
        ]
        if not reads:
            return []
        with ThreadPoolExecutor(min(_PARALLEL, len(reads))) as pool:
            return [item for found in pool.map(lambda read: read(), reads) for item in found]

    def _config(self, group: str, kind: str, namespace: str, name: str) -> Sequence[Plain]:
        if (group, kind) != (kinds.LOAD_BALANCER_CONFIG.group, kinds.LOAD_BALANCER_CONFIG.name):
            return ()
        try:
            found = self._get(kinds.LOAD_BALANCER_CONFIG, namespace, name)
        except NotFound:  # a cluster that does not serve our kind has none
            return ()
        return () if found is None else (found,)

    def _service(self, namespace: str, name: str) -> Sequence[Plain]:
        service = self._get(kinds.SERVICE, namespace, name)
        if service is None:
            return ()
        selector = {"labelSelector": f"{SERVICE_LABEL}={name}"}
        return (service, *self.api.list(kinds.ENDPOINT_SLICE.path(namespace), selector).items)

    def _certificates(
        self, gateway: Plain, gateway_class: Plain | None, grants: Sequence[Plain], now: datetime
    ) -> tuple[CertificateFacts, ...]:
        """Return the facts of the Secrets that a Gateway of ours may refer to; a foreign one's are not looked at."""
        if mapping((gateway_class or {}).get("spec")).get("controllerName") != self.controller:
            return ()
        refs = sorted(secrets_named(gateway, grants))
        found = (self._certificate(ref, now) for ref in refs)
        return tuple(facts for facts in found if facts is not None)

    def _certificate(self, ref: SecretRef, now: datetime) -> CertificateFacts | None:
        """Return a Secret's facts; one that our identity may not read costs only the listeners that name it."""
        try:
            secret = self._get(kinds.SECRET, ref.namespace, ref.name)
        except PermissionDenied:
            return CertificateFacts(ref, problem="may not be read; grant routewright `get` on it in RBAC")
        return None if secret is None else facts_of(secret, now)


def list_now(api: Api, kind: kinds.Kind) -> Sequence[Plain]:
    """Return all objects of a kind by a consistent list; an optional kind that is not served has none."""
    try:
        return api.list(kind.path()).items
    except NotFound:
        if kind.optional:
            return ()
        raise
