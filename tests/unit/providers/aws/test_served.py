"""Listeners and certificates that a load balancer has no room for: the newest are told, nobody else loses anything."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from reconciler.certificates import CertificateFacts
from reconciler.keys import SecretRef
from tests.aws_world import World, hold, secret
from tests.builders import (
    backend,
    config,
    config_ref,
    gateway_class,
    listener,
    listener_set,
    open_gateway,
    route,
    rule,
    with_service,
)
from tests.unit.providers.aws.offline import Answers, answers

type Plain = dict[str, Any]

PARAMETERS = config_ref()


def https(name: str, port: int = 443, *certificates: str, hostname: str | None = None) -> Plain:
    refs = [{"name": one} for one in certificates or (name,)]
    host = f"{name}.example.com" if hostname is None else hostname
    tls = {"mode": "Terminate", "certificateRefs": refs}
    return listener(name, port, "HTTPS", tls=tls, **({"hostname": host} if host else {}))


def planned(
    *listeners: Plain,
    sets: tuple[Plain, ...] = (),
    quotas: dict[str, int] | None = None,
    mode: str = "split",
    **keys: str,
) -> Answers:
    """Return what a Gateway becomes; `keys`: key types of Secrets by name, the usual one for all others."""
    every = [*listeners, *(one for found in sets for one in found["spec"]["listeners"])]
    names = {
        (ns, ref["name"])
        for one in every
        for ref in one.get("tls", {}).get("certificateRefs", ())
        for ns in ("infra", "a")
    }
    facts = tuple(
        CertificateFacts(SecretRef(ns, name), "1", f"{ns}-{name}", (name,), keys.get(name, "EC_prime256v1"))
        for ns, name in sorted(names)
    )
    given = (
        gateway_class(parametersRef=PARAMETERS),
        config({"aws": {"quotas": quotas or {}, "addressMode": mode}}),
        open_gateway(listeners),
    )
    return answers(*given, *sets, route(rules=[rule(backend())]), *with_service(), certificates=facts)


def told(found: Answers, type_: str = "Accepted", kind: str = "Gateway") -> dict[str, str]:
    """Return the reason of each listener's condition."""
    (status,) = [one[3] for one in found.offline.statuses if one[0] == kind]
    return {
        one["name"]: next(c["reason"] for c in one["conditions"] if c["type"] == type_) for one in status["listeners"]
    }


def ports(found: Answers) -> list[int]:
    return sorted(spec["Port"] for spec in found.specs("listener"))


def hosts(found: Answers, answer: str) -> str:
    """Return the conditions of the rules with this type of answer, as one text."""
    rules = (spec for spec in found.specs("rule") if spec["Actions"][0]["Type"] == answer)
    return " ".join(str(spec["Conditions"]) for spec in rules)


# --- ports --------------------------------------------------------------------------------------------------------


def test_ports_beyond_the_quota_are_refused_by_precedence_and_not_by_number() -> None:
    found = planned(listener("b", 90), listener("a", 80), listener("late", 70), quotas={"listenersPerLoadBalancer": 2})

    assert [80, 90] == ports(found)
    assert {"b": "Accepted", "a": "Accepted", "late": "PortUnavailable"} == told(found)


def test_a_listener_of_a_set_goes_before_none_of_the_gateway() -> None:
    taker = listener_set(listeners=[listener("first", 60)])

    found = planned(listener("b", 90), listener("a", 80), sets=(taker,), quotas={"listenersPerLoadBalancer": 2})

    assert [80, 90] == ports(found)
    assert {"first": "TooManyListeners"} == told(found, kind="ListenerSet")


def test_each_load_balancer_has_a_quota_of_its_own() -> None:
    listeners = [listener("web", 80), listener("tcp", 53, "TCP")]

    assert {"Accepted"} == set(told(planned(*listeners, quotas={"listenersPerLoadBalancer": 1})).values())


def test_an_nlb_in_front_counts_the_ports_of_requests_and_streams_together() -> None:
    listeners = [listener("web", 80), listener("tcp", 53, "TCP"), listener("late", 70)]

    found = planned(*listeners, quotas={"listenersPerLoadBalancer": 2}, mode="unified")

    assert {"web": "Accepted", "tcp": "Accepted", "late": "PortUnavailable"} == told(found)
    assert [53, 80, 80] == ports(found)


def test_what_is_planned_at_the_quota_of_an_nlb_in_front_is_what_aws_takes() -> None:
    with strict_aws() as account:
        world = World(account)
        world.cluster.put(gateway_class(parametersRef=PARAMETERS), config({"aws": {"addressMode": "unified"}}))
        requests = [listener(f"web-{port}", port) for port in range(8000, 8008)]
        world.cluster.put(open_gateway([*requests, *(listener(f"tcp-{n}", n, "TCP") for n in range(9000, 9043))]))

        outcome = world.run().outcome

        assert () == outcome.failed
        by_type = {one["Type"]: len(one["Listeners"]) for one in account.state()["loadBalancers"]}
        assert {"application": 8, "network": 50} == by_type


@pytest.mark.parametrize("first", ["web", "udp"])
def test_a_port_of_an_nlb_in_front_is_for_requests_or_for_udp_and_whoever_came_first_keeps_it(first: str) -> None:
    every = {"web": https("web"), "udp": listener("udp", 443, "UDP")}
    listeners = sorted(every.values(), key=lambda one: one["name"] != first)

    found = planned(*listeners, mode="unified")

    other = {"web": "udp", "udp": "web"}[first]
    assert {first: "Accepted", other: "PortUnavailable"} == told(found)
    assert {"web": {"HTTPS", "TCP"}, "udp": {"UDP"}}[first] == {one["Protocol"] for one in found.specs("listener")}


def test_a_set_takes_no_port_of_an_nlb_in_front_from_the_gateway() -> None:
    taker = listener_set(listeners=[https("web")])

    found = planned(listener("udp", 443, "UDP"), sets=(taker,), mode="unified")

    assert {"udp": "Accepted"} == told(found)
    assert {"web": "PortUnavailable"} == told(found, kind="ListenerSet")
    assert ["UDP"] == [one["Protocol"] for one in found.specs("listener")]


def test_certificates_of_an_nlb_in_front_count_apart_from_those_of_requests() -> None:
    ended = {"mode": "Terminate", "certificateRefs": [{"name": "x"}, {"name": "y"}]}
    listeners = [https("a"), https("b"), listener("ended", 8443, "TLS", tls=ended)]

    found = planned(*listeners, quotas={"certificatesPerLoadBalancer": 1}, mode="unified")

    assert {"Accepted"} == set(told(found).values())


# --- certificates -------------------------------------------------------------------------------------------------


def test_certificates_count_by_load_balancer_besides_the_default_of_each_port() -> None:
    listeners = [https("a"), https("b"), https("c", 8443), https("d", 8443)]

    assert {"Accepted"} == set(told(planned(*listeners, quotas={"certificatesPerLoadBalancer": 2})).values())
    short = planned(*listeners, quotas={"certificatesPerLoadBalancer": 1})
    assert {"a": "Accepted", "b": "Accepted", "c": "Accepted", "d": "UnsupportedValue"} == told(short)
    assert ["infra/a", "infra/b", "infra/c"] == sorted(
        key.name for one in short.offline.gateways for key in one.want.resources if key.kind == "certificate"
    )


def test_hosts_of_a_listener_without_room_for_its_certificate_stay_closed() -> None:
    found = planned(https("all", hostname=""), https("late"), quotas={"certificatesPerLoadBalancer": 1})
    assert {"all": "Accepted", "late": "Accepted"} == told(found)

    listeners = [https("all", hostname=""), https("mid"), https("late")]
    found = planned(*listeners, quotas={"certificatesPerLoadBalancer": 1})

    assert {"all": "Accepted", "mid": "Accepted", "late": "UnsupportedValue"} == told(found)
    assert "late" in hosts(found, "fixed-response")
    assert "late" not in hosts(found, "forward")
    assert "mid" in hosts(found, "forward")


def test_a_key_that_no_load_balancer_takes_costs_its_own_listener() -> None:
    found = planned(https("all", hostname=""), https("odd"), https("good"), odd="RSA_1024")

    assert {"all": "Accepted", "odd": "UnsupportedValue", "good": "Accepted"} == told(found)
    assert "odd" in hosts(found, "fixed-response")
    assert "odd" not in hosts(found, "forward")


def test_a_listener_with_one_good_certificate_is_served_and_hears_of_the_other() -> None:
    found = planned(https("web", 443, "odd", "good"), odd="RSA_1024")

    assert [443] == ports(found)
    assert {"web": "InvalidCertificateRef"} == told(found, "ResolvedRefs")
    assert {"web": "Accepted"} == told(found)
    assert {"web": "Programmed"} == told(found, "Programmed")


@pytest.mark.parametrize("extra", [25, 26])
def test_what_is_planned_at_the_quota_is_what_aws_takes(extra: int) -> None:
    """Two ports, so that a count by port would let too many through."""
    names = [f"s{number}" for number in range(extra + 2)]
    with strict_aws() as account:
        world = World(account)
        hold(world, *(secret(name) for name in names))
        listeners = [https(name, 443 if place % 2 else 8443) for place, name in enumerate(names)]
        world.cluster.put(open_gateway(listeners))

        outcome = world.run().outcome

        assert () == outcome.failed
        programmed = [
            next(c["status"] for c in one["conditions"] if c["type"] == "Programmed")
            for one in world.cluster.get("Gateway", "infra", "gw")["status"]["listeners"]
        ]
        assert ["True"] * 27 + ["False"] * (extra - 25) == programmed
