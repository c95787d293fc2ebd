"""Whole runs of a Gateway with addresses of its own, and real traffic to these addresses."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.aws_world import World, hold, secret
from tests.builders import backend, config, config_ref, endpoints, gateway, gateway_class, listener, route, rule
from tests.integration.dataplane_world import World as Plane
from tests.integration.dataplane_world import opened_world

pytestmark = pytest.mark.integration

CLASS_REF = config_ref("class")
ADDRESS = "127.199.7.1"
"""An Elastic IP that this machine can be reached at."""


@dataclass(frozen=True, slots=True)
class Live:
    """A Gateway whose load balancers carry traffic."""

    gateways: World
    plane: Plane

    def ask(self, *addresses: dict[str, str]) -> list[tuple[str, str]]:
        """Let the Gateway ask for addresses on 80 and 443; return those published."""
        tls = {"mode": "Terminate", "certificateRefs": [{"name": "cert"}]}
        item = gateway(listeners=[listener(), listener("https", 443, "HTTPS", tls=tls)])
        item["spec"]["addresses"] = list(addresses)
        self.gateways.cluster.put(item)
        if self.gateways.run().outcome.waiting:
            self.gateways.run()
        self.plane.settle()
        status: dict[str, Any] = self.gateways.cluster.get("Gateway", "infra", "gw")["status"]
        return [(one["type"], one["value"]) for one in status["addresses"]]

    def get(self, address: str, port: int, path: str = "/") -> tuple[int, dict[str, Any]]:
        """Ask at an address; return the status, and what the Pod saw."""
        host, real = self.plane.plane.address(address, port)
        host = address if address.startswith("127.") else host
        trusting = ssl._create_unverified_context()  # noqa: S323 - whose certificate it is does not matter here
        connection = (
            http.client.HTTPSConnection(host, real, timeout=10, context=trusting)
            if port == 443
            else http.client.HTTPConnection(host, real, timeout=10)
        )
        try:
            connection.request("GET", path, headers={"Host": "shop.example.com"})
            answer = connection.getresponse()
            body = answer.read()
            return answer.status, json.loads(body) if answer.status == http.client.OK else {}
        finally:
            connection.close()


@pytest.fixture(name="live")
def _live(tmp_path: Path) -> Iterator[Live]:
    with opened_world(tmp_path) as plane:
        gateways = World(plane.account)
        gateways.cluster.put(gateway_class(parametersRef=CLASS_REF), config({"scheme": "internet-facing"}, "class"))
        gateways.cluster.put(endpoints(addresses=[plane.pod(7)]))
        gateways.cluster.put(route(rules=[rule(backend(), matches=[{"path": {"type": "Exact", "value": "/shop"}}])]))
        hold(gateways, secret("cert"))
        yield Live(gateways, plane)


def test_the_rules_answer_at_the_elastic_ip_on_80_and_443(live: Live) -> None:
    live.plane.account.client("ec2").allocate_address(Domain="vpc", Address=ADDRESS)

    published = live.ask({"type": "IPAddress", "value": ADDRESS})

    assert [("IPAddress", ADDRESS)] == published
    for port in (80, 443):
        status, seen = live.get(ADDRESS, port, "/shop")
        assert (200, "10.244.0.7") == (status, seen["name"])
        assert "127.0.0.1" == seen["headers"]["x-forwarded-for"]
        assert 404 == live.get(ADDRESS, port, "/elsewhere")[0]


def test_the_rules_answer_at_every_address_that_aws_chose(live: Live) -> None:
    published = live.ask({"type": "IPAddress"})

    assert ["IPAddress", "IPAddress"] == [kind for kind, _ in published]
    for _, address in published:
        assert 200 == live.get(address, 80, "/shop")[0]
