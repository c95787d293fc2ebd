"""Attributes of load balancers that a LoadBalancerConfig may set: their values, and what they are when nobody does.

Sources: Elastic Load Balancing, "Load balancer attributes" of Application and of Network Load Balancers; ELBv2 API,
LoadBalancerAttribute.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from providers.aws.resources import ALB, NLB
from reconciler.values import Json

BOTH = (ALB, NLB)
_SWITCH = "true|false"
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_PREFIX = r"(?!.*AWSLogs)[!-~]{0,1024}"
BUCKETS = (
    "access_logs.s3.bucket",
    "connection_logs.s3.bucket",
    "health_check_logs.s3.bucket",
)
HOST_HEADER = "routing.http.preserve_host_header.enabled"
"""Always true: without it an ALB adds or strips the port of a Host header, and Routes would not match as specified."""
PROTECTION = "deletion_protection.enabled"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute.

    Attributes:
        form: of its values.
        default: where nobody asks for another; "" for what an account's own rules may set as well (logs, zonal shift).
        of: which load balancers have it.
        bounds: of a number.
    """

    form: str = _SWITCH
    default: str = ""
    of: tuple[str, ...] = (ALB,)
    bounds: tuple[int, int] | None = None

    def takes(self, value: str) -> bool:
        """Return whether AWS takes a value."""
        if self.bounds is None:
            return bool(re.fullmatch(self.form, value))
        return bool(re.fullmatch(r"\d{1,6}", value)) and self.bounds[0] <= int(value) <= self.bounds[1]

    @property
    def words(self) -> str:
        """What its values have to be, in words."""
        if self.bounds is not None:
            return f"a number from {self.bounds[0]} to {self.bounds[1]}"
        named = {_BUCKET: "the name of a bucket", _PREFIX: "a prefix without AWSLogs"}
        return named.get(self.form, self.form.replace("|", " or "))


def _number(default: int, low: int, high: int, of: tuple[str, ...] = (ALB,)) -> Attribute:
    return Attribute(default=str(default), of=of, bounds=(low, high))


KNOWN: Mapping[str, Attribute] = {
    "access_logs.s3.bucket": Attribute(_BUCKET, of=BOTH),
    "access_logs.s3.enabled": Attribute(of=BOTH),
    "access_logs.s3.prefix": Attribute(_PREFIX, of=BOTH),
    "client_keep_alive.seconds": _number(3600, 60, 604_800),
    "connection_logs.s3.bucket": Attribute(_BUCKET),
    "connection_logs.s3.enabled": Attribute(),
    "connection_logs.s3.prefix": Attribute(_PREFIX),
    PROTECTION: Attribute(default="false", of=BOTH),
    "dns_record.client_routing_policy": Attribute(
        "any_availability_zone|availability_zone_affinity|partial_availability_zone_affinity",
        "any_availability_zone",
        (NLB,),
    ),
    "health_check_logs.s3.bucket": Attribute(_BUCKET),
    "health_check_logs.s3.enabled": Attribute(),
    "health_check_logs.s3.prefix": Attribute(_PREFIX),
    "idle_timeout.timeout_seconds": _number(60, 1, 4000),
    "ipv6.deny_all_igw_traffic": Attribute(of=BOTH),
    "load_balancing.cross_zone.enabled": Attribute(default="false", of=(NLB,)),
    "routing.http.desync_mitigation_mode": Attribute("monitor|defensive|strictest", "defensive"),
    "routing.http.drop_invalid_header_fields.enabled": Attribute(default="false"),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": Attribute(default="false"),
    "routing.http.xff_client_port.enabled": Attribute(default="false"),
    "routing.http.xff_header_processing.mode": Attribute("append|preserve|remove", "append"),
    "routing.http2.enabled": Attribute(default="true"),
    "secondary_ips.auto_assigned.per_subnet": Attribute(of=(NLB,), bounds=(0, 7)),
    "waf.fail_open.enabled": Attribute(),
    "zonal_shift.config.enabled": Attribute(of=BOTH),
}


def of_balancer(given: Mapping[str, str], balancer: str) -> dict[str, Json]:
    """Return those attributes that a load balancer of this type has."""
    return {name: value for name, value in given.items() if name in KNOWN and balancer in KNOWN[name].of}


def with_defaults(want: Mapping[str, Json], got: Mapping[str, Json], balancer: str) -> dict[str, Json]:
    """Return the wanted attributes, and the default of those observed that nobody wants any more."""
    defaults = {name: one.default for name, one in KNOWN.items() if one.default and balancer in one.of}
    return {**{name: value for name, value in defaults.items() if name in got}, **want}


def switched_on(want: Mapping[str, Json]) -> tuple[str, ...]:
    """Return the wanted switches that an account's own rules may turn on as well: we have to know that it was us."""
    return tuple(name for name, value in sorted(want.items()) if value == "true" and not _default(name))


def _default(name: str) -> str:
    return KNOWN[name].default if name in KNOWN else "true"


def wrong_attributes(given: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with the `attributes` of a LoadBalancerConfig, a sentence each."""
    for name, value in given.items():
        if name == HOST_HEADER:
            yield f"spec.attributes: {name} is always true, or hostnames would not match as specified; leave it out"
        elif name not in KNOWN:
            yield f"spec.attributes: {name} is not an attribute of load balancers that can be set here"
        elif not KNOWN[name].takes(value):
            yield f"spec.attributes: {name} has to be {KNOWN[name].words}"
    for name in BUCKETS:
        switch = name.replace(".bucket", ".enabled")
        if given.get(switch) == "true" and not given.get(name):
            yield f"spec.attributes: {switch} needs {name}"
