"""What a LoadBalancerConfig says of listeners, as attributes of listeners. Pure.

aws:
  responseHeaders:                      # added to every response of every HTTP and HTTPS listener
    strict-transport-security: max-age=31536000
  serverHeader: false                   # leave out `Server: awselb/2.0`
  tcpIdleSeconds: 600                   # of TCP listeners, 60 to 6000

Source: Elastic Load Balancing, "HTTP header modification for your Application Load Balancer", and "Listener attributes"
of Network Load Balancers. It is a setting of the whole load balancer, no filter of a Route: none is claimed for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from reconciler.values import Json

HEADERS = (
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "access-control-max-age",
    "content-security-policy",
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
)
SERVER = "routing.http.response.server.enabled"
IDLE = "tcp.idle_timeout.seconds"
_SHORTEST, _LONGEST = 60, 6000
_VALUE = re.compile(r"[ -~]{1,1024}")
_FIXED: Mapping[str, re.Pattern[str]] = {
    "access-control-allow-credentials": re.compile("true"),
    "access-control-max-age": re.compile(r"\d{1,5}"),
    "x-content-type-options": re.compile("nosniff"),
    "x-frame-options": re.compile("DENY|SAMEORIGIN|ALLOW-FROM .+"),
}


def attribute_of(header: str) -> str:
    """Return the attribute that sets a response header."""
    return f"routing.http.response.{header.replace('-', '_')}.header_value"


def listener_attributes(block: Mapping[str, Json], protocol: str) -> dict[str, Json]:
    """Return the attributes that an `aws` block asks for, of a listener with this protocol."""
    if protocol in ("HTTP", "HTTPS"):
        headers = block.get("responseHeaders")
        found: dict[str, Json] = {
            attribute_of(name.lower()): value
            for name, value in (headers.items() if isinstance(headers, Mapping) else ())
            if name.lower() in HEADERS and isinstance(value, str)
        }
        return found | ({SERVER: "false"} if block.get("serverHeader") is False else {})
    return {IDLE: str(block["tcpIdleSeconds"])} if protocol == "TCP" and "tcpIdleSeconds" in block else {}


def with_defaults(want: Mapping[str, Json], got: Mapping[str, Json]) -> dict[str, Json]:
    """Return the wanted attributes, and the default of those observed that nobody wants any more."""
    defaults = {**dict.fromkeys(map(attribute_of, HEADERS), ""), SERVER: "true", IDLE: "350"}
    return {**{name: value for name, value in defaults.items() if name in got}, **want}


def wrong_listeners(block: Mapping[str, Json]) -> Iterator[str]:
    """Yield what is wrong with what an `aws` block says of listeners, a sentence each."""
    headers = block.get("responseHeaders", {})
    if not isinstance(headers, Mapping):
        yield "spec.aws.responseHeaders has to be a map of texts"
        headers = {}
    for name, value in headers.items():
        form = _FIXED.get(name.lower(), _VALUE)
        if name.lower() not in HEADERS:
            yield f"spec.aws.responseHeaders: an ALB sets {', '.join(HEADERS)} only, not {name}"
        elif not isinstance(value, str) or not _VALUE.fullmatch(value) or not form.fullmatch(value):
            yield f"spec.aws.responseHeaders: {name} has a value that AWS does not take"
    if not isinstance(block.get("serverHeader", True), bool):
        yield "spec.aws.serverHeader has to be true or false"
    idle = block.get("tcpIdleSeconds", _SHORTEST)
    if not isinstance(idle, int) or isinstance(idle, bool) or not _SHORTEST <= idle <= _LONGEST:
        yield f"spec.aws.tcpIdleSeconds has to be a number from {_SHORTEST} to {_LONGEST}"
