"""Stories for law 4: each leads a Gateway from one want to the next; most differ in the calls they need."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.certificates import CaBundle
from reconciler.reconcile import ALLOW_DISRUPTION
from tests.aws_world import authority, secret, validating
from tests.builders import (
    backend,
    config,
    config_ref,
    exact,
    gateway,
    gateway_class,
    listener,
    prefix,
    route,
    rule,
    with_service,
)

type Plain = dict[str, Any]

ANY = "AllowInsecureFallback"
SERVICES = ("web", "api", "old")
_PARAMETERS = config_ref()


@dataclass(frozen=True, slots=True)
class Want:
    """What the cluster holds: objects, TLS Secrets, and ConfigMaps of authorities."""

    objects: tuple[Plain, ...]
    secrets: tuple[Plain, ...] = ()
    authorities: tuple[CaBundle, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """From one want to the next; None is a Gateway that does not exist.

    Attributes:
        other: what is wanted instead, when the want changes after the fault.
        crowded: the rules have lost the gaps between their priorities, as if somebody had renumbered them.
    """

    name: str
    first: Want | None
    second: Want | None
    other: Want | None
    crowded: bool = False

    @property
    def secrets(self) -> bool:
        """Whether certificates play a part."""
        return any(want is not None and want.secrets for want in (self.first, self.second, self.other))

    @property
    def trusts(self) -> bool:
        """Whether clients are verified, so that the deployment needs a bucket."""
        return any(want is not None and want.authorities for want in (self.first, self.second, self.other))


def _want(
    *routes: Plain, listeners: tuple[Plain, ...] = (), pods: tuple[int, ...] = (1,), spec: Plain | None = None
) -> Want:
    """Return a want; `pods` are the last numbers of the addresses behind the Service `web`."""
    settings = config({"scheme": "internet-facing", **(spec or {})})
    door = gateway(listeners=listeners or None, annotations={ALLOW_DISRUPTION: "true"})
    found = [gateway_class(parametersRef=_PARAMETERS), settings, door, *routes]
    for number, service in enumerate(SERVICES):
        last = pods if service == "web" else (1,)
        found += with_service(service, "a", [f"10.244.{number}.{one}" for one in last])
    return Want(tuple(found))


def _at(path: str, *backends: Plain) -> Plain:
    return rule(*backends, matches=[prefix(path)])


@cache
def _secrets() -> dict[str, Plain]:
    """Return a Secret, a renewal of it, the same with another type of key, and another Secret."""
    keys = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return {"one": secret("one"), "renewed": secret("one"), "rsa": secret("one", key=keys), "two": secret("two")}


def _https(*names: str) -> Plain:
    tls = {"mode": "Terminate", "certificateRefs": [{"name": name} for name in names]}
    return listener("https", 443, "HTTPS", tls=tls)


_WEB = route("web", rules=[_at("/", backend()), _at("/api", backend("api"))])
_HOST = route("web", rules=[_at("/", backend())], hostnames=["a.example.com"])
_API = route("api", rules=[_at("/v2", backend("api")), _at("/v2/old", backend("old"))])
_PATHS = [_at(f"/{letter}", backend(name)) for letter, name in zip("abcd", ("web", "api", "web", "api"), strict=True)]
_MANY = route("many", rules=_PATHS)
_MOVED = route("many", rules=[_at("/d/e", backend("api")), *_PATHS[:2], _at("/a/b", backend("old"))])
_BETWEEN = route("between", rules=[_at("/aa", backend("old")), rule(backend("old"), matches=[exact("/c")])])
_TWO = (listener(), listener("more", 8080))


@cache
def stories() -> tuple[Story, ...]:
    """Return creation, changes, deletion."""
    base, more = _want(_WEB), _want(_WEB, _API)
    other = _want(_WEB, route("host", rules=_HOST["spec"]["rules"], hostnames=["a.example.com"]))
    return (
        Story("creation", None, base, other),
        Story("a Route added", base, more, other),
        Story("a Route removed", more, base, _want(_API)),
        Story("backends swapped", base, _turned(), other),
        Story("a canary begun", base, _want(_canary()), _want(_canary(5))),
        Story("rules reordered", _want(_MANY), _want(_MOVED), _want(_MANY, _BETWEEN)),
        Story("rules where no number is free", _want(_MANY), _want(_MANY, _BETWEEN), _want(_MOVED), crowded=True),
        Story("a hostname given", base, _want(_HOST), other),
        Story("a listener added", base, _want(_WEB, listeners=_TWO), _want(_API, listeners=_TWO)),
        Story("a listener removed", _want(_WEB, listeners=_TWO), base, other),
        Story("Pods replaced", _want(_WEB, pods=(1, 2)), _want(_WEB, pods=(2, 3, 4)), _want(_WEB, pods=(4, 5))),
        *_tls_stories(base),
        *_client_stories(),
        *_base_stories(base),
        *_front_stories(base),
        Story("everything replaced", base, _want(_API, listeners=_TWO, pods=(2,)), other),
        Story("deletion", base, None, other),
    )


def _turned() -> Want:
    return _want(route("web", rules=[_at("/", backend("api")), _at("/api", backend())]))


def _canary(weight: int = 1) -> Plain:
    return route("web", rules=[_at("/", backend(weight=9), backend("old", weight=weight))])


def _tls_stories(base: Want) -> tuple[Story, ...]:
    held = _secrets()
    one = replace(_want(_WEB, listeners=(listener(), _https("one"))), secrets=(held["one"],))
    both = replace(_want(_WEB, listeners=(listener(), _https("two", "one"))), secrets=(held["one"], held["two"]))
    renewed, retyped = replace(one, secrets=(held["renewed"],)), replace(one, secrets=(held["rsa"],))
    return (
        Story("HTTPS with a certificate from a Secret", base, one, both),
        Story("a certificate renewed", one, renewed, retyped),
        Story("a certificate with another type of key", one, retyped, both),
        Story("HTTPS ended", both, base, one),
    )


def _client_stories() -> tuple[Story, ...]:
    open_to_all, one = _clients(None), _clients(validating("ca"))
    other, two = _clients(validating("other")), _clients(validating("ca", per_port={8443: ["other"]}))
    return (
        Story("clients that need a certificate", open_to_all, one, two),
        Story("clients of other authorities", one, other, open_to_all),
        Story("a port of its own authorities, then any certificate", two, _clients(validating("ca", mode=ANY)), one),
    )


@cache
def _trusted() -> tuple[Plain, tuple[CaBundle, ...]]:
    return secret("one"), (authority("ca"), authority("other"))


def _clients(tls: Plain | None) -> Want:
    """Return a want of two HTTPS ports with this `spec.tls`."""
    pair, held = _trusted()
    ends = {"mode": "Terminate", "certificateRefs": [{"name": "one"}]}
    ports = tuple(listener(f"https-{one}", one, "HTTPS", tls=ends) for one in (443, 8443))
    found = _want(_WEB, listeners=ports)
    for item in found.objects:
        if item["kind"] == "Gateway" and tls:
            item["spec"]["tls"] = tls
    return replace(found, secrets=(pair,), authorities=held)


def _front_stories(base: Want) -> tuple[Story, ...]:
    spec = {"aws": {"addressMode": "unified"}}
    one, both = _want(_WEB, spec=spec), _want(_WEB, listeners=_TWO, spec=spec)
    return (
        Story("an NLB put in front of the ALB", base, one, both),
        Story("the NLB in front taken away, which disrupts", both, base, one),
        Story("deletion of an NLB in front of an ALB", one, None, both),
    )


def _base_stories(base: Want) -> tuple[Story, ...]:
    closed = {"sourceRanges": ["10.0.0.0/8"], "attributes": {"idle_timeout.timeout_seconds": "30"}}
    narrow = {"sourceRanges": ["10.1.0.0/16", "0.0.0.0/0"]}
    return (
        Story("settings of the load balancer", base, _want(_WEB, spec=closed), _want(_WEB, spec=narrow)),
        Story("the scheme, which disrupts", base, _want(_WEB, spec={"scheme": "internal"}), _want(_API)),
    )
