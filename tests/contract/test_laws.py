"""The laws that every provider keeps, told through whole runs: `memory` and `aws` pass the same tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from reconciler.errors import TransientError
from reconciler.events import Cause, Seen, Trigger
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.read import take_snapshot
from reconciler.reconcile import Result, Room, reconcile
from tests.builders import (
    CONTROLLER,
    backend,
    endpoints,
    exact,
    gateway,
    gateway_class,
    listener,
    prefix,
    route,
    rule,
    with_service,
)
from tests.contract.clouds import CRASHES, Cloud, open_cloud
from tests.fakes import FakeCluster, trigger

ROUTE_EVENT = (Seen("HTTPRoute", "uid-a-web", "9"),)


class World:
    """A cluster, a cloud, and runs between them, each as in a fresh process."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.cluster = FakeCluster(provider=cloud.name, controller=CONTROLLER)
        self._numbers = itertools.count(1)
        self.cluster.put(gateway_class(), gateway(), route(), *with_service())

    def run(self, one: Trigger | None = None) -> Result:
        """Reconcile once; what the cloud has to make comes true at once."""
        room = Room(self.cluster, self.cloud.provider(), lambda: f"nonce{next(self._numbers)}")
        result = reconcile(one or trigger(), room)
        self.cloud.pass_time()
        return result

    def settle(self, one: Trigger | None = None) -> None:
        """Run as the queue would: again after every transient failure and every look-again, a bounded number."""
        for _ in range(10):
            try:
                result = self.run(one)
            except TransientError:
                continue
            if result.retry_after is None:
                return
        pytest.fail("it does not settle")

    def forget(self) -> None:
        """Forget what was written so far, to the cloud and to the cluster."""
        self.cloud.forget()
        self.cluster.writes.clear()

    def written(self) -> tuple[list[str], list[str]]:
        """Return the writes to cloud and cluster since the last `forget`."""
        return self.cloud.writes(), self.cluster.writes

    def gateway(self) -> dict[str, Any]:
        """Return the Gateway."""
        return self.cluster.get("Gateway", "infra", "gw")


@pytest.fixture(params=["memory", "aws"])
def cloud(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with open_cloud(request.param) as opened:
        yield opened


@pytest.fixture
def world(cloud: Cloud) -> World:
    return World(cloud)


def test_law_1_planning_what_is_there_gives_nothing(world: World) -> None:
    world.settle()
    world.forget()

    world.settle(trigger(cause=Cause.DEEP))

    assert ([], []) == world.written()


def test_law_1_rendering_gives_the_same_bytes_twice_and_in_any_order_of_the_objects(cloud: Cloud) -> None:
    rules = [
        rule(backend("api"), matches=[exact("/x"), prefix("/y")]),
        rule(backend(weight=1), backend("api", weight=2)),
    ]
    routes = [route("one", "a", rules, ["b.example.com", "a.example.com"]), route("two", "a", rules[::-1])]
    ports = [listener(), listener("more", 8080)]
    objects = [gateway_class(), gateway(listeners=ports), *routes, *with_service(), *with_service("api")]

    def rendered(items: list[dict[str, Any]]) -> str:
        provider = cloud.provider()
        return repr(provider.render(compile_ir(attach(take_snapshot(trigger().key, CONTROLLER, items), provider)).lb))

    first = rendered(objects)
    assert "two" in first
    assert first == rendered(objects)
    assert [first] * 3 == [
        rendered(objects[::-1]),
        rendered(objects[3:] + objects[:3]),
        rendered(sorted(objects, key=str)),
    ]


@pytest.mark.parametrize("cause", [Cause.EVENT, Cause.RELIST, Cause.RESYNC, Cause.LATER])
def test_law_2_a_second_run_in_a_fresh_process_writes_nothing(world: World, cause: Cause) -> None:
    world.settle()
    world.forget()

    world.settle(trigger(cause=cause))

    assert ([], []) == world.written()


def test_law_2_a_deep_look_that_mended_something_leaves_nothing_to_write(world: World) -> None:
    world.settle()
    world.cluster.put(endpoints(addresses=["10.244.0.2"]))
    world.settle(trigger(cause=Cause.DEEP))
    world.forget()

    world.settle()

    assert ([], []) == world.written()


def test_law_3_a_recreated_gateway_never_takes_over_what_its_namesake_left(world: World) -> None:
    world.settle()
    world.cluster.objects.pop(("Gateway", "infra", "gw"))
    world.cluster.put(gateway(uid="another"))
    before = len(world.cloud.writes())

    try:
        world.run()
    except TransientError:
        pytest.fail("a name that is taken is no transient failure")

    programmed = world.cluster.conditions("Gateway", "infra", "gw")["Programmed"]
    own_name = world.cloud.name == "aws"  # names carry the UID there, so nothing is in the way
    assert (("True", "Programmed") if own_name else ("False", "Invalid")) == programmed
    assert not any(write.startswith("Delete") for write in world.cloud.writes()[before:])


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("reverted", [False, True], ids=["same want", "want reverted"])
@pytest.mark.parametrize("story", ["creation", "change", "deletion"])
@pytest.mark.parametrize("name", ["memory", "aws"])
def test_law_4_a_run_cut_at_any_call_converges_and_leaks_nothing(
    name: str, story: str, *, reverted: bool, after: bool
) -> None:
    for nth in range(1, 60):
        with open_cloud(name) as cloud:
            world = World(cloud)
            _before(world, story)
            cloud.cut(nth, after=after)
            try:
                world.settle(trigger(seen=ROUTE_EVENT))
            except CRASHES:
                pass
            else:
                assert nth > 1
                return
            cloud.heal()
            if reverted and story == "change":
                world.cluster.put(route())
            world.settle(trigger(seen=ROUTE_EVENT))
            if reverted:
                world.cluster.put(route(rules=[rule(backend(), matches=[prefix("/again")])]))
                _settle_all(world)
            _check_settled(world, story)
    pytest.fail("the story never ended")


def _before(world: World, story: str) -> None:
    if story == "creation":
        return
    world.settle()
    if story == "deletion":
        world.cluster.remove("Gateway", "infra", "gw")
        return
    rules = [rule(backend("api"), matches=[prefix("/api")]), rule(backend(weight=1), backend("api", weight=1))]
    ports = [listener(), listener("more", 8080)]
    world.cluster.put(gateway(listeners=ports), route(rules=rules), *with_service("api", "a", ["10.244.0.9"]))


def _settle_all(world: World) -> None:
    if ("Gateway", "infra", "gw") in world.cluster.objects:
        world.settle(trigger(seen=ROUTE_EVENT))


def _check_settled(world: World, story: str) -> None:
    if story == "deletion":
        assert world.cloud.empty()
        assert ("Gateway", "infra", "gw") not in world.cluster.objects
        return
    world.forget()
    world.settle(trigger(cause=Cause.DEEP))
    assert ([], []) == world.written()
    world.cluster.remove("Gateway", "infra", "gw")
    world.settle()
    assert world.cloud.empty()


@pytest.mark.parametrize("kind", ["throttle", "500"])
def test_law_4_a_call_that_fails_for_a_while_only_delays(world: World, kind: str) -> None:
    world.cloud.refuse(3, kind)
    with suppress(TransientError):
        assert world.run().retry_after is not None
    assert ("False", "Pending") == world.cluster.conditions("Gateway", "infra", "gw")["Programmed"]
    world.cloud.heal()

    world.settle()

    assert ("True", "Programmed") == world.cluster.conditions("Gateway", "infra", "gw")["Programmed"]


def test_law_6_a_route_that_cannot_be_realised_costs_only_itself(world: World) -> None:
    mirror = [{"type": "RequestMirror", "requestMirror": {"backendRef": backend()}}]
    world.cluster.put(route("mirrored", "a", [rule(backend(), matches=[prefix("/m")], filters=mirror)]))

    world.settle()

    assert ("False", "UnsupportedValue") == world.cluster.conditions("HTTPRoute", "a", "mirrored")["Accepted"]
    assert ("True", "Accepted") == world.cluster.conditions("HTTPRoute", "a", "web")["Accepted"]
    assert ("True", "Programmed") == world.cluster.conditions("Gateway", "infra", "gw")["Programmed"]


def test_law_9_lost_repeated_and_reordered_triggers_change_nothing_in_the_result(world: World) -> None:
    world.settle()
    world.cluster.put(route(rules=[rule(backend("api"), matches=[exact("/x")])]), *with_service("api"))
    for one in (trigger(), trigger(), trigger(seen=ROUTE_EVENT), trigger(cause=Cause.RELIST)):
        world.settle(one)
    world.forget()

    world.settle(trigger(cause=Cause.DEEP))

    assert ([], []) == world.written()


def test_endpoints_change_without_a_write_to_the_gateway(world: World) -> None:
    world.settle()
    world.forget()
    world.cluster.put(endpoints(addresses=["10.244.0.2"]))

    world.settle(trigger(seen=(Seen("EndpointSlice", "uid-a-web-s", "2"),), services=("a/web",)))

    cloud, cluster = world.written()
    assert 1 <= len(cloud) <= 2
    assert [] == cluster


def test_a_deleted_gateway_leaves_nothing_that_carries_traffic(world: World) -> None:
    world.settle()
    world.cluster.remove("Gateway", "infra", "gw")

    world.settle()

    assert world.cloud.empty()
    assert ("Gateway", "infra", "gw") not in world.cluster.objects


def test_a_listener_that_is_removed_leaves_the_others_alone(world: World) -> None:
    world.cluster.put(gateway(listeners=[listener(), listener("more", 8080)]))
    world.settle()
    world.cluster.put(gateway(listeners=[listener()]))
    world.settle()
    world.forget()

    world.settle(trigger(cause=Cause.DEEP))

    assert ([], []) == world.written()
