"""Targets of a group, keyed by (Id, Port), and their health as the clock has it.

unused while no load balancer uses the group, initial for a while after registration or attachment, then healthy (or
what a test forced), draining after deregistration for the group's delay, then gone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from emulators.aws.errors import AwsError, invalid
from emulators.aws.forwarding import check_target_quotas
from emulators.aws.quic import check_server_ids, checked_server_id
from emulators.aws.records import Request, Target, TargetGroup
from emulators.aws.region import Region
from emulators.aws.usage import drained_at, groups_of, users

PRIVATE = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
HIGHEST_PORT = 65_535
INSTANCE_ID = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})")
MOST_NETWORKS = 2
"""Network Load Balancers that an Application Load Balancer can be a target of (NLB guide, "ALBs as targets")."""
REASONS = {
    "unused": ("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"),
    "initial": ("Elb.InitialHealthChecking", "Initial health checks in progress"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    "unhealthy": ("Target.FailedHealthChecks", "Health checks failed"),
    "unavailable": ("Target.HealthCheckDisabled", "Health checks are not enabled for this target"),
}
STOPPED = ("Target.InvalidState", "Target is in the stopped state")
"""Why a registered instance that does not run any more is unused (API, TargetHealth)."""


def register_targets(region: Region, request: Request) -> dict[str, Any]:
    """Answer RegisterTargets: all of the request's targets or none; registering one again changes nothing."""
    group = region.target_group(request["TargetGroupArn"])
    wanted = [_wanted(region, group, target) for target in _given(request)]
    after = {key for key, target in group.targets.items() if target.draining_since is None}
    most = region.limits["targets-per-target-group"]
    if len(after | {(target.id, target.port) for target in wanted}) > most:
        raise AwsError("TooManyTargets", f"The maximum number of targets per target group ({most}) has been reached")
    before = dict(group.targets)
    for target in wanted:
        present = group.targets.get((target.id, target.port))
        if present is None or present.draining_since is not None:
            group.targets[target.id, target.port] = target
        elif present.server_id != target.server_id:
            raise invalid("The QUIC server ID of a registered target cannot be modified: deregister the target first")
    try:
        _check_balancers(region, group)
        check_server_ids(region, group)
    except AwsError:
        group.targets = before
        raise
    return {}


def deregister_targets(region: Region, request: Request) -> dict[str, Any]:
    """Answer DeregisterTargets: targets in use begin to drain, the others go at once; unknown ones are success."""
    group = region.target_group(request["TargetGroupArn"])
    for given in _given(request):
        for key, target in list(group.targets.items()):
            if target.id == given["Id"] and given.get("Port", _default_port(group)) == target.port:
                _release(region, group, key)
    return {}


def describe_target_health(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeTargetHealth, of all targets or of those asked for."""
    group = region.target_group(request["TargetGroupArn"])
    targets = list(group.targets.values())
    given = request.get("Targets", [])
    if given:
        asked = [(target["Id"], target.get("Port", _default_port(group))) for target in given]
        return {"TargetHealthDescriptions": [_asked(region, group, key) for key in asked]}
    return {"TargetHealthDescriptions": [_shown(region, group, target) for target in targets]}


def state_of(region: Region, group: TargetGroup, target: Target) -> str:
    """Return the state of a target as DescribeTargetHealth names it."""
    if group.attached_since is None:
        return "unused"
    if target.draining_since is not None:
        return "draining"
    if _is_stopped(region, group, target):
        return "unused"
    if region.clock.now() < _healthy_at(region, group, target):
        return "initial"
    return target.forced_state or ("healthy" if _answers(region, group, target) else "unhealthy")


def _answers(region: Region, group: TargetGroup, target: Target) -> bool:
    """Return whether an ALB answers the health checks of a load balancer in front; what else may be a target does.

    A listener that verifies its clients ends the handshake with a client that shows no certificate, and a health check
    shows none (ALB guide, "Mutual authentication with TLS"; NLB guide, "Health checks").
    """
    balancer = region.load_balancers.get(target.id) if group.target_type == "alb" else None
    if balancer is None:
        return group.target_type != "alb"
    given = group.settings["HealthCheckPort"]
    port = target.port if given == "traffic-port" else int(given)
    asked = next((one for one in balancer.listeners.values() if one.port == port), None)
    if asked is None or (group.settings["HealthCheckProtocol"] == "HTTPS" and asked.protocol != "HTTPS"):
        return False
    return (asked.mutual_authentication or {}).get("Mode") != "verify"


def _is_stopped(region: Region, group: TargetGroup, target: Target) -> bool:
    if group.target_type != "instance":
        return False
    found = region.network.instance(target.id)
    return found is None or found["State"] != "running"


def transitions(region: Region, group: TargetGroup) -> Iterator[float]:
    """Yield the times at which the clock alone changes the state of a target of `group`."""
    if group.attached_since is None:
        return
    for target in group.targets.values():
        if target.draining_since is not None:
            yield drained_at(group, target.draining_since)
        else:
            yield _healthy_at(region, group, target)


def _healthy_at(region: Region, group: TargetGroup, target: Target) -> float:
    delay = region.settings.target_initial
    if delay is None:
        delay = group.settings["HealthyThresholdCount"] * group.settings["HealthCheckIntervalSeconds"]
    return max(target.registered_at, group.attached_since or 0.0) + delay


def _given(request: Request) -> list[dict[str, Any]]:
    targets = request.get("Targets", [])
    if not targets:
        raise invalid("At least one target must be specified")
    return list(targets)


def _default_port(group: TargetGroup) -> int | None:
    return group.settings.get("Port")


def _wanted(region: Region, group: TargetGroup, given: dict[str, Any]) -> Target:
    port = given.get("Port", _default_port(group))
    if port is not None and not 1 <= port <= HIGHEST_PORT:
        raise invalid(f"Port '{port}' must be between 1 and {HIGHEST_PORT}")
    check = {"ip": _check_ip, "instance": _check_instance, "alb": _check_alb, "lambda": _check_lambda}
    check[group.target_type](region, group, given)
    server = checked_server_id(group, given)
    return Target(given["Id"], port, given.get("AvailabilityZone"), region.clock.now(), server_id=server)


def _check_ip(region: Region, group: TargetGroup, given: dict[str, Any]) -> None:
    version = int(group.settings["IpAddressType"][-1])
    try:
        address = ipaddress.ip_address(given["Id"])
    except ValueError as error:
        raise invalid(f"The IP address '{given['Id']}' is not a valid IPv{version} address") from error
    if address.version != version:
        raise invalid(f"The IP address '{given['Id']}' is not a valid IPv{version} address")
    blocks = region.network.cidr_blocks(group.settings["VpcId"]) or []
    if any(address in ipaddress.ip_network(block) for block in blocks) or version == 6:  # noqa: PLR2004 - IPv6
        return
    if not any(address in network for network in PRIVATE):
        raise AwsError(
            "InvalidTarget", f"The IP address '{address}' must be in the VPC of the target group or a private range"
        )
    if "AvailabilityZone" not in given:
        raise AwsError(
            "InvalidTarget",
            f"The IP address '{address}' is outside the VPC of the target group: specify an Availability Zone",
        )


def _check_instance(region: Region, group: TargetGroup, given: dict[str, Any]) -> None:
    """Refuse what is no running instance of the group's VPC (API, RegisterTargets, TargetDescription).

    No instance here has a primary IPv6 address, which a target of an IPv6 group needs (guide, "Target groups").
    """
    name = given["Id"]
    if not INSTANCE_ID.fullmatch(name):
        raise invalid(f"Instance ID '{name}' is not valid")
    if "AvailabilityZone" in given:
        raise invalid("An Availability Zone cannot be specified for targets of the type 'instance'")
    found = region.network.instance(name)
    if found is None or found["State"] != "running":
        raise AwsError(
            "InvalidTarget", f"The following targets are not in a running state and cannot be registered: '{name}'"
        )
    vpc = group.settings["VpcId"]
    if found["VpcId"] != vpc:
        raise AwsError("InvalidTarget", f"The following targets are not in the target group VPC '{vpc}': '{name}'")
    if group.settings["IpAddressType"] == "ipv6":
        raise AwsError("InvalidTarget", f"The following targets have no primary IPv6 address: '{name}'")


def _check_alb(region: Region, group: TargetGroup, given: dict[str, Any]) -> None:
    balancer = region.load_balancers.get(given["Id"])
    if balancer is None or balancer.type != "application":
        raise AwsError(
            "InvalidTarget", f"The target '{given['Id']}' is not an Application Load Balancer of this account"
        )
    if balancer.vpc_id != group.settings["VpcId"]:
        raise AwsError("InvalidTarget", f"The target '{given['Id']}' is not in the VPC of the target group")
    if "AvailabilityZone" in given:
        raise invalid("An Availability Zone cannot be specified for targets of the type 'alb'")
    port = group.settings["Port"]
    if given.get("Port", port) != port:
        raise invalid(f"The port of a target of the type 'alb' must be that of the target group, '{port}'")
    if all(one.port != port or not region.visible(one) for one in balancer.listeners.values()):
        raise AwsError("InvalidTarget", f"The target '{given['Id']}' has no listener on port '{port}'")
    if set(group.targets) - {(given["Id"], group.settings["Port"])}:
        raise AwsError("TooManyTargets", "A target group of the type 'alb' can have one target")


def networks_before(region: Region, balancer: str) -> set[str]:
    """Return the ARNs of the Network Load Balancers in front of an Application Load Balancer."""
    used = users(region)
    groups = [one for one in region.target_groups.values() if any(t.id == balancer for t in one.targets.values())]
    return {arn for group in groups for arn in used.get(group.arn, [])}


def _check_lambda(region: Region, group: TargetGroup, given: dict[str, Any]) -> None:
    function = given["Id"]
    if not function.startswith("arn:aws:lambda:"):
        raise AwsError("InvalidTarget", f"The target '{function}' is not the ARN of a Lambda function")
    if function not in region.settings.invocable_functions:
        raise AwsError(
            "AccessDenied",
            f"elasticloadbalancing principal does not have permission to invoke {function} from target group "
            f"{group.arn}",
        )
    if set(group.targets) - {(given["Id"], None)}:
        raise AwsError("TooManyTargets", "A target group of the type 'lambda' can have one target")


def _check_balancers(region: Region, group: TargetGroup) -> None:
    for target in group.targets.values() if group.target_type == "alb" else ():
        if len(networks_before(region, target.id)) > MOST_NETWORKS:
            raise AwsError(
                "TooManyRegistrationsForTargetId",
                f"'{target.id}' can be a target of {MOST_NETWORKS} Network Load Balancers",
            )
    for arn in users(region).get(group.arn, []):
        balancer = region.load_balancers[arn]
        groups = [region.target_groups[one] for one in groups_of(balancer) if one in region.target_groups]
        check_target_quotas(region, balancer, groups)


def _release(region: Region, group: TargetGroup, key: tuple[str, int | None]) -> None:
    target = group.targets[key]
    now = region.clock.now()
    if group.attached_since is None or drained_at(group, now) <= now:
        del group.targets[key]
    elif target.draining_since is None:
        target.draining_since = now


def _shown(region: Region, group: TargetGroup, target: Target) -> dict[str, Any]:
    state = state_of(region, group, target)
    stopped = state == "unused" and group.attached_since is not None
    shown = _description(group, (target.id, target.port), state, STOPPED if stopped else REASONS.get(state))
    if target.zone is not None:
        shown["Target"]["AvailabilityZone"] = target.zone
    if target.server_id is not None:
        shown["Target"]["QuicServerId"] = target.server_id
    return shown


def _asked(region: Region, group: TargetGroup, key: tuple[str, int | None]) -> dict[str, Any]:
    if key in group.targets:
        return _shown(region, group, group.targets[key])
    return _description(group, key, "unused", ("Target.NotRegistered", "Target is not registered to the target group"))


def _description(
    group: TargetGroup, key: tuple[str, int | None], state: str, reason: tuple[str, str] | None
) -> dict[str, Any]:
    target: dict[str, Any] = {"Id": key[0]} | ({} if key[1] is None else {"Port": key[1]})
    health = {"State": state} | ({} if reason is None else {"Reason": reason[0], "Description": reason[1]})
    shown: dict[str, Any] = {"Target": target, "TargetHealth": health}
    if key[1] is not None:
        port = group.settings.get("HealthCheckPort", "traffic-port")
        shown["HealthCheckPort"] = str(key[1]) if port == "traffic-port" else port
    return shown
