"""Whether the target groups of a forward action fit its listener and its load balancer: protocols, VPC, quotas."""

from __future__ import annotations

from collections import Counter
from typing import Any

from emulators.aws.errors import AwsError
from emulators.aws.records import LoadBalancer, Rule, TargetGroup
from emulators.aws.region import Region
from emulators.aws.usage import groups_of_actions, users

# Listener protocol -> target group protocols (user guides of both load balancers).
COMPATIBLE = {
    "HTTP": {"HTTP", "HTTPS"},
    "HTTPS": {"HTTP", "HTTPS"},
    "TCP": {"TCP", "TCP_UDP"},
    "TLS": {"TCP", "TLS"},
    "UDP": {"UDP", "TCP_UDP"},
    "TCP_UDP": {"TCP_UDP"},
    "QUIC": {"QUIC", "TCP_QUIC"},
    "TCP_QUIC": {"TCP_QUIC"},
}


def check_forwarding(
    region: Region, balancer: LoadBalancer, protocol: str, actions: list[dict[str, Any]], replaced: Rule | None
) -> None:
    """Refuse actions whose target groups a listener of `protocol` on `balancer` cannot use.

    Args:
        region: where the target groups are.
        balancer: the load balancer the actions are for.
        protocol: the listener's protocol.
        actions: well-formed actions.
        replaced: the rule whose actions these will replace, if any: its groups do not count towards quotas.

    Raises:
        AwsError: TargetGroupNotFound, IncompatibleProtocols, InvalidConfigurationRequest, the quotas' TooMany... codes.
    """
    groups = [region.target_group(arn) for arn in groups_of_actions(actions)]
    if not groups:
        return
    for group in groups:
        _check_protocol(region, group, protocol)
        if group.settings.get("VpcId") not in {None, balancer.vpc_id}:
            raise AwsError(
                "InvalidConfigurationRequest",
                f"The target group '{group.arn}' is not in the VPC '{balancer.vpc_id}' of the load balancer",
            )
    if len({group.protocol for group in groups}) > 1:
        raise AwsError("IncompatibleProtocols", "The target groups of a forward action must have the same protocol")
    _check_stickiness(groups, actions)
    _check_association(region, balancer, groups)
    _check_quotas(region, balancer, groups, replaced)


def _check_protocol(region: Region, group: TargetGroup, protocol: str) -> None:
    if group.target_type == "lambda":
        fits = protocol in {"HTTP", "HTTPS"}
    elif group.target_type == "alb":
        fits = protocol == "TCP"
    else:
        fits = group.protocol in COMPATIBLE[protocol]
    if not fits:
        raise AwsError(
            "IncompatibleProtocols",
            f"The target group '{group.arn}' with protocol {group.protocol} cannot be used by a {protocol} listener",
        )
    version = group.settings.get("ProtocolVersion")
    if protocol == "HTTP" and version in {"GRPC", "HTTP2"} and region.settings.strict_protocol_version:
        raise AwsError(
            "InvalidLoadBalancerAction",
            f"Listener protocol 'HTTP' is not supported with a target group with the protocol-version '{version}'",
        )


def _check_stickiness(groups: list[TargetGroup], actions: list[dict[str, Any]]) -> None:
    if len(groups) < 2 or all(g.attributes.get("stickiness.enabled") != "true" for g in groups):  # noqa: PLR2004
        return
    config: dict[str, Any] = next((a["ForwardConfig"] for a in actions if "ForwardConfig" in a), {})
    if not config.get("TargetGroupStickinessConfig", {}).get("Enabled"):
        raise AwsError(
            "InvalidLoadBalancerAction",
            "You must enable group stickiness on a rule if you enabled target stickiness on one of its target groups",
        )


def _check_association(region: Region, balancer: LoadBalancer, groups: list[TargetGroup]) -> None:
    used = users(region)
    taken = [group.arn for group in groups if set(used.get(group.arn, [])) - {balancer.arn}]
    if taken:
        raise AwsError(
            "TargetGroupAssociationLimit",
            "The following target groups cannot be associated with more than one load balancer: " + ", ".join(taken),
        )


def _check_quotas(region: Region, balancer: LoadBalancer, groups: list[TargetGroup], replaced: Rule | None) -> None:
    kind = balancer.type
    if len(groups) > region.limits[f"target-groups-per-action-on-{kind}-load-balancer"]:
        raise AwsError("TooManyTargetGroups", "The maximum number of target groups for one action has been reached")
    kept = {arn for rule in balancer.rules if rule is not replaced for arn in groups_of_actions(rule.actions)}
    wanted = kept | {group.arn for group in groups}
    most = region.limits["target-groups-per-application-load-balancer"]
    if kind == "application" and len(wanted) > most and wanted != kept:
        raise AwsError(
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            f"The maximum number of unique target groups per load balancer ({most}) has been reached",
        )
    check_target_quotas(region, balancer, [region.target_groups[arn] for arn in wanted])


def check_target_quotas(region: Region, balancer: LoadBalancer, groups: list[TargetGroup]) -> None:
    """Refuse more targets behind `balancer` than its quota, given all target groups it is to have.

    Raises:
        AwsError: TooManyTargets, TooManyRegistrationsForTargetId.
    """
    ids = [target.id for group in groups for target in group.targets.values() if target.draining_since is None]
    most = region.limits[f"targets-per-{balancer.type}-load-balancer"]
    if len(ids) > most:
        raise AwsError("TooManyTargets", f"The maximum number of targets per load balancer ({most}) has been reached")
    if balancer.type != "application":
        return
    most = region.limits["target-id-registrations-per-application-load-balancer"]
    if any(count > most for count in Counter(ids).values()):
        raise AwsError(
            "TooManyRegistrationsForTargetId",
            f"A target cannot be registered more than {most} times with a load balancer",
        )
