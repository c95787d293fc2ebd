"""BackendConfigs in whole runs against the emulated AWS: set, changed in place, withdrawn, mended, refused."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.faults import Fault, ProcessCut
from tests.aws_world import World, hold, secret, secure
from tests.builders import (
    backend,
    backend_config,
    endpoints,
    exact,
    gateway,
    listener,
    route,
    route_of,
    rule,
    service,
    with_service,
)

type Plain = dict[str, Any]


def group(world: World) -> Plain:
    (found,) = [one for one in world.account.state()["targetGroups"] if "no-backend" not in one["TargetGroupName"]]
    return dict(found)


def attributes(world: World) -> dict[str, str]:
    arn = group(world)["TargetGroupArn"]
    found = world.account.client("elbv2").describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    return {one["Key"]: one["Value"] for one in found}


def told(world: World) -> tuple[str, str, str]:
    """Return status, reason and message of what is said of the BackendConfig."""
    (ancestor,) = world.cluster.objects["BackendConfig", "a", "settings"]["status"]["ancestors"]
    (found,) = [one for one in ancestor["conditions"] if one["type"] == "Accepted"]
    return found["status"], found["reason"], found["message"]


SETTINGS: list[tuple[Plain, Plain]] = [
    ({"drainingSeconds": 30}, {"deregistration_delay.timeout_seconds": "30"}),
    (
        {"stickySeconds": 60},
        {
            "stickiness.enabled": "true",
            "stickiness.type": "lb_cookie",
            "stickiness.lb_cookie.duration_seconds": "60",
        },
    ),
    (
        {"stickySeconds": 60, "aws": {"cookieName": "session"}},
        {
            "stickiness.enabled": "true",
            "stickiness.type": "app_cookie",
            "stickiness.app_cookie.duration_seconds": "60",
            "stickiness.app_cookie.cookie_name": "session",
        },
    ),
    (
        {"aws": {"algorithm": "weighted_random", "anomalyMitigation": True, "crossZone": False}},
        {
            "load_balancing.algorithm.type": "weighted_random",
            "load_balancing.algorithm.anomaly_mitigation": "on",
            "load_balancing.cross_zone.enabled": "false",
        },
    ),
    ({"aws": {"slowStartSeconds": 45}}, {"slow_start.duration_seconds": "45"}),
]


@pytest.mark.parametrize(("spec", "wanted"), SETTINGS, ids=lambda one: next(iter(one)))
def test_settings_come_and_go_in_one_call_on_the_same_target_group(world: World, spec: Plain, wanted: Plain) -> None:
    world.run()
    before, plain = group(world)["TargetGroupArn"], attributes(world)
    world.cluster.put(backend_config(spec))

    assert ["ModifyTargetGroupAttributes"] == world.complete()
    assert wanted.items() <= attributes(world).items()
    world.cluster.remove("BackendConfig", "a", "settings")
    assert ["ModifyTargetGroupAttributes"] == world.complete()
    assert before == group(world)["TargetGroupArn"]
    kept = {name for name in plain if name.startswith("stickiness.") and name != "stickiness.enabled"}
    assert {k: v for k, v in plain.items() if k not in kept} == {
        k: v for k, v in attributes(world).items() if k not in kept
    }


def test_a_new_target_group_gets_its_settings_before_any_rule_sends_to_it(world: World) -> None:
    world.cluster.put(backend_config({"drainingSeconds": 30}))

    done = world.complete()

    assert done.index("CreateTargetGroup") < done.index("ModifyTargetGroupAttributes") < done.index("CreateRule")


def test_a_service_that_comes_with_settings_costs_one_write_more(world: World) -> None:
    world.run()
    world.cluster.put(
        *with_service("more", addresses=["10.244.0.9"]),
        route("more", rules=[rule(backend("more"), matches=[exact("/more")])]),
    )
    world.cluster.put(backend_config({"drainingSeconds": 30}, target="more"))

    assert ["CreateTargetGroup", "ModifyTargetGroupAttributes", "RegisterTargets", "CreateRule"] == world.complete()


def test_a_plain_service_costs_neither_a_read_nor_a_write_of_attributes(world: World) -> None:
    world.run()
    world.cluster.put(
        *with_service("more", addresses=["10.244.0.9"]),
        route("more", rules=[rule(backend("more"), matches=[exact("/more")])]),
    )
    world.forget()
    world.run()

    every = [entry.operation for entry in world.account.journal.entries()]
    assert [] == [one for one in every if "TargetGroupAttributes" in one]


def test_health_checks_follow_in_one_call(world: World) -> None:
    world.run()
    check = {"path": "/up", "port": 9090, "intervalSeconds": 5, "unhealthyThreshold": 4, "matcher": "200,204-299"}
    world.cluster.put(backend_config({"healthCheck": check}))

    assert ["ModifyTargetGroup"] == world.complete()
    found = group(world)
    assert ("/up", "9090", {"HttpCode": "200,204-299"}) == (
        found["HealthCheckPath"],
        found["HealthCheckPort"],
        found["Matcher"],
    )
    assert (5, 4, 4) == (
        found["HealthCheckIntervalSeconds"],
        found["HealthCheckTimeoutSeconds"],
        found["UnhealthyThresholdCount"],
    )


@pytest.mark.parametrize(
    ("protocol", "check"),
    [("HTTPS", "HTTPS"), ("HTTP2", "HTTP"), ("GRPC", "HTTP")],
)
def test_another_protocol_is_another_target_group_made_before_the_former_goes(
    world: World, protocol: str, check: str
) -> None:
    hold(world, secret("tls"))
    secure(world, "tls")
    world.run()
    before = group(world)["TargetGroupName"]
    world.cluster.put(
        backend_config({"protocol": protocol, "healthCheck": {"protocol": "GRPC"} if protocol == "GRPC" else {}})
    )

    done = world.complete()

    order = [done.index(one) for one in ("CreateTargetGroup", "RegisterTargets", "ModifyRule", "DeleteTargetGroup")]
    assert sorted(order) == order
    assert before != group(world)["TargetGroupName"]
    assert check == group(world)["HealthCheckProtocol"]


def test_what_somebody_did_to_a_setting_is_mended_and_what_no_setting_covers_stays(world: World) -> None:
    world.cluster.put(backend_config({"drainingSeconds": 30}))
    world.run()
    theirs = {
        "deregistration_delay.timeout_seconds": "77",
        "slow_start.duration_seconds": "60",
        "target_group_health.dns_failover.minimum_healthy_targets.count": "3",
    }
    pairs = [{"Key": key, "Value": value} for key, value in theirs.items()]
    world.account.client("elbv2").modify_target_group_attributes(
        TargetGroupArn=group(world)["TargetGroupArn"], Attributes=pairs
    )

    assert ["ModifyTargetGroupAttributes"] == world.deep()
    assert ["30", "0", "3"] == [attributes(world)[key] for key in theirs]


# --- streams ------------------------------------------------------------------------------------------------------


@pytest.fixture
def streaming(world: World) -> World:
    world.cluster.objects.pop(("HTTPRoute", "a", "web"))
    tcp = route_of("TCPRoute", "t", spec={"rules": [rule(backend())]}, creationTimestamp="2026-01-01T00:00:00Z")
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), tcp)
    return world


def test_a_stream_has_settings_of_its_own(streaming: World) -> None:
    streaming.run()
    aws = {"preserveClientIP": True, "proxyProtocol": True, "endConnections": True}
    streaming.cluster.put(
        backend_config({"stickySeconds": 1, "healthCheck": {"protocol": "HTTP", "path": "/up"}, "aws": aws})
    )

    assert ["ModifyTargetGroup", "ModifyTargetGroupAttributes"] == streaming.complete()
    found = attributes(streaming)
    wanted = ("stickiness.enabled", "preserve_client_ip.enabled", "proxy_protocol_v2.enabled")
    assert ["true"] * 3 == [found[name] for name in wanted]
    assert "source_ip" == found["stickiness.type"]
    assert "true" == found["deregistration_delay.connection_termination.enabled"]
    assert ("HTTP", "/up") == (group(streaming)["HealthCheckProtocol"], group(streaming)["HealthCheckPath"])
    streaming.cluster.remove("BackendConfig", "a", "settings")
    assert ["ModifyTargetGroup", "ModifyTargetGroupAttributes"] == streaming.complete()
    assert ["false"] * 3 == [attributes(streaming)[name] for name in wanted]


def test_udp_keeps_what_a_network_load_balancer_always_does(world: World) -> None:
    world.cluster.objects.pop(("HTTPRoute", "a", "web"))
    udp = route_of(
        "UDPRoute", "u", spec={"rules": [rule(backend("dns", 53))]}, creationTimestamp="2026-01-01T00:00:00Z"
    )
    found, slices = service("dns", ports=(53,)), endpoints("dns", port=53)
    found["spec"]["ports"][0]["protocol"] = slices["ports"][0]["protocol"] = "UDP"
    world.cluster.put(gateway(listeners=[listener("udp", 53, "UDP")]), udp, found, slices)
    aws = {"preserveClientIP": True, "endConnections": True}
    world.cluster.put(backend_config({"drainingSeconds": 7, "aws": aws}, target="dns"))

    world.complete()

    assert ("7", "true") == (
        attributes(world)["deregistration_delay.timeout_seconds"],
        attributes(world)["preserve_client_ip.enabled"],
    )


def test_streams_whose_tls_is_ended_cannot_be_sticky_and_the_route_says_so(world: World) -> None:
    world.cluster.objects.pop(("HTTPRoute", "a", "web"))
    hold(world, secret("tls"))
    tls = {"mode": "Terminate", "certificateRefs": [{"name": "tls"}]}
    spec = {"rules": [rule(backend())], "hostnames": ["a.example.com"]}
    world.cluster.put(
        gateway(listeners=[listener("tls", 8443, "TLS", tls=tls)]),
        route_of("TLSRoute", "t", spec=spec, creationTimestamp="2026-01-01T00:00:00Z"),
        backend_config({"stickySeconds": 60}),
    )

    world.run()

    conditions = world.cluster.objects["TLSRoute", "a", "t"]["status"]["parents"][0]["conditions"]
    (accepted,) = [one for one in conditions if one["type"] == "Accepted"]
    assert ("False", "UnsupportedValue") == (accepted["status"], accepted["reason"])
    assert "sticky" in accepted["message"]


# --- what cannot be -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"targetType": "instance"}, "spec.targetType"),
        ({"aws": {"odd": 1}}, "spec.aws.odd is not known"),
        ({"aws": {"slowStartSeconds": 29}}, "30 to 900"),
        ({"aws": {"slowStartSeconds": 901}}, "30 to 900"),
        ({"aws": {"slowStartSeconds": 30, "algorithm": "least_outstanding_requests"}}, "round_robin only"),
        ({"aws": {"anomalyMitigation": True}}, "weighted_random only"),
        ({"aws": {"algorithm": "random"}}, "one of round_robin"),
        ({"aws": {"cookieName": "AWSALB"}, "stickySeconds": 1}, "AWSALB"),
        ({"aws": {"cookieName": "mine"}}, "needs stickySeconds"),
        ({"aws": {"proxyProtocol": True}}, "streams only"),
        ({"healthCheck": {"protocol": "TCP"}}, "not by TCP"),
        ({"healthCheck": {"protocol": "GRPC"}}, "only a GRPC backend"),
        ({"healthCheck": {"matcher": "200-500"}}, "from 200 to 499"),
        ({"healthCheck": {"matcher": "299-200"}}, "from 200 to 499"),
        ({"healthCheck": {"matcher": "ok"}}, "from 200 to 499"),
        ({"healthCheck": {"matcher": "200"}, "protocol": "GRPC"}, "from 0 to 99"),
        ({"healthCheck": {"path": "/" + "x" * 1024}}, "1024 characters"),
    ],
    ids=lambda one: str(one)[:60],
)
def test_what_aws_cannot_do_is_told_on_the_config_and_the_route_is_served_without_it(
    world: World, spec: Plain, words: str
) -> None:
    world.cluster.put(backend_config({"drainingSeconds": 30, **spec}))

    world.run()

    assert ("False", "Invalid") == told(world)[:2]
    assert words in told(world)[2]
    assert "300" == attributes(world)["deregistration_delay.timeout_seconds"]
    assert 1 == len(world.rules())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"protocol": "HTTP"}, "spec.protocol"),
        ({"aws": {"algorithm": "round_robin"}}, "requests only"),
        ({"healthCheck": {"path": "/up"}}, "spec.healthCheck.path"),
        ({"healthCheck": {"protocol": "GRPC"}}, "only a GRPC backend"),
        ({"healthCheck": {"protocol": "HTTP", "matcher": "600"}}, "from 200 to 599"),
    ],
    ids=lambda one: str(one)[:60],
)
def test_what_a_stream_cannot_have_is_told_on_the_config(streaming: World, spec: Plain, words: str) -> None:
    streaming.cluster.put(backend_config(spec))

    streaming.run()

    assert ("False", "Invalid") == told(streaming)[:2]
    assert words in told(streaming)[2]


def test_every_value_at_its_limit_is_taken_by_aws(world: World) -> None:
    lowest = {"intervalSeconds": 5, "timeoutSeconds": 2, "healthyThreshold": 2, "unhealthyThreshold": 2, "port": 1}
    highest = {"intervalSeconds": 300, "timeoutSeconds": 120, "healthyThreshold": 10, "unhealthyThreshold": 10}
    ends: list[Plain] = [
        {"healthCheck": lowest, "drainingSeconds": 0, "stickySeconds": 1, "aws": {"slowStartSeconds": 30}},
        {"healthCheck": highest, "drainingSeconds": 3600, "stickySeconds": 604_800, "aws": {"slowStartSeconds": 900}},
        {"healthCheck": {"port": 65_535, "path": "/" + "x" * 1023, "matcher": "200-499"}},
    ]
    for spec in ends:
        world.cluster.put(backend_config(spec))
        world.complete()
        assert ("True", "Accepted") == told(world)[:2]
        assert ("True", "Programmed") == world.says()["Programmed"]


def test_a_cookie_of_the_application_and_weights_cannot_be_together(world: World) -> None:
    both = [rule(backend(weight=1), backend("more", weight=1))]
    world.cluster.put(*with_service("more", addresses=["10.244.0.9"]), route(rules=both))
    world.cluster.put(backend_config({"stickySeconds": 60, "aws": {"cookieName": "session"}}))

    world.run()

    conditions = world.cluster.objects["HTTPRoute", "a", "web"]["status"]["parents"][0]["conditions"]
    (accepted,) = [one for one in conditions if one["type"] == "Accepted"]
    assert ("False", "UnsupportedValue") == (accepted["status"], accepted["reason"])
    assert "cookie of its application" in accepted["message"]


@pytest.mark.parametrize("cut", range(1, 3))
def test_a_setting_that_was_cut_and_taken_back_leaves_nothing(world: World, cut: int) -> None:
    """Whatever write the process dies after, the run after the revert ends as if nothing had been asked for."""
    world.run()
    plain = attributes(world), group(world)["HealthCheckPath"]
    spec = {"drainingSeconds": 30, "aws": {"slowStartSeconds": 45}, "healthCheck": {"path": "/up"}}
    world.cluster.put(backend_config(spec))
    world.account.faults.add(Fault("cut", "write", nth=cut, effect="after"))
    with pytest.raises(ProcessCut):
        world.run()
    world.account.faults.clear()
    assert plain != (attributes(world), group(world)["HealthCheckPath"])
    world.cluster.remove("BackendConfig", "a", "settings")

    world.run()

    assert plain == (attributes(world), group(world)["HealthCheckPath"])
