"""What happens around the calls: throttles, delays, time, and which version of the account a change left.

Row 41 of the table in `emulators/aws/README.md`, and rows of its second table.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from emulators.aws.inprocess import strict_aws
from emulators.aws.server import AwsEmulator
from emulators.aws.settings import Settings
from tests.unit.emulators.aws.conftest import World, forward, listed, refused


@contextmanager
def world_of(**settings: Any) -> Iterator[World]:
    with strict_aws(Settings(virtual_clock=True, **settings)) as account:
        yield World(account)


def successes(call: Any, most: int = 200) -> int:
    """Call until it is refused; return how often it was not."""
    for number in range(most):
        try:
            call()
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"ThrottlingException", "RequestLimitExceeded"}:
                raise
            return number
    return most


# --- throttling ---------------------------------------------------------------------------------------------------


def test_row_41_describes_take_from_a_bucket_of_40_refilled_10_a_second() -> None:
    with world_of(throttle=True) as world:
        describe = world.elbv2.describe_load_balancers
        assert 40 == successes(describe)
        with refused("ThrottlingException", "Rate exceeded"):
            world.elbv2.describe_target_groups()

        world.account.clock.advance(1)
        assert 10 == successes(describe)
        world.account.clock.advance(3600)
        assert 40 == successes(describe)


@pytest.mark.parametrize("kind", ["mutate", "register"])
def test_row_41_the_other_buckets_are_apart_and_settable(kind: str) -> None:
    with world_of(throttle=True) as world:
        group = world.group()
        for name in ("mutate", "register"):
            world.account.throttle.resize(name, 3, 1)
        targets = [{"Id": "10.244.0.1", "Port": 80}]
        calls = {
            "mutate": lambda: world.elbv2.add_tags(ResourceArns=[group], Tags=[{"Key": "k", "Value": "v"}]),
            "register": lambda: world.elbv2.register_targets(TargetGroupArn=group, Targets=targets),
        }

        assert 3 == successes(calls.pop(kind))
        assert 3 == successes(next(iter(calls.values())))
        world.elbv2.describe_target_groups()


def test_row_41_a_throttled_call_has_no_effect() -> None:
    with world_of(throttle=True) as world:
        world.account.throttle.resize("mutate", 1, 1)
        world.group("first")
        with refused("ThrottlingException"):
            world.group("second")

        assert ["first"] == [one["TargetGroupName"] for one in world.elbv2.describe_target_groups()["TargetGroups"]]


def test_row_41_ec2_counts_each_action_apart_and_has_its_own_word() -> None:
    with world_of(throttle=True) as world:
        assert 100 > successes(world.ec2.describe_subnets) > 90
        with refused("RequestLimitExceeded"):
            world.ec2.describe_subnets()
        world.ec2.describe_vpcs()


def test_row_41_certificates_are_imported_one_a_second() -> None:
    with world_of(throttle=True) as world:
        world.certificate("a.example.com")
        with refused("ThrottlingException"):
            world.certificate("b.example.com")
        world.account.clock.advance(1)
        world.certificate("b.example.com")


def test_row_41_rates_and_everything_else_can_be_set_over_http_too() -> None:
    with AwsEmulator(Settings(throttle=True, virtual_clock=True)) as emulator:
        elbv2 = emulator.client("elbv2")
        post(emulator, "throttle", {"describe": [2, 1]})
        assert 2 == successes(elbv2.describe_load_balancers)
        post(emulator, "clock", {"advance": 1})
        assert 1 == successes(elbv2.describe_load_balancers)
        post(emulator, "quotas", {"target-groups": 7})
        post(emulator, "clock", {"advance": 1})
        limits = elbv2.describe_account_limits()["Limits"]
        assert {"Name": "target-groups", "Max": "7"} in limits
        with pytest.raises(HTTPError):
            post(emulator, "throttle", {"teleport": [1, 1]})


def post(emulator: AwsEmulator, door: str, value: Any) -> None:
    """Post JSON to a control door."""
    request = Request(f"{emulator.endpoint_url}/_emulator/{door}", json.dumps(value).encode(), method="POST")  # noqa: S310 - our own loopback server
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - the same
        assert 200 == answer.status


def test_row_41_without_the_switch_nothing_is_throttled(world: World) -> None:
    assert 100 == successes(world.elbv2.describe_load_balancers, 100)


# --- eventual consistency -----------------------------------------------------------------------------------------


def test_consistency_what_is_made_is_seen_after_a_while() -> None:
    with world_of(consistency_delay=5) as world:
        balancer = world.balancer()
        with refused("LoadBalancerNotFound"):
            world.listener(balancer)
        assert [] == world.elbv2.describe_load_balancers()["LoadBalancers"]
        world.account.clock.advance(5)
        listener, group = world.listener(balancer), world.group()
        with refused("ListenerNotFound"):
            world.rule(listener)
        world.account.clock.advance(4)
        with refused("ListenerNotFound"):
            world.rule(listener)
        world.account.clock.advance(1)
        late = world.group("late")
        with refused("TargetGroupNotFound"):
            world.rule(listener, Actions=forward(late))
        rule = world.rule(listener, Actions=forward(group))
        with refused("RuleNotFound"):
            world.elbv2.delete_rule(RuleArn=rule)


def test_consistency_a_released_target_group_is_in_use_for_a_while() -> None:
    with world_of(consistency_delay=5) as world:
        group, balancer = world.group(), world.balancer()
        world.account.clock.advance(5)
        listener = world.listener(balancer, DefaultActions=forward(group))
        world.account.clock.advance(5)
        world.elbv2.delete_listener(ListenerArn=listener)
        with refused("ResourceInUse"):
            world.elbv2.delete_target_group(TargetGroupArn=group)
        world.account.clock.advance(5)
        world.elbv2.delete_target_group(TargetGroupArn=group)


def test_consistency_a_new_security_group_is_unknown_for_a_while() -> None:
    with world_of(consistency_delay=5) as world:
        made = world.ec2.create_security_group(GroupName="g", Description="d", VpcId=world.network.vpc_id)["GroupId"]
        opened = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        with refused("InvalidGroup.NotFound"):
            world.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[opened])
        with refused("InvalidConfigurationRequest", made):
            world.balancer(SecurityGroups=[made])
        world.account.clock.advance(5)
        world.ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[opened])
        world.balancer(SecurityGroups=[made])


def waits(seed: int) -> list[int]:
    """Return after how many tenths of a second each of five target groups was seen."""
    with world_of(consistency_delay=5, consistency_seed=seed) as world:
        found = []
        for number in range(5):
            group = world.group(f"g{number}")
            tenths = 0
            while not _seen(world, group):
                world.account.clock.advance(0.1)
                tenths += 1
            found.append(tenths)
        return found


def _seen(world: World, group: str) -> bool:
    return group in {one["TargetGroupArn"] for one in world.elbv2.describe_target_groups()["TargetGroups"]}


def test_consistency_a_seed_draws_each_delay_anew_and_always_the_same() -> None:
    first = waits(7)

    assert first == waits(7) != waits(8)
    assert len(set(first)) > 1
    assert max(first) <= 51


def test_consistency_get_resources_lags_behind_creations_and_deletions() -> None:
    with world_of(tagging_delay=30) as world:
        group = world.group(Tags=[{"Key": "k", "Value": "v"}])
        world.account.clock.advance(29)
        assert set() == listed(world)
        world.account.clock.advance(1)
        assert {group} == listed(world)
        world.elbv2.delete_target_group(TargetGroupArn=group)
        world.account.clock.advance(29)
        assert {group} == listed(world)
        world.account.clock.advance(1)
        assert set() == listed(world)


def test_consistency_a_fresh_certificate_is_unknown_to_elbv2() -> None:
    with world_of(certificate_delay=30) as world:
        balancer, certificate = world.balancer(), world.certificate("a.example.com")
        world.acm.describe_certificate(CertificateArn=certificate)
        with refused("CertificateNotFound"):
            world.listener(balancer, 443, "HTTPS", Certificates=[{"CertificateArn": certificate}])
        world.account.clock.advance(30)
        world.listener(balancer, 443, "HTTPS", Certificates=[{"CertificateArn": certificate}])


def test_swap_semantics_without_atomicity_a_swap_stops_at_its_first_step() -> None:
    with world_of(set_priorities_atomic=False) as world:
        listener = world.listener(world.balancer())
        first, second = world.rule(listener, 1), world.rule(listener, 2)
        pairs = [{"RuleArn": first, "Priority": 2}, {"RuleArn": second, "Priority": 1}]
        with refused("PriorityInUse"):
            world.elbv2.set_rule_priorities(RulePriorities=pairs)


# --- time ---------------------------------------------------------------------------------------------------------


def test_time_one_clock_moves_everything() -> None:
    with world_of(provisioning=60, target_initial=None) as world:
        balancer, group = world.balancer(), world.group(HealthCheckIntervalSeconds=10, HealthyThresholdCount=2)
        world.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.244.0.1", "Port": 80}])
        world.listener(balancer, DefaultActions=forward(group))

        def states() -> tuple[str, str]:
            account = world.account.state()
            return account["loadBalancers"][0]["State"]["Code"], account["targetGroups"][0]["Targets"][0]["State"]

        assert ("provisioning", "initial") == states()
        world.account.clock.advance(60)
        assert ("active", "initial") == states()
        world.account.clock.advance(20)
        assert ("active", "healthy") == states()


def test_time_does_not_run_back(world: World) -> None:
    with pytest.raises(ValueError, match="cannot run back"):
        world.account.clock.advance(-1)


# --- version applied ----------------------------------------------------------------------------------------------


def test_version_every_change_has_a_number_and_reads_have_none(world: World) -> None:
    versions = [world.account.watch.version()]
    for name in ("one", "two", "three"):
        world.group(name)
        world.elbv2.describe_target_groups()
        versions.append(world.account.watch.version())

    assert versions == sorted(set(versions))
    assert versions[-1] == world.account.state()["version"]


def test_version_a_refused_call_changes_nothing(world: World) -> None:
    before = world.account.watch.version()
    with refused("ValidationError"):
        world.balancer("x" * 33)

    assert before == world.account.watch.version()


def test_version_what_time_alone_changes_has_a_number_too() -> None:
    with world_of(provisioning=60) as world:
        world.balancer()
        before = world.account.watch.version()
        world.account.clock.advance(60)
        assert before < world.account.watch.version()


def test_version_can_be_waited_for(world: World) -> None:
    before, got = world.account.watch.version(), list[dict[str, Any]]()
    waiting = threading.Thread(target=lambda: got.append(world.account.state(before, 20)))
    waiting.start()

    world.group()
    waiting.join(10)

    assert ["pods"] == [one["TargetGroupName"] for one in got[0]["targetGroups"]]
