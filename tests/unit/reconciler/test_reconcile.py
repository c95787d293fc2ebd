"""The story of a run, told with the reference provider and a cluster in memory."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from providers.memory import MemoryCloud, MemoryProvider
from reconciler.errors import Misconfigured, PermissionDenied, Throttled, Unavailable
from reconciler.events import Cause, Seen, Trigger
from reconciler.mark import annotation
from reconciler.reconcile import PAUSED, Result, Room, reconcile
from tests.builders import (
    endpoints,
    exact,
    gateway,
    gateway_class,
    listener,
    parent,
    prefix,
    route,
    rule,
    with_service,
)
from tests.fakes import FakeCluster, trigger

_NUMBERS = itertools.count(1)


class World:
    """A cluster with a Gateway and a Route of team a, and an empty cloud."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()
        self.cloud = MemoryCloud()
        self.room = Room(self.cluster, MemoryProvider(self.cloud), lambda: f"nonce{next(_NUMBERS)}")
        self.cluster.put(gateway_class(), gateway(), route(), *with_service())

    def run(self, one: Trigger | None = None) -> Result:
        """Reconcile once."""
        return reconcile(one or trigger(), self.room)

    def forget(self) -> None:
        """Forget what was written so far."""
        self.cloud.calls.clear()
        self.cluster.writes.clear()

    @property
    def mark(self) -> str:
        """The Gateway's mark, "" if there is none."""
        meta = self.cluster.get("Gateway", "infra", "gw")["metadata"]
        return str(meta.get("annotations", {}).get(annotation("memory"), ""))


@pytest.fixture
def world() -> World:
    return World()


def test_a_new_gateway_gets_its_load_balancer_and_says_so(world: World) -> None:
    world.run()

    assert "Create:load-balancer/lb" == world.cloud.calls[0]
    assert {"Accepted": ("True", "Accepted"), "Programmed": ("True", "Programmed")}.items() <= world.cluster.conditions(
        "Gateway", "infra", "gw"
    ).items()
    assert ("True", "Accepted") == world.cluster.conditions("HTTPRoute", "a", "web")["Accepted"]


def test_a_second_run_writes_nothing_anywhere(world: World) -> None:
    world.run()
    world.forget()

    world.run()

    assert ([], []) == (world.cloud.calls, world.cluster.writes)


def test_the_mark_is_dirty_before_the_first_call_and_clean_after_the_last(world: World) -> None:
    seen: list[str] = []
    world.cloud.on_call = lambda _: seen.append(world.mark)

    world.run()

    assert all('"state":"dirty"' in mark for mark in seen)
    assert '"state":"clean"' in world.mark


def test_a_foreign_gateway_is_not_touched_at_all(world: World) -> None:
    world.cluster.put(gateway_class(controller="example.com/other"))

    world.run()

    assert ([], []) == (world.cloud.calls, world.cluster.writes)


def test_a_gateway_that_is_not_there_deletes_nothing_in_the_cloud(world: World) -> None:
    world.run()
    world.forget()
    world.cluster.objects.pop(("Gateway", "infra", "gw"))

    world.run()

    assert [] == world.cloud.calls
    assert 1 == len(world.cloud.held)


def test_a_deleted_gateway_takes_its_load_balancer_finalizer_and_parent_entries_along(world: World) -> None:
    world.run()
    world.cluster.remove("Gateway", "infra", "gw")

    world.run()

    assert {} == world.cloud.held
    assert ("Gateway", "infra", "gw") not in world.cluster.objects
    assert [] == world.cluster.get("HTTPRoute", "a", "web")["status"]["parents"]


def test_a_gateway_that_left_our_class_is_released(world: World) -> None:
    world.run()
    moved = gateway()
    moved["spec"]["gatewayClassName"] = "theirs"
    world.cluster.put(moved, gateway_class("theirs", "example.com/other"))

    world.run()

    assert {} == world.cloud.held
    assert [] == world.cluster.get("Gateway", "infra", "gw")["metadata"]["finalizers"]


def test_a_gateway_whose_class_vanished_keeps_serving(world: World) -> None:
    world.run()
    world.forget()
    world.cluster.objects.pop(("GatewayClass", "", "aws"))

    world.run()

    assert [] == world.cloud.calls
    assert 1 == len(world.cloud.held)


def test_a_route_that_no_longer_names_the_gateway_loses_our_entry_and_keeps_the_others(world: World) -> None:
    world.run()
    foreign = {"parentRef": {"name": "mesh"}, "controllerName": "example.com/mesh", "conditions": []}
    item = world.cluster.get("HTTPRoute", "a", "web")
    item["status"]["parents"].insert(0, foreign)
    moved = route(parents=[parent("elsewhere")])
    world.cluster.put(moved)

    world.run(trigger(seen=(Seen("HTTPRoute", "uid-a-web", "2"),)))

    assert [foreign] == world.cluster.get("HTTPRoute", "a", "web")["status"]["parents"]


def test_a_transient_failure_is_told_in_status_and_raised_again(world: World) -> None:
    def throttle(_: str) -> None:
        raise Throttled("the cloud asked us to slow down")

    world.cloud.on_call = throttle

    with pytest.raises(Throttled):
        world.run()
    assert ("False", "Pending") == world.cluster.conditions("Gateway", "infra", "gw")["Programmed"]


def test_a_lasting_failure_is_told_in_status_and_not_raised(world: World) -> None:
    def refuse(_: str) -> None:
        raise PermissionDenied("the role may not create load balancers")

    world.cloud.on_call = refuse

    world.run()

    assert ("False", "Invalid") == world.cluster.conditions("Gateway", "infra", "gw")["Programmed"]


def test_a_failure_leaves_the_published_address_where_it_is(world: World) -> None:
    world.run()
    before = world.cluster.get("Gateway", "infra", "gw")["status"]["addresses"]
    world.cluster.put(route(rules=[rule({"name": "web", "port": 80}, matches=[prefix("/new")])]))

    def fail(_: str) -> None:
        raise Unavailable("no answer")

    world.cloud.on_call = fail
    with pytest.raises(Unavailable):
        world.run()

    assert before == world.cluster.get("Gateway", "infra", "gw")["status"]["addresses"]


def test_a_name_that_somebody_else_holds_is_an_error_and_is_left_alone(world: World) -> None:
    world.run()
    other = gateway(uid="another-uid")
    world.cluster.objects.pop(("Gateway", "infra", "gw"))
    world.cluster.put(other)
    world.forget()

    result = world.run()

    assert [Misconfigured] == [type(failure.error) for failure in result.outcome.failed]
    assert [] == world.cloud.calls


@pytest.mark.parametrize("where", ["gateway", "class"])
def test_paused_stops_every_write_to_the_cloud_and_says_so(world: World, where: str) -> None:
    annotations = {PAUSED: "true"}
    if where == "gateway":
        world.cluster.put(gateway(annotations=annotations))
    else:
        item = gateway_class()
        item["metadata"]["annotations"] = annotations
        world.cluster.put(item)

    world.run()

    assert [] == world.cloud.calls
    assert ("False", "Pending") == world.cluster.conditions("Gateway", "infra", "gw")["Programmed"]


def test_mode_observe_plans_and_writes_nothing_to_the_cloud(world: World) -> None:
    world.room = replace(world.room, observe_only=True)

    result = world.run()

    assert [] == world.cloud.calls
    assert result.plan.changes


def test_an_endpoint_change_is_two_ends_and_no_middle(world: World) -> None:
    world.run()
    world.forget()
    world.cluster.put(endpoints(addresses=["10.244.0.2"]))

    world.run(trigger(seen=(Seen("EndpointSlice", "uid-a-web-s", "2"),), services=("a/web",)))

    assert ["Modify:endpoints/service/a/web:80"] == world.cloud.calls
    assert [] == world.cluster.writes


def test_an_endpoint_change_that_no_event_told_of_is_found_after_a_relist(world: World) -> None:
    world.run()
    world.forget()
    world.cluster.put(endpoints(addresses=["10.244.0.3"]))

    world.run(trigger(cause=Cause.RELIST))

    assert ["Modify:endpoints/service/a/web:80"] == world.cloud.calls


def test_what_somebody_deleted_in_the_cloud_comes_back_at_the_next_look(world: World) -> None:
    world.run()
    world.cloud.held.clear()
    world.cloud.owners.clear()
    world.forget()

    world.run(trigger(cause=Cause.RESYNC))

    assert "Create:load-balancer/lb" in world.cloud.calls
    assert ("True", "Programmed") == world.cluster.conditions("Gateway", "infra", "gw")["Programmed"]


def test_a_refused_gateway_keeps_its_last_good_state(world: World) -> None:
    world.run()
    world.forget()
    broken = gateway()
    broken["spec"]["addresses"] = [{"type": "NamedAddress", "value": "x"}]
    world.cluster.put(broken)

    world.run()

    assert [] == world.cloud.calls
    assert ("False", "UnsupportedAddress") == world.cluster.conditions("Gateway", "infra", "gw")["Accepted"]


def test_a_gateway_without_any_listener_to_serve_gets_no_load_balancer(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener(protocol="SCTP")]))

    world.run()

    assert [] == world.cloud.calls
    assert ("False", "ListenersNotValid") == world.cluster.conditions("Gateway", "infra", "gw")["Accepted"]


def test_a_gateway_class_is_accepted_with_its_features_by_a_run_of_its_own(world: World) -> None:
    world.run(trigger("", "aws", kind="GatewayClass"))

    status = world.cluster.get("GatewayClass", "", "aws")["status"]
    assert ("True", "Accepted") == world.cluster.conditions("GatewayClass", "", "aws")["Accepted"]
    names = [feature["name"] for feature in status["supportedFeatures"]]
    assert sorted(names) == names
    assert {"Gateway", "HTTPRoute", "ListenerSet", "ReferenceGrant", "UDPRoute"} <= set(names)


def test_one_teams_broken_route_costs_only_itself(world: World) -> None:
    broken = route("broken", "b", rules=[rule({"name": "gone", "port": 80}, matches=[prefix("/b")])])
    filters = [{"type": "URLRewrite", "urlRewrite": {"hostname": "x.example.com"}}]
    unsupported = route("filtered", "b", rules=[rule({"name": "web", "port": 80}, filters=filters)])
    world.cluster.put(broken, unsupported)

    world.run()

    found = world.cluster.conditions
    assert ("False", "BackendNotFound") == found("HTTPRoute", "b", "broken")["ResolvedRefs"]
    assert ("False", "UnsupportedValue") == found("HTTPRoute", "b", "filtered")["Accepted"]
    assert ("True", "Accepted") == found("HTTPRoute", "a", "web")["Accepted"]
    assert ("True", "Programmed") == found("Gateway", "infra", "gw")["Programmed"]


def test_a_mark_restored_from_a_backup_is_unmasked_by_the_nonce(world: World) -> None:
    world.run()
    name = next(iter(world.cloud.owners))
    world.cloud.owners[name] = (world.cloud.owners[name][0], "another-incarnation")
    held = world.cloud.held[name]
    held.pop(next(key for key in held if key.kind == "pool"))
    world.forget()

    world.run(trigger(cause=Cause.RESYNC))

    assert "Create:pool/service/a/web:80" in world.cloud.calls


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("story", ["creation", "change", "deletion"])
def test_a_run_cut_at_any_call_converges_also_when_the_want_changed_meanwhile(story: str, *, after: bool) -> None:
    for cut in range(20):
        world = World()
        _prepare(world, story)
        if not _cut_run(world, cut, after=after):
            assert cut > 0
            break
        for _ in range(2):
            world.run()
        world.forget()
        world.run()
        assert ([], []) == (world.cloud.calls, world.cluster.writes)
        assert (story == "deletion") == (world.cloud.held == {})
    else:
        pytest.fail("the story never ended")


def _prepare(world: World, story: str) -> None:
    if story != "creation":
        world.run()
    if story == "change":
        world.cluster.put(route(rules=[rule({"name": "api", "port": 80}, matches=[exact("/x")])]), *with_service("api"))
    if story == "deletion":
        world.cluster.remove("Gateway", "infra", "gw")


class _Crash(Exception):
    """The process ended."""


def _cut_run(world: World, cut: int, *, after: bool) -> bool:
    """Run until the call number `cut`; return False if there was no such call."""
    count = itertools.count()

    def crash(_: str) -> None:
        if next(count) == cut:
            raise _Crash

    world.cloud.after_call, world.cloud.on_call = (crash, lambda _: None) if after else (lambda _: None, crash)
    try:
        world.run()
    except _Crash:
        return True
    finally:
        world.cloud.on_call = world.cloud.after_call = lambda _: None
    return False
