"""A Gateway on AWS with everything it can have, as wanted and as observed, and the plan between two of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from providers.aws.plan import plan
from providers.aws.resources import (
    LB_ATTRIBUTES_KEY,
    LOAD_BALANCER_KEY,
    SECURITY_GROUP_KEY,
    certificate_key,
    ingress_key,
    listener_key,
    order_key,
    rule_key,
    target_group_key,
    targets_key,
    tg_attributes_key,
)
from reconciler.plan import Change, Depth, Look, Rendered, Resource, ResourceKey, ResourceSet
from reconciler.values import Json
from tests.listener_model import ALL, OWNER

POOL = "service/team/shop:80"
EXISTS = Look(Depth.EXISTS)
BALANCER: dict[str, Json] = {
    "Name": "rw-shop",
    "Type": "application",
    "Scheme": "internal",
    "IpAddressType": "ipv4",
    "SecurityGroups": ["managed"],
    "Subnets": ["subnet-1", "subnet-2"],
}
HTTPS: dict[str, Json] = {"Port": 443, "Protocol": "HTTPS", "SslPolicy": "p", "Certificate": "team/a"}


def observed(key: ResourceKey, **spec: Json) -> Resource:
    return Resource(key, spec, cloud_id=f"id:{key}")


def path_rule(path: str, group: str = "tg") -> Resource:
    found: list[Json] = [{"Field": "path-pattern", "Values": [path]}]
    spec: dict[str, Json] = {"Conditions": found, "Actions": [{"Type": "forward", "TargetGroups": [[group, 1]]}]}
    return Resource(rule_key(80, found), {**spec, "Transforms": []}, ("httproute/team/shop",), f"id:{path}")


def whole(*rules: Resource) -> list[Resource]:
    """A Gateway with everything it can have, as observed and as wanted."""
    order: dict[str, Json] = {
        "Rules": [rule.key.name for rule in rules],
        "Priorities": [1000 + 200 * index for index in range(len(rules))],
    }
    return [
        observed(SECURITY_GROUP_KEY, VpcId="vpc-1", Description="d"),
        observed(ingress_key(80), Protocol="tcp", Sources=["10.0.0.0/8"]),
        Resource(LOAD_BALANCER_KEY, BALANCER, cloud_id="id:lb"),
        observed(LB_ATTRIBUTES_KEY, **{"idle_timeout.timeout_seconds": "60"}),
        observed(certificate_key("team/a"), Fingerprint="1", KeyType="RSA_2048"),
        observed(target_group_key("tg"), Name="tg", Protocol="HTTP", HealthCheckProtocol="HTTP", HealthCheckPath="/"),
        observed(tg_attributes_key("tg"), slow_start="30"),
        Resource(targets_key("tg"), {"Targets": [["10.0.0.1", 8080, ""]]}, (POOL,)),
        observed(listener_key(80), Port=80, Protocol="HTTP", DefaultActions=[]),
        Resource(order_key(80), order),
        *rules,
    ]


def wanted(resources: Iterable[Resource]) -> Rendered:
    """The wanted side knows no ids, no numbers."""
    bare = (replace(one, cloud_id="", spec=_without_numbers(one)) for one in resources)
    return Rendered({one.key: one for one in bare})


def _without_numbers(resource: Resource) -> dict[str, Json]:
    return {name: value for name, value in resource.spec.items() if name not in ("Priorities", "Taken")}


def _seen(resources: Iterable[Resource]) -> ResourceSet:
    return ResourceSet({one.key: one for one in resources}, exists=True)


def swap(resources: Iterable[Resource], key: ResourceKey, **spec: Json) -> list[Resource]:
    """The same resources, one with other fields."""
    return [replace(one, spec={**one.spec, **spec}) if one.key == key else one for one in resources]


def less(resources: Iterable[Resource], *keys: ResourceKey) -> list[Resource]:
    return [one for one in resources if one.key not in keys]


def changes_of(want: Iterable[Resource], got: Iterable[Resource], look: Look = ALL) -> tuple[Change, ...]:
    return plan(OWNER, wanted(want), _seen(got), look).changes


def calls_of(want: Iterable[Resource], got: Iterable[Resource], look: Look = ALL) -> list[str]:
    return [change.call for change in changes_of(want, got, look)]


def spec_of(change: Change) -> dict[str, Json]:
    assert change.want is not None
    return dict(change.want.spec)
