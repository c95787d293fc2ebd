"""Health check settings of a target group: defaults by protocol, ranges, and what a later change may touch."""

from __future__ import annotations

import re
from typing import Any

from emulators.aws.errors import AwsError, invalid

Settings = dict[str, Any]

RANGES = {
    "HealthCheckIntervalSeconds": (5, 300),
    "HealthCheckTimeoutSeconds": (2, 120),
    "HealthyThresholdCount": (2, 10),
    "UnhealthyThresholdCount": (2, 10),
}
MEMBERS = (
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckEnabled",
    "HealthCheckPath",
    *RANGES,
    "Matcher",
)
PROTOCOLS = ("HTTP", "HTTPS", "TCP")
LONGEST_PATH = 1024
HIGHEST_PORT = 65_535

_CODES = re.compile(r"\d+(?:-\d+)?(?:,\d+(?:-\d+)?)*")


def initial_health_check(group: Settings, request: Settings) -> Settings:
    """Return every health check member of a new target group with `group`'s creation settings.

    Raises:
        AwsError: ValidationError, InvalidConfigurationRequest.
    """
    settings = _defaults(group, request) | {name: request[name] for name in MEMBERS if name in request}
    check_health_check(group | settings)
    return settings


def check_health_check(group: Settings) -> None:
    """Refuse settings that the API refuses; `group` holds the target group's whole Describe item.

    Raises:
        AwsError: ValidationError, InvalidConfigurationRequest.
    """
    protocol = group.get("HealthCheckProtocol")
    if protocol is not None and protocol not in PROTOCOLS:
        raise invalid(f"Health check protocol '{protocol}' must be one of '{', '.join(PROTOCOLS)}'")
    if protocol == "TCP" and (group.get("Protocol") in {"HTTP", "HTTPS"} or group["TargetType"] == "alb"):
        raise invalid("Health check protocol 'TCP' is not supported for target groups of HTTP, of HTTPS, or of ALBs")
    for name, (lowest, highest) in RANGES.items():
        if name in group and not lowest <= group[name] <= highest:
            raise invalid(f"{name} '{group[name]}' must be between {lowest} and {highest}")
    if group["HealthCheckTimeoutSeconds"] >= group["HealthCheckIntervalSeconds"]:
        raise invalid("Health check timeout must be smaller than the interval")
    if group["HealthCheckEnabled"] is False and group["TargetType"] != "lambda":
        raise AwsError("InvalidConfigurationRequest", "Health checks cannot be disabled for this target type")
    _check_port(group.get("HealthCheckPort", "traffic-port"))
    _check_path(group)
    _check_matcher(group)


def _defaults(group: Settings, request: Settings) -> Settings:
    kind, protocol = group["TargetType"], group.get("Protocol")
    layer7 = protocol in {"HTTP", "HTTPS"} or kind in {"lambda", "alb"}
    check = request.get("HealthCheckProtocol", "HTTP" if layer7 else "TCP")
    found: Settings = {
        "HealthCheckEnabled": kind != "lambda",
        "HealthCheckIntervalSeconds": 35 if kind == "lambda" else 30,
        "HealthCheckTimeoutSeconds": {"lambda": 30}.get(kind, 6 if protocol == "HTTP" or kind == "alb" else 10),
        "HealthyThresholdCount": 5,
        "UnhealthyThresholdCount": 5 if kind == "lambda" else 2,
    }
    if kind != "lambda":
        found |= {"HealthCheckProtocol": check, "HealthCheckPort": "traffic-port"}
    if check in {"HTTP", "HTTPS"}:
        grpc = group.get("ProtocolVersion") == "GRPC"
        found["HealthCheckPath"] = "/AWS.ALB/healthcheck" if grpc else "/"
        found["Matcher"] = {"GrpcCode": "12"} if grpc else {"HttpCode": "200" if layer7 else "200-399"}
    return found


def _check_port(port: str) -> None:
    if port != "traffic-port" and not (port.isdigit() and 1 <= int(port) <= HIGHEST_PORT):
        raise invalid(f"Health check port '{port}' must be 'traffic-port' or between 1 and {HIGHEST_PORT}")


def _check_path(group: Settings) -> None:
    path = group.get("HealthCheckPath")
    if path is None:
        return
    if group.get("HealthCheckProtocol") == "TCP":
        raise invalid("A health check path cannot be specified for TCP health checks")
    if not path.startswith("/") or len(path) > LONGEST_PATH:
        raise invalid(f"Health check path '{path}' must begin with a '/' and have at most {LONGEST_PATH} characters")


def _check_matcher(group: Settings) -> None:
    matcher = group.get("Matcher")
    if matcher is None:
        return
    grpc = group.get("ProtocolVersion") == "GRPC"
    if group.get("HealthCheckProtocol") == "TCP" or matcher.keys() != {"GrpcCode" if grpc else "HttpCode"}:
        raise invalid("A matcher must have 'GrpcCode' for gRPC, 'HttpCode' for HTTP, and none for TCP health checks")
    codes = str(next(iter(matcher.values())))
    lowest, highest = (0, 99) if grpc else (200, 499 if group.get("Protocol") in {"HTTP", "HTTPS"} else 599)
    if not _CODES.fullmatch(codes) or not all(lowest <= int(code) <= highest for code in re.findall(r"\d+", codes)):
        raise invalid(f"Health check matcher '{codes}' must be codes and ranges between {lowest} and {highest}")
