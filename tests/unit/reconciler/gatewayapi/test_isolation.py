"""A listener's hosts are its own: no broader listener on its port answers for them, served or not."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.certificates import CertificateFacts
from reconciler.gatewayapi.fences import without
from reconciler.ir import Frontend, first_match
from reconciler.keys import SecretRef
from reconciler.matches import Request
from tests.builders import backend, gateway_class, listener, listener_set, open_gateway, route, rule, with_service
from tests.unit.reconciler.gatewayapi.graphs import World

type Plain = dict[str, Any]

BANK = "bank.example.com"
FACTS = CertificateFacts(SecretRef("infra", "c"), "1", "f", ("*",), "RSA_2048")


def https(name: str, hostname: str = "", *, certificate: str = "c", mode: str = "Terminate") -> Plain:
    tls = {"mode": mode, "certificateRefs": [{"name": certificate}]}
    return listener(name, 443, "HTTPS", tls=tls, **({"hostname": hostname} if hostname else {}))


def frontend(*listeners: Plain, sets: tuple[Plain, ...] = (), host: str = "") -> Frontend:
    """Return port 443 of a Gateway with a Route on all of its own listeners."""
    shop = route(rules=[rule(backend())], hostnames=[host] if host else ())
    objects = (gateway_class(), open_gateway(listeners), *sets, shop, *with_service())
    (found,) = World(objects, certificates=(FACTS,)).lb().frontends
    return found


def answers(found: Frontend, host: str) -> str:
    """Return which listener answers a request for a host; `closed` if a fence does, `nobody` if nothing is there."""
    entry = first_match(found, Request(host))
    if entry is None:
        return "nobody"
    return entry.listener if entry.origin else "closed"


@pytest.mark.parametrize(
    "bank",
    [https("bank", BANK, certificate="missing"), https("bank", BANK, mode="Passthrough")],
    ids=["without certificate", "refused"],
)
@pytest.mark.parametrize("host", ["", BANK], ids=["any host", "its host by name"])
def test_hosts_of_a_listener_that_is_not_served_go_to_no_broader_one(bank: Plain, host: str) -> None:
    found = frontend(https("all"), bank, host=host)

    assert answers(found, BANK) in ("closed", "nobody")
    assert ("nobody" if host else "all") == answers(found, "shop.example.com")


def test_hosts_below_a_wildcard_that_is_not_served_go_to_a_narrower_listener_only() -> None:
    found = frontend(https("all"), https("wild", "*.example.com", certificate="missing"), https("bank", BANK))

    assert ["bank", "closed", "all"] == [answers(found, host) for host in (BANK, "a.example.com", "example.org")]


def test_the_loser_of_a_conflict_closes_nothing_of_the_winner() -> None:
    late = listener_set(listeners=[https("late", BANK, certificate="missing")])

    found = frontend(https("all"), https("bank", BANK), sets=(late,))

    assert "bank" == answers(found, BANK)
    assert {"all", "bank"} == {entry.listener for entry in found.entries}


def test_hosts_that_two_listeners_of_one_gateway_claim_go_to_no_third() -> None:
    assert "closed" == answers(frontend(https("all"), https("bank", BANK), https("more", BANK)), BANK)


def test_a_listener_set_that_is_not_let_in_closes_nothing() -> None:
    closed = open_gateway([https("all")])
    del closed["spec"]["allowedListeners"]
    taker = listener_set(listeners=[https("bank", BANK, certificate="missing")])
    objects = (gateway_class(), closed, taker, route(rules=[rule(backend())]), *with_service())
    (found,) = World(objects, certificates=(FACTS,)).lb().frontends

    assert "all" == answers(found, BANK)


def test_a_listener_of_a_set_that_waits_for_its_certificate_keeps_its_hosts() -> None:
    taker = listener_set(listeners=[https("bank", BANK, certificate="missing")])

    assert "closed" == answers(frontend(https("all"), sets=(taker,)), BANK)


def test_a_listener_that_the_cloud_refuses_leaves_its_hosts_closed_and_its_certificate_out() -> None:
    found = frontend(https("all"), https("bank", BANK), https("wild", "*.example.org", certificate="missing"))

    left = without(found, {"bank"})

    assert ["all"] == [one.name for one in left.listeners]
    assert ["closed", "closed", "all"] == [answers(left, host) for host in (BANK, "a.example.org", "example.net")]
    assert found.certificates == left.certificates
    assert () == without(found, {"bank", "all"}).certificates
