"""The whole walk on real parts: API server, watcher, queues, functions, emulated AWS, Envoy; and what goes wrong."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from cryptography import x509

from demo.stage import ROUTE, Setting, Stage
from demo.stream import request
from functions import backfill, resync
from tests.certificates import of_server
from tests.integration.cluster_world import echo, service

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("stage"), pytest.mark.timeout(240)]

GATEWAY = ("gateway.networking.k8s.io/v1", "Gateway")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage(Setting(provisioning=0.2)) as running:
        running.plane.apply(echo("a", "web", "a"))
        yield running


def _gateway(name: str, *listeners: dict[str, Any]) -> dict[str, Any]:
    routes = {"namespaces": {"from": "All"}}
    return {
        "apiVersion": GATEWAY[0],
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": "infra"},
        "spec": {
            "gatewayClassName": "routewright-aws",
            "listeners": [{"allowedRoutes": routes, **listener} for listener in listeners],
        },
    }


def _route(name: str, gateway: str, host: str, path: str = "/", service: str = "web") -> dict[str, Any]:
    match = {"path": {"type": "PathPrefix", "value": path}}
    return {
        "apiVersion": ROUTE[0],
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "a"},
        "spec": {
            "parentRefs": [{"name": gateway, "namespace": "infra"}],
            "hostnames": [host],
            "rules": [{"matches": [match], "backendRefs": [{"name": service, "port": 80}]}],
        },
    }


def _secret(name: str, host: str) -> tuple[dict[str, Any], int]:
    """Return a TLS Secret for a host, and the serial number of its certificate."""
    pair = of_server(host)
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {"name": name, "namespace": "infra"},
        "data": pair.secret_data,
    }
    return body, pair.certificate.serial_number


def _served(address: str, port: int, host: str) -> int:
    """Return the serial number of the certificate that a listener shows for an SNI, 0 while it does not answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        contextlib.suppress(OSError),
        socket.create_connection((address, port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        held = secure.getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(held).serial_number if held else 0
    return 0


def _answers(stage: Stage, gateway: str, host: str, path: str = "/") -> None:
    answer = stage.eventually("infra", gateway, host, path, lambda one: one.body.get("team") == "a")
    assert "a" == answer.body.get("team"), answer


def test_https_by_sni_and_a_renewed_certificate_without_a_new_arn(stage: Stage) -> None:
    one, first = _secret("tls-one", "one.example.com")
    two, second = _secret("tls-two", "two.example.com")
    tls = {"mode": "Terminate"}
    listeners = [
        {
            "name": n,
            "port": 443,
            "protocol": "HTTPS",
            "hostname": f"{n}.example.com",
            "tls": tls | {"certificateRefs": [{"name": f"tls-{n}"}]},
        }
        for n in ("one", "two")
    ]
    stage.plane.apply([one, two, _gateway("secure", *listeners), _route("secure", "secure", "one.example.com")])
    stage.wait_programmed("infra", "secure")
    address, port = stage.address("infra", "secure", 443)

    stage.wait(lambda: _served(address, port, "one.example.com") == first, "the first certificate")
    stage.wait(lambda: _served(address, port, "two.example.com") == second, "the second certificate by SNI")
    before = {
        item["CertificateArn"]
        for item in stage.aws("acm").list_certificates(Includes=_all_keys())["CertificateSummaryList"]
    }
    renewed, third = _secret("tls-one", "one.example.com")
    stage.plane.apply([renewed])
    _wake(stage, "secure")
    stage.wait(lambda: _served(address, port, "one.example.com") == third, "the renewed certificate")
    after = {
        item["CertificateArn"]
        for item in stage.aws("acm").list_certificates(Includes=_all_keys())["CertificateSummaryList"]
    }
    assert before == after
    stage.admin.delete(*ROUTE, "a", "secure")
    stage.admin.delete(*GATEWAY, "infra", "secure")


def _all_keys() -> dict[str, Any]:
    return {"keyTypes": ["RSA_2048", "EC_prime256v1", "EC_secp384r1"]}


def _wake(stage: Stage, name: str) -> None:
    """Ask for a look at a Gateway by hand: Secrets are polled only once a minute."""
    assert 1 == backfill.handler({"namespace": "infra", "name": name}, None)["sent"], stage.runner.last_words()


def test_a_route_works_after_the_api_server_was_killed_and_came_back(stage: Stage) -> None:
    stage.plane.apply([_gateway("robust", {"name": "http", "port": 80, "protocol": "HTTP"})])
    stage.plane.apply([_route("before", "robust", "before.example.com")])
    stage.wait_programmed("infra", "robust")
    _answers(stage, "robust", "before.example.com")

    stage.plane.restart_apiserver()
    stage.plane.apply([_route("after", "robust", "after.example.com")])

    stage.wait_route("a", "after", "Accepted", "True")
    _answers(stage, "robust", "after.example.com")
    _answers(stage, "robust", "before.example.com")


def test_throttles_and_errors_of_aws_only_delay(stage: Stage) -> None:
    faults = [
        {"kind": "throttle", "service": "elbv2", "operation": "write", "nth": 1, "count": 3},
        {"kind": "500", "service": "elbv2", "operation": "read", "nth": 2, "count": 2},
        {"kind": "reset", "service": "elbv2", "operation": "write", "nth": 5, "effect": "after"},
    ]
    _post(stage, "faults", faults)
    stage.plane.apply([_gateway("stormy", {"name": "http", "port": 80, "protocol": "HTTP"})])
    stage.plane.apply([_route("stormy", "stormy", "stormy.example.com")])

    stage.wait_programmed("infra", "stormy")
    _answers(stage, "stormy", "stormy.example.com")


def _post(stage: Stage, door: str, body: Any) -> None:
    data = json.dumps(body).encode()
    with urllib.request.urlopen(f"{stage.endpoint_url}/_emulator/{door}", data=data, timeout=10) as answer:  # noqa: S310 - loopback
        assert 200 == answer.status


def test_a_message_that_is_not_ours_ends_in_the_dead_letter_queue_and_the_rest_goes_on(stage: Stage) -> None:
    client: Any = boto3.client
    sqs = client("sqs", endpoint_url=stage.endpoint_url, region_name="us-east-1")
    url = sqs.get_queue_url(QueueName="routewright-aws.fifo")["QueueUrl"]
    before = stage.dead_letters()
    sqs.send_message(QueueUrl=url, MessageBody="no trigger", MessageGroupId="x", MessageDeduplicationId="x1")

    stage.wait(lambda: stage.dead_letters() > before, "the dead letter")
    stage.plane.apply([_gateway("calm", {"name": "http", "port": 80, "protocol": "HTTP"})])
    stage.plane.apply([_route("calm", "calm", "calm.example.com")])
    stage.wait_programmed("infra", "calm")
    _answers(stage, "calm", "calm.example.com")


def test_a_load_balancer_deleted_by_hand_comes_back_with_a_resync(stage: Stage) -> None:
    stage.plane.apply([_gateway("phoenix", {"name": "http", "port": 80, "protocol": "HTTP"})])
    stage.plane.apply([_route("phoenix", "phoenix", "phoenix.example.com")])
    stage.wait_programmed("infra", "phoenix")
    elbv2 = stage.aws("elbv2")
    balancers = elbv2.describe_load_balancers()["LoadBalancers"]
    (gone,) = [item["LoadBalancerArn"] for item in balancers if "phoenix" in item["LoadBalancerName"]]
    elbv2.delete_load_balancer(LoadBalancerArn=gone)
    time.sleep(1.2)  # until its network interfaces are gone

    resync.handler({}, None)

    stage.wait(lambda: _rebuilt(elbv2, gone), "a new load balancer")
    stage.wait_programmed("infra", "phoenix")
    _answers(stage, "phoenix", "phoenix.example.com")


def _rebuilt(elbv2: Any, gone: str) -> bool:
    balancers = elbv2.describe_load_balancers()["LoadBalancers"]
    return any("phoenix" in item["LoadBalancerName"] and item["LoadBalancerArn"] != gone for item in balancers)


def test_objects_deleted_half_way_leave_nothing_behind(stage: Stage) -> None:
    stage.plane.apply([_gateway("brief", {"name": "http", "port": 80, "protocol": "HTTP"})])
    stage.plane.apply([_route("brief", "brief", "brief.example.com")])
    time.sleep(0.3)
    stage.admin.delete(*GATEWAY, "infra", "brief")
    stage.admin.delete(*ROUTE, "a", "brief")

    stage.wait(lambda: stage.admin.get(*GATEWAY, "infra", "brief") is None, "the Gateway to go")
    balancers = stage.aws("elbv2").describe_load_balancers()["LoadBalancers"]
    assert [] == [item for item in balancers if "brief" in item["LoadBalancerName"]]


def test_a_route_whose_service_comes_late_serves_once_it_is_there(stage: Stage) -> None:
    stage.plane.apply([_gateway("patient", {"name": "http", "port": 80, "protocol": "HTTP"})])
    stage.plane.apply([_route("patient", "patient", "patient.example.com", service="late")])
    stage.wait_route("a", "patient", "ResolvedRefs", "False")
    stage.wait_programmed("infra", "patient")
    address, port = stage.address("infra", "patient")
    assert 500 == stage.eventually("infra", "patient", "patient.example.com", "/", lambda one: one.status == 500).status

    late = {**service("a", "web"), "metadata": {"name": "late", "namespace": "a"}}
    stage.plane.apply([late])

    stage.wait_route("a", "patient", "ResolvedRefs", "True")
    _answers(stage, "patient", "patient.example.com")
    assert 404 == request(address, port, "unknown.example.com").status
