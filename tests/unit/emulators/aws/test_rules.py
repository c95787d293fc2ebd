"""Listener rules of the emulated ELBv2."""

from __future__ import annotations

from typing import Any

from tests.unit.emulators.aws.conftest import World, forward, refused


def _set(world: World, *pairs: tuple[str, int]) -> None:
    wanted = [{"RuleArn": arn, "Priority": priority} for arn, priority in pairs]
    world.elbv2.set_rule_priorities(RulePriorities=wanted)


def test_set_rule_priorities_refuses_a_conflict_in_the_final_order_and_moves_nothing(
    world: World, listener: str
) -> None:
    first, second, _ = (world.rule(listener, priority) for priority in (1, 2, 3))

    with refused("PriorityInUse"):
        _set(world, (first, 9), (second, 3))

    found = world.priorities(listener)
    assert ("1", "2") == (found[first], found[second])


def test_set_rule_priorities_refuses_rules_of_two_listeners(world: World, balancer: str, listener: str) -> None:
    here, there = world.rule(listener), world.rule(world.listener(balancer, 81))

    with refused("ValidationError", "same listener"):
        _set(world, (here, 5), (there, 6))


def test_set_rule_priorities_refuses_a_rule_named_twice(world: World, listener: str) -> None:
    rule = world.rule(listener)

    with refused("ValidationError", "more than once"):
        _set(world, (rule, 5), (rule, 6))


def test_set_rule_priorities_refuses_the_default_rule(world: World, listener: str) -> None:
    default = next(arn for arn, priority in world.priorities(listener).items() if priority == "default")

    with refused("OperationNotPermitted"):
        _set(world, (default, 5))


def test_set_rule_priorities_refuses_an_unknown_rule(world: World, listener: str) -> None:
    gone = world.rule(listener)
    world.elbv2.delete_rule(RuleArn=gone)

    with refused("RuleNotFound"):
        _set(world, (gone, 5))


def test_the_last_priority_is_50000(world: World, listener: str) -> None:
    rule = world.rule(listener, 50_000)

    assert "50000" == world.priorities(listener)[rule]


def test_a_priority_in_use_is_refused(world: World, listener: str) -> None:
    world.rule(listener, 3)

    with refused("PriorityInUse", "Priority '3' is currently in use"):
        world.rule(listener, 3)


def test_the_101st_rule_of_a_load_balancer_is_refused_whatever_its_listener(world: World, balancer: str) -> None:
    first, second = world.listener(balancer, 80), world.listener(balancer, 81)
    for priority in range(1, 51):
        world.rule(first, priority)
        world.rule(second, priority)

    with refused("TooManyRules"):
        world.rule(first, 51)


def test_default_rules_do_not_count_towards_the_quota(world: World, balancer: str) -> None:
    world.account.limits.set("rules-per-application-load-balancer", 1)
    world.listener(balancer, 81)
    listener = world.listener(balancer, 80)

    assert world.rule(listener) in world.priorities(listener)


def test_describe_rules_pages(world: World, listener: str) -> None:
    for priority in range(1, 5):
        world.rule(listener, priority)

    first = world.elbv2.describe_rules(ListenerArn=listener, PageSize=3)
    second = world.elbv2.describe_rules(ListenerArn=listener, PageSize=3, Marker=first["NextMarker"])

    assert (3, 2) == (len(first["Rules"]), len(second["Rules"]))
    assert "NextMarker" not in second


def test_describe_rules_of_an_unknown_arn_is_rule_not_found(world: World, listener: str) -> None:
    gone = world.rule(listener)
    world.elbv2.delete_rule(RuleArn=gone)

    with refused("RuleNotFound"):
        world.elbv2.describe_rules(RuleArns=[gone])


REWRITE = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/old", "Replace": "/new"}]}}
HOST = {"Type": "host-header-rewrite", "HostHeaderRewriteConfig": {"Rewrites": [{"Regex": "^.*$", "Replace": "a.b"}]}}


def _transforms(world: World, rule: str) -> Any:
    return world.elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Transforms"]


def test_transforms_come_back_whole(world: World, listener: str) -> None:
    rule = world.rule(listener, Transforms=[REWRITE, HOST])

    assert [REWRITE, HOST] == _transforms(world, rule)


def test_modify_rule_replaces_transforms_and_keeps_the_rest(world: World, listener: str) -> None:
    rule = world.rule(listener, Transforms=[REWRITE])
    before = world.elbv2.describe_rules(RuleArns=[rule])["Rules"][0]

    world.elbv2.modify_rule(RuleArn=rule, Transforms=[HOST])

    assert before | {"Transforms": [HOST]} == world.elbv2.describe_rules(RuleArns=[rule])["Rules"][0]


def test_reset_transforms_removes_them(world: World, listener: str) -> None:
    rule = world.rule(listener, Transforms=[REWRITE])

    world.elbv2.modify_rule(RuleArn=rule, ResetTransforms=True)

    assert [] == _transforms(world, rule)


def test_transforms_and_reset_transforms_exclude_each_other(world: World, listener: str) -> None:
    rule = world.rule(listener)

    with refused("ValidationError"):
        world.elbv2.modify_rule(RuleArn=rule, Transforms=[HOST], ResetTransforms=True)


def test_a_rule_has_at_most_one_transform_of_a_kind(world: World, listener: str) -> None:
    with refused("ValidationError", "only have one 'url-rewrite'"):
        world.rule(listener, Transforms=[REWRITE, REWRITE])


def test_a_transform_regex_has_at_most_1024_characters(world: World, listener: str) -> None:
    rewrite = {"Regex": "a" * 1025, "Replace": "/"}

    with refused("ValidationError", "longer than 1024"):
        world.rule(listener, Transforms=[{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [rewrite]}}])


def test_modify_rule_with_nothing_to_change_is_refused(world: World, listener: str) -> None:
    with refused("ValidationError"):
        world.elbv2.modify_rule(RuleArn=world.rule(listener))


def test_a_rule_forwards_to_an_existing_target_group_only(world: World, listener: str) -> None:
    group = world.group()
    world.elbv2.delete_target_group(TargetGroupArn=group)

    with refused("TargetGroupNotFound"):
        world.rule(listener, Actions=forward(group))


def test_the_101st_target_group_of_a_load_balancer_is_refused(world: World, balancer: str, listener: str) -> None:
    groups = [world.group(f"g{number}") for number in range(101)]
    for number in range(20):
        world.rule(listener, number + 1, Actions=forward(*groups[5 * number : 5 * number + 5]))
    other = world.listener(balancer, 81)

    with refused("TooManyUniqueTargetGroupsPerLoadBalancer"):
        world.rule(other, Actions=forward(groups[100]))
    world.rule(other, 2, Actions=forward(groups[0]))


def test_a_replaced_rule_frees_its_target_groups(world: World, listener: str) -> None:
    world.account.limits.set("target-groups-per-application-load-balancer", 1)
    old, new = world.group("old"), world.group("new")
    rule = world.rule(listener, Actions=forward(old))

    world.elbv2.modify_rule(RuleArn=rule, Actions=forward(new))

    assert [] == world.elbv2.describe_target_groups(TargetGroupArns=[old])["TargetGroups"][0]["LoadBalancerArns"]
