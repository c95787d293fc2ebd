"""The spec of a BackendConfig: how a Service's endpoints are checked, reached and drained. Read and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from reconciler.gatewayapi.values import mapping, number, text
from reconciler.ir import BackendSettings, HealthCheck
from reconciler.values import frozen_map

KIND = "BackendConfig"
INSTANCE = "instance"
"""Target type of pools whose targets are Nodes, by their node ports."""
PROTOCOLS = ("HTTP", "HTTPS", "HTTP2", "GRPC")
HEALTH: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "protocol": ("protocol", lambda value: value in ("HTTP", "HTTPS", "TCP", "GRPC")),
    "path": ("path", lambda value: isinstance(value, str) and value.startswith("/")),
    "port": ("port", lambda value: _between(value, 1, 65_535)),
    "intervalSeconds": ("interval", lambda value: _between(value, 5, 300)),
    "timeoutSeconds": ("timeout", lambda value: _between(value, 2, 120)),
    "healthyThreshold": ("healthy", lambda value: _between(value, 2, 10)),
    "unhealthyThreshold": ("unhealthy", lambda value: _between(value, 2, 10)),
    "matcher": ("matcher", lambda value: isinstance(value, str) and bool(value)),
}
FIELDS: Mapping[str, Callable[[object], bool]] = {
    "targetRefs": lambda value: isinstance(value, (list, tuple)),
    "healthCheck": lambda value: isinstance(value, Mapping),
    "targetType": lambda value: value in ("ip", INSTANCE),
    "drainingSeconds": lambda value: _between(value, 0, 3600),
    "stickySeconds": lambda value: _between(value, 1, 604_800),
    "protocol": lambda value: value in PROTOCOLS,
    "aws": lambda value: isinstance(value, Mapping),
    "gcp": lambda value: isinstance(value, Mapping),
}


def settings_of(spec: Mapping[str, Any]) -> BackendSettings:
    """Return the settings of a spec without mistakes; what it does not say is None or empty."""
    health = mapping(spec.get("healthCheck"))
    given = {field: health[name] for name, (field, _) in HEALTH.items() if name in health}
    if "port" in given:
        given["port"] = str(given["port"])
    return BackendSettings(
        health=frozen_map(given),
        target_type=text(spec.get("targetType")),
        draining=number(spec["drainingSeconds"]) if "drainingSeconds" in spec else None,
        sticky=number(spec.get("stickySeconds")),
        protocol=text(spec.get("protocol")),
        cloud=frozen_map({name: mapping(spec.get(name)) for name in ("aws", "gcp") if name in spec}),
    )


def by_nodes(spec: Mapping[str, Any]) -> bool:
    """Return whether a spec asks for Nodes as targets, in place of the endpoints themselves."""
    return spec.get("targetType") == INSTANCE


def health_of(settings: BackendSettings, default: HealthCheck) -> HealthCheck:
    """Return a health check with what settings say of it; an answer is never waited for until the next question.

    Of interval and timeout the one that settings do not say makes room for the one that they do.
    """
    given: dict[str, Any] = dict(settings.health)
    if "timeout" not in given and "interval" in given:
        given["timeout"] = min(default.timeout, given["interval"] - 1)
    if "interval" not in given and "timeout" in given:
        given["interval"] = max(default.interval, given["timeout"] + 1)
    return replace(default, **given)


def wrong_with(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is wrong with a spec, a sentence each."""
    return tuple(_wrong(spec))


def _wrong(spec: Mapping[str, Any]) -> Iterator[str]:
    for name, value in spec.items():
        if name not in FIELDS:
            yield f"spec.{name} is not a field of {KIND}; known are {', '.join(sorted(FIELDS))}"
        elif not FIELDS[name](value):
            yield f"spec.{name} has a value that is not allowed: {value!r}"
    health = mapping(spec.get("healthCheck"))
    for name, value in health.items():
        if name not in HEALTH:
            yield f"spec.healthCheck.{name} is not known; known are {', '.join(sorted(HEALTH))}"
        elif not HEALTH[name][1](value):
            yield f"spec.healthCheck.{name} has a value that is not allowed: {value!r}"
    interval = number(health.get("intervalSeconds")) or HealthCheck().interval
    if number(health.get("timeoutSeconds")) >= interval and "timeoutSeconds" in health:
        yield f"spec.healthCheck.timeoutSeconds has to be less than intervalSeconds ({interval})"


def _between(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
