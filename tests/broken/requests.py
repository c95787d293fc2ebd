"""Broken in what a Route asks for: matches, filters, backends."""

from __future__ import annotations

from typing import Any

from tests.broken.team import HOST, Plain, Team, Told, add, filtering, matching, sending, unresolved
from tests.builders import backend, endpoints, exact, listener, rule, service

# --- match --------------------------------------------------------------------------------------------------------

_HEADERS = [{"name": f"x-{n}", "value": "1"} for n in range(6)]
_LATER_CASE = [{"name": "x-tier", "value": "GOLD"}]

add("match", "six-headers", matching({"headers": _HEADERS}), Told(message="no rule can be used"))
add("match", "expression-looks-ahead", matching({"path": {"type": "RegularExpression", "value": "/a(?=b)"}}), Told())
add("match", "path-too-long", matching(exact("/" + "a" * 600)), Told())
add("match", "header-host", matching({"headers": [{"name": "Host", "value": "x"}]}), Told())
add(
    "match",
    "query-by-expression",
    matching({"queryParams": [{"name": "q", "value": "a.*", "type": "RegularExpression"}]}),
    Told(),
)
add("match", "path-type-of-tomorrow", matching({"path": {"type": "Glob", "value": "/a"}}), Told())
add(
    "match",
    "only-case-differs",
    lambda team: team.http(rule(team.own, matches=[{"headers": _LATER_CASE}]), hosts=[HOST]),
    Told(),
)

# --- filter -------------------------------------------------------------------------------------------------------

_SET = {"set": [{"name": "x-a", "value": "1"}]}


def _redirect(**block: Any) -> Plain:
    return {"type": "RequestRedirect", "requestRedirect": block}


def _mirror(name: str) -> Plain:
    return {"type": "RequestMirror", "requestMirror": {"backendRef": backend(name)}}


add("filter", "request-headers", filtering({"type": "RequestHeaderModifier", "requestHeaderModifier": _SET}), Told())
add(
    "filter",
    "response-headers",
    filtering({"type": "ResponseHeaderModifier", "responseHeaderModifier": _SET}),
    Told(),
)
add("filter", "redirect-307", filtering(_redirect(scheme="https", statusCode=307), backends=False), Told())
add("filter", "redirect-to-itself", filtering(_redirect(), backends=False), Told())
add(
    "filter",
    "redirect-and-rewrite",
    filtering(_redirect(scheme="https"), {"type": "URLRewrite", "urlRewrite": {"hostname": "x.y"}}, backends=False),
    Told(reason="IncompatibleFilters"),
)
add("filter", "mirror", filtering(_mirror("mirror")), Told())
add("filter", "cors", filtering({"type": "CORS", "cors": {"allowOrigins": ["https://a.example.com"]}}), Told())
add(
    "filter",
    "extension-nobody-knows",
    filtering({"type": "ExtensionRef", "extensionRef": {"group": "x.io", "kind": "Magic", "name": "x"}}),
    Told("ResolvedRefs", reason="InvalidKind"),
)
add("filter", "filter-of-tomorrow", filtering({"type": "Teleport"}), Told())
add("filter", "timeouts", filtering(timeouts={"request": "500ms"}), Told())

# --- backend ------------------------------------------------------------------------------------------------------


add("backend", "service-missing", sending(backend("nowhere")), *unresolved("BackendNotFound"))
add("backend", "port-missing", sending(backend("port-missing", 8443)), *unresolved("BackendNotFound"))
add("backend", "kind-unknown", sending(backend(kind="Bucket", group="x.io")), *unresolved("InvalidKind"))
add("backend", "not-granted", sending(backend("shop", namespace="shop")), *unresolved("RefNotPermitted"))


def _unspeakable(team: Team) -> list[Plain]:
    odd = service("odd", team.namespace)
    odd["spec"]["ports"][0]["appProtocol"] = "example.com/morse"
    return [odd, endpoints("odd", team.namespace, ["10.244.3.1"]), team.http(rule(backend("odd")))]


add("backend", "protocol-nobody-speaks", _unspeakable, *unresolved("UnsupportedProtocol"))
add(
    "backend",
    "target-outside-the-ranges",
    lambda team: [endpoints(team.slug, team.namespace, ["169.254.169.254"]), team.http(rule(team.own))],
    *unresolved("RefNotPermitted"),
)
add(
    "backend",
    "external-name",
    lambda team: [service("out", team.namespace, type="ExternalName"), team.http(rule(backend("out")))],
    *unresolved("InvalidKind"),
)
add(
    "backend",
    "stream-to-nowhere",
    lambda team: [
        team.set_of(listener("own", team.port, "TCP")),
        team.stream("TCPRoute", backend("nowhere"), to=team.on_set),
    ],
    *unresolved("BackendNotFound", "TCPRoute"),
)
