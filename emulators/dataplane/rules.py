"""The rules of an application listener as one Envoy route configuration (RDS), in exactly the order of the rules.

There is one virtual host for all hosts: Envoy would choose between several by the most specific domain, not by
priority.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from emulators.dataplane.actions import Frontend, answer, overwrite
from emulators.dataplane.matching import route_match

Json = dict[str, Any]

LUA = "envoy.filters.http.lua"
NAMESPACE = "emulator"
"""Metadata namespace of what the access log shows."""

_PREFIX, _SUFFIX = "routing.http.response.", ".header_value"
_INTERNAL = ("x-envoy-external-address", "x-envoy-internal", "x-envoy-decorator-operation")


def route_configuration(name: str, listener: Mapping[str, Any], frontend: Frontend) -> Json:
    """Return the `RouteConfiguration` of a listener.

    Args:
        name: of the route configuration.
        listener: an item of `Listeners` of the state document; its rules ascend by priority.
        frontend: what the actions need to know.
    """
    attributes = listener.get("Attributes", {})
    routes = [_route(rule, frontend) for rule in listener["Rules"]]
    return {
        "name": name,
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}],
        "request_headers_to_add": [overwrite("x-forwarded-port", str(frontend.port))],
        "request_headers_to_remove": list(_INTERNAL),
        "response_headers_to_add": list(_response_headers(attributes)),
        "response_headers_to_remove": _hidden_headers(attributes),
    }


def _route(rule: Mapping[str, Any], frontend: Frontend) -> Json:
    made = answer(rule, frontend)
    shown = {"rule": rule["RuleArn"], "priority": rule["Priority"]}
    metadata = {"filter_metadata": {NAMESPACE: shown, LUA: made.hints | _forwarding(frontend.attributes)}}
    return {"name": rule["RuleArn"], "match": route_match(rule["Conditions"]), "metadata": metadata} | made.route


def _forwarding(attributes: Mapping[str, str]) -> Json:
    return {
        "forwarded_for": attributes.get("routing.http.xff_header_processing.mode", "append"),
        "client_port": attributes.get("routing.http.xff_client_port.enabled", "false"),
    }


def _response_headers(attributes: Mapping[str, str]) -> Iterator[Json]:
    for key, value in attributes.items():
        if value and key.startswith(_PREFIX) and key.endswith(_SUFFIX):
            yield overwrite(key.removeprefix(_PREFIX).removesuffix(_SUFFIX).replace("_", "-"), value)


def _hidden_headers(attributes: Mapping[str, str]) -> list[str]:
    return ["server"] if attributes.get(f"{_PREFIX}server.enabled") == "false" else []
