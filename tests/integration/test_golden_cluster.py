"""Each golden input through the real API server says what `routewright plan` said of it without one.

The API server's admission and defaults, our reading, writing and merging: all real. Only the cloud is taken as done.
Cases under `golden/reference` are those of the provider that can do all of the specification.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.classes import SHIPPED
from cli.manifests import read_manifests
from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from kube.api import Api
from kube.auth import connect
from kube.cluster import KubeCluster
from providers import provider_for
from providers.memory import MemoryProvider
from reconciler.events import Trigger
from reconciler.gatewayapi.read_gateways import read_gateway, read_listener_set
from reconciler.gatewayapi.read_routes import read_route
from reconciler.offline import plan_snapshot, without_times
from reconciler.ports import Provider
from tests.golden.test_golden import CASES

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]

ROOT = Path(__file__).parent.parent
AWS, REFERENCE = "routewright.dev/aws", "routewright.dev/memory"
PROVIDERS: Mapping[str, Provider] = {"reference": MemoryProvider(), "bucket": provider_for(AWS, bucket="authorities")}
"""By the folder that has cases of its own, as in `tests/golden/test_golden.py`; for all else AWS without a bucket."""
PLAIN = provider_for(AWS)
AGED = ("ListenerSet", "TCPRoute", "BackendTLSPolicy", "BackendConfig")
"""Kinds whose statuses tell which object is the older."""
GATEWAY_API = "gateway.networking.k8s.io/v1"
OURS = "routewright.dev/v1alpha1"
KINDS = (
    *((GATEWAY_API, f"{kind}Route") for kind in ("HTTP", "GRPC", "TLS", "TCP", "UDP")),
    *((GATEWAY_API, kind) for kind in ("ListenerSet", "Gateway", "BackendTLSPolicy", "ReferenceGrant", "GatewayClass")),
    *((OURS, kind) for kind in ("BackendConfig", "LoadBalancerConfig")),
    ("v1", "Service"),
    ("v1", "Pod"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
)
LABELS = ("access", "tier", "shared-gateway-access")


@pytest.fixture(scope="module")
def world(control_plane: ControlPlane) -> tuple[Objects, Api]:
    """The API server with our kinds and the namespaces of all cases, and the product's own calls to it."""
    control_plane.install_crds(ROOT.parent / "infra" / "crds")
    client = control_plane.client()
    bodies = (body for case in CASES for body in _bodies(case))
    named = {body["metadata"].get("namespace", "routewright-system") for body in bodies}
    for name in sorted(named - {"default"}):
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return client, Api(connect(str(control_plane.kubeconfig())))


def _bodies(case: Path) -> list[dict[str, Any]]:
    return [one.body for one in read_manifests([str(case / "in")])]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_api_server_and_the_offline_plan_give_the_same_status(case: Path, world: tuple[Objects, Api]) -> None:
    (client, api), bodies = world, _bodies(case)
    controller = REFERENCE if case.parent.name == "reference" else AWS
    provider = PROVIDERS.get(case.parent.name, PLAIN)
    try:
        _create(client, (*(item for items in SHIPPED.values() for item in items), *bodies))
        _check_defaults(client, bodies)
        _report_all(KubeCluster(api, controller, provider.name), provider)

        expected = yaml.safe_load((case / "plan.yaml").read_text(encoding="utf-8"))["status"]
        for entry in expected:
            version = OURS if entry["kind"] == "BackendConfig" else GATEWAY_API
            api_object = client.get(version, entry["kind"], entry.get("namespace", ""), entry["name"])
            assert api_object is not None
            assert entry["status"] == without_times(api_object.get("status", {}))
    finally:
        _tidy(client, bodies)


def _create(client: Objects, bodies: Iterable[Mapping[str, Any]]) -> None:
    """Create the objects of a case; those whose age is told in the order of their ages, each age in its own second."""
    aged = [body for body in bodies if body["kind"] in AGED]
    for body in bodies:
        if body not in aged:
            client.apply(body)
    aged.sort(key=_age)
    for _, of_one_age in groupby(aged, _age):
        time.sleep(1.02 - time.time() % 1)
        for body in of_one_age:
            client.apply(body)


def _age(body: Mapping[str, Any]) -> str:
    return str(body["metadata"].get("creationTimestamp", ""))


def _check_defaults(client: Objects, bodies: Sequence[Mapping[str, Any]]) -> None:
    """What the API server fills in by the CRDs is what our reading fills in."""
    for body in bodies:
        meta = body["metadata"]
        held = client.get(body["apiVersion"], body["kind"], meta.get("namespace", ""), meta["name"]) or {}
        if body["kind"] == "HTTPRoute":
            ours, theirs = read_route(body), read_route(held)
            assert (theirs.parents, theirs.hostnames, theirs.rules) == (ours.parents, ours.hostnames, ours.rules)
        if body["kind"] == "Gateway":
            ours_, theirs_ = read_gateway(body), read_gateway(held)
            assert (theirs_.listeners, theirs_.allowed_listeners) == (ours_.listeners, ours_.allowed_listeners)
            assert (theirs_.tls, theirs_.addresses) == (ours_.tls, ours_.addresses)
        if body["kind"] == "ListenerSet":
            mine, kept = read_listener_set(body), read_listener_set(held)
            assert (kept.parent, kept.listeners) == (mine.parent, mine.listeners)


def _report_all(cluster: KubeCluster, provider: Provider) -> None:
    triggers = [Trigger(cluster.cluster_id, "", name, kind="GatewayClass") for name in cluster.classes()]
    triggers += [Trigger(ref.key.cluster, ref.key.namespace, ref.key.name) for ref in cluster.gateways()]
    for trigger in triggers:
        _, updates = plan_snapshot(cluster.snapshot(trigger), provider)
        cluster.write_status(updates)


def _tidy(client: Objects, bodies: Sequence[Mapping[str, Any]]) -> None:
    """Remove what the case made; namespaces stay, for their end takes seconds, but lose their labels."""
    for version, kind in KINDS:
        for item in client.list(version, kind):
            meta = item["metadata"]
            if meta.get("namespace") not in ("default", "kube-system"):
                client.delete(version, kind, meta.get("namespace", ""), meta["name"])
    for body in bodies:
        if body["kind"] in ("Secret", "ConfigMap", "Node"):
            client.delete("v1", body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"])
        if body["kind"] == "Namespace" and body["metadata"].get("labels"):
            client.merge(body, {"metadata": {"labels": dict.fromkeys(LABELS)}})
    deadline = time.monotonic() + 10
    while client.list(GATEWAY_API, "Gateway") and time.monotonic() < deadline:
        time.sleep(0.02)
