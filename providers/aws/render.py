"""A LoadBalancer as AWS resources in the canonical form of `resources`. Pure, total, deterministic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from providers.aws.base_plan import RULES_QUOTA
from providers.aws.config import AwsConfig, read_aws
from providers.aws.names import load_balancer_name, target_group_name, user_tags
from providers.aws.resources import (
    LB_ATTRIBUTES_KEY,
    LISTENER,
    LISTENER_CERTIFICATE,
    LOAD_BALANCER_KEY,
    MANAGED,
    SECURITY_GROUP_KEY,
    certificate_key,
    fixed_response,
    ingress_key,
    listener_certificate_key,
    listener_key,
    order_key,
    part_of,
    rule_key,
    target_group_key,
    targets_key,
)
from providers.aws.rules import Naming, Rule, make_rules
from reconciler.ir import (
    BackendPool,
    Certificate,
    Forward,
    Frontend,
    HealthCheck,
    Json,
    LoadBalancer,
    Rejection,
    frozen_map,
)
from reconciler.plan import Rendered, Resource, ResourceKey, digest

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
KEY_TYPES = frozenset({"RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"})
EVERYBODY = {"ipv4": ("0.0.0.0/0",), "dualstack": ("0.0.0.0/0", "::/0")}
MAX_DESCRIPTION = 255
"""Characters of a security group's description (EC2 API, CreateSecurityGroup); a name alone may have 253."""
_EMPTY_POOL = "no-backend"
_NO_ROUTE = 404


def render(lb: LoadBalancer) -> Rendered:
    """Return all resources that a Gateway wants, and what an ALB cannot do of it."""
    if lb.withdrawn:
        return Rendered()
    aws = read_aws(lb.config)
    frontends, refused = _with_certificates(lb.frontends, aws)
    naming = _naming(lb, aws)
    rules = make_rules(frontends, naming, aws.quotas, lb.config.max_rules_per_namespace)
    found = [*_base(lb, aws, frontends), *_pools(lb, aws, naming, rules.by_port)]
    for frontend in frontends:
        found.extend(_listener(lb, frontend, rules.by_port[frontend.port]))
    resources = {resource.key: resource for resource in found}
    return Rendered(
        resources=resources,
        rejections=(*refused, *rules.rejections),
        parts=_parts(resources),
        names=tuple(sorted(_names(resources))),
        shadowed=tuple(rules.shadowed),
    )


def _parts(resources: Mapping[ResourceKey, Resource]) -> Mapping[str, str]:
    specs: dict[str, dict[str, Json]] = {}
    for key in sorted(resources):
        if part := part_of(key):
            specs.setdefault(part, {})[str(key)] = dict(resources[key].spec)
            if key.kind in (LISTENER, LISTENER_CERTIFICATE):
                specs[part][f"{key}/key-type"] = _key_type(resources, key)
    return frozen_map({part: digest(spec) for part, spec in specs.items()})


def _key_type(resources: Mapping[ResourceKey, Resource], key: ResourceKey) -> Json:
    """Return the key type of a listener's certificate: another one means another ARN, to be attached anew."""
    name = key.name if key.kind == LISTENER_CERTIFICATE else str(resources[key].spec.get("Certificate", ""))
    certificate = resources.get(certificate_key(name))
    return certificate.spec["KeyType"] if certificate else ""


def _names(resources: Mapping[ResourceKey, Resource]) -> Iterator[str]:
    for key, resource in resources.items():
        if key == LOAD_BALANCER_KEY:
            yield str(resource.spec["Name"])
        elif key.kind == "target-group":
            yield key.name


# --- the load balancer --------------------------------------------------------------------------------------------


def _base(lb: LoadBalancer, aws: AwsConfig, frontends: Sequence[Frontend]) -> Iterator[Resource]:
    where = f"{lb.key.namespace}/{lb.key.name}"
    groups = aws.security_groups or (MANAGED,)
    if MANAGED in groups:
        spec: dict[str, Json] = {"Description": f"routewright: clients of Gateway {where}"[:MAX_DESCRIPTION]}
        yield Resource(SECURITY_GROUP_KEY, spec | ({"VpcId": aws.vpc} if aws.vpc else {}), (str(lb.key),))
        sources = lb.config.source_ranges or EVERYBODY[lb.config.address_type]
        for frontend in frontends:
            opened: dict[str, Json] = {"Protocol": "tcp", "Sources": list[Json](sorted(sources))}
            yield Resource(ingress_key(frontend.port), opened, _listener_names(frontend))
    yield Resource(LOAD_BALANCER_KEY, _load_balancer(lb, aws, groups), (str(lb.key),))
    yield Resource(LB_ATTRIBUTES_KEY, _attributes(lb), (str(lb.key),))


def _load_balancer(lb: LoadBalancer, aws: AwsConfig, groups: Sequence[str]) -> dict[str, Json]:
    spec: dict[str, Json] = {
        "Name": load_balancer_name(lb.key, lb.uid, lb.config.scheme),
        "Type": "application",
        "Scheme": lb.config.scheme,
        "IpAddressType": lb.config.address_type,
        "SecurityGroups": list[Json](sorted(groups)),
        RULES_QUOTA: aws.quotas.rules,
    }
    if aws.subnets:
        spec["Subnets"] = list[Json](aws.subnets)
    if tags := user_tags({**lb.labels, **aws.tags}):
        spec["Tags"] = dict[str, Json](tags)
    return spec


def _attributes(lb: LoadBalancer) -> dict[str, Json]:
    """Without preserve_host_header an ALB adds or strips the port of a Host header (guide, attributes)."""
    own: dict[str, Json] = {"routing.http.preserve_host_header.enabled": "true"}
    if lb.config.deletion_protection:
        own["deletion_protection.enabled"] = "true"
    return own | dict(lb.config.attributes)


# --- certificates -------------------------------------------------------------------------------------------------


def _with_certificates(frontends: Sequence[Frontend], aws: AwsConfig) -> tuple[list[Frontend], list[Rejection]]:
    """Return the frontends with the certificates that an ALB takes; one without any is no listener."""
    kept: list[Frontend] = []
    refused: list[Rejection] = []
    for frontend in frontends:
        if frontend.protocol != "HTTPS":
            kept.append(frontend)
            continue
        fit = tuple(one for one in frontend.certificates if one.facts is None or one.facts.key_type in KEY_TYPES)
        odd = [one.facts for one in frontend.certificates if one.facts is not None and one not in fit]
        refused.extend(_refuse(frontend, f"{one.ref}: an ALB takes no key of type {one.key_type}") for one in odd)
        limit = 1 + aws.quotas.certificates
        if len(fit) > limit:
            refused.append(_refuse(frontend, f"needs {len(fit)} certificates, an ALB takes {limit}"))
        if fit:
            kept.append(replace(frontend, certificates=fit[:limit]))
    return kept, refused


def _refuse(frontend: Frontend, message: str) -> Rejection:
    return Rejection(f"listener/{frontend.listeners[-1].name}", "UnsupportedValue", message)


def certificate_name(certificate: Certificate) -> str:
    """Return a certificate's name: `<namespace>/<name>` of its Secret, or the ARN of one that AWS holds."""
    facts = certificate.facts
    return f"{facts.ref.namespace}/{facts.ref.name}" if facts else certificate.cloud_id


# --- pools --------------------------------------------------------------------------------------------------------


def _naming(lb: LoadBalancer, aws: AwsConfig) -> Naming:
    groups = {pool.id: target_group_name(lb.key, pool.service.name, _fixed(lb, aws, pool)) for pool in lb.pools}
    return Naming(
        groups, target_group_name(lb.key, _EMPTY_POOL, [lb.uid, "alb", lb.config.scheme, _EMPTY_POOL, aws.vpc])
    )


def _fixed(lb: LoadBalancer, aws: AwsConfig, pool: BackendPool) -> Json:
    """Return what AWS fixes at a target group's creation, and what makes it this load balancer's (it has only one)."""
    return [lb.uid, "alb", lb.config.scheme, pool.id, pool.protocol, "HTTP1", "ip", pool.family.lower(), aws.vpc]


@dataclass(frozen=True, slots=True)
class _Group:
    """A target group to render."""

    name: str
    port: int
    family: str
    origins: tuple[str, ...]


def _pools(lb: LoadBalancer, aws: AwsConfig, naming: Naming, rules: Mapping[int, Sequence[Rule]]) -> Iterator[Resource]:
    """Yield the target groups that rules forward to, with their targets; what no rule names costs nothing."""
    used = {name for found in rules.values() for rule in found for name in forwarded(rule.action)}
    for pool in lb.pools:
        name = naming.groups[pool.id]
        if name in used:
            group = _Group(name, pool.service.port, pool.family.lower(), (pool.id,))
            yield Resource(target_group_key(name), _target_group(group, aws, pool.health), group.origins)
            targets: list[Json] = [[one.address, one.port, ""] for one in sorted(pool.endpoints)]
            yield Resource(targets_key(name), {"Targets": targets}, group.origins)
    if naming.empty in used:
        group = _Group(naming.empty, 80, "ipv4", _with_error_share(lb))
        yield Resource(target_group_key(naming.empty), _target_group(group, aws, HealthCheck()), group.origins)


def _with_error_share(lb: LoadBalancer) -> tuple[str, ...]:
    entries = (entry for frontend in lb.frontends for entry in frontend.entries)
    return tuple(one.id for one in entries if isinstance(one.action, Forward) and one.action.error_share)


def forwarded(action: Mapping[str, Json]) -> Iterator[str]:
    """Yield the names of the target groups that a canonical action forwards to."""
    groups = action.get("TargetGroups")
    for pair in groups if isinstance(groups, (list, tuple)) else ():
        if isinstance(pair, (list, tuple)):
            yield str(pair[0])


def _target_group(group: _Group, aws: AwsConfig, health: HealthCheck) -> dict[str, Json]:
    spec: dict[str, Json] = {
        "Name": group.name,
        "Protocol": "HTTP",
        "ProtocolVersion": "HTTP1",
        "Port": group.port,
        "TargetType": "ip",
        "IpAddressType": group.family,
        "HealthCheckProtocol": health.protocol,
        "HealthCheckPath": health.path,
        "HealthCheckPort": health.port or "traffic-port",
        "HealthCheckIntervalSeconds": health.interval,
        "HealthCheckTimeoutSeconds": health.timeout,
        "HealthyThresholdCount": health.healthy,
        "UnhealthyThresholdCount": health.unhealthy,
        "Matcher": health.matcher,
    }
    return spec | ({"VpcId": aws.vpc} if aws.vpc else {})


# --- listeners ----------------------------------------------------------------------------------------------------


def _listener_names(frontend: Frontend) -> tuple[str, ...]:
    return tuple(f"listener/{one.name}" for one in frontend.listeners)


def _listener(lb: LoadBalancer, frontend: Frontend, rules: Sequence[Rule]) -> Iterator[Resource]:
    port, origins = frontend.port, _listener_names(frontend)
    spec: dict[str, Json] = {
        "Port": port,
        "Protocol": frontend.protocol,
        "DefaultActions": [fixed_response(_NO_ROUTE)],
    }
    if frontend.protocol == "HTTPS":
        spec |= {
            "SslPolicy": lb.config.tls_policy or TLS_POLICY,
            "Certificate": certificate_name(frontend.certificates[0]),
        }
        for certificate in frontend.certificates[1:]:
            yield Resource(listener_certificate_key(port, certificate_name(certificate)), {}, origins)
        for certificate in frontend.certificates:
            if facts := certificate.facts:
                held: dict[str, Json] = {"Fingerprint": facts.fingerprint, "KeyType": facts.key_type}
                yield Resource(certificate_key(certificate_name(certificate)), held, origins)
    yield Resource(listener_key(port), spec, origins)
    names: list[Json] = []
    for rule in rules:
        conditions: list[Json] = list(rule.conditions)
        key = rule_key(port, conditions)
        names.append(key.name)
        transforms: list[Json] = list(rule.transforms)
        yield Resource(
            key, {"Conditions": conditions, "Actions": [rule.action], "Transforms": transforms}, rule.entries
        )
    yield Resource(order_key(port), {"Rules": names}, origins)
