"""What the emulated account looks like now, as one JSON document: the door through which the data plane looks in.

`GET /_emulator/state` answers the document at once, `GET /_emulator/state?after=VERSION&wait=SECONDS` as soon as the
version is higher than VERSION (or after SECONDS, whatever the version is then). The version grows by at least one
after every call that changes something, and whenever the clock alone changes a state (a load balancer becomes
active, a target becomes healthy or has drained). Names and values inside an item are those of botocore's output
shapes (`elbv2`, `ec2`); dates are ISO 8601 text.

    {"version": 12,
     "loadBalancers": [
       {"LoadBalancerArn": "arn:...", "DNSName": "...", "CanonicalHostedZoneId": "...", "CreatedTime": "2026-...Z",
        "LoadBalancerName": "web", "Scheme": "internal", "VpcId": "vpc-...", "State": {"Code": "provisioning"},
        "Type": "application", "AvailabilityZones": [{"ZoneName": "us-east-1a", "SubnetId": "subnet-..."}],
        "SecurityGroups": ["sg-..."], "IpAddressType": "ipv4",
        "Attributes": {"idle_timeout.timeout_seconds": "60", ...},           # every attribute, defaults included
        "Tags": {"key": "value"},
        "Address": "127.10.0.5",                  # loopback alias of its own; the same for the same name
        "Addresses": ["203.0.113.7"],             # of a network one, where clients reach its interfaces
        "Listeners": [
          {"ListenerArn": "arn:...", "LoadBalancerArn": "arn:...", "Port": 443, "Protocol": "HTTPS",
           "SslPolicy": "...", "AlpnPolicy": ["..."], "MutualAuthentication": {"Mode": "off"},
           "CaCertificates": "PEM",               # of the trust store; "" unless the mode is `verify`
           "DefaultActions": [...],
           "Certificates": [                      # the default first; empty on HTTP, TCP, UDP
             {"CertificateArn": "arn:...", "IsDefault": true,
              "Certificate": "PEM", "Chain": "PEM or empty", "PrivateKey": "PEM"}],
           "Attributes": {"routing.http.response.server.enabled": "true", ...},
           "Rules": [                             # ascending by priority, the default rule last
             {"RuleArn": "arn:...", "Priority": "10", "IsDefault": false,
              "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["^a$"]}}],
              "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [...]}}],
              "Transforms": [{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [...]}}]},
             {"RuleArn": "arn:...", "Priority": "default", "IsDefault": true, "Conditions": [], "Actions": [...],
              "Transforms": []}]}]}],
     "targetGroups": [
       {"TargetGroupArn": "arn:...", "TargetGroupName": "...", "Protocol": "HTTP", "Port": 80,
        "ProtocolVersion": "HTTP1", "TargetType": "ip", "VpcId": "vpc-...", "LoadBalancerArns": ["arn:..."], ...,
        "Attributes": {"deregistration_delay.timeout_seconds": "300", ...},
        "Targets": [{"Id": "10.244.0.7", "Port": 8080, "State": "healthy"}]}],    # State as DescribeTargetHealth says
     "securityGroups": {"sg-...": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80,
                                    "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [],
                                    "UserIdGroupPairs": []}]}}

Conditions, actions and transforms appear exactly as the Describe calls return them: host-header and path-pattern
conditions carry their values twice (`Values` and `HostHeaderConfig.Values`), and a forward action with one target
group carries both `TargetGroupArn` and `ForwardConfig`. Read the `...Config` member: it is always there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from emulators.aws.journal import printable
from emulators.aws.listeners import shown_listener
from emulators.aws.load_balancers import shown_load_balancer
from emulators.aws.records import Listener, LoadBalancer, TargetGroup
from emulators.aws.region import Region
from emulators.aws.rules import shown_rule
from emulators.aws.target_groups import shown_target_group
from emulators.aws.targets import state_of
from emulators.aws.trust_stores import authorities_of
from emulators.aws.usage import settle, users


def snapshot(regions: Iterable[Region], version: int) -> dict[str, Any]:
    """Return the document described above."""
    document: dict[str, Any] = {"version": version, "loadBalancers": [], "targetGroups": [], "securityGroups": {}}
    for region in regions:
        settle(region)
        used = users(region)
        document["loadBalancers"] += [_load_balancer(region, one) for one in region.load_balancers.values()]
        document["targetGroups"] += [_target_group(region, one, used) for one in region.target_groups.values()]
        document["securityGroups"] |= _security_groups(region)
    return document


def _load_balancer(region: Region, balancer: LoadBalancer) -> dict[str, Any]:
    shown: dict[str, Any] = printable(shown_load_balancer(region, balancer))
    shown.setdefault("SecurityGroups", [])
    return shown | {
        "Attributes": dict(balancer.attributes),
        "Tags": dict(balancer.tags),
        "Address": balancer.address,
        "Addresses": [face.public or face.private for face in balancer.interfaces.values()],
        "Listeners": [_listener(region, one) for one in balancer.listeners.values()],
    }


def _listener(region: Region, listener: Listener) -> dict[str, Any]:
    certificates = [
        {"CertificateArn": arn, "IsDefault": index == 0, **(region.acm.pem(arn) or {})}
        for index, arn in enumerate(listener.certificates)
    ]
    return shown_listener(region, listener) | {
        "Certificates": certificates,
        "CaCertificates": authorities_of(region, listener),
        "Attributes": dict(listener.attributes),
        "Rules": [shown_rule(region, rule) for rule in [*listener.own_rules, listener.default_rule]],
    }


def _target_group(region: Region, group: TargetGroup, used: dict[str, list[str]]) -> dict[str, Any]:
    targets = [
        {"Id": target.id, "Port": target.port, "State": state_of(region, group, target)}
        for target in group.targets.values()
    ]
    return shown_target_group(group, used) | {"Attributes": dict(group.attributes), "Targets": targets}


def _security_groups(region: Region) -> dict[str, list[dict[str, Any]]]:
    groups = {group for balancer in region.load_balancers.values() for group in balancer.security_groups}
    return {group: region.network.ingress(group) for group in sorted(groups)}
