"""From `spec.tls.frontend` of a Gateway to handshakes: who gets in, also while authorities change and go."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from emulators.cluster.processes import free_port
from kube.certificates import bundle_of
from tests.aws_world import World as Runs
from tests.aws_world import hold, secret, validating
from tests.builders import gateway, listener, with_service
from tests.certificates import Pair
from tests.integration.dataplane_world import World, eventually, opened_world
from tests.integration.tls_clients import ask, issued

pytestmark = pytest.mark.integration

OLD, NEW, NOBODY = (issued(name) for name in ("old authority", "new authority", "nobody's authority"))
CLIENTS = {name: issued(f"{name}.example.com", by) for name, by in (("old", OLD), ("new", NEW), ("stranger", NOBODY))}


SEEN = 5
"""Connections of a stream, at least."""


class Live:
    """A Gateway with two HTTPS ports, reconciled in this process, and clients that really shake hands."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.runs = Runs(world.account)
        self.runs.open_bucket()
        self.ports = (free_port(), free_port())
        hold(self.runs, secret("one"))
        self.runs.cluster.put(*with_service("web", "a", [world.pod(7)]))

    def want(self, **authorities: Sequence[Pair]) -> None:
        """Let ConfigMap `ca` hold these authorities for all ports; `other` those of the second, where it is given."""
        self.runs.cluster.bundles = [
            bundle_of({"metadata": {"name": name, "namespace": "infra"}, "data": {"ca.crt": _text(held)}})
            for name, held in authorities.items()
        ]
        tls = validating("ca", per_port={self.ports[1]: ["other"]} if "other" in authorities else None)
        self._put(tls)

    def want_any(self) -> None:
        """Ask for a certificate and take any."""
        self._put(validating("ca", mode="AllowInsecureFallback"))

    def _put(self, tls: dict[str, object]) -> None:
        ends = {"mode": "Terminate", "certificateRefs": [{"name": "one"}]}
        item = gateway(listeners=[listener(f"p{one}", one, "HTTPS", tls=ends) for one in self.ports])
        item["spec"]["tls"] = tls
        self.runs.cluster.put(item)
        self.runs.run()
        self.world.settle()

    def lets_in(self, name: str, port: int = 0) -> bool:
        """Tell whether a client, `nobody` without a certificate, gets an answer on our first or second port."""
        balancer = self.runs.balancer()
        address = self.world.plane.address(balancer["DNSName"], self.ports[port])
        return ask(address, CLIENTS.get(name), self.folder) is not None

    @contextmanager
    def stream(self, name: str) -> Iterator[list[bool]]:
        """Let a client connect again and again, before, while and after the block runs; yield whether it got in."""
        told: list[bool] = []
        over = threading.Event()

        def send() -> None:
            while not over.is_set():
                told.append(self.lets_in(name))

        thread = threading.Thread(target=send, name=f"client {name}")
        thread.start()
        try:
            assert eventually(lambda: told)
            yield told
            assert eventually(lambda: len(told) >= SEEN)
        finally:
            over.set()
            thread.join()


def _text(authorities: Sequence[Pair]) -> str:
    return "".join(one.pem for one in authorities)


@pytest.fixture(name="live")
def _live(tmp_path: Path) -> Iterator[Live]:
    with opened_world(tmp_path) as world:
        yield Live(world, tmp_path)


def test_each_port_lets_in_the_clients_of_its_own_authorities(live: Live) -> None:
    live.want(ca=[OLD], other=[NEW])

    assert (True, False) == (live.lets_in("old", 0), live.lets_in("old", 1))
    assert (False, True) == (live.lets_in("new", 0), live.lets_in("new", 1))
    assert (False, False) == (live.lets_in("nobody", 0), live.lets_in("nobody", 1))


def test_authorities_are_replaced_while_clients_connect_and_nobody_is_shut_out_who_is_to_get_in(live: Live) -> None:
    live.want(ca=[OLD])

    with live.stream("old") as old, live.stream("stranger") as strangers:
        live.want(ca=[OLD, NEW])
    assert live.lets_in("new")
    with live.stream("new") as new, live.stream("stranger") as more_strangers:
        live.want(ca=[NEW])

    assert (True, True) == (all(old), all(new))
    assert not any([*strangers, *more_strangers])
    assert (False, True) == (live.lets_in("old"), live.lets_in("new"))


def test_the_fallback_lets_everybody_in_and_its_end_nobody_without_a_certificate(live: Live) -> None:
    live.want(ca=[OLD])
    live.want_any()
    assert [True] * 3 == [live.lets_in(name) for name in ("old", "stranger", "nobody")]

    live.want(ca=[OLD])

    assert [True, False, False] == [live.lets_in(name) for name in ("old", "stranger", "nobody")]
