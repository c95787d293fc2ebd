"""Worlds of objects that the CRDs allow: few names, so that they refer to each other; statuses as others left them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from emulators.cluster.build import crds
from reconciler.certificates import CertificateFacts
from reconciler.config import Placement
from reconciler.keys import SecretRef
from reconciler.mark import Mark, State, annotation, finalizer
from tests.builders import CONTROLLER
from tests.property.crd_schema import FromSchema, Pools, Schema, read_crd, with_defaults
from tests.property.crd_tame import tame

type Plain = dict[str, Any]

GROUP = "gateway.networking.k8s.io"
NAMESPACES = ("infra", "a", "b")
LONG = "-".join(["n" * 60] * 4) + "-longest"
NAMES: Mapping[str, tuple[str, ...]] = {
    "GatewayClass": ("aws", "other"),
    "Gateway": ("gw", LONG),
    "HTTPRoute": ("web", "api", LONG),
    "ReferenceGrant": ("grant",),
    "Service": ("web", "api", LONG),
    "LoadBalancerConfig": ("config", "spare"),
}
SECRETS = ("tls", "spare", "broken", "absent")
CERTIFICATES = tuple(
    CertificateFacts(
        SecretRef(namespace, name),
        "1",
        f"print-{namespace}-{name}",
        ("a.example.com",),
        "ED25519" if name == "spare" else "EC_prime256v1",
        "2030-01-01T00:00:00Z",
        "tls.key is missing" if name == "broken" else "",
    )
    for namespace in NAMESPACES
    for name in SECRETS[:3]
)
_PORTS = (80, 443, 8080)
_HOSTS = ("example.com", "a.example.com", "*.example.com", "*.a.example.com", "b.a.example.com")
_ADDRESSES = ("10.244.0.1", "10.244.1.2", "169.254.169.254", "127.0.0.1", "not-an-address", "::1", "fd00::7")
_REF: Pools = {
    "namespace": NAMESPACES,
    "port": _PORTS,
    "sectionName": ("http", "https"),
    "group": ("", GROUP),
    "hostname": _HOSTS,
    "hostnames": _HOSTS,
    "controllerName": (CONTROLLER, "example.com/other"),
    "conditions.type": ("Accepted", "Programmed", "ResolvedRefs", "PartiallyInvalid", "Foreign", "Conflicted"),
    "observedGeneration": (0, 1, 2, 9),
    "parentRefs.name": NAMES["Gateway"],
    "parentRefs.kind": ("Gateway", "Service", "ListenerSet"),
    "parentRefs.group": (GROUP,),
    "parentRef.name": NAMES["Gateway"],
    "parentRef.kind": ("Gateway", "Service"),
    "parentRef.group": (GROUP,),
    "backendRefs.name": NAMES["Service"],
    "backendRefs.kind": ("Service", "Service", "Bucket"),
    "backendRefs.weight": (0, 1, 3, 1_000_000),
    "certificateRefs.name": SECRETS,
    "certificateRefs.kind": ("Secret", "Secret", "ConfigMap"),
    "listeners.name": ("http", "https", "extra"),
    "listeners.protocol": ("HTTP", "HTTPS", "HTTPS", "TLS", "TCP"),
    "gatewayClassName": NAMES["GatewayClass"],
    "parametersRef.group": ("routewright.dev",),
    "parametersRef.kind": ("LoadBalancerConfig",),
    "parametersRef.name": NAMES["LoadBalancerConfig"],
    "from.kind": ("HTTPRoute", "Gateway"),
    "from.group": (GROUP,),
    "to.kind": ("Service", "Secret"),
    "to.group": ("",),
    "to.name": (*NAMES["Service"], "tls"),
    "path.value": ("/", "/a", "/a/", "/a/b", "/(a|b)+", "/a.b*", "/#{host}"),
    "headers.value": ("1", "^a{99999999999999999999}$", "(" * 2000, "\x1b[2J", "é", "a*?"),
    "matchLabels": ({"team": "a"}, {}),
    "allowedOverrides": ("scheme", "aws", "sourceRanges", "attributes", "targetCIDRs", "placement"),
    "targetCIDRs": ("10.0.0.0/8", "10.244.0.0/16", "10.0.0.0/33", "fd00::/8", "all"),
    "sourceRanges": ("10.0.0.0/8", "0.0.0.0/0", "nobody"),
    "allowedCertificates": ("arn:aws:acm:eu-west-1:111122223333:*", "*"),
    "aws.securityGroups": ("sg-1", "managed", "foreign"),
    "aws.subnets": ("subnet-1", "subnet-2"),
    "aws.vpc": ("vpc-1",),
    "maxRulesPerNamespace": (0, 1, 50),
}
_TAMED = 0.8
_FILES: Mapping[str, tuple[str, str]] = {
    "GatewayClass": ("gatewayclasses", "v1"),
    "Gateway": ("gateways", "v1"),
    "HTTPRoute": ("httproutes", "v1"),
    "ReferenceGrant": ("referencegrants", "v1beta1"),
}
_CONFIG_CRD = Path(__file__).parents[2] / "infra" / "crds" / "loadbalancerconfigs.yaml"


@cache
def schema_of(kind: str) -> Schema:
    """Return the schema of a kind in the CRDs that the API server would serve."""
    if kind == "LoadBalancerConfig":
        return read_crd(_CONFIG_CRD, "v1alpha1")
    plural, version = _FILES[kind]
    return read_crd(crds() / f"{GROUP}_{plural}.yaml", version)


@cache
def status_validator(kind: str) -> Draft202012Validator:
    """Return what an API server checks a kind's status by."""
    return Draft202012Validator(schema_of(kind)["properties"]["status"])


@cache
def _body(kind: str, part: str) -> st.SearchStrategy[Any]:
    return FromSchema(_REF).draw(schema_of(kind)["properties"][part], (part,))


_MARKS = (
    "",
    "[" * 20_000,
    "{}",
    Mark(State.DIRTY, Placement(role="arn:aws:iam::1:role/admin"), "n", names=("rw-x",)).text(),
    Mark(State.CLEAN, Placement(), "n", {"base": "0"}).text(),
)


@st.composite
def _meta(draw: st.DrawFn, kind: str, namespace: str, name: str) -> Plain:
    """Draw metadata; of Gateways also marks and finalizers of ours, and a deletion under way."""
    found: Plain = {
        "name": name,
        "uid": f"{kind}-{namespace}-{name}",
        "generation": draw(st.sampled_from((1, 1, 2, 7))),
        "resourceVersion": "1",
        "creationTimestamp": draw(st.sampled_from(("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"))),
        "labels": draw(st.sampled_from(({}, {"team": "a"}, {"routewright.dev/cluster": "stolen", "aws:x": "y"}))),
    }
    if namespace:
        found["namespace"] = namespace
    if kind == "Gateway" and draw(st.integers(0, 3)) == 0:
        found["finalizers"] = [finalizer("aws"), "example.com/keep"]
        found["annotations"] = {annotation("aws"): draw(st.sampled_from(_MARKS)), "routewright.dev/paused": "true"}
        if draw(st.booleans()):
            found["deletionTimestamp"] = "2026-03-01T00:00:00Z"
    return found


@st.composite
def custom(draw: st.DrawFn, kind: str, namespace: str, name: str) -> Plain:
    """Draw an object of a CRD's kind: a spec that the schema allows, defaults as the API server fills them in."""
    group, version = (GROUP, _FILES[kind][1]) if kind in _FILES else ("routewright.dev", "v1alpha1")
    item: Plain = {"spec": draw(_body(kind, "spec"))}
    if "status" in schema_of(kind)["properties"] and draw(st.booleans()):
        status = with_defaults(draw(_body(kind, "status")), schema_of(kind)["properties"]["status"])
        if status_validator(kind).is_valid(status):  # else a oneOf, which drawing does not look at
            item["status"] = status
    if draw(st.integers(0, 3)) > 0:
        item = with_defaults(item, schema_of(kind))
    meta = draw(_meta(kind, namespace, name))
    return {**item, "apiVersion": f"{group}/{version}", "kind": kind, "metadata": meta}


@st.composite
def _service(draw: st.DrawFn, namespace: str, name: str) -> Plain:
    ports = st.fixed_dictionaries(
        {"port": st.sampled_from(_PORTS), "protocol": st.sampled_from(("TCP", "TCP", "UDP"))},
        optional={
            "name": st.sampled_from(("web", "")),
            "appProtocol": st.sampled_from(("http", "kubernetes.io/h2c", "example.com/odd", "")),
        },
    )
    spec = {
        "ports": draw(st.lists(ports, max_size=3)),
        "type": draw(st.sampled_from(("ClusterIP", "ExternalName", "LoadBalancer"))),
        "ipFamilies": draw(st.sampled_from((["IPv4"], ["IPv6", "IPv4"], []))),
    }
    meta = draw(_meta("Service", namespace, name))
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


@st.composite
def _slice(draw: st.DrawFn, namespace: str, service: str) -> Plain:
    flags = st.dictionaries(st.sampled_from(("ready", "serving", "terminating")), st.booleans() | st.none())
    addresses = st.lists(st.sampled_from(_ADDRESSES) | st.ip_addresses().map(str), max_size=2)
    one = st.fixed_dictionaries({"addresses": addresses, "conditions": flags})
    port = st.fixed_dictionaries({}, optional={"name": st.sampled_from(("web", "")), "port": st.sampled_from(_PORTS)})
    meta = draw(_meta("EndpointSlice", namespace, f"{service[:60]}-s"))
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**meta, "labels": {"kubernetes.io/service-name": service}},
        "addressType": draw(st.sampled_from(("IPv4", "IPv4", "IPv6", "FQDN"))),
        "ports": draw(st.lists(port, max_size=2) | st.none()),
        "endpoints": draw(st.lists(one, max_size=3) | st.none()),
    }


def _namespace(name: str) -> Plain:
    meta = {"name": name, "labels": {"team": name, "kubernetes.io/metadata.name": name}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


@st.composite
def worlds(draw: st.DrawFn) -> list[Plain]:
    """Draw a cluster: a class or two, Gateways, and some of all that may refer to them.

    Of most objects what would end their story early is taken away again (`crd_tame`), so that many come far.
    """
    found: list[Plain] = [_namespace(name) for name in NAMESPACES]
    for name in NAMES["GatewayClass"][: draw(st.integers(1, 2))]:
        item = draw(custom("GatewayClass", "", name))
        item["spec"]["controllerName"] = CONTROLLER if name == "aws" else "example.com/other"
        found.append(item)
    for kind, most in (("Gateway", 2), ("HTTPRoute", 3), ("ReferenceGrant", 2), ("LoadBalancerConfig", 2)):
        least = 1 if kind in ("Gateway", "HTTPRoute") else 0
        found += [draw(custom(kind, *one)) for one in draw(_places(kind, least, most))]
    near = [(one["metadata"]["namespace"], "web") for one in found if one["kind"] == "HTTPRoute"]
    for namespace, name in sorted({*near[: draw(st.integers(0, 3))], *draw(_places("Service", 1, 1))}):
        found += [draw(_service(namespace, name)), draw(_slice(namespace, name))]
    random = draw(st.randoms(use_true_random=False))
    for item in reversed(found):  # Services first: Routes then name ports that they have
        if random.random() < _TAMED:
            tame(item, found, random)
    return found


def _places(kind: str, least: int, most: int) -> st.SearchStrategy[list[tuple[str, str]]]:
    places = st.tuples(st.sampled_from(NAMESPACES), st.sampled_from(NAMES[kind]))
    return st.lists(places, min_size=least, max_size=most, unique=True)
