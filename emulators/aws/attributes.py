"""Attributes of load balancers, listeners and target groups: which exist where, their defaults and their values.

A key that no resource knows is a ValidationError, a key of another family an InvalidConfigurationRequest, a value
outside its range a ValidationError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from emulators.aws.errors import AwsError, invalid

_BOOL = "true|false"
_TEXT = ".*"
_RESPONSE_HEADERS = (
    "strict_transport_security",
    "access_control_allow_origin",
    "access_control_allow_methods",
    "access_control_allow_headers",
    "access_control_allow_credentials",
    "access_control_expose_headers",
    "access_control_max_age",
    "content_security_policy",
    "x_content_type_options",
    "x_frame_options",
)
_REQUEST_HEADERS = (
    "x_amzn_mtls_clientcert_serial_number",
    "x_amzn_mtls_clientcert_issuer",
    "x_amzn_mtls_clientcert_subject",
    "x_amzn_mtls_clientcert_validity",
    "x_amzn_mtls_clientcert_leaf",
    "x_amzn_mtls_clientcert",
    "x_amzn_tls_version",
    "x_amzn_tls_cipher_suite",
)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its default, the form of its values, or the range of its numbers."""

    default: str
    form: str = _BOOL
    lowest: int | None = None
    highest: int = 0
    zero: bool = False

    def accepts(self, value: str) -> bool:
        """Whether the API takes `value`."""
        if self.lowest is None:
            return re.fullmatch(self.form, value) is not None
        if not value.isdigit():
            return False
        return self.lowest <= int(value) <= self.highest or (self.zero and int(value) == 0)


def _numbers(default: int, lowest: int, highest: int, *, zero: bool = False) -> Attribute:
    return Attribute(str(default), _TEXT, lowest, highest, zero)


Family = dict[str, Attribute]

_EITHER_BALANCER: Family = {
    "deletion_protection.enabled": Attribute("false"),
    "access_logs.s3.enabled": Attribute("false"),
    "access_logs.s3.bucket": Attribute("", _TEXT),
    "access_logs.s3.prefix": Attribute("", _TEXT),
    "ipv6.deny_all_igw_traffic": Attribute("false"),
    "zonal_shift.config.enabled": Attribute("false"),
}
APPLICATION: Family = _EITHER_BALANCER | {
    "load_balancing.cross_zone.enabled": Attribute("true", "true"),
    "idle_timeout.timeout_seconds": _numbers(60, 1, 4000),
    "client_keep_alive.seconds": _numbers(3600, 60, 604_800),
    "connection_logs.s3.enabled": Attribute("false"),
    "connection_logs.s3.bucket": Attribute("", _TEXT),
    "connection_logs.s3.prefix": Attribute("", _TEXT),
    "health_check_logs.s3.enabled": Attribute("false"),
    "health_check_logs.s3.bucket": Attribute("", _TEXT),
    "health_check_logs.s3.prefix": Attribute("", _TEXT),
    "routing.http.desync_mitigation_mode": Attribute("defensive", "monitor|defensive|strictest"),
    "routing.http.drop_invalid_header_fields.enabled": Attribute("false"),
    "routing.http.preserve_host_header.enabled": Attribute("false"),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": Attribute("false"),
    "routing.http.xff_client_port.enabled": Attribute("false"),
    "routing.http.xff_header_processing.mode": Attribute("append", "append|preserve|remove"),
    "routing.http2.enabled": Attribute("true"),
    "waf.fail_open.enabled": Attribute("false"),
}
NETWORK: Family = _EITHER_BALANCER | {
    "load_balancing.cross_zone.enabled": Attribute("false"),
    "dns_record.client_routing_policy": Attribute(
        "any_availability_zone",
        "any_availability_zone|availability_zone_affinity|partial_availability_zone_affinity",
    ),
    "secondary_ips.auto_assigned.per_subnet": _numbers(0, 0, 7),
}
APPLICATION_LISTENER: Family = {
    "routing.http.response.server.enabled": Attribute("true"),
    **{f"routing.http.response.{name}.header_value": Attribute("", _TEXT) for name in _RESPONSE_HEADERS},
}
SECURE_LISTENER: Family = APPLICATION_LISTENER | {
    f"routing.http.request.{name}.header_name": Attribute("", _TEXT) for name in _REQUEST_HEADERS
}
NETWORK_LISTENER: Family = {"tcp.idle_timeout.seconds": _numbers(350, 60, 6000)}

_PERCENTAGE = "off|[1-9][0-9]?|100"
_EITHER_GROUP: Family = {
    "deregistration_delay.timeout_seconds": _numbers(300, 0, 3600),
    "stickiness.enabled": Attribute("false"),
    "load_balancing.cross_zone.enabled": Attribute(
        "use_load_balancer_configuration", "true|false|use_load_balancer_configuration"
    ),
    "target_group_health.dns_failover.minimum_healthy_targets.count": Attribute("1", "off|[1-9][0-9]*"),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": Attribute("off", _PERCENTAGE),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": Attribute("1", "[1-9][0-9]*"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": Attribute("off", _PERCENTAGE),
}
APPLICATION_GROUP: Family = _EITHER_GROUP | {
    "stickiness.type": Attribute("lb_cookie", "lb_cookie|app_cookie"),
    "stickiness.lb_cookie.duration_seconds": _numbers(86_400, 1, 604_800),
    "stickiness.app_cookie.duration_seconds": _numbers(86_400, 1, 604_800),
    "stickiness.app_cookie.cookie_name": Attribute("", "(?!AWSALB).*"),
    "load_balancing.algorithm.type": Attribute("round_robin", "round_robin|least_outstanding_requests|weighted_random"),
    "load_balancing.algorithm.anomaly_mitigation": Attribute("off", "on|off"),
    "slow_start.duration_seconds": _numbers(0, 30, 900, zero=True),
}
LAMBDA_GROUP: Family = {
    key: value for key, value in _EITHER_GROUP.items() if key != "deregistration_delay.timeout_seconds"
} | {
    "stickiness.type": Attribute("lb_cookie", "lb_cookie|app_cookie"),
    "stickiness.lb_cookie.duration_seconds": _numbers(86_400, 1, 604_800),
    "lambda.multi_value_headers.enabled": Attribute("false"),
}
NETWORK_GROUP: Family = _EITHER_GROUP | {
    "stickiness.type": Attribute("source_ip", "source_ip"),
    "deregistration_delay.connection_termination.enabled": Attribute("false"),
    "preserve_client_ip.enabled": Attribute("true"),
    "proxy_protocol_v2.enabled": Attribute("false"),
    "target_health_state.unhealthy.connection_termination.enabled": Attribute("true"),
    "target_health_state.unhealthy.draining_interval_seconds": _numbers(0, 0, 360_000),
}
_BALANCERS = (APPLICATION, NETWORK)
_LISTENERS = (SECURE_LISTENER, NETWORK_LISTENER)
_GROUPS = (APPLICATION_GROUP, LAMBDA_GROUP, NETWORK_GROUP)


def balancer_family(kind: str) -> Family:
    """Return the attributes of load balancers of type `application` or `network`."""
    return APPLICATION if kind == "application" else NETWORK


def listener_family(protocol: str) -> Family:
    """Return the attributes of listeners of `protocol`."""
    return {"HTTP": APPLICATION_LISTENER, "HTTPS": SECURE_LISTENER, "TCP": NETWORK_LISTENER}.get(protocol, {})


def group_family(protocol: str | None, target_type: str) -> Family:
    """Return the attributes of a target group."""
    if target_type == "lambda":
        return LAMBDA_GROUP
    if protocol in {"HTTP", "HTTPS"}:
        return APPLICATION_GROUP
    forced = protocol in {"UDP", "TCP_UDP", "QUIC", "TCP_QUIC"}
    client_ip = Attribute("true", "true") if forced else Attribute(str(target_type != "ip").lower())
    termination = Attribute("false", "false") if forced else Attribute("true")
    return NETWORK_GROUP | {
        "preserve_client_ip.enabled": client_ip,
        "deregistration_delay.connection_termination.enabled": Attribute(str(forced).lower()),
        "target_health_state.unhealthy.connection_termination.enabled": termination,
    }


def defaults(family: Family) -> dict[str, str]:
    """Return every attribute of a family with its default."""
    return {key: attribute.default for key, attribute in family.items()}


def read_attributes(given: list[dict[str, str]], family: Family) -> dict[str, str]:
    """Return the attributes of a Modify request as a mapping, checked against a family.

    Raises:
        AwsError: ValidationError, InvalidConfigurationRequest.
    """
    if not given:
        raise invalid("At least one attribute must be specified")
    found: dict[str, str] = {}
    for pair in given:
        key, value = pair.get("Key", ""), pair.get("Value", "")
        if key in found:
            raise invalid(f"Attribute key '{key}' was specified more than once")
        _check(key, value, family)
        found[key] = value
    return found


def attribute_list(attributes: dict[str, str]) -> dict[str, Any]:
    """Return attributes in the shape of an answer."""
    return {"Attributes": [{"Key": key, "Value": value} for key, value in attributes.items()]}


def _check(key: str, value: str, family: Family) -> None:
    if key not in family:
        if any(key in other for other in _BALANCERS + _LISTENERS + _GROUPS):
            raise AwsError("InvalidConfigurationRequest", f"Attribute key '{key}' is not supported by this resource")
        raise invalid(f"Attribute key '{key}' is not recognized")
    if not family[key].accepts(value):
        raise invalid(f"The value '{value}' of attribute '{key}' is not valid")
