"""Security policies of HTTPS and TLS listeners: the predefined list that moto carries, and its description."""

from __future__ import annotations

from typing import Any

from moto.elbv2.ssl_policies import SSL_POLICIES, build_policy

from emulators.aws.errors import AwsError
from emulators.aws.paging import page
from emulators.aws.records import Request
from emulators.aws.region import Region

DEFAULT = "ELBSecurityPolicy-2016-08"


def checked_policy(name: str | None) -> str:
    """Return the policy of a secure listener, the default one if none was asked for; SSLPolicyNotFound if unknown."""
    if name is None:
        return DEFAULT
    if name not in SSL_POLICIES:
        raise AwsError("SSLPolicyNotFound", f"SSL policy '{name}' not found")
    return name


def describe_ssl_policies(region: Region, request: Request) -> dict[str, Any]:  # noqa: ARG001 - same in every Region
    """Answer DescribeSSLPolicies; an unknown name is SSLPolicyNotFound."""
    names = [checked_policy(name) for name in request.get("Names", [])] or list(SSL_POLICIES)
    policies: list[Any] = [build_policy(name, SSL_POLICIES[name]) for name in dict.fromkeys(names)]
    kind = request.get("LoadBalancerType")
    return page([p for p in policies if kind in {None, *p["SupportedLoadBalancerTypes"]}], request, "SslPolicies")
