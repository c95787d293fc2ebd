"""Readiness gates on the real API server, with the rights of `infra/rbac.yaml` and `infra/readiness-gates.yaml`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from emulators.aws.inprocess import strict_aws
from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from kube.cluster import KubeCluster
from providers import provider_for
from reconciler.errors import ReconcilerError, TransientError
from reconciler.gatewayapi.gates import GateUpdate
from reconciler.gatewayapi.pods import GATE
from reconciler.reconcile import Result, Room, reconcile
from tests.integration.kube_world import CONTROLLER, INFRA, endpoints, gateway, route, service, trigger

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]

type Plain = dict[str, Any]
PATH = "/api/v1/namespaces/shop/pods/web-1-a"
STRATEGIC = "application/strategic-merge-patch+json"
NOW = "2026-01-01T00:00:00Z"


@pytest.fixture(name="pod")
def _pod(admin: Objects) -> Iterator[Plain]:
    """A Pod with our gate behind a Service of a Gateway; its containers are ready, as a kubelet would say."""
    made = admin.apply(a_pod([{"conditionType": GATE}]))
    slice_ = endpoints()
    ref = {"kind": "Pod", "namespace": "shop", "name": "web-1-a", "uid": made["metadata"]["uid"]}
    slice_["endpoints"] = [{"addresses": ["10.244.0.1"], "conditions": {"ready": False}, "targetRef": ref}]
    for item in (gateway(), route("web", "gw"), service(), slice_):
        admin.apply(item)
    said = {"type": "ContainersReady", "status": "True", "lastTransitionTime": NOW}
    admin.call("PATCH", f"{PATH}/status", {"status": {"podIP": "10.244.0.1", "conditions": [said]}}, kind=STRATEGIC)
    yield made
    admin.delete("v1", "Pod", "shop", "web-1-a")


def a_pod(gates: list[Plain]) -> Plain:
    meta = {"namespace": "shop", "name": "web-1-a"}
    spec = {"containers": [{"name": "app", "image": "app"}], "readinessGates": gates}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def conditions(admin: Objects) -> dict[str, str]:
    found = admin.get("v1", "Pod", "shop", "web-1-a") or {}
    return {one["type"]: one["status"] for one in found["status"]["conditions"]}


def runs(cluster: KubeCluster, count: int) -> list[Result]:
    """Reconcile so often in an account of their own, as the later queue would let it."""
    with strict_aws() as account:
        account.prepare_network()
        results: list[Result] = []
        for _ in range(count):
            room = Room(cluster, provider_for(CONTROLLER, rate=1000), lambda: "nonce")
            next_ = results[-1].follow_up(trigger(cluster)) if results else trigger(cluster)
            results.append(reconcile(next_, room))
        return results


IN_FORCE = 60.0
"""Seconds within which an API server, also a busy one, has a new policy in force."""


def allow(plane: ControlPlane) -> None:
    """Install the opt-in, and wait until its policy is in force: the API server takes a moment."""
    plane.apply(yaml.safe_load_all((INFRA / "readiness-gates.yaml").read_text()))


def test_without_the_opt_in_gates_stay_shut_and_the_gateway_is_served_all_the_same(
    admin: Objects, cluster: KubeCluster, pod: Plain
) -> None:
    del pod
    first, second = runs(cluster, 2)

    assert "pods/status" in first.untold
    assert GATE not in conditions(admin)
    assert not second.outcome.failed
    assert second.outcome.addresses


def test_with_it_the_gate_of_a_pod_that_is_reached_opens(
    plane: ControlPlane, admin: Objects, cluster: KubeCluster, pod: Plain
) -> None:
    allow(plane)
    results = runs(cluster, 2)

    assert pod["metadata"]["name"] == "web-1-a"
    assert ["", ""] == [one.untold for one in results]
    assert {"ContainersReady": "True", GATE: "True"} == conditions(admin)
    assert runs(cluster, 1)[0].retry_after is None


CONDITION = {"status": {"conditions": [{"type": GATE, "status": "True", "lastTransitionTime": NOW}]}}
FORBIDDEN: list[tuple[str, Plain]] = [
    ("another condition", {"status": {"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": NOW}]}}),
    ("a label", CONDITION | {"metadata": {"labels": {"a": "b"}}}),
    ("an annotation", CONDITION | {"metadata": {"annotations": {"a": "b"}}}),
    ("the phase", CONDITION | {"status": {"phase": "Failed"}}),
    (
        "the address",
        CONDITION | {"status": {"podIP": "10.0.0.9", "podIPs": [{"$patch": "replace"}, {"ip": "10.0.0.9"}]}},
    ),
    (
        "a container",
        CONDITION
        | {
            "status": {
                "containerStatuses": [{"name": "app", "image": "", "imageID": "", "ready": True, "restartCount": 0}]
            }
        },
    ),
]


@pytest.mark.parametrize(("what", "patch"), FORBIDDEN, ids=[what for what, _ in FORBIDDEN])
def test_the_policy_lets_us_write_nothing_else_of_a_pod(
    plane: ControlPlane, cluster: KubeCluster, pod: Plain, what: str, patch: Plain
) -> None:
    allow(plane)
    uid = pod["metadata"]["uid"]

    assert what
    assert refused(cluster, patch), "the policy never came in force"
    assert 1 == cluster.write_gates([GateUpdate("shop", "web-1-a", uid, open=True, message="fine")])


def refused(cluster: KubeCluster, patch: Plain) -> bool:
    """Return whether a patch of the Pod's status comes to be refused within the time that a policy takes.

    It is tried without effect: one that was let through before the policy was in force would change nothing after it.
    """
    deadline = time.monotonic() + IN_FORCE
    while time.monotonic() < deadline:
        try:
            cluster.api.patch(f"{PATH}/status?dryRun=All", patch, strategic=True)
        except TransientError:
            pass  # a busy API server; it says nothing of the policy
        except ReconcilerError as error:
            return "routewright" in error.message
        time.sleep(0.2)
    return False


def test_the_policy_lets_us_write_no_pod_without_our_gate(
    plane: ControlPlane, admin: Objects, cluster: KubeCluster
) -> None:
    allow(plane)
    made = admin.apply(a_pod([]))
    try:
        assert refused(cluster, {"metadata": {"uid": made["metadata"]["uid"]}, **CONDITION})
    finally:
        admin.delete("v1", "Pod", "shop", "web-1-a")


def test_a_pod_that_is_gone_or_another_by_now_is_let_be(plane: ControlPlane, cluster: KubeCluster, pod: Plain) -> None:
    allow(plane)
    del pod
    gone = GateUpdate("shop", "ghost", "u", open=True, message="")
    other = GateUpdate("shop", "web-1-a", "another", open=True, message="")

    assert 0 == cluster.write_gates([gone, other])
