"""What an Application Load Balancer's attributes are when nobody sets them.

Source: Elastic Load Balancing, Application Load Balancers, "Load balancer attributes".
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.ir import Json

DEFAULTS: Mapping[str, str] = {
    "client_keep_alive.seconds": "3600",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
}
"""Logs, web ACL and zonal shift are not among them: an account's own rules set those, and keep what they set."""


def with_defaults(want: Mapping[str, Json], got: Mapping[str, Json]) -> dict[str, Json]:
    """Return the wanted attributes, and the default of those observed that nobody wants any more."""
    return {**{name: value for name, value in DEFAULTS.items() if name in got}, **want}
