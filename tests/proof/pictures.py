"""What two ways to the same end have to have in common: statuses and a cloud account without ids, times and numbers."""

from __future__ import annotations

import json
from typing import Any

type Plain = dict[str, Any]


def said(item: Plain) -> Plain:
    """Return an object's status, each condition with whether it speaks of the object as it is now."""
    status, generation = item.get("status", {}), item["metadata"]["generation"]
    parents = {one["parentRef"]["name"]: _conditions(one, generation) for one in status.get("parents", ())}
    listeners = {
        one["name"]: [one["attachedRoutes"], *_conditions(one, generation)] for one in status.get("listeners", ())
    }
    return {
        "deleted": "deletionTimestamp" in item["metadata"],
        "finalizers": item["metadata"].get("finalizers", []),
        "conditions": _conditions(status, generation),
        "addresses": len(status.get("addresses", ())),
        "sets": status.get("attachedListenerSets", 0),
        "parents": parents,
        "listeners": listeners,
    }


def _conditions(holder: Plain, generation: int) -> list[list[Any]]:
    keys = ("type", "status", "reason", "message")
    fresh = (
        [one[key] for key in keys] + [one.get("observedGeneration") == generation]
        for one in holder.get("conditions", ())
    )
    return sorted(fresh)


def account_picture(state: Plain) -> Plain:
    """Return load balancers, their rules in order, and target groups by what they are for."""
    groups = {one["TargetGroupArn"]: _group_name(one) for one in state["targetGroups"]}
    balancers = {one["Tags"]["routewright.dev/gateway"]: _balancer(one, groups) for one in state["loadBalancers"]}
    targets = sorted(
        [_group_name(one), sorted([t["Id"], t["Port"]] for t in one["Targets"] if t["State"] != "draining")]
        for one in state["targetGroups"]
    )
    return {"balancers": balancers, "groups": targets, "security groups": len(state["securityGroups"])}


def _group_name(group: Plain) -> str:
    """Return a target group's name without the digest at its end, which holds the Gateway's UID."""
    return str(group["TargetGroupName"]).rpartition("-")[0]


def _balancer(one: Plain, groups: dict[str, str]) -> Plain:
    listeners = {
        listener["Port"]: [[_plain(rule["Conditions"]), _actions(rule, groups)] for rule in listener["Rules"]]
        for listener in one["Listeners"]
    }
    return {"scheme": one["Scheme"], "listeners": {str(port): rules for port, rules in listeners.items()}}


def _actions(rule: Plain, groups: dict[str, str]) -> list[Any]:
    found: list[Any] = []
    for action in rule["Actions"]:
        forward = action.get("ForwardConfig", {}).get("TargetGroups", ())
        pairs = [[groups.get(one["TargetGroupArn"], "gone"), one.get("Weight", 1)] for one in forward]
        found.append([action["Type"], pairs, action.get("FixedResponseConfig", {})])
    return found


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, sort_keys=True))


def difference(want: Any, got: Any, where: str = "") -> list[str]:
    """Return where two pictures differ."""
    if isinstance(want, dict) and isinstance(got, dict):
        keys = sorted({*want, *got})
        return [line for key in keys for line in difference(want.get(key), got.get(key), f"{where}/{key}")]
    return [] if want == got else [f"{where}: wanted {want}, got {got}"]
