"""The chapter of gRPC, TCP and TLS on the shared Gateway, while the stream of HTTP requests goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from demo.certificates import key_pair
from demo.show import Show
from demo.stage import Stage
from demo.wire import Told, call, line

MANIFESTS = Path(__file__).parent / "manifests"
HOSTS = ("orders.example.com", "vault.example.com")
PATIENCE = 8.0


def beyond_http(stage: Stage, show: Show) -> None:
    """Open three ports on the live Gateway, let three teams use them, and refuse a fourth Route by name."""
    show.chapter("5  Not only HTTP: gRPC for team A, TCP for team B, TLS that only team C can read")
    wildcard, vault = key_pair("*.example.com"), key_pair(HOSTS[1])
    stage.plane.apply([wildcard.secret("infra", "example-com")], client=stage.admin)
    stage.plane.apply([vault.secret("c", "vault")], client=stage.user("team-c"))
    stage.apply(MANIFESTS / "60-admin-opens-ports.yaml", "admin")
    for name, team in (("61-team-a-grpc", "team-a"), ("62-team-b-tcp", "team-b"), ("63-team-c-tls", "team-c")):
        stage.apply(MANIFESTS / f"{name}.yaml", team)
    for kind, namespace, name in (
        ("GRPCRoute", "a", "orders"),
        ("TCPRoute", "b", "ledger"),
        ("TLSRoute", "c", "vault"),
    ):
        stage.wait_route(namespace, name, "Accepted", "True", kind)
    ports = [stage.wait_address("infra", "shared-gw", port) for port in (443, 5432, 8443)]
    told = stage.addresses("infra", "shared-gw")
    both = len({address for address, _ in ports}) == len(told) == 2  # noqa: PLR2004 - an ALB and an NLB
    show.check("shared-gw has two load balancers now, and tells both addresses", holds=both, seen=" ".join(told))
    _grpc(show, ports[0], wildcard.certificate)
    ledger = _eventually(lambda: line(ports[1]), "b")
    _told(show, "a line over TCP to port 5432 reaches Team B", ledger, "b")
    sealed = _eventually(lambda: line(ports[2], HOSTS[1], vault.certificate), "c")
    _told(
        show, f"TLS to {HOSTS[1]}:8443 ends in Team C's own Pod, under the certificate that only it holds", sealed, "c"
    )
    _refused(stage, show)


def _grpc(show: Show, place: tuple[str, int], authority: str) -> None:
    placed = _eventually(lambda: call(place, HOSTS[0], "shop.Orders/Place", authority), "a")
    _told(show, f"gRPC shop.Orders/Place of {HOSTS[0]} over TLS reaches Team A", placed, "a")
    purged = call(place, HOSTS[0], "shop.Orders/Purge", authority)
    show.check(
        "the method that Team A does not publish is UNIMPLEMENTED to the outside",
        holds=purged.error == "UNIMPLEMENTED",
        seen=purged.error or purged.body,
    )


def _refused(stage: Stage, show: Show) -> None:
    stage.apply(MANIFESTS / "64-team-b-tls.yaml", "team-b")
    refused = stage.wait_route("b", "safe", "Accepted", "False", "TLSRoute")
    show.check(
        "a second TLSRoute on the port is refused with UnsupportedValue: an NLB does not choose by hostname",
        holds=refused["reason"] == "UnsupportedValue",
        seen=refused["message"],
    )


def _told(show: Show, sentence: str, told: Told, team: str) -> None:
    show.check(sentence, holds=told.body.get("team") == team, seen=told.body.get("pod") or told.error)


def _eventually(ask: Callable[[], Told], team: str) -> Told:
    """Return the first answer of a team, or the last one when patience ends: targets become healthy in their time."""
    deadline, told = time.monotonic() + PATIENCE, Told()
    while time.monotonic() < deadline and (told := ask()).body.get("team") != team:
        time.sleep(0.05)
    return told
