"""A LoadBalancer as AWS resources in the canonical form of `resources`. Pure, total, deterministic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from providers.aws.attributes import HOST_HEADER, PROTECTION, of_balancer, switched_on
from providers.aws.backend_settings import has_own_cookie
from providers.aws.base_plan import RULES_QUOTA
from providers.aws.client_certificates import mutual_authentication, trust_stores, with_client_certificates
from providers.aws.config import AwsConfig, access_logs, read_aws, web_acl_record
from providers.aws.listener_settings import listener_attributes
from providers.aws.names import load_balancer_name, user_tags
from providers.aws.pools import empty_group, rendered, request_group
from providers.aws.quic import OPEN_NLB, QUIC
from providers.aws.resources import (
    ALB,
    LISTENER,
    LISTENER_CERTIFICATE,
    LOAD_BALANCER,
    MANAGED,
    NLB,
    SECURITY_GROUP_KEY,
    TAGS_KEY,
    WEB_ACL_KEY,
    attributes_key,
    backend_access_key,
    balancer_key,
    certificate_key,
    fixed_response,
    ingress_key,
    listener_attributes_key,
    listener_certificate_key,
    listener_key,
    order_key,
    part_of,
    rule_key,
)
from providers.aws.rules import Naming, Rule, make_rules
from providers.aws.served import served
from providers.aws.streams import BESIDE_TCP, Stream, Streams, make_streams
from providers.aws.unified import STATIC_NLB, addresses_wanted, front, is_unified, stands_as
from reconciler.certificates import Certificate
from reconciler.ir import Forward, Frontend, LoadBalancer
from reconciler.plan import Rendered, Resource, ResourceKey, digest
from reconciler.values import Json, frozen_map

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
EVERYBODY = {"ipv4": ("0.0.0.0/0",), "dualstack": ("0.0.0.0/0", "::/0")}
MAX_DESCRIPTION = 255
"""Characters of a security group's description (EC2 API, CreateSecurityGroup); a name alone may have 253."""
_TYPES = {ALB: "application", NLB: "network"}
_TRANSPORTS = {"UDP": "udp", QUIC: "udp"}
_NO_ROUTE = 404


def render(lb: LoadBalancer, bucket: str = "") -> Rendered:
    """Return all resources that a Gateway wants, and what AWS cannot do of it.

    `bucket`: where the objects stand that trust stores are made from; "" for nowhere.
    """
    if lb.withdrawn:
        return Rendered()
    aws = read_aws(lb.config)
    unified = is_unified(lb, aws)
    there = served(lb.frontends, aws.quotas, unified=unified)
    frontends, unvalidated = with_client_certificates(there.frontends, bucket)
    requests = [one for one in frontends if not one.streams]
    rules = make_rules(requests, _naming(lb, aws), aws.quotas, lb.config.max_rules_per_namespace)
    streams = make_streams(replace(lb, frontends=tuple(frontends)), aws)
    found = [*_base(lb, aws, requests, streams), *_pools(lb, aws, rules.by_port, streams)]
    found.extend(trust_stores(lb, requests, bucket))
    if unified:
        found.extend(front(lb, aws, requests))
    for frontend in requests:
        found.extend(_listener(lb, frontend, rules.by_port[frontend.port]))
    for stream in streams.listeners:
        found.extend(_stream(lb, stream))
    resources: dict[ResourceKey, Resource] = {}
    for resource in found:
        if resource.key in resources:  # a Secret or an authority that two ports use is the matter of both
            others = resources[resource.key].origins
            resource = replace(resource, origins=tuple(dict.fromkeys((*others, *resource.origins))))  # noqa: PLW2901
        resources[resource.key] = resource
    return Rendered(
        resources=resources,
        rejections=(
            *there.rejections,
            *unvalidated,
            *rules.rejections,
            *streams.rejections,
            *addresses_wanted(lb)[1],
        ),
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
        if key.kind == LOAD_BALANCER:
            yield str(resource.spec["Name"])
        elif key.kind == "target-group":
            yield key.name


# --- the load balancer --------------------------------------------------------------------------------------------


def _base(lb: LoadBalancer, aws: AwsConfig, requests: Sequence[Frontend], streams: Streams) -> Iterator[Resource]:
    where = f"{lb.key.namespace}/{lb.key.name}"
    groups = aws.security_groups or (MANAGED,)
    guarded = {stands_as(lb, aws, balancer) for balancer in _balancers(lb, aws)} != {OPEN_NLB}
    if MANAGED in groups and guarded:
        spec: dict[str, Json] = {"Description": f"routewright: clients of Gateway {where}"[:MAX_DESCRIPTION]}
        yield Resource(SECURITY_GROUP_KEY, spec | ({"VpcId": aws.vpc} if aws.vpc else {}), (str(lb.key),))
        sources = lb.config.source_ranges or EVERYBODY[lb.config.address_type]
        for protocol, port, origins in _doors(aws, requests, streams):
            asked = (MANAGED,) if is_unified(lb, aws) and port in {one.port for one in requests} else ()
            opened: dict[str, Json] = {"Protocol": protocol, "Sources": list[Json](sorted({*sources, *asked}))}
            yield Resource(ingress_key(port, protocol), opened, origins)
        transports = {"tcp", *(protocol for protocol, _, _ in _doors(aws, requests, streams))}  # health is asked by TCP
        for group in aws.backend_groups:
            for protocol in sorted(transports):
                yield Resource(backend_access_key(group, protocol), {}, (str(lb.key),))
    for balancer in _balancers(lb, aws):
        yield Resource(balancer_key(balancer), _load_balancer(lb, aws, groups, balancer), (str(lb.key),))
        yield Resource(attributes_key(balancer), _attributes(lb, balancer), (str(lb.key),))
        if balancer == ALB and aws.web_acl:
            yield Resource(WEB_ACL_KEY, {"Arn": aws.web_acl}, (str(lb.key),))
    if tags := user_tags({**lb.labels, **aws.tags}):
        yield Resource(TAGS_KEY, {"Tags": dict[str, Json](tags)}, (str(lb.key),))


def _balancers(lb: LoadBalancer, aws: AwsConfig) -> tuple[str, ...]:
    """Return which load balancers are wanted: by the protocols of all listeners, also of those that are not served."""
    streams = bool(set(lb.protocols) - {"HTTP", "HTTPS"})
    requests = not streams or bool(set(lb.protocols) & {"HTTP", "HTTPS"})
    streams = streams or is_unified(lb, aws)
    return (*((ALB,) if requests else ()), *((NLB,) if streams else ()))


def _doors(
    aws: AwsConfig, requests: Sequence[Frontend], streams: Streams
) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """Yield what clients connect to where a security group has to let them: transport, port, which listeners for."""
    for frontend in requests:
        yield "tcp", frontend.port, _listener_names(frontend)
    if aws.quic:
        return
    for stream in streams.listeners:
        for transport in (
            ("tcp", "udp") if stream.protocol in BESIDE_TCP.values() else (_TRANSPORTS.get(stream.protocol, "tcp"),)
        ):
            yield transport, stream.frontend.port, stream.origins


def _load_balancer(lb: LoadBalancer, aws: AwsConfig, groups: Sequence[str], balancer: str) -> dict[str, Json]:
    spec: dict[str, Json] = {
        "Name": load_balancer_name(lb.key, lb.uid, lb.config.scheme, stands_as(lb, aws, balancer)),
        "Type": _TYPES[balancer],
        "Scheme": lb.config.scheme,
        "IpAddressType": lb.config.address_type,
        "SecurityGroups": list[Json]([] if stands_as(lb, aws, balancer) == OPEN_NLB else sorted(groups)),
    }
    if balancer == ALB:
        spec[RULES_QUOTA] = aws.quotas.rules
    if is_unified(lb, aws):
        spec |= {"Behind": True} if balancer == ALB else {"Addresses": addresses_wanted(lb)[0]}
    if aws.subnets:
        spec["Among" if stands_as(lb, aws, balancer) == STATIC_NLB else "Subnets"] = list[Json](aws.subnets)
    if addons := (*switched_on(_attributes(lb, balancer)), *web_acl_record(aws, balancer)):
        spec["Addons"] = list[Json](addons)
    if tags := user_tags({**lb.labels, **aws.tags}):
        spec["Tags"] = dict[str, Json](tags)
    return spec


def _attributes(lb: LoadBalancer, balancer: str) -> dict[str, Json]:
    """Without preserve_host_header an ALB adds or strips the port of a Host header (guide, attributes)."""
    own: dict[str, Json] = {HOST_HEADER: "true"} if balancer == ALB else {}
    if lb.config.deletion_protection:
        own[PROTECTION] = "true"
    return own | of_balancer(lb.config.attributes, balancer) | access_logs(read_aws(lb.config))


# --- pools --------------------------------------------------------------------------------------------------------


def _naming(lb: LoadBalancer, aws: AwsConfig) -> Naming:
    groups = {pool.id: request_group(lb, aws, pool).name for pool in lb.pools}
    sticky = {pool.id: pool.settings.sticky for pool in lb.pools}
    own_cookie = frozenset(pool.id for pool in lb.pools if has_own_cookie(pool.settings))
    tls_only = frozenset(pool.id for pool in lb.pools if request_group(lb, aws, pool).version != "HTTP1")
    return Naming(groups, empty_group(lb, aws, ALB, "HTTP").name, sticky, own_cookie, tls_only)


def _pools(
    lb: LoadBalancer, aws: AwsConfig, rules: Mapping[int, Sequence[Rule]], streams: Streams
) -> Iterator[Resource]:
    """Yield the target groups that rules and streams forward to; what nothing names costs nothing."""
    used = {name for found in rules.values() for rule in found for name in forwarded(rule.action)}
    every = [request_group(lb, aws, pool) for pool in lb.pools]
    every.append(empty_group(lb, aws, ALB, "HTTP", _with_error_share(lb)))
    yield from rendered({**{one.name: one for one in every if one.name in used}, **streams.groups}, aws)


def _with_error_share(lb: LoadBalancer) -> tuple[str, ...]:
    entries = (entry for frontend in lb.frontends for entry in frontend.entries)
    return tuple(one.id for one in entries if isinstance(one.action, Forward) and one.action.error_share)


def forwarded(action: Mapping[str, Json]) -> Iterator[str]:
    """Yield the names of the target groups that a canonical action forwards to."""
    groups = action.get("TargetGroups")
    for pair in groups if isinstance(groups, (list, tuple)) else ():
        if isinstance(pair, (list, tuple)):
            yield str(pair[0])


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
        spec |= {**_greeting(lb, frontend), "MutualAuthentication": mutual_authentication(lb, frontend)}
        yield from _certificates(frontend, ALB)
    yield Resource(listener_key(port), spec, origins)
    if attributes := listener_attributes(lb.config.cloud, frontend.protocol):
        yield Resource(listener_attributes_key(listener_key(port)), attributes, origins)
    names: list[Json] = []
    for rule in rules:
        conditions: list[Json] = list(rule.conditions)
        key = rule_key(port, conditions)
        names.append(key.name)
        transforms: list[Json] = list(rule.transforms)
        spec = {"Conditions": conditions, "Actions": [rule.action], "Transforms": transforms}
        yield Resource(key, spec, rule.entries, listeners=rule.listeners)
    yield Resource(order_key(port), {"Rules": names}, origins)


def _stream(lb: LoadBalancer, stream: Stream) -> Iterator[Resource]:
    port, entries = stream.frontend.port, stream.frontend.entries
    spec: dict[str, Json] = {"Port": port, "Protocol": stream.protocol, "DefaultActions": [stream.action]}
    if stream.protocol == "TLS":
        spec |= _greeting(lb, stream.frontend)
        yield from _certificates(stream.frontend, NLB)
    origins = (*stream.origins, *(entry.id for entry in entries))
    listeners = (*("" for _ in stream.origins), *(entry.listener for entry in entries))
    yield Resource(listener_key(port, NLB), spec, origins, listeners=listeners)
    if attributes := listener_attributes(lb.config.cloud, stream.protocol):
        yield Resource(listener_attributes_key(listener_key(port, NLB)), attributes, stream.origins)


def _greeting(lb: LoadBalancer, frontend: Frontend) -> dict[str, Json]:
    """Return what a listener that ends TLS shows to its clients."""
    policy = lb.config.tls_policy or TLS_POLICY
    return {"SslPolicy": policy, "Certificate": certificate_name(frontend.certificates[0])}


def _certificates(frontend: Frontend, balancer: str) -> Iterator[Resource]:
    for certificate in frontend.certificates[1:]:
        key = listener_certificate_key(frontend.port, certificate_name(certificate), balancer)
        yield Resource(key, {}, _owners(frontend, certificate))
    for certificate in frontend.certificates:
        if facts := certificate.facts:
            held: dict[str, Json] = {"Fingerprint": facts.fingerprint, "KeyType": facts.key_type}
            yield Resource(certificate_key(certificate_name(certificate)), held, _owners(frontend, certificate))


def _owners(frontend: Frontend, certificate: Certificate) -> tuple[str, ...]:
    """Return the listeners that a certificate is shown for: what is wrong with it is theirs to hear."""
    return tuple(f"listener/{one.name}" for one in frontend.listeners if certificate in one.certificates)


def certificate_name(certificate: Certificate) -> str:
    """Return a certificate's name: `<namespace>/<name>` of its Secret, or the ARN of one that AWS holds."""
    facts = certificate.facts
    return f"{facts.ref.namespace}/{facts.ref.name}" if facts else certificate.cloud_id
