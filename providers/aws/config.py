"""The `aws` block of a LoadBalancerConfig: AWS's own settings, read and checked.

aws:
  subnets: [subnet-..., subnet-...]     # else by tag: kubernetes.io/role/elb, internal-elb
  vpc: vpc-...                          # else the subnets' own
  securityGroups: [sg-...]              # instead of one of ours; `managed` adds ours to them
  allowedSecurityGroups: [sg-...]       # what a Gateway's own block may name besides those
  tags: {cost-centre: "4711"}
  addressMode: split                    # unified: one address, an NLB in front of the ALB
  quic: true                            # streams may be QUIC: the NLB has no security groups, and no UDP
  regexAlternation: true                # may one regular expression carry several hosts or paths
  quotas: {rulesPerLoadBalancer: 200}   # what AWS raised for the account
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from providers.aws.resources import MANAGED
from reconciler.ir import Config, Json, frozen_map


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of one load balancer and one rule, by the ELBv2 guide's defaults."""

    rules: int = 100
    target_groups: int = 100
    listeners: int = 50
    certificates: int = 25
    values: int = 5
    wildcards: int = 5
    groups_per_action: int = 5
    groups_per_stream: int = 5


@dataclass(frozen=True, slots=True)
class AwsConfig:
    """The block, read; empty where it says nothing."""

    subnets: tuple[str, ...] = ()
    vpc: str = ""
    security_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=frozen_map)
    regex_alternation: bool = False
    quic: bool = False
    unified: bool = False
    quotas: Quotas = field(default_factory=Quotas)


_QUOTAS = {
    "rulesPerLoadBalancer": "rules",
    "targetGroupsPerLoadBalancer": "target_groups",
    "listenersPerLoadBalancer": "listeners",
    "certificatesPerLoadBalancer": "certificates",
    "targetGroupsPerStream": "groups_per_stream",
}


def read_aws(config: Config) -> AwsConfig:
    """Return the settings of a configuration's `aws` block; what `check` complains of counts as absent."""
    block = config.cloud
    tags, quotas = block.get("tags"), block.get("quotas")
    vpc = block.get("vpc")
    return AwsConfig(
        subnets=tuple(sorted(_strings(block.get("subnets")))),
        vpc=vpc if isinstance(vpc, str) else "",
        security_groups=tuple(sorted(_strings(block.get("securityGroups")))),
        tags=frozen_map({str(k): str(v) for k, v in tags.items()} if isinstance(tags, Mapping) else {}),
        regex_alternation=block.get("regexAlternation") is True,
        quic=block.get("quic") is True,
        unified=block.get("addressMode") == "unified",
        quotas=_quotas(quotas if isinstance(quotas, Mapping) else {}),
    )


def _quotas(block: Mapping[str, Json]) -> Quotas:
    values = {attribute: block[name] for name, attribute in _QUOTAS.items() if name in block}
    return Quotas(**{name: value for name, value in values.items() if _is_count(value) and isinstance(value, int)})


def _strings(value: Json) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else ()


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _all_match(pattern: str) -> Callable[[Json], bool]:
    expression = re.compile(pattern)
    return lambda value: (
        isinstance(value, (list, tuple)) and all(isinstance(item, str) and expression.fullmatch(item) for item in value)
    )


_CHECKS: Mapping[str, tuple[Callable[[Json], bool], str]] = {
    "subnets": (_all_match(r"subnet-[0-9a-f]+"), "a list of subnet ids"),
    "vpc": (lambda value: isinstance(value, str) and bool(re.fullmatch(r"vpc-[0-9a-f]+", value)), "a VPC id"),
    "securityGroups": (_all_match(r"sg-[0-9a-f]+|managed"), "a list of security group ids, or `managed`"),
    "allowedSecurityGroups": (_all_match(r"sg-[0-9a-f]+"), "a list of security group ids"),
    "tags": (
        lambda value: isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values()),
        "a map of texts",
    ),
    "regexAlternation": (lambda value: isinstance(value, bool), "true or false"),
    "quic": (lambda value: isinstance(value, bool), "true or false"),
    "addressMode": (lambda value: value in ("split", "unified"), "split or unified"),
    "quotas": (lambda value: isinstance(value, Mapping), "a map of numbers"),
}


def check(config: Config) -> tuple[str, ...]:
    """Return what is wrong with a configuration's `aws` block, a sentence each."""
    return tuple(_wrong(config.cloud))


def _wrong(block: Mapping[str, Json]) -> Iterator[str]:
    for name, value in block.items():
        if name not in _CHECKS:
            yield f"spec.aws.{name} is not known; known are {', '.join(sorted(_CHECKS))}"
        elif not _CHECKS[name][0](value):
            yield f"spec.aws.{name} has to be {_CHECKS[name][1]}"
    quotas = block.get("quotas")
    for name, value in quotas.items() if isinstance(quotas, Mapping) else ():
        if name not in _QUOTAS:
            yield f"spec.aws.quotas.{name} is not known; known are {', '.join(sorted(_QUOTAS))}"
        elif not _is_count(value):
            yield f"spec.aws.quotas.{name} has to be a number above 0"


_OF_THE_CLASS = ("allowedSecurityGroups", "quic", "quotas", "subnets", "vpc")
"""Where a load balancer stands, and what is allowed, is said by the GatewayClass alone."""


def refused(base: Config, over: Mapping[str, Json]) -> tuple[str, ...]:
    """Return what a Gateway's own `aws` block may not say under its class's, a sentence each."""
    groups = {MANAGED, *_strings(base.cloud.get("securityGroups")), *_strings(base.cloud.get("allowedSecurityGroups"))}
    return (
        *(f"spec.aws.{name} may be set by a GatewayClass only" for name in _OF_THE_CLASS if name in over),
        *(
            f"spec.aws.securityGroups: {group} is not among the allowedSecurityGroups of the GatewayClass"
            for group in _strings(over.get("securityGroups"))
            if group not in groups
        ),
    )
