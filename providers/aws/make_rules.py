"""The calls that make, change, move and delete rules of a listener."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from providers.aws import calls, wire
from providers.aws.clients import Clients
from providers.aws.made import Made, got_id, spec_of, want_of
from providers.aws.resources import holder_of
from reconciler.plan import Change, ResourceKey


def _create_rule(clients: Clients, made: Made, change: Change) -> None:
    want, spec = want_of(change), spec_of(change)
    arguments = _rule_arguments(made, spec)
    listener = made.id_of(holder_of(change.key))
    answer = clients.call(
        "elbv2",
        "CreateRule",
        ListenerArn=listener,
        Priority=spec["Priority"],
        Conditions=wire.conditions(spec["Conditions"]),
        **arguments,
        Tags=made.tags(want),
    )
    made.ids[change.key] = answer["Rules"][0]["RuleArn"]


def _rule_arguments(made: Made, spec: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"Actions": wire.actions(spec["Actions"], made.arn)}
    if transforms := wire.transforms(spec.get("Transforms")):
        found["Transforms"] = transforms
    return found


def _modify_rule(clients: Clients, made: Made, change: Change) -> None:
    spec = spec_of(change)
    arguments: dict[str, Any] = {}
    if "Actions" in spec:
        arguments |= _rule_arguments(made, spec)
    if "Transforms" in spec and not wire.items(spec["Transforms"]):
        arguments["ResetTransforms"] = True
    elif "Transforms" in spec:
        arguments["Transforms"] = wire.transforms(spec["Transforms"])
    if "Conditions" in spec:
        arguments["Conditions"] = wire.conditions(spec["Conditions"])
    clients.call("elbv2", "ModifyRule", RuleArn=got_id(change), **arguments)


def _set_priorities(clients: Clients, made: Made, change: Change) -> None:
    numbers: Mapping[str, int] = spec_of(change)["Priorities"]
    pairs = [
        {"RuleArn": made.id_of(ResourceKey("rule", change.key.scope, name)), "Priority": number}
        for name, number in numbers.items()
    ]
    clients.call("elbv2", "SetRulePriorities", RulePriorities=pairs)


def _delete_rule(clients: Clients, made: Made, change: Change) -> None:
    del made
    clients.call("elbv2", "DeleteRule", RuleArn=got_id(change))


RULES: Mapping[str, Callable[[Clients, Made, Change], None]] = {
    calls.CREATE_RULE: _create_rule,
    calls.MODIFY_RULE: _modify_rule,
    calls.SET_RULE_PRIORITIES: _set_priorities,
    calls.DELETE_RULE: _delete_rule,
}
"""The function of each call."""
