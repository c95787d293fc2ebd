"""The load balancer, its security groups and its ports."""

from __future__ import annotations

import pytest

from providers.aws.resources import (
    LB_ATTRIBUTES_KEY,
    LOAD_BALANCER_KEY,
    SECURITY_GROUP_KEY,
    ingress_key,
)
from reconciler.plan import Resource
from reconciler.values import Json
from tests.aws_gateway import (
    calls_of,
    changes_of,
    less,
    path_rule,
    spec_of,
    swap,
    whole,
)


def test_security_groups_are_joined_before_the_old_ones_leave() -> None:
    """No client is shut out in between."""
    changes = changes_of(swap(whole(), LOAD_BALANCER_KEY, SecurityGroups=["sg-1"]), whole())

    assert [["managed", "sg-1"], ["sg-1"]] == [spec_of(change)["SecurityGroups"] for change in changes]


@pytest.mark.parametrize(("old", "new"), [(["a"], ["a", "b"]), (["a", "b"], ["a"])])
def test_one_call_is_enough_to_add_or_to_drop_security_groups(old: list[Json], new: list[Json]) -> None:
    """The union is one of the two."""
    want, got = (swap(whole(), LOAD_BALANCER_KEY, SecurityGroups=groups) for groups in (new, old))

    assert [new] == [spec_of(change)["SecurityGroups"] for change in changes_of(want, got)]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("dualstack", ["SetSubnets", "SetIpAddressType"]), ("ipv4", ["SetIpAddressType", "SetSubnets"])],
)
def test_dual_stack_comes_after_its_subnets_and_leaves_before_them(kind: str, expected: list[str]) -> None:
    """AWS refuses dual stack on subnets without IPv6."""
    got = swap(whole(), LOAD_BALANCER_KEY, IpAddressType="other", Subnets=["subnet-9"])

    assert expected == calls_of(swap(whole(), LOAD_BALANCER_KEY, IpAddressType=kind), got)


def test_only_attributes_that_differ_are_set() -> None:
    """What we do not name is the cloud's own business."""
    want = swap(whole(), LB_ATTRIBUTES_KEY, **{"routing.http2.enabled": "true"})
    (change,) = changes_of(want, whole())

    assert {"routing.http2.enabled": "true"} == spec_of(change)


def test_sources_are_authorised_before_others_are_revoked() -> None:
    """Each call names only what it adds or takes."""
    want = swap(whole(), ingress_key(80), Sources=["10.0.0.0/16"])
    first, second = changes_of(want, whole())

    assert ("AuthorizeSecurityGroupIngress", ["10.0.0.0/16"]) == (first.call, spec_of(first)["Sources"])
    assert second.got is not None
    assert ("RevokeSecurityGroupIngress", ["10.0.0.0/8"]) == (second.call, second.got.spec["Sources"])


def test_our_own_security_group_goes_last_where_the_user_brings_one() -> None:
    """Its ingress goes with it."""
    want = _with_groups(less(whole(), SECURITY_GROUP_KEY, ingress_key(80)), ["sg-1"])

    assert ["SetSecurityGroups", "SetSecurityGroups", "DeleteSecurityGroup"] == calls_of(want, whole())


def _with_groups(resources: list[Resource], groups: list[Json]) -> list[Resource]:
    return swap(resources, LOAD_BALANCER_KEY, SecurityGroups=groups)


def test_another_scheme_is_another_load_balancer_and_says_that_it_disrupts() -> None:
    """With target groups of its own the old one serves until the new one is complete."""
    got = [one for one in whole(path_rule("/a")) if one.key.kind not in ("target-group", "tg-attributes", "targets")]
    changes = changes_of(
        swap(whole(path_rule("/a")), LOAD_BALANCER_KEY, Name="rw-public", Scheme="internet-facing"), got
    )
    calls = [change.call for change in changes]

    assert calls.index("CreateRule") < calls.index("DeleteLoadBalancer")
    assert ["DeleteLoadBalancer"] == [change.call for change in changes if change.disruptive]


def test_a_former_load_balancer_lets_go_of_shared_target_groups_first() -> None:
    """AWS allows a target group one load balancer only."""
    want = swap(whole(path_rule("/a")), LOAD_BALANCER_KEY, Name="rw-public")
    calls = calls_of(want, whole(path_rule("/a")))

    assert ["DeleteLoadBalancer", "CreateLoadBalancer"] == [call for call in calls if call.endswith("LoadBalancer")]


def test_a_quota_is_no_difference() -> None:
    """It is a limit of the plan, not of the load balancer."""
    assert [] == calls_of(swap(whole(), LOAD_BALANCER_KEY, RulesQuota=200), whole())


def test_an_attribute_that_nobody_wants_any_more_goes_back_to_its_default() -> None:
    """What the account's own rules set, such as logs, stays."""
    seen = {
        "idle_timeout.timeout_seconds": "30",
        "deletion_protection.enabled": "true",
        "access_logs.s3.enabled": "true",
    }
    want = [Resource(LB_ATTRIBUTES_KEY, {}) if one.key == LB_ATTRIBUTES_KEY else one for one in whole()]

    (change,) = changes_of(want, swap(whole(), LB_ATTRIBUTES_KEY, **seen))

    assert "ModifyLoadBalancerAttributes" == change.call
    assert {"idle_timeout.timeout_seconds": "60", "deletion_protection.enabled": "false"} == spec_of(change)
