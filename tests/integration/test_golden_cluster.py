"""Each golden input through the real API server says what `routewright plan` said of it without one.

The API server's admission and defaults, our reading, writing and merging: all real. Only the cloud is taken as done.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
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
from reconciler.events import Trigger
from reconciler.gatewayapi.read_gateways import read_gateway
from reconciler.gatewayapi.read_routes import read_route
from reconciler.offline import plan_snapshot, without_times

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]

ROOT = Path(__file__).parent.parent
CASES = sorted(path.parent for path in (ROOT / "golden").glob("*/in"))
CONTROLLER = "routewright.dev/aws"
NAMESPACES = ("a", "b", "c", "infra", "certs", "routewright-system")
GATEWAY_API = "gateway.networking.k8s.io/v1"
KINDS = (
    (GATEWAY_API, "HTTPRoute"),
    (GATEWAY_API, "Gateway"),
    (GATEWAY_API, "ReferenceGrant"),
    (GATEWAY_API, "GatewayClass"),
    ("routewright.dev/v1alpha1", "LoadBalancerConfig"),
    ("v1", "Service"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
)
LABELS = ("access", "tier", "shared-gateway-access")


@pytest.fixture(scope="module")
def world(control_plane: ControlPlane) -> tuple[Objects, KubeCluster]:
    """The API server with our kinds and the namespaces of all cases, and the product's own edge to it."""
    control_plane.install_crds(ROOT.parent / "infra" / "crds")
    client = control_plane.client()
    for name in NAMESPACES:
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return client, KubeCluster(Api(connect(str(control_plane.kubeconfig()))), CONTROLLER, "aws")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_api_server_and_the_offline_plan_give_the_same_status(
    case: Path, world: tuple[Objects, KubeCluster]
) -> None:
    client, cluster = world
    bodies = [one.body for one in read_manifests([str(case / "in")])]
    try:
        for body in (*(item for items in SHIPPED.values() for item in items), *bodies):
            client.apply(body)
        _check_defaults(client, bodies)
        _report_all(cluster)

        expected = yaml.safe_load((case / "plan.yaml").read_text(encoding="utf-8"))["status"]
        for entry in expected:
            api_object = client.get(GATEWAY_API, entry["kind"], entry.get("namespace", ""), entry["name"])
            assert api_object is not None
            assert entry["status"] == without_times(api_object.get("status", {}))
    finally:
        _tidy(client, bodies)


def _check_defaults(client: Objects, bodies: Sequence[Mapping[str, Any]]) -> None:
    """What the API server fills in by the CRDs is what our reading fills in."""
    for body in bodies:
        meta = body["metadata"]
        held = client.get(body["apiVersion"], body["kind"], meta.get("namespace", ""), meta["name"]) or {}
        if body["kind"] == "HTTPRoute":
            ours, theirs = read_route(body), read_route(held)
            assert (theirs.parents, theirs.hostnames, theirs.rules) == (ours.parents, ours.hostnames, ours.rules)
        if body["kind"] == "Gateway":
            assert read_gateway(held).listeners == read_gateway(body).listeners


def _report_all(cluster: KubeCluster) -> None:
    provider = provider_for(CONTROLLER)
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
        if body["kind"] in ("Secret", "ConfigMap"):
            client.delete("v1", body["kind"], body["metadata"]["namespace"], body["metadata"]["name"])
        if body["kind"] == "Namespace" and body["metadata"].get("labels"):
            client.merge(body, {"metadata": {"labels": dict.fromkeys(LABELS)}})
    deadline = time.monotonic() + 10
    while client.list(GATEWAY_API, "Gateway") and time.monotonic() < deadline:
        time.sleep(0.02)
