"""Listener rules: create, describe, modify, delete, and SetRulePriorities, which only looks at the final order."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from emulators.aws.actions import Place, check_actions, normalised_actions
from emulators.aws.conditions import check_conditions, check_network_conditions, normalised
from emulators.aws.errors import AwsError, invalid
from emulators.aws.forwarding import check_forwarding
from emulators.aws.paging import page
from emulators.aws.records import Listener, LoadBalancer, Request, Rule
from emulators.aws.region import Region
from emulators.aws.tags import read_tags
from emulators.aws.transforms import check_transforms

LAST_PRIORITY = 50_000


def shown_rule(region: Region, rule: Rule) -> dict[str, Any]:
    """Return a rule as DescribeRules shows it."""
    both = region.settings.echo_both_forms
    return {
        "RuleArn": rule.arn,
        "Priority": "default" if rule.priority is None else str(rule.priority),
        "Conditions": [normalised(condition, echo_both_forms=both) for condition in rule.conditions],
        "Actions": normalised_actions(rule.actions, echo_both_forms=both),
        "IsDefault": rule.priority is None,
        "Transforms": deepcopy(rule.transforms),
    }


def create_rule(region: Region, request: Request) -> dict[str, Any]:
    """Answer CreateRule."""
    listener = region.listener(request["ListenerArn"])
    balancer = region.owner(listener)
    priority = _checked_priority(request.get("Priority"))
    tags = read_tags(request.get("Tags"))
    conditions, actions = request.get("Conditions", []), request.get("Actions", [])
    transforms = request.get("Transforms", [])
    _check_conditions(region, balancer, conditions)
    check_actions(actions, place_of(balancer, listener))
    check_transforms(transforms)
    check_forwarding(region, balancer, listener.protocol, actions, None)
    _check_room(region, balancer)
    _check_free(listener, priority)
    rule = Rule(
        arn=listener.arn.replace(":listener/", ":listener-rule/") + f"/{region.new_id()}",
        listener_arn=listener.arn,
        priority=priority,
        conditions=deepcopy(conditions),
        actions=deepcopy(actions),
        transforms=deepcopy(transforms),
        tags=tags,
        visible_at=region.visible_at(),
    )
    listener.rules[rule.arn] = rule
    return {"Rules": [shown_rule(region, rule)]}


def describe_rules(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeRules; the order is AWS's own affair: here by ARN, the default rule wherever that puts it."""
    arns = request.get("RuleArns", [])
    if bool(arns) == ("ListenerArn" in request):
        raise invalid("You must specify either listener rule ARNs or a listener ARN")
    if arns:
        rules: Iterable[Rule] = [region.rule(arn) for arn in arns]
    else:
        rules = filter(region.visible, region.listener(request["ListenerArn"]).rules.values())
    ordered = sorted(rules, key=lambda rule: rule.arn)
    answer = page(ordered, request, "Rules")
    return answer | {"Rules": [shown_rule(region, rule) for rule in answer["Rules"]]}


def modify_rule(region: Region, request: Request) -> dict[str, Any]:
    """Answer ModifyRule: what is given replaces what was there, the rest stays; never the default rule."""
    rule = region.rule(request["RuleArn"])
    _refuse_default(rule, "modified")
    listener = region.listener(rule.listener_arn)
    balancer = region.owner(listener)
    given = {name for name in ("Conditions", "Actions", "Transforms", "ResetTransforms") if request.get(name)}
    if not given:
        raise invalid("Conditions, actions or transforms must be specified")
    if given >= {"Transforms", "ResetTransforms"}:
        raise invalid("Transforms and ResetTransforms cannot be specified together")
    if "Conditions" in given:
        _check_conditions(region, balancer, request["Conditions"])
    check_transforms(request.get("Transforms", []))
    if "Actions" in given:
        check_actions(request["Actions"], place_of(balancer, listener))
        check_forwarding(region, balancer, listener.protocol, request["Actions"], rule)
    _replace(rule, request, given)
    return {"Rules": [shown_rule(region, rule)]}


def delete_rule(region: Region, request: Request) -> dict[str, Any]:
    """Answer DeleteRule."""
    rule = region.rule(request["RuleArn"])
    _refuse_default(rule, "deleted")
    del region.listener(rule.listener_arn).rules[rule.arn]
    return {}


def set_rule_priorities(region: Region, request: Request) -> dict[str, Any]:
    """Answer SetRulePriorities: swaps and shifts are allowed as long as the final order has no conflict."""
    pairs = [(region.rule(pair["RuleArn"]), pair.get("Priority")) for pair in request.get("RulePriorities", [])]
    if not pairs:
        raise invalid("At least one rule priority must be specified")
    for rule, priority in pairs:
        _refuse_default(rule, "moved")
        _checked_priority(priority)
    if len({rule.arn for rule, _ in pairs}) < len(pairs):
        raise invalid("A rule was specified more than once")
    if len({rule.listener_arn for rule, _ in pairs}) > 1:
        raise invalid("All rules must belong to the same listener")
    listener = region.listener(pairs[0][0].listener_arn)
    if region.settings.set_priorities_atomic:
        _check_final_order(listener, {rule.arn: int(priority or 0) for rule, priority in pairs})
        for rule, priority in pairs:
            rule.priority = priority
    else:
        _move_one_by_one(listener, [(rule, int(priority or 0)) for rule, priority in pairs])
    return {"Rules": [shown_rule(region, rule) for rule, _ in pairs]}


def place_of(balancer: LoadBalancer, listener: Listener) -> Place:
    """Return what actions must fit."""
    return Place(balancer.type, listener.protocol, listener.port)


def _checked_priority(priority: int | None) -> int:
    if priority is None or not 1 <= priority <= LAST_PRIORITY:
        raise invalid(f"Rule priority '{priority}' must be between 1 and {LAST_PRIORITY}")
    return priority


def _check_conditions(region: Region, balancer: LoadBalancer, conditions: list[dict[str, Any]]) -> None:
    if balancer.type == "network":
        check_network_conditions(conditions, balancer.ip_address_type)
    else:
        check_conditions(conditions, region.limits)


def _check_room(region: Region, balancer: LoadBalancer) -> None:
    most = region.limits["rules-per-application-load-balancer"]
    count = sum(rule.priority is not None for rule in balancer.rules)
    if count >= most:
        raise AwsError(
            "TooManyRules", f"The maximum number of rules on load balancer '{balancer.arn}' ({most}) has been reached"
        )


def _check_free(listener: Listener, priority: int) -> None:
    if any(rule.priority == priority for rule in listener.rules.values()):
        raise AwsError("PriorityInUse", f"Priority '{priority}' is currently in use")


def _check_final_order(listener: Listener, moved: dict[str, int]) -> None:
    final = [moved.get(rule.arn, rule.priority) for rule in listener.own_rules]
    twice = [priority for priority in moved.values() if final.count(priority) > 1]
    if twice:
        raise AwsError("PriorityInUse", f"Priority '{twice[0]}' is currently in use")


def _move_one_by_one(listener: Listener, pairs: list[tuple[Rule, int]]) -> None:
    for rule, priority in pairs:
        if rule.priority != priority:
            _check_free(listener, priority)
        rule.priority = priority


def _refuse_default(rule: Rule, verb: str) -> None:
    if rule.priority is None:
        raise AwsError("OperationNotPermitted", f"Default rule '{rule.arn}' cannot be {verb}")


def _replace(rule: Rule, request: Request, given: set[str]) -> None:
    if "Conditions" in given:
        rule.conditions = deepcopy(request["Conditions"])
    if "Actions" in given:
        rule.actions = deepcopy(request["Actions"])
    if "Transforms" in given:
        rule.transforms = deepcopy(request["Transforms"])
    if "ResetTransforms" in given:
        rule.transforms = []
