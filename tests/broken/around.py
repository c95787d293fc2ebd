"""Broken in what stands around a Route: certificates and names, policies, quotas, and what AWS itself refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from emulators.aws.faults import Fault
from tests.broken.team import (
    LATEST,
    PER_NAMESPACE,
    RULES,
    Make,
    More,
    Plain,
    Team,
    Told,
    add,
    matching,
    sending,
    unresolved,
)
from tests.builders import backend, backend_config, endpoints, exact, listener, parent, prefix, rule, tls_policy

# --- TLS ----------------------------------------------------------------------------------------------------------


def _own_listener(reason: str, type_: str = "ResolvedRefs") -> Told:
    return Told(type_, reason=reason, kind="ListenerSet", listener="own")


def _on_https(name: str, **tls: Any) -> Make:
    return lambda team: [team.set_of(team.https(name, **tls)), team.http(rule(team.own), parents=[team.on_set])]


add("TLS", "certificate-missing", _on_https("nowhere"), _own_listener("InvalidCertificateRef"))
add(
    "TLS",
    "certificate-of-garbage",
    _on_https("garbage"),
    _own_listener("InvalidCertificateRef"),
    more=More(garbage=("garbage",)),
)
add("TLS", "certificate-not-granted", _on_https("shared", namespace="infra"), _own_listener("RefNotPermitted"))
add(
    "TLS",
    "hostname-of-another",
    lambda team: [
        team.set_of(team.https("own") | {"hostname": "*.example.com"}),
        team.http(rule(team.own), parents=[team.on_set]),
    ],
    _own_listener("HostnameConflict", "Accepted"),
    more=More(pairs=("own",)),
)
add(
    "TLS",
    "second-by-name-on-a-port",
    lambda team: team.stream("TLSRoute", to=parent(sectionName="tls"), hostnames=["*.example.com"]),
    Told(kind="TLSRoute"),
)
add(
    "TLS",
    "tls-to-an-https-listener",
    lambda team: team.stream("TLSRoute", to=parent(sectionName="https"), hostnames=[team.host]),
    Told(kind="TLSRoute", reason="NotAllowedByListeners"),
)
add(
    "TLS",
    "name-that-no-listener-has",
    lambda team: team.http(rule(team.own), hosts=["elsewhere.org"], parents=[parent(sectionName="https")]),
    Told(reason="NoMatchingListenerHostname"),
)

# --- policy -------------------------------------------------------------------------------------------------------


def _policed(policy: Callable[[Team], Plain], *others: Callable[[Team], Plain]) -> Make:
    return lambda team: [*(one(team) for one in (policy, *others)), team.http(rule(team.own))]


def _tls_policy(**validation: Any) -> Callable[[Team], Plain]:
    def make(team: Team) -> Plain:
        made = tls_policy(team.slug, team.namespace, team.slug, creationTimestamp=LATEST)
        made["spec"]["validation"] |= validation
        return {
            **made,
            "spec": {**made["spec"], "validation": {k: v for k, v in made["spec"]["validation"].items() if v}},
        }

    return make


def _backend_config(**spec: Any) -> Callable[[Team], Plain]:
    return lambda team: backend_config(spec, team.slug, team.namespace, team.slug)


def _of_policy(reason: str, kind: str = "BackendTLSPolicy") -> Told:
    return Told("Accepted", reason=reason, kind=kind)


_BUCKET = [{"group": "x.io", "kind": "Bucket", "name": "ca"}]
add("policy", "authority-missing", _policed(_tls_policy()), _of_policy("NoValidCACertificate"))
add(
    "policy",
    "authority-of-a-kind-nobody-knows",
    _policed(_tls_policy(caCertificateRefs=_BUCKET)),
    Told("ResolvedRefs", reason="InvalidKind", kind="BackendTLSPolicy"),
)
add(
    "policy",
    "system-authorities",
    _policed(_tls_policy(caCertificateRefs=[], wellKnownCACertificates="System")),
    _of_policy("Invalid"),
)
add(
    "policy",
    "second-policy",
    _policed(_tls_policy(), lambda team: tls_policy("first", team.namespace, team.slug)),
    _of_policy("Conflicted"),
)
add(
    "policy",
    "settings-out-of-bounds",
    _policed(_backend_config(drainingSeconds=99_999)),
    _of_policy("Invalid", "BackendConfig"),
)
add(
    "policy",
    "settings-that-aws-lacks",
    _policed(_backend_config(aws={"proxyProtocol": True})),
    _of_policy("Invalid", "BackendConfig"),
)

# --- quota --------------------------------------------------------------------------------------------------------


def _apart(count: int) -> list[Plain]:
    """Return matches of which no two share a rule of an ALB."""
    return [{"headers": [{"name": f"x-{n}", "value": "1"}]} for n in range(count)]


def _many_services(team: Team) -> list[Plain]:
    names = [f"many-{n}" for n in range(75)]
    services = [item for n, name in enumerate(names) for item in team.service(name, [f"10.244.4.{n + 1}"])]
    rules = [rule(*map(backend, names[n : n + 5]), matches=[prefix(f"/{n}")]) for n in range(0, 75, 5)]
    return [*services, team.http(*rules)]


def _six_services(team: Team) -> list[Plain]:
    names = [f"six-{n}" for n in range(6)]
    services = [item for n, name in enumerate(names) for item in team.service(name, [f"10.244.5.{n + 1}"])]
    return [*services, team.http(rule(*map(backend, names)))]


_LATEST = More(created=LATEST)
add(
    "quota",
    "too-many-rules",
    lambda team: team.http(rule(team.own, matches=_apart(RULES + 1))),
    Told(message="rules of the load balancer: needs"),
    more=_LATEST,
)
add(
    "quota",
    "too-many-rules-of-a-namespace",
    lambda team: team.http(rule(team.own, matches=_apart(PER_NAMESPACE + 1))),
    Told(message="rules of "),
    more=_LATEST,
)
add("quota", "too-many-target-groups", _many_services, Told(message="target groups of"), more=_LATEST)
add("quota", "six-backends", _six_services, Told())
add(
    "quota",
    "more-rules-than-the-account-has",
    lambda team: team.http(rule(team.own, matches=[exact("/too-many")])),
    Told(message="no rule can be used"),
    more=More(faults=lambda _: [Fault("refused", "CreateRule", count=999, about="/too-many", code="TooManyRules")]),
)

# --- refusal by the cloud -----------------------------------------------------------------------------------------


def _refusing(operation: str, code: str = "ValidationError", about: str = "") -> Callable[[Team], Sequence[Fault]]:
    return lambda team: [Fault("refused", operation, count=999, about=about or team.slug[:12], code=code)]


add(
    "refusal",
    "rule",
    matching(exact("/refused-rule")),
    Told(),
    more=More(faults=_refusing("CreateRule", about="/refused-rule")),
)
add(
    "refusal",
    "pool",
    sending(backend("pool")),
    Told(),
    more=More(faults=_refusing("CreateTargetGroup", about="-pool-")),
)
add(
    "refusal",
    "public-target",
    lambda team: [endpoints(team.slug, team.namespace, ["8.8.8.8"]), team.http(rule(team.own))],
    *unresolved("BackendNotFound"),
)
add(
    "refusal",
    "changed-rule",
    lambda team: [*team.service("new", ["10.244.6.1"]), team.http(rule(backend("new"), matches=[exact("/changed")]))],
    Told("PartiallyInvalid", "True", message="Fall Back"),
    more=More(
        before=lambda team: [*team.service(), team.http(rule(team.own, matches=[exact("/changed")]))],
        faults=_refusing("ModifyRule", about="-new-"),
    ),
)
add(
    "refusal",
    "stream-listener",
    lambda team: [team.set_of(listener("own", team.port, "TCP")), team.stream("TCPRoute", to=team.on_set)],
    _own_listener("Invalid", "Programmed"),
    more=More(faults=lambda team: [Fault("refused", "CreateListener", count=999, about=str(team.port))]),
)
add(
    "refusal",
    "imported-certificate",
    _on_https("own"),
    _own_listener("InvalidCertificateRef"),
    more=More(
        pairs=("own",), faults=_refusing("ImportCertificate", "ValidationException", "t-imported-certificate/own")
    ),
)

add(
    "refusal",
    "certificate-of-a-listener",
    _on_https("own"),
    _own_listener("InvalidCertificateRef"),
    more=More(local=("own",)),
)
add(
    "refusal",
    "settings",
    _policed(_backend_config(drainingSeconds=30)),
    *unresolved("BackendNotFound"),
    more=More(faults=_refusing("ModifyTargetGroupAttributes", about="-settings-")),
)
add(
    "refusal",
    "changed-stream",
    lambda team: [
        *team.service("renewed", ["10.244.6.2"]),
        team.stream("TCPRoute", backend("renewed"), to=team.on_set),
    ],
    _own_listener("Invalid", "Programmed"),
    more=More(
        before=lambda team: [
            *team.service(),
            team.set_of(listener("own", team.port, "TCP")),
            team.stream("TCPRoute", to=team.on_set),
        ],
        faults=_refusing("ModifyListener", about="-renewed-"),
    ),
)
