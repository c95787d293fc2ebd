"""The operations of Elastic Load Balancing v2 that the emulated account answers, by their wire names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulators.aws import (
    certificates,
    listeners,
    load_balancers,
    policies,
    rules,
    tags,
    target_groups,
    targets,
    trust_stores,
)
from emulators.aws.errors import AwsError, invalid
from emulators.aws.journal import is_write
from emulators.aws.records import Request
from emulators.aws.region import Region
from emulators.aws.usage import settle
from emulators.aws.wire import operation_model

Operation = Callable[[Region, Request], dict[str, Any]]

OPERATIONS: Mapping[str, Operation] = {
    "AddListenerCertificates": certificates.add_listener_certificates,
    "AddTags": tags.add_tags,
    "CreateListener": listeners.create_listener,
    "CreateLoadBalancer": load_balancers.create_load_balancer,
    "CreateRule": rules.create_rule,
    "CreateTargetGroup": target_groups.create_target_group,
    "CreateTrustStore": trust_stores.create_trust_store,
    "DeleteListener": listeners.delete_listener,
    "DeleteLoadBalancer": load_balancers.delete_load_balancer,
    "DeleteRule": rules.delete_rule,
    "DeleteTargetGroup": target_groups.delete_target_group,
    "DeleteTrustStore": trust_stores.delete_trust_store,
    "DeregisterTargets": targets.deregister_targets,
    "DescribeAccountLimits": lambda region, request: region.limits.describe(request),
    "DescribeListenerAttributes": listeners.describe_listener_attributes,
    "DescribeListenerCertificates": certificates.describe_listener_certificates,
    "DescribeListeners": listeners.describe_listeners,
    "DescribeLoadBalancerAttributes": load_balancers.describe_load_balancer_attributes,
    "DescribeLoadBalancers": load_balancers.describe_load_balancers,
    "DescribeRules": rules.describe_rules,
    "DescribeSSLPolicies": policies.describe_ssl_policies,
    "DescribeTags": tags.describe_tags,
    "DescribeTargetGroupAttributes": target_groups.describe_target_group_attributes,
    "DescribeTargetGroups": target_groups.describe_target_groups,
    "DescribeTargetHealth": targets.describe_target_health,
    "DescribeTrustStores": trust_stores.describe_trust_stores,
    "ModifyListener": listeners.modify_listener,
    "ModifyListenerAttributes": listeners.modify_listener_attributes,
    "ModifyLoadBalancerAttributes": load_balancers.modify_load_balancer_attributes,
    "ModifyRule": rules.modify_rule,
    "ModifyTargetGroup": target_groups.modify_target_group,
    "ModifyTargetGroupAttributes": target_groups.modify_target_group_attributes,
    "ModifyTrustStore": trust_stores.modify_trust_store,
    "RegisterTargets": targets.register_targets,
    "RemoveListenerCertificates": certificates.remove_listener_certificates,
    "RemoveTags": tags.remove_tags,
    "SetIpAddressType": load_balancers.set_ip_address_type,
    "SetRulePriorities": rules.set_rule_priorities,
    "SetSecurityGroups": load_balancers.set_security_groups,
    "SetSubnets": load_balancers.set_subnets,
}


def perform(region: Region, operation: str, request: Request) -> dict[str, Any]:
    """Carry out one operation and return its answer in botocore's output shape.

    Raises:
        AwsError: the refusal, as AWS would send it.
    """
    _check_required(operation, request)
    if operation not in OPERATIONS:
        raise AwsError("InvalidAction", f"The action {operation} is not emulated")
    settle(region)
    result = OPERATIONS[operation](region, request)
    if is_write(operation):
        settle(region)
    return result


def _check_required(operation: str, request: Request) -> None:
    shape = operation_model("elbv2", operation).input_shape
    for name in shape.required_members if shape else ():
        if name not in request:
            raise invalid(f"The parameter '{name}' of {operation} must be specified")
