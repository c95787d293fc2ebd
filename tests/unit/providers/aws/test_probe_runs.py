"""Readiness probes in whole runs against the emulated AWS: taken over, kept as Pods come and go, changed in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from reconciler.events import Cause, Seen
from tests.aws_world import World
from tests.builders import backend_config, endpoints, gateway, http_probe, listener, of_pods, pod, route_of, service
from tests.fakes import trigger
from tests.unit.providers.aws.test_backend_config_runs import group

type Plain = dict[str, Any]
PODS = [pod(f"web-1-{letter}", probe=http_probe(periodSeconds=20)) for letter in "ab"]


@pytest.fixture
def world() -> Iterator[World]:
    with strict_aws() as account:
        made = World(account)
        serve(made, *PODS)
        yield made


def serve(world: World, *pods: Plain, ready: bool = True) -> None:
    """Let these Pods, and no others, be behind Service a/web."""
    for kind, namespace, name in list(world.cluster.objects):
        if kind == "Pod":
            world.cluster.remove(kind, namespace, name)
    addresses = [f"10.244.0.{sum(map(ord, one['metadata']['name'])) % 250}" for one in pods]
    world.cluster.put(*pods, of_pods(endpoints(addresses=addresses, ready=ready), *pods))


def health(world: World) -> tuple[str, str, str, int]:
    found = group(world)
    return (
        found["HealthCheckProtocol"],
        found["HealthCheckPort"],
        found.get("HealthCheckPath", ""),
        found["HealthCheckIntervalSeconds"],
    )


def churn(world: World) -> list[str]:
    """Return what a run for changed endpoints writes to cloud and cluster, and see that a deep one after it rests."""
    world.forget()
    world.cluster.writes.clear()
    world.run(trigger(seen=(Seen("EndpointSlice", "uid-a-web-s", "10"),), services=("a/web",)))
    done = [*world.operations(), *world.cluster.writes]
    world.forget()
    world.run(trigger(cause=Cause.DEEP))
    assert [] == world.operations()
    return done


def test_a_new_target_group_asks_as_the_pods_do(world: World) -> None:
    done = world.complete()

    assert ("HTTP", "traffic-port", "/ready", 20) == health(world)
    assert "ModifyTargetGroup" not in done


def test_pods_that_come_and_go_with_the_same_probe_change_targets_alone(world: World) -> None:
    world.complete()
    other = pod("web-1-0", probe=http_probe(periodSeconds=20))
    serve(world, other, PODS[1])

    assert ["RegisterTargets", "DeregisterTargets"] == churn(world)
    serve(world, *PODS)
    assert ["RegisterTargets", "DeregisterTargets"] == churn(world)


def test_a_restart_of_all_pods_does_not_bring_the_default_in_between(world: World) -> None:
    world.complete()
    serve(world, *PODS, ready=False)

    assert ["DeregisterTargets"] == churn(world)


def test_a_rollout_with_another_probe_changes_the_check_once_on_the_same_target_group(world: World) -> None:
    world.complete()
    before, old = group(world)["TargetGroupArn"], PODS
    new = [pod(f"web-2-{letter}", probe=http_probe("/live", 9090)) for letter in "ab"]
    checks, calls = [], list[str]()
    for there in ((*old, new[0]), (old[0], new[0]), (old[0], *new), new):
        serve(world, *there)
        calls += [one for one in churn(world) if one.startswith("ModifyTargetGroup")]
        checks.append(health(world))

    assert ["ModifyTargetGroup"] == calls
    assert [("HTTP", "traffic-port", "/ready", 20)] * 2 + [("HTTP", "9090", "/live", 10)] * 2 == checks
    assert before == group(world)["TargetGroupArn"]


def test_a_backend_config_wins_and_what_it_leaves_open_is_the_probes_again(world: World) -> None:
    world.complete()
    world.cluster.put(backend_config({"healthCheck": {"path": "/up"}}))

    assert ["ModifyTargetGroup"] == world.complete()
    assert ("HTTP", "traffic-port", "/up", 20) == health(world)
    world.cluster.remove("BackendConfig", "a", "settings")
    assert ["ModifyTargetGroup"] == world.complete()
    assert ("HTTP", "traffic-port", "/ready", 20) == health(world)


def test_a_service_without_pods_has_the_default_and_gets_the_probe_before_the_first_target(world: World) -> None:
    world.complete()
    serve(world)
    assert ["ModifyTargetGroup", "DeregisterTargets"] == [one for one in churn(world) if one[0].isupper()]
    assert ("HTTP", "traffic-port", "/", 15) == health(world)

    serve(world, *PODS)
    assert ["ModifyTargetGroup", "RegisterTargets"] == [one for one in churn(world) if one[0].isupper()]
    assert ("HTTP", "traffic-port", "/ready", 20) == health(world)


def test_a_stream_is_asked_by_http_where_its_pods_are_and_by_a_connection_again(world: World) -> None:
    world.cluster.remove("HTTPRoute", "a", "web")
    world.cluster.put(gateway(listeners=[listener("tcp", 5432, "TCP")]), route_of("TCPRoute"), service())
    world.complete()
    assert ("HTTP", "traffic-port", "/ready", 20) == health(world)

    serve(world, *(pod(f"web-2-{letter}", probe={"tcpSocket": {"port": 8080}}) for letter in "ab"))
    assert "ModifyTargetGroup" in churn(world)
    assert ("TCP", "traffic-port", "", 10) == health(world)
