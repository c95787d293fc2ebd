"""What a BackendConfig says, as attributes of a target group; and what AWS cannot do of it. Pure.

aws:
  algorithm: round_robin                # or least_outstanding_requests, weighted_random; requests only
  anomalyMitigation: true               # with weighted_random; requests only
  slowStartSeconds: 30                  # 30 to 900; requests, round_robin only
  cookieName: session                   # with stickySeconds: the application's own cookie; requests only
  crossZone: false                      # else as the load balancer does
  preserveClientIP: true                # streams only; UDP always does; with instance targets the default
  proxyProtocol: true                   # version 2; streams only
  endConnections: true                  # when draining ends; streams only; UDP always does

Sources: Elastic Load Balancing, "Edit target group attributes" of Application and of Network Load Balancers; of health
checks ELBv2 API, CreateTargetGroup. Ranges that both clouds share are checked in the centre.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from providers.aws.instances import IP
from reconciler.ir import BackendSettings
from reconciler.plan import Resource
from reconciler.values import Json, frozen_map

ALGORITHMS = ("round_robin", "least_outstanding_requests", "weighted_random")
REQUESTS = ("HTTP", "GRPC")
"""What is spoken to pools behind an ALB; all else are streams."""
DRAINING = "deregistration_delay.timeout_seconds"
STICKY, STICKY_TYPE = "stickiness.enabled", "stickiness.type"
_ALGORITHM, _ANOMALIES = "load_balancing.algorithm.type", "load_balancing.algorithm.anomaly_mitigation"
_SLOW_START, _CROSS_ZONE = "slow_start.duration_seconds", "load_balancing.cross_zone.enabled"
_CLIENT_IP, _PROXY = "preserve_client_ip.enabled", "proxy_protocol_v2.enabled"
_END = "deregistration_delay.connection_termination.enabled"
_OF_ALL = {DRAINING: "300", STICKY: "false", _CROSS_ZONE: "use_load_balancer_configuration"}
_OF_REQUESTS = {_ALGORITHM: "round_robin", _ANOMALIES: "off", _SLOW_START: "0"}
_FREE_OF_STREAMS = {_END: "false"}
"""Of TCP and TLS; of UDP and QUIC it is always true and nobody's to set. So is the client's address preserved."""
_COOKIE = re.compile(r"(?!AWSALB)[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_CODES = re.compile(r"\d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*")
_MAX_PATH = 1024


def _is_switch(value: Json) -> bool:
    return isinstance(value, bool)


def _is_slow_start(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and (value == 0 or 30 <= value <= 900)  # noqa: PLR2004 - AWS's range


FIELDS: Mapping[str, tuple[Callable[[Json], bool], str, str]] = {
    "algorithm": (lambda value: value in ALGORITHMS, f"one of {', '.join(ALGORITHMS)}", "requests"),
    "anomalyMitigation": (_is_switch, "true or false", "requests"),
    "slowStartSeconds": (_is_slow_start, "0, or 30 to 900", "requests"),
    "cookieName": (
        lambda value: isinstance(value, str) and bool(_COOKIE.fullmatch(value)),
        "a cookie's name that does not begin with AWSALB",
        "requests",
    ),
    "crossZone": (_is_switch, "true or false", ""),
    "preserveClientIP": (_is_switch, "true or false", "streams"),
    "proxyProtocol": (_is_switch, "true or false", "streams"),
    "endConnections": (_is_switch, "true or false", "streams"),
}


def group_attributes(settings: BackendSettings, protocol: str) -> dict[str, Json]:
    """Return the attributes that settings ask for, of a target group with this protocol; what is not set is absent."""
    aws = _block(settings)
    found: dict[str, Json] = {} if settings.draining is None else {DRAINING: str(settings.draining)}
    if "crossZone" in aws:
        found[_CROSS_ZONE] = _switch(aws["crossZone"])
    return found | (
        _of_requests(settings, aws) if protocol in ("HTTP", "HTTPS") else _of_streams(settings, aws, protocol)
    )


def has_own_cookie(settings: BackendSettings) -> bool:
    """Return whether clients stay with a target by a cookie of the application."""
    return bool(settings.sticky) and "cookieName" in _block(settings)


def _of_requests(settings: BackendSettings, aws: Mapping[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if settings.sticky:
        kind = "app_cookie" if "cookieName" in aws else "lb_cookie"
        found |= {STICKY: "true", STICKY_TYPE: kind, f"stickiness.{kind}.duration_seconds": str(settings.sticky)}
        if kind == "app_cookie":
            found["stickiness.app_cookie.cookie_name"] = aws["cookieName"]
    if "algorithm" in aws:
        found[_ALGORITHM] = aws["algorithm"]
    if "anomalyMitigation" in aws:
        found[_ANOMALIES] = "on" if aws["anomalyMitigation"] else "off"
    if "slowStartSeconds" in aws:
        found[_SLOW_START] = str(aws["slowStartSeconds"])
    return found


def _of_streams(settings: BackendSettings, aws: Mapping[str, Json], protocol: str) -> dict[str, Json]:
    found: dict[str, Json] = {STICKY: "true", STICKY_TYPE: "source_ip"} if settings.sticky else {}
    if "proxyProtocol" in aws:
        found[_PROXY] = _switch(aws["proxyProtocol"])
    if _datagrams(protocol):
        return found
    if "preserveClientIP" in aws:
        found[_CLIENT_IP] = _switch(aws["preserveClientIP"])
    if "endConnections" in aws:
        found[_END] = _switch(aws["endConnections"])
    return found


def _datagrams(protocol: str) -> bool:
    return "UDP" in protocol or "QUIC" in protocol


def _switch(value: Json) -> str:
    return "true" if value else "false"


def with_defaults(want: Mapping[str, Json], got: Mapping[str, Json], group: Resource) -> Mapping[str, Json]:
    """Return the wanted attributes, and the default of those that a BackendConfig could have set and none does now.

    What no BackendConfig can set is somebody else's, and stays. AWS's default of one depends on the target type.
    """
    defaults, protocol = dict(_OF_ALL), str(group.spec.get("Protocol", ""))
    if protocol in ("HTTP", "HTTPS"):
        defaults |= _OF_REQUESTS
    else:
        preserved = {_CLIENT_IP: _switch(group.spec.get("TargetType") != IP)}
        defaults |= {_PROXY: "false"} | ({} if _datagrams(protocol) else _FREE_OF_STREAMS | preserved)
    return frozen_map({**{name: value for name, value in defaults.items() if name in got}, **want})


# --- what cannot be -----------------------------------------------------------------------------------------------


def check_backend(settings: BackendSettings, protocol: str) -> tuple[str, ...]:
    """Return what AWS cannot do of a BackendConfig for a pool of HTTP, GRPC, TCP or UDP, a sentence each."""
    return tuple(_wrong(settings, protocol))


def _wrong(settings: BackendSettings, protocol: str) -> Iterator[str]:
    requests = protocol in REQUESTS
    yield from _wrong_block(_block(settings), protocol, requests=requests)
    if not requests and settings.protocol:
        yield f"spec.protocol: a {protocol} backend gets its stream as it comes; leave it out"
    if "cookieName" in _block(settings) and not settings.sticky:
        yield "spec.aws.cookieName needs stickySeconds"
    yield from _wrong_health(settings, settings.protocol or protocol, requests=requests)


def _wrong_block(block: Mapping[str, Json], protocol: str, *, requests: bool) -> Iterator[str]:
    for name, value in block.items():
        if name not in FIELDS:
            yield f"spec.aws.{name} is not known; known are {', '.join(sorted(FIELDS))}"
            continue
        fits, form, only = FIELDS[name]
        if not fits(value):
            yield f"spec.aws.{name} has to be {form}"
        elif only and (only == "requests") is not requests:
            yield f"spec.aws.{name} is for {only} only, not for a {protocol} backend"
    if "UDP" in protocol and any(block.get(name) is False for name in ("preserveClientIP", "endConnections")):
        yield "spec.aws: a Network Load Balancer always preserves the client's address and ends flows of UDP"
    algorithm = block.get("algorithm", ALGORITHMS[0])
    if block.get("slowStartSeconds") and algorithm != ALGORITHMS[0]:
        yield f"spec.aws.slowStartSeconds goes with the algorithm {ALGORITHMS[0]} only"
    if block.get("anomalyMitigation") is True and algorithm != ALGORITHMS[2]:
        yield f"spec.aws.anomalyMitigation goes with the algorithm {ALGORITHMS[2]} only"


def _wrong_health(settings: BackendSettings, spoken: str, *, requests: bool) -> Iterator[str]:
    health = settings.health
    asked = str(health.get("protocol", ""))
    if requests and asked == "TCP":
        yield "spec.healthCheck.protocol: an Application Load Balancer asks by HTTP or HTTPS, not by TCP"
    if asked == "GRPC" and spoken != "GRPC":
        yield f"spec.healthCheck.protocol: only a GRPC backend is asked by GRPC, not one that speaks {spoken}"
    if len(str(health.get("path", ""))) > _MAX_PATH:
        yield f"spec.healthCheck.path has more than {_MAX_PATH} characters"
    if (not requests and asked in ("", "TCP")) and (odd := sorted({"path", "matcher"} & set(health))):
        yield f"spec.healthCheck.{odd[0]}: a TCP check has none; set healthCheck.protocol to HTTP or HTTPS"
    lowest, highest = (0, 99) if spoken == "GRPC" else (200, 499) if requests else (200, 599)
    if (codes := str(health.get("matcher", ""))) and not _are_codes(codes, (lowest, highest)):
        yield f"spec.healthCheck.matcher has to be codes or ranges from {lowest} to {highest}, e.g. {lowest}-{highest}"


def _are_codes(text: str, bounds: Sequence[int]) -> bool:
    if not _CODES.fullmatch(text):
        return False
    pairs = ([int(one) for one in part.split("-")] for part in text.split(","))
    return all(bounds[0] <= pair[0] <= pair[-1] <= bounds[1] for pair in pairs)


def _block(settings: BackendSettings) -> Mapping[str, Json]:
    block = settings.cloud.get("aws")
    return block if isinstance(block, Mapping) else {}
