"""Which load balancer uses which target group, computed from the rules and never stored.

`settle` brings what depends on it up to date after every call: since when a group is attached, and which drained
targets are gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulators.aws.records import LoadBalancer, TargetGroup
from emulators.aws.region import Region


def groups_of_actions(actions: Iterable[dict[str, Any]]) -> list[str]:
    """Return the target group ARNs of all forward actions, in order, each once."""
    found: dict[str, None] = {}
    for action in actions:
        for entry in action.get("ForwardConfig", {}).get("TargetGroups", []):
            found[entry["TargetGroupArn"]] = None
        if "TargetGroupArn" in action:
            found[action["TargetGroupArn"]] = None
    return list(found)


def groups_of(balancer: LoadBalancer) -> set[str]:
    """Return the ARNs of the target groups that `balancer` uses in any rule."""
    return {arn for rule in balancer.rules for arn in groups_of_actions(rule.actions)}


def users(region: Region) -> dict[str, list[str]]:
    """Return, for each target group ARN in use, the ARNs of the load balancers that use it."""
    found: dict[str, list[str]] = {}
    for balancer in region.load_balancers.values():
        for arn in groups_of(balancer):
            found.setdefault(arn, []).append(balancer.arn)
    return found


def settle(region: Region) -> None:
    """Record which groups and trust stores are attached, which were released, and forget targets that have drained."""
    now = region.clock.now()
    used = users(region)
    for group in region.target_groups.values():
        if group.arn in used:
            active = max(region.load_balancers[arn].active_at for arn in used[group.arn])
            group.attached_since = max(now, active) if group.attached_since is None else group.attached_since
        elif group.attached_since is not None:
            group.attached_since = None
            group.in_use_until = now + region.consistency()
        _forget_drained(group, now)
    trusted = {(listener.mutual_authentication or {}).get("TrustStoreArn") for listener in region.listeners()}
    for store in region.trust_stores.values():
        if store.attached and store.arn not in trusted:
            store.in_use_until = now + region.consistency()
        store.attached = store.arn in trusted


def drained_at(group: TargetGroup, draining_since: float) -> float:
    """Return when a target that began to drain then is gone."""
    return draining_since + float(group.attributes.get("deregistration_delay.timeout_seconds", "0"))


def _forget_drained(group: TargetGroup, now: float) -> None:
    for key, target in list(group.targets.items()):
        if target.draining_since is None:
            continue
        if group.attached_since is None or now >= drained_at(group, target.draining_since):
            del group.targets[key]
