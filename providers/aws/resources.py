"""The native resources of this provider: kinds, keys and the canonical form of their specs.

Both sides write this form, `render` for what is wanted and `observe` for what is there, so that `diff` can compare.
Resources refer to each other by our own names, never by ARN: an ARN is only known once the resource exists
(`Resource.cloud_id`).

=====================  =====================  =====================================================================
kind                   key (scope, name)      spec
=====================  =====================  =====================================================================
security-group         "", "frontend"         VpcId, Description
ingress                "<protocol>", "<port>" Sources: sorted CIDRs or prefix list ids, "managed" for what stands in
                                              our own security group; protocol tcp or udp
backend-access         "<protocol>", "<sg>"   {} (present or not): our security group may reach all ports of that one
load-balancer          "", "alb" | "nlb"      Name, Type, Scheme, IpAddressType, SecurityGroups (ids, or ["managed"]),
                                              Subnets (sorted ids; absent: leave those it has); NLB also Addresses
                                              (sorted, "" for any; absent: it is known by its name); where those are
                                              chosen, Among: subnets to choose from; ALB also Behind (an NLB)
                                              Addons: what we turned on, see `names.ADDONS`; Tags: the user's
addresses              "", "nlb"              Mappings: sorted [subnet, allocation id, address] that can be had
                                              (observed only, where the load balancers are to change)
lb-attributes          "", "alb" | "nlb"      attribute name: value, only those that we or the user set
web-acl                "", "alb"              Arn; observed "" for none, and Ours: what the record names
certificate            "", "<ns>/<name>"      Fingerprint, KeyType; owner is the cluster, not the Gateway
target-group           "", "<tg name>"        Name, Protocol, ProtocolVersion, Port, TargetType, IpAddressType, VpcId,
                                              HealthCheckProtocol, HealthCheckPath, HealthCheckPort,
                                              HealthCheckIntervalSeconds, HealthCheckTimeoutSeconds,
                                              HealthyThresholdCount, UnhealthyThresholdCount, Matcher
tg-attributes          "", "<tg name>"        attribute name: value, only those that a BackendConfig sets
alb-target             "nlb/<port>",          Balancer: "alb"; the one target of a group of TargetType alb
                       "<tg name>"
targets                "", "<tg name>"        Targets: sorted [address or instance id, port, zone]; zone "" or "all"; of
                                              QUIC with the server id behind
ca-bundle              "", "<store name>"     Bucket, Key, Pem: what a trust store is made from, an object in S3
trust-store            "", "<store name>"     Name, Certificates (their number); the name tells the content
listener               "", "<port>"           Port, Protocol, SslPolicy (HTTPS), Certificate (HTTPS: see below),
                       (NLB: "nlb", "<port>") DefaultActions; ALB also MutualAuthentication (HTTPS), NLB AlpnPolicy
                                              (TLS)
listener-attributes    as its listener        attribute name: value, only those that a LoadBalancerConfig sets
tags                   "", ""                 Tags: the user's, on all that is made in ELBv2; observed Known: those of
                                              [kind, scope, name, {key: value}], ours among them
listener-certificate   "listener/<port>",     {} (present or not)
                       "<certificate>"
                       (NLB: "nlb/<port>")
rule                   "listener/<port>",     Conditions, Actions, Transforms
                       "<digest>"
order                  "listener/<port>", ""  Rules: names of the listener's rules, highest precedence first;
                                              observed also Priorities: the same rules' numbers, and Taken: numbers
                                              that rules of others hold
=====================  =====================  =====================================================================

A certificate is named `<ns>/<name>` for a Secret's, or by its ARN for one that AWS holds already.

MutualAuthentication: {Mode: "off" | "passthrough"}, or {Mode: "verify", TrustStore: name,
IgnoreClientCertificateExpiry}.
Conditions: sorted list of {Field, Values|RegexValues (sorted), HttpHeaderName | Key where the field has one}; one
`query-string` item per parameter, with Key and Value in `Values: [[key, value]]`.
Actions: one item of
  {Type: "forward", TargetGroups: [[tg name, weight], ...] sorted by name, Stickiness: seconds or 0}
  {Type: "redirect", StatusCode, Protocol, Host, Port, Path, Query}
  {Type: "fixed-response", StatusCode, ContentType, MessageBody}
Transforms: list of {Type, Regex, Replace}, at most one a type, sorted by type.
A rule's name is the digest of its canonical Conditions: an action change keeps the rule, a reorder moves it.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.plan import ResourceKey, digest
from reconciler.values import Json

SECURITY_GROUP = "security-group"
INGRESS = "ingress"
BACKEND_ACCESS = "backend-access"
LOAD_BALANCER = "load-balancer"
LB_ATTRIBUTES = "lb-attributes"
CERTIFICATE = "certificate"
CA_BUNDLE = "ca-bundle"
TRUST_STORE = "trust-store"
TARGET_GROUP = "target-group"
TG_ATTRIBUTES = "tg-attributes"
TARGETS = "targets"
ALB_TARGET = "alb-target"
ADDRESSES = "addresses"
LISTENER = "listener"
LISTENER_CERTIFICATE = "listener-certificate"
LISTENER_ATTRIBUTES = "listener-attributes"
WEB_ACL = "web-acl"
TAGS = "tags"
RULE = "rule"
ORDER = "order"

MANAGED = "managed"
"""Stands in SecurityGroups for the security group that we keep ourselves."""

ALB, NLB = "alb", "nlb"
"""A Gateway's two load balancers: requests go through the one, streams through the other."""

PART_BASE = "base"
"""Part (see `Rendered.parts`) of the load balancer, its attributes, security group and ingress."""
PART_TAGS = "tags"
"""Part of the users' tags on all that carries some."""
PART_POOLS = "target-groups"
"""Part of all target groups. The attributes of each are a part of their own: what is withdrawn is looked at as well."""
PART_TRUST = "trust-stores"
"""Part of all trust stores and what they are made from."""


def scope_of(port: int, balancer: str = ALB) -> str:
    """Return the scope of a listener's rules and certificates; it is the name of its part as well."""
    return f"{NLB}/{port}" if balancer == NLB else f"listener/{port}"


def listener_part(port: int, balancer: str = ALB) -> str:
    """Return the part of a listener, its certificates, rules and their order."""
    return scope_of(port, balancer)


ADDRESSES_KEY = ResourceKey(ADDRESSES, "", NLB)
SECURITY_GROUP_KEY = ResourceKey(SECURITY_GROUP, "", "frontend")


def balancer_key(balancer: str) -> ResourceKey:
    """Key of a load balancer: ALB or NLB."""
    return ResourceKey(LOAD_BALANCER, "", balancer)


def attributes_key(balancer: str) -> ResourceKey:
    """Key of a load balancer's attributes."""
    return ResourceKey(LB_ATTRIBUTES, "", balancer)


LOAD_BALANCER_KEY = balancer_key(ALB)
WEB_ACL_KEY = ResourceKey(WEB_ACL, "", ALB)
TAGS_KEY = ResourceKey(TAGS, "", "")
LB_ATTRIBUTES_KEY = attributes_key(ALB)


def ingress_key(port: int, protocol: str = "tcp") -> ResourceKey:
    """Key of the permission that opens a port to clients."""
    return ResourceKey(INGRESS, protocol, str(port))


def backend_access_key(group: str, protocol: str) -> ResourceKey:
    """Key of the permission that lets our security group reach what stands in another one."""
    return ResourceKey(BACKEND_ACCESS, protocol, group)


def certificate_key(name: str) -> ResourceKey:
    """Key of a Secret's certificate in ACM, `name` is `<namespace>/<name>`."""
    return ResourceKey(CERTIFICATE, "", name)


def trust_store_key(name: str) -> ResourceKey:
    """Key of a trust store by its AWS name."""
    return ResourceKey(TRUST_STORE, "", name)


def ca_bundle_key(name: str) -> ResourceKey:
    """Key of the object that the trust store of this name is made from."""
    return ResourceKey(CA_BUNDLE, "", name)


def target_group_key(name: str) -> ResourceKey:
    """Key of a target group by its AWS name."""
    return ResourceKey(TARGET_GROUP, "", name)


def tg_attributes_key(name: str) -> ResourceKey:
    """Key of a target group's attributes."""
    return ResourceKey(TG_ATTRIBUTES, "", name)


def targets_key(name: str) -> ResourceKey:
    """Key of a target group's registered targets."""
    return ResourceKey(TARGETS, "", name)


def alb_target_key(port: int, group: str) -> ResourceKey:
    """Key of the ALB as a target of the group that leads to it from a port of the NLB."""
    return ResourceKey(ALB_TARGET, scope_of(port, NLB), group)


def listener_key(port: int, balancer: str = ALB) -> ResourceKey:
    """Key of a listener by its port."""
    return ResourceKey(LISTENER, NLB if balancer == NLB else "", str(port))


def listener_attributes_key(listener: ResourceKey) -> ResourceKey:
    """Key of a listener's attributes."""
    return ResourceKey(LISTENER_ATTRIBUTES, listener.scope, listener.name)


def listener_certificate_key(port: int, certificate: str, balancer: str = ALB) -> ResourceKey:
    """Key of an additional (SNI) certificate of a listener."""
    return ResourceKey(LISTENER_CERTIFICATE, scope_of(port, balancer), certificate)


def rule_key(port: int, conditions: Json) -> ResourceKey:
    """Key of a rule: its canonical conditions name it."""
    return ResourceKey(RULE, scope_of(port), digest(conditions))


def order_key(port: int) -> ResourceKey:
    """Key of the order of a listener's rules."""
    return ResourceKey(ORDER, scope_of(port), "")


def port_of(key: ResourceKey) -> int:
    """Return the listener port that a listener, listener-certificate, rule, order or ingress key belongs to."""
    return int(key.name if key.kind in (LISTENER, LISTENER_ATTRIBUTES, INGRESS) else key.scope.rpartition("/")[2])


def balancer_of(key: ResourceKey) -> str:
    """Return which load balancer a listener, or what is on it, stands on."""
    return NLB if key.scope.partition("/")[0] == NLB else ALB


def holder_of(key: ResourceKey) -> ResourceKey:
    """Return the key of the listener that a listener's certificate, rule or order belongs to."""
    return listener_key(port_of(key), balancer_of(key))


def part_of(key: ResourceKey) -> str:
    """Return the part that a resource is digested and observed with; "" for endpoints and certificates' contents."""
    if key.kind in (LISTENER, LISTENER_CERTIFICATE, RULE, ORDER, ALB_TARGET):
        return listener_part(port_of(key), balancer_of(key))
    if key.kind == TARGET_GROUP:
        return PART_POOLS
    if key.kind in (CA_BUNDLE, TRUST_STORE):
        return PART_TRUST
    if key.kind in (TG_ATTRIBUTES, LISTENER_ATTRIBUTES):
        return str(key)
    if key.kind == TAGS:
        return PART_TAGS
    return "" if key.kind == TARGETS else PART_BASE


def fixed_response(status: int) -> Mapping[str, Json]:
    """Return the canonical action that answers without a backend."""
    return {"Type": "fixed-response", "StatusCode": str(status), "ContentType": "text/plain", "MessageBody": ""}
