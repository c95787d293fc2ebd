"""An absent Gateway, a list that fails or lies, a wrong cluster: nothing is deleted in the cloud without proof."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from emulators.aws.network import prepare_network
from functions import sweep, wiring
from tests.builders import config, config_ref, gateway, gateway_class
from tests.proof.absence import GRACE, LIES, NAMES, World, check_lie, world
from tests.proof.api_server import Answer, honest

ONE_OF_EACH = {"load balancers": 1, "target groups": 1, "security groups": 1}


@pytest.fixture(name="one")
def _one() -> Iterator[World]:
    with world() as made:
        yield made


def test_nothing_is_deleted_while_the_api_server_lies(one: World) -> None:
    assert dict.fromkeys(LIES, 1) == {name: check_lie(one, name)["lies"] for name in LIES}


def test_what_is_truly_absent_goes_after_the_grace_and_nothing_else_does(one: World) -> None:
    foreign = _foreign_load_balancer(one, {})
    another = _foreign_load_balancer(
        one, {"routewright.dev/cluster": "another", "routewright.dev/gateway": "infra/one"}
    )
    one.remove_for_good("one")

    assert [{}, {}, {}] == [one.sweep(pause) for pause in (0, GRACE / 2, GRACE / 2 - 1)]
    assert ONE_OF_EACH == one.sweep(1)
    assert {} == one.sweep(2 * GRACE)
    assert {"infra/two", "infra/three"} <= set(one.ours())
    assert {foreign, another} <= {item["LoadBalancerArn"] for item in one.account.state()["loadBalancers"]}


def _foreign_load_balancer(one: World, tags: dict[str, str]) -> str:
    """Make a load balancer that is not ours; return its ARN."""
    subnets = [zone["SubnetId"] for zone in one.account.state()["loadBalancers"][0]["AvailabilityZones"]]
    listed = [{"Key": key, "Value": value} for key, value in {"who": "somebody", **tags}.items()]
    made = one.account.client("elbv2").create_load_balancer(
        Name=f"theirs-{len(tags)}", Subnets=subnets, Scheme="internal", Tags=listed
    )
    return str(made["LoadBalancers"][0]["LoadBalancerArn"])


def test_a_gateway_that_was_seen_again_starts_its_grace_anew(one: World) -> None:
    kept = one.cluster.objects["Gateway", "infra", "one"]
    one.remove_for_good("one")
    one.sweep()
    assert one.noted()
    one.cluster.objects["Gateway", "infra", "one"] = kept  # a cluster restored from its backup: the same UID
    one.sweep(GRACE / 2)
    assert not one.noted()

    one.remove_for_good("one")
    assert [{}, {}] == [one.sweep(GRACE), one.sweep(GRACE - 1)]
    assert ONE_OF_EACH == one.sweep(1)


def test_a_namesake_does_not_keep_alive_what_its_predecessor_left(one: World) -> None:
    one.remove_for_good("one")
    one.cluster.put(gateway("one", uid="the-next-one"))
    one.reconcile("one")

    one.sweep()
    assert ONE_OF_EACH == one.sweep(GRACE)
    assert ["infra/one", "infra/three", "infra/two"] == one.ours()


def test_a_gateway_created_after_the_list_was_read_keeps_what_it_just_got(one: World) -> None:
    one.cluster.put(gateway("four"))
    one.reconcile("four")

    def older_list(path: str, right: Answer) -> Answer:
        if not path.endswith("/gateways"):
            return right
        body = json.loads(right.body)
        body["items"] = [item for item in body["items"] if item["metadata"]["name"] != "four"]
        return Answer(200, json.dumps(body).encode())

    one.server.lie = older_list
    assert [{}, {}] == [one.sweep(), one.sweep(2 * GRACE)]
    one.server.lie = honest
    assert "infra/four" in one.ours()


def test_a_cluster_swapped_between_the_list_and_the_question_by_name_proves_nothing(one: World) -> None:
    one.remove_for_good("one")
    one.sweep()
    one.now += 2 * GRACE
    asked: list[str] = []

    def swapped(path: str, right: Answer) -> Answer:
        asked.append(path)
        if asked.count("/api/v1/namespaces/kube-system") > 1 and path.endswith("/kube-system"):
            return Answer(200, b'{"metadata": {"name": "kube-system", "uid": "uid-of-another"}}')
        return right

    one.server.lie = swapped
    assert {} == one.sweep()
    assert [] == one.deletions()


def test_what_is_left_where_a_class_places_its_load_balancers_is_swept_as_well(one: World) -> None:
    """A LoadBalancerConfig that no class names sends nobody anywhere."""
    placement = {"placement": {"region": "eu-west-1"}}
    stray = config({"placement": {"region": "us-west-2"}}, "stray")
    prepare_network(boto3.client("ec2", region_name="eu-west-1"), "eu-west-1")
    one.cluster.put(gateway_class("far", parametersRef=config_ref("far")), config(placement, "far"), stray)
    far = gateway("far")
    far["spec"]["gatewayClassName"] = "far"
    one.cluster.put(far)
    one.reconcile("far")
    one.remove_for_good("far")

    assert [{}, {}] == [one.sweep(), one.sweep(GRACE - 1)]
    assert {"load balancers": 1, "security groups": 1} == one.sweep(1)
    assert "us-west-2" not in {entry.region for entry in one.account.journal.entries()}


def test_mode_observe_sweeps_nothing(one: World) -> None:
    one.remove_for_good("one")
    one.sweep()
    container: Any = wiring.container()
    container.settings = wiring.Settings(sweep_grace=GRACE, mode="observe")

    one.now += 2 * GRACE
    assert {} == sweep.handler({}, None)
    assert len(NAMES) == len(one.ours())
