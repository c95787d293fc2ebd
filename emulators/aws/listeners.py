"""Listeners: one a port, secure ones with exactly one default certificate, deleted together with their rules."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from emulators.aws import attributes
from emulators.aws.actions import Place, check_actions, normalised_actions
from emulators.aws.certificates import SECURE, default_certificate
from emulators.aws.errors import AwsError, invalid
from emulators.aws.forwarding import check_forwarding
from emulators.aws.mutual_tls import check_verified, checked_mutual_authentication
from emulators.aws.paging import page
from emulators.aws.policies import checked_policy
from emulators.aws.quic import check_listener
from emulators.aws.records import Listener, LoadBalancer, Request, Rule
from emulators.aws.region import Region
from emulators.aws.tags import read_tags

PROTOCOLS = {"application": ("HTTP", "HTTPS"), "network": ("TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC")}
ALPN_POLICIES = frozenset({"HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None"})
HIGHEST_PORT = 65_535


def shown_listener(region: Region, listener: Listener) -> dict[str, Any]:
    """Return a listener as DescribeListeners shows it: only the default certificate."""
    both = region.settings.echo_both_forms
    shown: dict[str, Any] = {
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer_arn,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": normalised_actions(listener.default_rule.actions, echo_both_forms=both),
    }
    if listener.protocol in SECURE:
        shown["Certificates"] = [{"CertificateArn": listener.certificates[0]}]
        shown["SslPolicy"] = listener.ssl_policy
    if listener.alpn_policy:
        shown["AlpnPolicy"] = listener.alpn_policy
    if listener.mutual_authentication is not None:
        shown["MutualAuthentication"] = listener.mutual_authentication
    return shown


def create_listener(region: Region, request: Request) -> dict[str, Any]:
    """Answer CreateListener; repeating a call returns the listener that is there."""
    balancer = region.load_balancer(request["LoadBalancerArn"])
    tags = read_tags(request.get("Tags"))
    wanted = _wanted(region, balancer, request)
    actions = request.get("DefaultActions", [])
    check_actions(actions, Place(balancer.type, wanted.protocol, wanted.port))
    existing = _on_port(balancer, wanted.port)
    if existing is not None:
        _add_default_rule(region, wanted, actions)
        if shown_listener(region, existing) != shown_listener(region, wanted) | {"ListenerArn": existing.arn}:
            raise _duplicate(wanted.port)
        return {"Listeners": [shown_listener(region, existing)]}
    check_listener(region, wanted, actions)
    check_forwarding(region, balancer, wanted.protocol, actions, None)
    check_verified(region, balancer, wanted, None)
    most = region.limits[f"listeners-per-{balancer.type}-load-balancer"]
    if len(balancer.listeners) >= most:
        raise AwsError(
            "TooManyListeners", f"The maximum number of listeners per load balancer ({most}) has been reached"
        )
    wanted.arn = balancer.arn.replace(":loadbalancer/", ":listener/") + f"/{region.new_id()}"
    wanted.tags = tags
    _add_default_rule(region, wanted, actions)
    balancer.listeners[wanted.arn] = wanted
    return {"Listeners": [shown_listener(region, wanted)]}


def describe_listeners(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeListeners, of one load balancer or by ARN."""
    arns = request.get("ListenerArns", [])
    if bool(arns) == ("LoadBalancerArn" in request):
        raise invalid("You must specify either listener ARNs or a load balancer ARN")
    if arns:
        found = [region.listener(arn) for arn in arns]
    else:
        everything = region.load_balancer(request["LoadBalancerArn"]).listeners.values()
        found = [listener for listener in everything if region.visible(listener)]
    answer = page(found, request, "Listeners")
    return answer | {"Listeners": [shown_listener(region, listener) for listener in answer["Listeners"]]}


def modify_listener(region: Region, request: Request) -> dict[str, Any]:
    """Answer ModifyListener: what is given replaces what was there; a protocol left takes its settings along."""
    listener = region.listener(request["ListenerArn"])
    balancer = region.owner(listener)
    wanted = _wanted(region, balancer, _merged(listener, request))
    other = _on_port(balancer, wanted.port)
    if other is not None and other is not listener:
        raise _duplicate(wanted.port)
    check_verified(region, balancer, wanted, listener)
    actions = request.get("DefaultActions") or listener.default_rule.actions
    place = Place(balancer.type, wanted.protocol, wanted.port)
    check_actions(actions, place)
    check_listener(region, wanted, actions, listener)
    check_forwarding(region, balancer, wanted.protocol, actions, listener.default_rule)
    for rule in listener.own_rules if wanted.protocol != listener.protocol else ():
        check_actions(rule.actions, place)
        check_forwarding(region, balancer, wanted.protocol, rule.actions, rule)
    _take_over(listener, wanted)
    listener.default_rule.actions = deepcopy(actions)
    return {"Listeners": [shown_listener(region, listener)]}


def delete_listener(region: Region, request: Request) -> dict[str, Any]:
    """Answer DeleteListener; ResourceInUse while a target group of type `alb` leads to its port."""
    listener = region.listener(request["ListenerArn"])
    for group in region.target_groups.values():
        for target in group.targets.values():
            if target.id == listener.load_balancer_arn and group.settings.get("Port") == listener.port:
                raise AwsError(
                    "ResourceInUse",
                    f"Listener port '{listener.port}' is in use by registered target '{target.id}' "
                    "and cannot be removed.",
                )
    del region.owner(listener).listeners[listener.arn]
    return {}


def describe_listener_attributes(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeListenerAttributes."""
    return attributes.attribute_list(region.listener(request["ListenerArn"]).attributes)


def modify_listener_attributes(region: Region, request: Request) -> dict[str, Any]:
    """Answer ModifyListenerAttributes with all attributes."""
    listener = region.listener(request["ListenerArn"])
    family = attributes.listener_family(listener.protocol)
    listener.attributes |= attributes.read_attributes(request.get("Attributes", []), family)
    return attributes.attribute_list(listener.attributes)


def _wanted(region: Region, balancer: LoadBalancer, request: Request) -> Listener:
    protocol, port = request.get("Protocol"), request.get("Port")
    if protocol not in PROTOCOLS[balancer.type]:
        allowed = ", ".join(PROTOCOLS[balancer.type])
        raise invalid(f"Protocol '{protocol}' must be one of '{allowed}' on load balancers of type '{balancer.type}'")
    if port is None or not 1 <= port <= HIGHEST_PORT:
        raise invalid(f"Port '{port}' must be between 1 and {HIGHEST_PORT}")
    secure = protocol in SECURE
    if not secure and (request.get("Certificates") or request.get("SslPolicy")):
        raise invalid(f"Certificates and SSL policies cannot be specified for {protocol} listeners")
    return Listener(
        arn="",
        load_balancer_arn=balancer.arn,
        port=port,
        protocol=str(protocol),
        ssl_policy=checked_policy(request.get("SslPolicy")) if secure else None,
        certificates=[default_certificate(region, request.get("Certificates"), str(protocol))] if secure else [],
        alpn_policy=_checked_alpn(request.get("AlpnPolicy", []), str(protocol)),
        mutual_authentication=checked_mutual_authentication(region, request.get("MutualAuthentication"), str(protocol)),
        attributes=attributes.defaults(attributes.listener_family(str(protocol))),
        tags={},
        visible_at=region.visible_at(),
    )


def _checked_alpn(policy: list[str], protocol: str) -> list[str]:
    if not policy:
        return []
    if protocol != "TLS":
        raise invalid(f"An ALPN policy cannot be specified for {protocol} listeners")
    if len(policy) != 1 or policy[0] not in ALPN_POLICIES:
        raise AwsError("ALPNPolicyNotFound", f"ALPN policy '{', '.join(policy)}' not found")
    return list(policy)


def _add_default_rule(region: Region, listener: Listener, actions: list[dict[str, Any]]) -> None:
    rule = Rule(
        arn=listener.arn.replace(":listener/", ":listener-rule/") + f"/{region.new_id()}",
        listener_arn=listener.arn,
        priority=None,
        conditions=[],
        actions=deepcopy(actions),
        transforms=[],
        tags={},
        visible_at=listener.visible_at,
    )
    listener.rules[rule.arn] = rule


def _merged(listener: Listener, request: Request) -> Request:
    merged: Request = {"Port": listener.port, "Protocol": listener.protocol}
    if request.get("Protocol", listener.protocol) in SECURE and listener.protocol in SECURE:
        merged["SslPolicy"] = listener.ssl_policy
        merged["Certificates"] = [{"CertificateArn": listener.certificates[0]}]
    if request.get("Protocol", listener.protocol) == listener.protocol:
        merged["AlpnPolicy"] = listener.alpn_policy
        merged["MutualAuthentication"] = listener.mutual_authentication
    return merged | {name: value for name, value in request.items() if value != []}


def _take_over(listener: Listener, wanted: Listener) -> None:
    kept = listener.certificates[1:] if wanted.certificates else []
    listener.certificates = wanted.certificates + kept
    if wanted.protocol != listener.protocol:
        listener.attributes = wanted.attributes | {
            k: v for k, v in listener.attributes.items() if k in wanted.attributes
        }
    listener.port = wanted.port
    listener.protocol = wanted.protocol
    listener.ssl_policy = wanted.ssl_policy
    listener.alpn_policy = wanted.alpn_policy
    listener.mutual_authentication = wanted.mutual_authentication


def _on_port(balancer: LoadBalancer, port: int) -> Listener | None:
    return next((one for one in balancer.listeners.values() if one.port == port), None)


def _duplicate(port: int) -> AwsError:
    return AwsError("DuplicateListener", f"A listener already exists on port '{port}' for this load balancer")
