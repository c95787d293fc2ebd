"""The `aws` block of a LoadBalancerConfig: AWS's own settings, read and checked.

What it says of listeners stands in `listener_settings`.

aws:
  subnets: [subnet-..., subnet-...]     # else by tag: kubernetes.io/role/elb, internal-elb
  vpc: vpc-...                          # else the subnets' own
  securityGroups: [sg-...]              # instead of one of ours; `managed` adds ours to them
  allowedSecurityGroups: [sg-...]       # what a Gateway's own block may name besides those
  backendSecurityGroups: [sg-...]       # of nodes or Pods: the one of ours is let in there
  tags: {cost-centre: "4711"}           # on load balancers, listeners, rules and target groups
  accessLogs: {bucket: logs, prefix: shop}
  allowedLogBuckets: [logs-*]           # what a Gateway's own settings may name besides the class's
  webACL: arn:aws:wafv2:...             # of the Application Load Balancer
  allowedWebACLs: ["arn:aws:wafv2:*"]   # what a Gateway's own block may name besides the class's
  allowedAddresses: [203.0.113.0/28]    # what spec.addresses of a Gateway may name; else any that the account has
  addressMode: split                    # unified: one address, an NLB in front of the ALB
  quic: true                            # streams may be QUIC: the NLB has no security groups, and no UDP
  regexAlternation: true                # may one regular expression carry several hosts or paths
  quotas: {rulesPerLoadBalancer: 200}   # what AWS raised for the account
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from providers.aws.attributes import BUCKETS, KNOWN, wrong_attributes
from providers.aws.listener_settings import wrong_listeners
from providers.aws.names import short_digest, wrong_tags
from providers.aws.resources import ALB, MANAGED
from reconciler.config import Config
from reconciler.values import Json, frozen_map


@dataclass(frozen=True, slots=True)
class Quotas:
    """Limits of one load balancer and one rule, by the ELBv2 guide's defaults.

    Attributes:
        alternation: whether one regular expression may carry several hosts or paths.
    """

    rules: int = 100
    target_groups: int = 100
    listeners: int = 50
    certificates: int = 25
    values: int = 5
    wildcards: int = 5
    groups_per_action: int = 5
    groups_per_stream: int = 5
    alternation: bool = False


@dataclass(frozen=True, slots=True)
class AwsConfig:
    """The block, read; empty where it says nothing."""

    subnets: tuple[str, ...] = ()
    vpc: str = ""
    security_groups: tuple[str, ...] = ()
    backend_groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=frozen_map)
    log_bucket: str = ""
    log_prefix: str = ""
    web_acl: str = ""
    allowed_addresses: tuple[str, ...] | None = None
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
    logs = block.get("accessLogs")
    return AwsConfig(
        subnets=tuple(sorted(_strings(block.get("subnets")))),
        vpc=_text(block.get("vpc")),
        security_groups=tuple(sorted(_strings(block.get("securityGroups")))),
        backend_groups=tuple(sorted(_strings(block.get("backendSecurityGroups")))),
        tags=frozen_map({str(k): str(v) for k, v in tags.items()} if isinstance(tags, Mapping) else {}),
        log_bucket=_text(logs.get("bucket")) if isinstance(logs, Mapping) else "",
        log_prefix=_text(logs.get("prefix")) if isinstance(logs, Mapping) else "",
        web_acl=_text(block.get("webACL")),
        allowed_addresses=_strings(block["allowedAddresses"]) if "allowedAddresses" in block else None,
        quic=block.get("quic") is True,
        unified=block.get("addressMode") == "unified",
        quotas=replace(
            _quotas(quotas if isinstance(quotas, Mapping) else {}), alternation=block.get("regexAlternation") is True
        ),
    )


def _quotas(block: Mapping[str, Json]) -> Quotas:
    values = {attribute: block[name] for name, attribute in _QUOTAS.items() if name in block}
    counts: dict[str, Any] = {name: value for name, value in values.items() if _is_count(value)}
    return Quotas(**counts)


def access_logs(aws: AwsConfig) -> dict[str, Json]:
    """Return the attributes that write access logs; none if nobody asks for any."""
    if not aws.log_bucket:
        return {}
    where = {"access_logs.s3.bucket": aws.log_bucket, "access_logs.s3.prefix": aws.log_prefix}
    return {"access_logs.s3.enabled": "true", **where}


WEB_ACL_RECORD = "waf:"


def web_acl_digest(arn: str) -> str:
    """Return what records that a web ACL was associated by us."""
    return f"{WEB_ACL_RECORD}{short_digest(arn, 8)}"


def web_acl_record(aws: AwsConfig, balancer: str) -> tuple[str, ...]:
    """Return the record of the web ACL that a load balancer of this type is to have."""
    return (web_acl_digest(aws.web_acl),) if aws.web_acl and balancer == ALB else ()


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _strings(value: Json) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, (list, tuple)) else ()


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _all_match(pattern: str) -> Callable[[Json], bool]:
    expression = re.compile(pattern)
    return lambda value: (
        isinstance(value, (list, tuple)) and all(isinstance(item, str) and expression.fullmatch(item) for item in value)
    )


_WEB_ACL = r"arn:aws[a-z-]*:wafv2:[a-z0-9-]+:\d{12}:regional/webacl/[\w-]{1,128}/[0-9a-f-]+"


def _is_log(value: Json) -> bool:
    """Return whether a block names a bucket, and perhaps a prefix, as the attributes of the same meaning take them."""
    if not isinstance(value, Mapping) or not set(value) <= {"bucket", "prefix"} or not value.get("bucket"):
        return False
    return all(KNOWN[f"access_logs.s3.{name}"].takes(_text(text)) for name, text in value.items())


def _all_blocks(value: Json) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) and _is_block(one) for one in value)


def _is_block(value: str) -> bool:
    try:
        ipaddress.IPv4Network(value)
    except ValueError:
        return False
    return True


def _elsewhere(value: Json) -> bool:
    """Checked by `listener_settings`."""
    del value
    return True


_CHECKS: Mapping[str, tuple[Callable[[Json], bool], str]] = {
    "subnets": (_all_match(r"subnet-[0-9a-f]+"), "a list of subnet ids"),
    "vpc": (lambda value: isinstance(value, str) and bool(re.fullmatch(r"vpc-[0-9a-f]+", value)), "a VPC id"),
    "securityGroups": (_all_match(r"sg-[0-9a-f]+|managed"), "a list of security group ids, or `managed`"),
    "accessLogs": (_is_log, "a bucket and a prefix"),
    "allowedLogBuckets": (_all_match(r"[a-z0-9.-]+\*?"), "a list of buckets, or of their beginnings with a *"),
    "allowedWebACLs": (_all_match(rf"{_WEB_ACL}|arn:[!-~]*\*"), "a list of ARNs, or of their beginnings with a *"),
    "allowedAddresses": (_all_blocks, "a list of IPv4 addresses, or of blocks of them"),
    "webACL": (lambda value: bool(re.fullmatch(_WEB_ACL, _text(value))), "the ARN of a regional web ACL of WAFv2"),
    "responseHeaders": (_elsewhere, ""),
    "serverHeader": (_elsewhere, ""),
    "tcpIdleSeconds": (_elsewhere, ""),
    "backendSecurityGroups": (_all_match(r"sg-[0-9a-f]+"), "a list of security group ids"),
    "allowedSecurityGroups": (_all_match(r"sg-[0-9a-f]+"), "a list of security group ids"),
    "tags": (lambda value: isinstance(value, Mapping), "a map of texts"),
    "regexAlternation": (lambda value: isinstance(value, bool), "true or false"),
    "quic": (lambda value: isinstance(value, bool), "true or false"),
    "addressMode": (lambda value: value in ("split", "unified"), "split or unified"),
    "quotas": (lambda value: isinstance(value, Mapping), "a map of numbers"),
}


def check(config: Config) -> tuple[str, ...]:
    """Return what is wrong with a configuration's `aws` block, a sentence each."""
    return (
        *_wrong(config.cloud),
        *wrong_listeners(config.cloud),
        *wrong_attributes(config.attributes),
        *_said_twice(config),
    )


def _said_twice(config: Config) -> Iterator[str]:
    """Yield attributes that say something else of access logs than `accessLogs` does: neither is to win unseen."""
    block = access_logs(read_aws(config))
    for name, value in config.attributes.items():
        if name in block and value != block[name]:
            yield f"spec.attributes: {name} and spec.aws.accessLogs say different things; keep one of them"


def _wrong(block: Mapping[str, Json]) -> Iterator[str]:
    for name, value in block.items():
        if name not in _CHECKS:
            yield f"spec.aws.{name} is not known; known are {', '.join(sorted(_CHECKS))}"
        elif not _CHECKS[name][0](value):
            yield f"spec.aws.{name} has to be {_CHECKS[name][1]}"
    tags, quotas = block.get("tags"), block.get("quotas")
    if isinstance(tags, Mapping):
        yield from (f"spec.aws.tags: {sentence}" for sentence in wrong_tags(tags))
    for name, value in quotas.items() if isinstance(quotas, Mapping) else ():
        if name not in _QUOTAS:
            yield f"spec.aws.quotas.{name} is not known; known are {', '.join(sorted(_QUOTAS))}"
        elif not _is_count(value):
            yield f"spec.aws.quotas.{name} has to be a number above 0"


OF_THE_CLASS = (
    "allowedAddresses",
    "allowedLogBuckets",
    "allowedSecurityGroups",
    "allowedWebACLs",
    "backendSecurityGroups",
    "quic",
    "quotas",
    "subnets",
    "vpc",
)
"""Where a load balancer stands, and what is allowed, is said by the GatewayClass alone."""


def refused(base: Config, own: Mapping[str, Json]) -> tuple[str, ...]:
    """Return what the settings of a Gateway's own may not say under its class's, a sentence each."""
    block, attributes = own.get("aws"), own.get("attributes")
    over: Mapping[str, Json] = block if isinstance(block, Mapping) else {}
    return (
        *_refused_block(base, over),
        *_refused_buckets(base, over, attributes if isinstance(attributes, Mapping) else {}),
    )


def _refused_buckets(base: Config, over: Mapping[str, Json], attributes: Mapping[str, Json]) -> Iterator[str]:
    """Yield the buckets that a Gateway may not have its logs written to."""
    logs = over.get("accessLogs")
    named = [("spec.aws.accessLogs", logs["bucket"])] if isinstance(logs, Mapping) and "bucket" in logs else []
    named += [(f"spec.attributes: {name}", attributes[name]) for name in BUCKETS if name in attributes]
    of_class = {read_aws(base).log_bucket, *(base.attributes.get(name, "") for name in BUCKETS)} - {""}
    for where, bucket in named:
        if not _is_among(_text(bucket), (*of_class, *_strings(base.cloud.get("allowedLogBuckets")))):
            yield f"{where}: {bucket} is not among the allowedLogBuckets of the GatewayClass"


def _is_among(name: str, allowed: Iterable[str]) -> bool:
    return any(name == one or (one.endswith("*") and name.startswith(one[:-1])) for one in allowed)


def _refused_block(base: Config, over: Mapping[str, Json]) -> tuple[str, ...]:
    acls = (read_aws(base).web_acl, *_strings(base.cloud.get("allowedWebACLs")))
    groups = {MANAGED, *_strings(base.cloud.get("securityGroups")), *_strings(base.cloud.get("allowedSecurityGroups"))}
    return (
        *(f"spec.aws.{name} may be set by a GatewayClass only" for name in OF_THE_CLASS if name in over),
        *(
            f"spec.aws.securityGroups: {group} is not among the allowedSecurityGroups of the GatewayClass"
            for group in _strings(over.get("securityGroups"))
            if group not in groups
        ),
        *(
            "spec.aws.webACL is not among the allowedWebACLs of the GatewayClass"
            for arn in [over.get("webACL")]
            if arn is not None and not _is_among(_text(arn), filter(None, acls))
        ),
    )
