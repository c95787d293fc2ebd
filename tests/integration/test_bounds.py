"""Objects as large and as deep as a real API server lets them in: a run of any Gateway goes on, in bounded time."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from kube.cluster import KubeCluster
from providers import provider_for
from reconciler.gatewayapi.resources import GROUP
from reconciler.mark import annotation, parse
from reconciler.reconcile import Room, reconcile
from tests.integration.kube_world import CONTROLLER, cluster_of, endpoints, gateway, read, route, service, trigger

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]

CONFIG = "routewright.dev/v1alpha1"
MIB = 1024 * 1024


def config(**spec: Any) -> dict[str, Any]:
    meta = {"namespace": "infra", "name": "own"}
    return {"apiVersion": CONFIG, "kind": "LoadBalancerConfig", "metadata": meta, "spec": spec}


def run(admin: Objects, cluster: KubeCluster, item: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Reconcile a Gateway twice on a fresh account; return its conditions."""
    for one in (item, route("web", "gw"), service(), endpoints()):
        admin.apply(one)
    with strict_aws() as account:
        account.prepare_network()
        for _ in range(2):
            reconcile(trigger(cluster), Room(cluster, provider_for(CONTROLLER, rate=1000), lambda: "nonce"))
    conditions = read(admin)["status"]["conditions"]
    return {one["type"]: (one["status"], one["reason"]) for one in conditions}


@pytest.mark.parametrize("mark", ["[" * 200_000, '{"state":' * 20_000, "x" * 200_000], ids=["[", "{", "x"])
def test_a_mark_of_hundreds_of_kibibytes_is_replaced_by_ours(admin: Objects, cluster: KubeCluster, mark: str) -> None:
    item = gateway()
    item["metadata"]["annotations"] = {annotation("aws"): mark}
    started = time.process_time()

    assert ("True", "Programmed") == run(admin, cluster, item)["Programmed"]

    assert parse(read(admin)["metadata"]["annotations"][annotation("aws")]) is not None
    assert time.process_time() - started < 20


def test_a_mebibyte_of_annotations_is_refused_by_the_api_server_itself(admin: Objects) -> None:
    item = gateway()
    item["metadata"]["annotations"] = {annotation("aws"): "x" * MIB}

    with pytest.raises(Exception, match="annotations"):
        admin.apply(item)


@pytest.mark.parametrize("depth", [500, 5_000])
@pytest.mark.parametrize("block", ["aws", "gcp"])
def test_a_configuration_nests_no_deeper_than_its_schema_says(
    plane: ControlPlane, admin: Objects, cluster: KubeCluster, block: str, depth: int
) -> None:
    admin.delete(CONFIG, "LoadBalancerConfig", "infra", "own")
    body = json.dumps(config(**{block: "HERE"})).replace('"HERE"', '{"a":' * depth + "1" + "}" * depth)
    client = cluster_of(plane, "admin", ("system:masters",)).api.client
    url = client.configuration.host + admin.path(CONFIG, "LoadBalancerConfig", "infra")
    headers = {"Content-Type": "application/json"}
    answer = client.rest_client.pool_manager.request("POST", url, body=body.encode(), headers=headers)
    assert 201 == answer.status, answer.data[:300]

    (found,) = cluster.api.list("/apis/routewright.dev/v1alpha1/loadbalancerconfigs").items

    assert {} == found["spec"][block]
    assert ("True", "Programmed") == run(admin, cluster, gateway())["Programmed"]


def test_a_configuration_of_a_mebibyte_is_told_in_a_few_words(admin: Objects, cluster: KubeCluster) -> None:
    admin.apply(config(tlsPolicy="x" * MIB))
    item = gateway()
    item["spec"]["infrastructure"] = {
        "parametersRef": {"group": "routewright.dev", "kind": "LoadBalancerConfig", "name": "own"}
    }

    found = run(admin, cluster, item)

    assert ("False", "InvalidParameters") == found["Accepted"]
    assert len(str(read(admin)["status"])) < 20_000


def test_a_gateway_with_as_many_listeners_and_as_long_names_as_allowed_has_a_status_that_can_be_written(
    admin: Objects, cluster: KubeCluster
) -> None:
    item = gateway()
    names = [f"{'l' * 240}-{number}" for number in range(64)]
    item["spec"]["listeners"] = [
        {"name": name, "port": 1000 + number, "protocol": "TLS", "tls": {"mode": "Passthrough"}}
        for number, name in enumerate(names)
    ]

    assert ("True", "ListenersNotValid") == run(admin, cluster, item)["Accepted"]  # AWS opens 50 ports, and no more
    assert 64 == len(read(admin)["status"]["listeners"])
    assert f"{GROUP}/v1" == read(admin)["apiVersion"]
