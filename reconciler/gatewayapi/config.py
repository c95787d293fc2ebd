"""LoadBalancerConfig of class and Gateway, merged and checked.

The class's object gives defaults and says, in `allowedOverrides`, what a Gateway's own may change; placement and what
is allowed come from the class alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from reconciler.capabilities import Capabilities
from reconciler.config import Config, Placement
from reconciler.gatewayapi.graph import Problem
from reconciler.gatewayapi.resources import ConfigObject, Gateway, GatewayClass, ObjectRef
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.gatewayapi.values import mapping, number, strings, text
from reconciler.ir import BackendSettings
from reconciler.values import frozen_map

GROUP = "routewright.dev"
KIND = "LoadBalancerConfig"
OVERRIDES = "allowedOverrides"
CLASS_ONLY = frozenset({"placement", OVERRIDES, "allowedCertificates", "maxRulesPerNamespace", "targetCIDRs"})


class Cloud(Protocol):
    """What the specification's rooms ask of a provider: plain data and checks, no calls."""

    @property
    def name(self) -> str:
        """Short name, e.g. `aws`; part of annotations and finalizers."""

    def capabilities(self, config: Config) -> Capabilities:
        """Return what can be honoured under a configuration."""

    def check(self, config: Config) -> tuple[str, ...]:
        """Return what is wrong with the provider's own block of a configuration, a sentence each."""

    def refused(self, base: Config, own: Mapping[str, Any]) -> tuple[str, ...]:
        """Return what the spec of a Gateway's `own` settings may not say under its class's, a sentence each."""

    def check_backend(self, settings: BackendSettings, protocol: str) -> tuple[str, ...]:
        """Return what cannot be done of a BackendConfig for a pool that speaks `protocol`, a sentence each."""


def class_config(snapshot: Snapshot, gateway_class: GatewayClass, cloud: Cloud) -> tuple[Config, tuple[Problem, ...]]:
    """Return the class's settings and what is wrong with its parametersRef."""
    found, problem = _find(snapshot, gateway_class.parameters, f"GatewayClass {gateway_class.meta.name}")
    return _checked(found.spec if found else frozen_map(), problem, found, cloud)


def gateway_config(
    snapshot: Snapshot, gateway: Gateway, gateway_class: GatewayClass, cloud: Cloud
) -> tuple[Config, tuple[Problem, ...]]:
    """Return the merged settings of a Gateway and what is wrong with its own parametersRef."""
    base, missing = _find(snapshot, gateway_class.parameters, f"its GatewayClass {gateway_class.meta.name}")
    if missing:
        return Config(), (missing,)
    where = f"Gateway {gateway.meta.namespace}/{gateway.meta.name}"
    found, problem = _find(snapshot, gateway.parameters, where)
    spec: Mapping[str, Any] = base.spec if base else frozen_map()
    if found is None:
        return _checked(spec, problem, base, cloud)
    allowed = set(strings(spec.get(OVERRIDES))) - CLASS_ONLY
    if refused := sorted(set(found.spec) - allowed):
        text_ = f"{_name(found)}: spec.{refused[0]} may not be set by a Gateway; its class allows {_list(allowed)}"
        return _checked(spec, _invalid(text_), base, cloud)
    if foreign := cloud.refused(read_config(spec, cloud.name), found.spec):
        return _checked(spec, _invalid(f"{_name(found)}: {foreign[0]}"), base, cloud)
    return _checked(_merged(spec, found.spec), problem, found, cloud)


def _find(snapshot: Snapshot, ref: ObjectRef | None, where: str) -> tuple[ConfigObject | None, Problem | None]:
    if ref is None:
        return None, None
    if (ref.group, ref.kind) != (GROUP, KIND):
        return None, _invalid(f"{where}: parametersRef names {ref.kind} of group {ref.group!r}; use {KIND} of {GROUP}")
    for config in snapshot.configs:
        if (config.kind, config.meta.namespace, config.meta.name) == (KIND, ref.namespace, ref.name):
            return config, None
    return None, _invalid(f"{where}: parametersRef names {KIND} {ref.namespace}/{ref.name}, which does not exist")


def _checked(
    spec: Mapping[str, Any], problem: Problem | None, source: ConfigObject | None, cloud: Cloud
) -> tuple[Config, tuple[Problem, ...]]:
    config = read_config(spec, cloud.name)
    if problem:
        return config, (problem,)
    wrong = [*_wrong(spec), *cloud.check(config)]
    return config, tuple(_invalid(f"{_name(source)}: {sentence}" if source else sentence) for sentence in wrong)


def _invalid(message: str) -> Problem:
    return Problem("Accepted", "InvalidParameters", message)


def _name(config: ConfigObject) -> str:
    return f"{config.kind} {config.meta.namespace}/{config.meta.name}"


def _list(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the union of two blocks; objects merge by key, all else is replaced."""
    both = dict(base)
    for key, value in over.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return frozen_map(both)


def read_config(spec: Mapping[str, Any], cloud: str) -> Config:
    """Return the settings that a LoadBalancerConfig's spec holds; `cloud` names the provider's own block.

    What is no CIDR is left out here and told by the checks, which refuse the Gateway: it never widens what is built.
    """
    placement = mapping(spec.get("placement"))
    return Config(
        scheme=text(spec.get("scheme")) or "internal",
        address_type=text(spec.get("addressType")) or "ipv4",
        source_ranges=tuple(sorted(strings(spec.get("sourceRanges")))),
        target_cidrs=tuple(sorted(filter(_is_cidr, strings(spec.get("targetCIDRs"))))),
        tls_policy=text(spec.get("tlsPolicy")),
        attributes=frozen_map({str(k): text(v) for k, v in mapping(spec.get("attributes")).items()}),
        deletion_protection=spec.get("deletionProtection") is True,
        max_rules_per_namespace=number(spec.get("maxRulesPerNamespace")),
        placement=Placement(**{name: text(placement.get(name)) for name in ("owner", "region", "network", "role")}),
        allowed_certificates=tuple(sorted(strings(spec.get("allowedCertificates")))),
        cloud=mapping(spec.get(cloud)),
    )


_FIELDS: Mapping[str, Callable[[object], bool]] = {
    "scheme": lambda value: value in ("internal", "internet-facing"),
    "addressType": lambda value: value in ("ipv4", "dualstack"),
    "sourceRanges": lambda value: _all(value, _is_cidr),
    "targetCIDRs": lambda value: _all(value, _is_cidr),
    "tlsPolicy": lambda value: isinstance(value, str),
    "attributes": lambda value: isinstance(value, Mapping) and all(isinstance(v, str) for v in value.values()),
    "deletionProtection": lambda value: isinstance(value, bool),
    "maxRulesPerNamespace": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "placement": lambda value: isinstance(value, Mapping) and set(value) <= {"owner", "region", "network", "role"},
    OVERRIDES: lambda value: _all(value, lambda one: isinstance(one, str)),
    "allowedCertificates": lambda value: _all(value, lambda one: isinstance(one, str)),
    "aws": lambda value: isinstance(value, Mapping),
    "gcp": lambda value: isinstance(value, Mapping),
}


def _wrong(spec: Mapping[str, Any]) -> Iterator[str]:
    for name, value in spec.items():
        if name not in _FIELDS:
            yield f"spec.{name} is not a field of {KIND}; known are {', '.join(sorted(_FIELDS))}"
        elif not _FIELDS[name](value):
            yield f"spec.{name} has a value that is not allowed: {_shown(value)}"


def _shown(value: object, limit: int = 100) -> str:
    text_ = repr(value)
    return text_ if len(text_) <= limit else text_[:limit] + "…"


def _all(value: object, check: Callable[[object], bool]) -> bool:
    return isinstance(value, (list, tuple)) and all(check(item) for item in value)


def _is_cidr(value: object) -> bool:
    try:
        ipaddress.ip_network(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True
