"""docs/rights.md, infra/rbac.yaml and the code say the same: no use without a right, no write without a use."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from emulators.aws.inprocess import strict_aws
from emulators.cluster.objects import Objects
from kube import kinds
from kube.api import Api
from kube.cluster import KubeCluster
from kube.poll import Poll
from providers import provider_for
from reconciler.events import Trigger
from reconciler.reconcile import Room, reconcile
from tests.canary import canary_secret
from tests.integration.kube_world import (
    CONTROLLER,
    INFRA,
    V1,
    backend_config,
    ca_bundle,
    endpoints,
    gateway,
    https,
    listener_set,
    open_to_sets,
    route,
    service,
    tls_policy,
    trigger,
)

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]

type Right = tuple[str, str]
"""Verb and resource, e.g. ("update", "gateways/status")."""

ROOT = Path(__file__).parents[2]
BACKEND = {"name": "web", "port": 80}
READS = {"get", "list", "watch"}
_PATH = re.compile(r"/apis?/(?:[^/]+/)?v[^/]+(?:/namespaces/[^/]+)?/([a-z]+)(?:/([^/]+))?(?:/(status))?$")


def right_of(method: str, url: str) -> Right:
    """Return the right that the API server asks for a request (Kubernetes, Authorization, request verbs)."""
    parts = urlsplit(url)
    found = re.fullmatch(r"/api/v1/(namespaces)/([^/]+)", parts.path) or _PATH.fullmatch(parts.path)
    assert found is not None, url
    resource, name, *rest = found.groups()
    verb = {"PUT": "update", "PATCH": "patch", "GET": "get" if name else "list"}[method]
    if "watch" in parse_qs(parts.query):
        verb = "watch"
    return verb, f"{resource}/status" if rest and rest[0] else resource


def _stream(kind: str) -> dict[str, Any]:
    """Return a Route of another kind on Gateway infra/gw; it is told that no listener takes it."""
    spec: dict[str, Any] = {"parentRefs": [{"name": "gw", "namespace": "infra"}], "rules": [{"backendRefs": [BACKEND]}]}
    if kind == "TLSRoute":
        spec["hostnames"] = ["a.example.com"]
    return {"apiVersion": V1, "kind": kind, "metadata": {"name": "other", "namespace": "infra"}, "spec": spec}


def rights_given() -> set[Right]:
    documents = yaml.safe_load_all((INFRA / "rbac.yaml").read_text())
    rules = next(one["rules"] for one in documents if one["kind"] == "ClusterRole")
    return {(verb, resource) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


def rights_used(admin: Objects, cluster: KubeCluster) -> set[Right]:
    """Let a Gateway with all that hangs on it come and go, look at what the schedules look at; note what was asked."""
    used: set[Right] = set()
    send = Api._send

    def noting(self: Api, method: str, url: str, *more: Any, **options: Any) -> Any:
        used.add(right_of(method, url))
        return send(self, method, url, *more, **options)

    item, _ = canary_secret("cert")
    streams = [_stream(kind) for kind in ("GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")]
    slice_ = endpoints()
    slice_["endpoints"][0]["targetRef"] = {"kind": "Pod", "namespace": "shop", "name": "web-1"}
    behind = (service(), slice_, tls_policy(), ca_bundle(), backend_config())
    for one in (item, open_to_sets(gateway(**https("cert"))), listener_set(), route("web", "gw"), *streams, *behind):
        admin.apply(one)
    with strict_aws() as account, patch.object(Api, "_send", noting):
        account.prepare_network()
        room = Room(cluster, provider_for(CONTROLLER, rate=1000), lambda: "nonce")
        reconcile(trigger(cluster), room)
        reconcile(Trigger(cluster.cluster_id, "", "ours", kind="GatewayClass"), room)
        cluster.gateways()
        cluster.gateway_uids()
        Poll(cluster.api).look([("Secret", "infra", "cert"), ("ConfigMap", "shop", "ca")], 0.0)
        admin.delete(V1, "Gateway", "infra", "gw")
        reconcile(trigger(cluster), room)
    return used | {(verb, kind.plural) for kind in (*kinds.WATCHED, *kinds.ON_DEMAND) for verb in ("list", "watch")}


def test_the_cluster_role_gives_what_is_used_and_no_write_and_no_secret_beyond_it(
    admin: Objects, cluster: KubeCluster
) -> None:
    used, given = rights_used(admin, cluster), rights_given()

    assert set() == used - given
    assert set() == {right for right in given - used if right[0] not in READS}
    for resource in ("secrets", "configmaps", "pods"):
        assert {("get", resource)} == {right for right in given if right[1] == resource}
    assert set() == {resource for _, resource in given} - {resource for _, resource in used}


def table_rows(heading: str) -> list[list[str]]:
    section = (ROOT / "docs" / "rights.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line][2:]


def test_the_document_is_the_cluster_role() -> None:
    plurals = {
        kind.name: kind.plural for kind in (*kinds.WATCHED, *kinds.ON_DEMAND, *kinds.POLLED, kinds.POD, kinds.CRD)
    }
    told: set[Right] = set()
    for objects, verbs, _ in table_rows("In the cluster"):
        status = "/status" if objects.startswith("status of ") else ""
        names = objects.removeprefix("status of ").replace("the ", "").split(", ")
        told |= {
            (verb, plurals[name] + status) for name in names for verb in re.findall(r"[a-z]+", verbs.split("(")[0])
        }

    assert rights_given() == told


OTHERWISE_CALLED = {"s3:HeadObject": "s3:GetObject", "s3:ListObjectsV2": "s3:ListBucket"}
"""Operations that IAM knows by another name (Service Authorization Reference, Amazon S3)."""
_CALL = re.compile(r'"(elbv2|ec2|acm|resourcegroupstaggingapi|wafv2|s3)",\s*"([A-Za-z0-9]+)"')


def actions_called() -> set[str]:
    """Return every `service:Operation` that the provider's source calls."""
    prefixes = {"elbv2": "elasticloadbalancing", "resourcegroupstaggingapi": "tag"}
    found: set[str] = set()
    for file in (ROOT / "providers" / "aws").glob("*.py"):
        for service_, operation in _CALL.findall(file.read_text()):
            action = f"{prefixes.get(service_, service_)}:{operation}"
            found.add(OTHERWISE_CALLED.get(action, action))
    permits = re.findall(r'_permit\(\s*clients, "([A-Za-z]+)"', (ROOT / "providers" / "aws" / "make.py").read_text())
    return found | {f"ec2:{operation}" for operation in permits}


def actions_told() -> Iterator[str]:
    for row in table_rows("In AWS"):
        prefix = ""
        for action in re.findall(r"`([A-Za-z0-9:*]+)`", row[0]):
            prefix, _, name = action.rpartition(":") if ":" in action else (prefix, "", action)
            yield f"{prefix}:{name}"


WITHIN_OTHERS = {"ec2:CreateTags", "sts:AssumeRole", "elasticloadbalancing:AddTags", "elasticloadbalancing:SetWebAcl"}
"""Asked for inside of another call (tags at creation, a web ACL's association), or made by the SDK itself."""


def test_the_document_names_every_call_to_aws_and_no_other() -> None:
    called, told = actions_called(), set(actions_told())

    assert set() == _outside(called, told)
    unused = {one for one in told if not fnmatch.filter(called | WITHIN_OTHERS, one) and not one.startswith("sqs:")}
    assert set() == unused


def _outside(called: Iterable[str], told: Iterable[str]) -> set[str]:
    return {one for one in called if not any(fnmatch.fnmatchcase(one, pattern) for pattern in told)}
