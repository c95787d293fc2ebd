"""Listeners of a Gateway and its ListenerSets: the order of the input never matters, and what is served is distinct."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from providers.memory import MemoryProvider
from reconciler.capabilities import Capabilities
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.graph import Graph
from reconciler.gatewayapi.kinds import transport_of
from reconciler.gatewayapi.read import take_snapshot
from reconciler.gatewayapi.report import build_status
from reconciler.gatewayapi.resources import Listener
from reconciler.keys import GatewayKey
from reconciler.plan import Outcome
from tests.builders import CLUSTER, CONTROLLER, gateway_class, listener, listener_set, open_gateway

KEY = GatewayKey(CLUSTER, "infra", "gw")
_AGES = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")


@st.composite
def _listeners(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw listeners of few ports, protocols and hostnames, so that many of them are in each other's way."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        protocol = draw(st.sampled_from(("HTTP", "TLS", "TCP", "UDP", "INVALID")))
        one = listener(f"l{number}", draw(st.sampled_from((80, 81))), protocol)
        if protocol == "TLS":
            one["tls"] = {"mode": draw(st.sampled_from(("Passthrough", "Terminate")))}
        host = draw(st.sampled_from(("", "a.example.com", "*.example.com")))
        found.append(one | ({"hostname": host} if host and protocol in ("HTTP", "TLS") else {}))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw a Gateway and ListenerSets of few ages, namespaces and names."""
    names = draw(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), max_size=4, unique=True))
    sets = [
        listener_set(name, space, draw(_listeners()), creationTimestamp=draw(st.sampled_from(_AGES)))
        for space, name in names
    ]
    return [gateway_class(), open_gateway(draw(_listeners())), *sets]


def graph(objects: list[dict[str, Any]]) -> Graph:
    """Return the graph of the objects."""
    return attach(take_snapshot(KEY, CONTROLLER, objects), MemoryProvider())


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_objects_changes_neither_what_is_built_nor_what_is_said(
    objects: list[dict[str, Any]], random: Any
) -> None:
    shuffled = random.sample(objects, len(objects))
    one, two = graph(objects), graph(shuffled)
    can = Capabilities((), {})

    assert compile_ir(one).lb == compile_ir(two).lb
    assert build_status(one, CONTROLLER, can, (), Outcome()) == build_status(two, CONTROLLER, can, (), Outcome())


@given(worlds())
def test_listeners_that_are_not_refused_are_distinct(objects: list[dict[str, Any]]) -> None:
    accepted = [node.listener for node in graph(objects).listeners if not node.refused]

    assert [] == [(one.id, two.id) for one, two in itertools.combinations(accepted, 2) if not _distinct(one, two)]


def _distinct(one: Listener, two: Listener) -> bool:
    """The table of the specification, told once more."""
    if one.port != two.port or transport_of(one.protocol) != transport_of(two.protocol):
        return True
    same = (one.protocol, one.tls_mode) == (two.protocol, two.tls_mode)
    return same and one.protocol in ("HTTP", "TLS") and one.hostname != two.hostname


@given(worlds())
def test_a_gateways_own_listeners_never_notice_its_listener_sets(objects: list[dict[str, Any]]) -> None:
    alone = graph([item for item in objects if item["kind"] != "ListenerSet"])

    assert [node.problems for node in alone.own] == [node.problems for node in graph(objects).own]


@given(worlds())
def test_a_younger_listener_set_never_costs_an_older_one_a_listener(objects: list[dict[str, Any]]) -> None:
    sets = [item for item in objects if item["kind"] == "ListenerSet"]
    if not sets:
        return
    youngest = max(
        sets, key=lambda s: (s["metadata"]["creationTimestamp"], s["metadata"]["namespace"], s["metadata"]["name"])
    )
    before = {node.listener.id: node.problems for node in graph([o for o in objects if o is not youngest]).listeners}
    after = {node.listener.id: node.problems for node in graph(objects).listeners}

    assert before == {name: problems for name, problems in after.items() if name in before}
