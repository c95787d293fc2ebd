"""Redirect actions: their templates with the keywords `#{protocol}`, `#{host}`, `#{port}`, `#{path}`, `#{query}`.

A redirect that changes neither protocol nor host nor port nor path would loop and is refused, as is one from HTTPS to
HTTP; only 301 and 302 exist.
"""

from __future__ import annotations

import re
from typing import Any

from emulators.aws.errors import AwsError, invalid

DEFAULTS = {
    "Protocol": "#{protocol}",
    "Port": "#{port}",
    "Host": "#{host}",
    "Path": "/#{path}",
    "Query": "#{query}",
}
LONGEST = 128
HIGHEST_PORT = 65_535

_KEYWORD = re.compile(r"#\{[^}]*\}")
_KEYWORDS = {
    "Host": {"#{host}"},
    "Path": {"#{host}", "#{path}", "#{port}"},
    "Query": {"#{protocol}", "#{host}", "#{port}", "#{path}", "#{query}"},
}


def completed_redirect(config: dict[str, Any]) -> dict[str, Any]:
    """Return a redirect with every component that it leaves unchanged written out."""
    return DEFAULTS | config


def check_redirect(config: dict[str, Any], protocol: str, port: int) -> None:
    """Refuse a redirect on a listener of `protocol` and `port` if the API would.

    Raises:
        AwsError: ValidationError for a malformed component, InvalidLoadBalancerAction for a loop or a downgrade.
    """
    if config.get("StatusCode") not in {"HTTP_301", "HTTP_302"}:
        raise invalid(f"Redirect status code '{config.get('StatusCode')}' must be one of 'HTTP_301,HTTP_302'")
    complete = completed_redirect(config)
    _check_protocol(complete["Protocol"], protocol)
    _check_port(complete["Port"])
    for component, keywords in _KEYWORDS.items():
        _check_template(component, complete[component], keywords)
    if not complete["Path"].startswith("/"):
        raise invalid("The path of a redirect must start with '/'")
    if _loops(complete, protocol, port):
        raise AwsError(
            "InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop."
        )


def _check_protocol(wanted: str, protocol: str) -> None:
    if wanted not in {"HTTP", "HTTPS", "#{protocol}"}:
        raise invalid(f"Redirect protocol '{wanted}' must be one of 'HTTP,HTTPS,#{{protocol}}'")
    if wanted == "HTTP" and protocol == "HTTPS":
        raise AwsError("InvalidLoadBalancerAction", "You can't redirect HTTPS to HTTP")


def _check_port(wanted: str) -> None:
    if wanted == "#{port}":
        return
    if not wanted.isdigit() or not 1 <= int(wanted) <= HIGHEST_PORT:
        raise invalid(f"Redirect port '{wanted}' must be between 1 and {HIGHEST_PORT} or '#{{port}}'")


def _check_template(component: str, text: str, keywords: set[str]) -> None:
    if len(text) > LONGEST:
        raise invalid(f"The {component.lower()} of a redirect must have at most {LONGEST} characters")
    if not text and component != "Query":
        raise invalid(f"The {component.lower()} of a redirect must not be empty")
    if unknown := set(_KEYWORD.findall(text)) - keywords:
        raise invalid(f"The {component.lower()} of a redirect cannot contain {', '.join(sorted(unknown))}")


def _loops(complete: dict[str, Any], protocol: str, port: int) -> bool:
    return (
        complete["Protocol"] in {"#{protocol}", protocol}
        and complete["Port"] in {"#{port}", str(port)}
        and complete["Host"] == "#{host}"
        and complete["Path"] == "/#{path}"
    )
