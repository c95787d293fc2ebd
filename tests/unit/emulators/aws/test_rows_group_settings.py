"""Attributes and health checks of target groups, row by row of the table in `emulators/aws/README.md`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.emulators.aws.conftest import World, refused


def shown(world: World, arn: str) -> dict[str, Any]:
    return dict(world.elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0])


def attribute(world: World, group: str, key: str, value: str) -> None:
    world.elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=[{"Key": key, "Value": value}])


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("deregistration_delay.timeout_seconds", "3601", "ValidationError"),
        ("slow_start.duration_seconds", "29", "ValidationError"),
        ("stickiness.lb_cookie.duration_seconds", "0", "ValidationError"),
        ("load_balancing.algorithm.type", "random", "ValidationError"),
        ("no.such.key", "true", "ValidationError"),
        ("proxy_protocol_v2.enabled", "true", "InvalidConfigurationRequest"),
    ],
)
def test_row_32_attributes_of_a_target_group_are_checked(world: World, key: str, value: str, code: str) -> None:
    with refused(code):
        attribute(world, world.group(), key, value)


@pytest.mark.parametrize(
    "clashing",
    [
        {"slow_start.duration_seconds": "30", "load_balancing.algorithm.type": "least_outstanding_requests"},
        {"slow_start.duration_seconds": "30", "load_balancing.algorithm.type": "weighted_random"},
        {"load_balancing.algorithm.anomaly_mitigation": "on"},
        {"stickiness.enabled": "true", "stickiness.type": "app_cookie"},
    ],
)
def test_row_32_attributes_that_do_not_go_together_are_refused(world: World, clashing: dict[str, str]) -> None:
    pairs = [{"Key": key, "Value": value} for key, value in clashing.items()]
    group = world.group()

    with refused("InvalidConfigurationRequest"):
        world.elbv2.modify_target_group_attributes(TargetGroupArn=group, Attributes=pairs)


def test_row_32_an_hour_of_draining_is_allowed_and_all_attributes_are_shown(world: World) -> None:
    group = world.group()

    attribute(world, group, "deregistration_delay.timeout_seconds", "3600")

    found = world.elbv2.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]
    values = {one["Key"]: one["Value"] for one in found}
    assert ("3600", "86400") == (
        values["deregistration_delay.timeout_seconds"],
        values["stickiness.lb_cookie.duration_seconds"],
    )
    assert "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count" in values


def test_row_33_health_checks_have_the_documented_defaults(world: World) -> None:
    found = shown(world, world.group())

    names = ("HealthCheckTimeoutSeconds", "HealthCheckIntervalSeconds", "HealthyThresholdCount")
    assert [6, 30, 5] == [found[name] for name in names]
    assert ("/", {"HttpCode": "200"}) == (found["HealthCheckPath"], found["Matcher"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"HealthCheckIntervalSeconds": 4},
        {"HealthCheckIntervalSeconds": 10, "HealthCheckTimeoutSeconds": 10},
        {"HealthyThresholdCount": 11},
        {"HealthCheckPath": "x"},
        {"HealthCheckPort": "0"},
        {"Matcher": {"HttpCode": "600"}},
        {"HealthCheckProtocol": "TCP"},
    ],
)
def test_row_33_health_checks_have_ranges(world: World, wrong: dict[str, Any]) -> None:
    pods = {"Name": "pods", "Protocol": "HTTP", "Port": 80, "VpcId": world.network.vpc_id, "TargetType": "ip"}
    with refused("ValidationError"):
        world.unchecked.create_target_group(**pods, **wrong)
    group = world.group()
    with refused("ValidationError"):
        world.unchecked.modify_target_group(TargetGroupArn=group, **wrong)


def test_row_33_a_grpc_groups_health_is_a_grpc_code(world: World) -> None:
    group = world.group(ProtocolVersion="GRPC")
    assert ({"GrpcCode": "12"}, "/AWS.ALB/healthcheck") == (
        shown(world, group)["Matcher"],
        shown(world, group)["HealthCheckPath"],
    )

    world.elbv2.modify_target_group(TargetGroupArn=group, Matcher={"GrpcCode": "0-5"})
    assert {"GrpcCode": "0-5"} == shown(world, group)["Matcher"]


def test_row_33_health_checks_of_addresses_cannot_be_turned_off(world: World) -> None:
    with refused("InvalidConfigurationRequest"):
        world.group(HealthCheckEnabled=False)
