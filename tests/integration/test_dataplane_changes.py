"""Changes lose no request: routes by RDS, targets by EDS, in an order that never leaves a route without its targets."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.dataplane_world import World, fixed, forward, opened_world, when

pytestmark = pytest.mark.integration


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    with opened_world(tmp_path) as world:
        yield world


class _Load:
    """Clients that ask without a pause; some with a new connection each time, some on one connection."""

    def __init__(self, world: World) -> None:
        self.outcomes: Counter[str] = Counter()
        self._world = world
        self._over = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask for as long as the block runs."""
        work = [self._on_new_connections, self._on_new_connections, self._on_one_connection]
        threads = [threading.Thread(target=one, daemon=True) for one in work]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join(30)

    def _on_new_connections(self) -> None:
        while not self._over.is_set():
            try:
                self._count(str(self._world.get().status))
            except (OSError, http.client.HTTPException) as error:
                self._count(repr(error))

    def _on_one_connection(self) -> None:
        connection = http.client.HTTPConnection(*self._world.plane.address(self._world.dns_name, self._world.port))
        while not self._over.is_set():
            try:
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                self._count(f"kept {answer.status}")
            except (OSError, http.client.HTTPException) as error:
                self._count(f"kept {error!r}")
        connection.close()

    def _count(self, outcome: str) -> None:
        with self._lock:
            self.outcomes[outcome] += 1


def test_no_request_is_lost_while_weights_change_and_targets_are_swapped(world: World) -> None:
    world.open()
    pods = [world.pod(1), world.pod(2)]
    groups = [world.group("blue", pods[0]), world.group("green", pods[1])]
    rule = world.rule(forward(*groups), priority=10)
    world.settle()
    load = _Load(world)
    with load.running():
        for step in range(3, 15):
            weights = (step, 0) if step % 2 else (1, step)
            world.elbv2.modify_rule(RuleArn=rule, Actions=forward(*groups, weights=weights))
            turn = step % 2
            fresh, gone = world.pod(step), pods[turn]
            world.register(groups[turn], fresh)
            world.deregister(groups[turn], gone)
            world.settle()
            world.stop(gone)
            pods[turn] = fresh
    assert {"200", "kept 200"} == set(load.outcomes), load.outcomes
    assert load.outcomes["200"] > 200


def test_no_request_is_lost_while_rules_move_and_their_target_groups_come_and_go(world: World) -> None:
    world.open()
    pod = world.pod(1)
    old = world.group("group-0", pod)
    rule = world.rule(forward(old), priority=10)
    world.settle()
    load = _Load(world)
    with load.running():
        for step in range(1, 9):
            new = world.group(f"group-{step}", pod)
            before = world.rule(forward(new), priority=5)
            world.elbv2.modify_rule(RuleArn=rule, Actions=forward(new))
            world.elbv2.set_rule_priorities(RulePriorities=[{"RuleArn": before, "Priority": 20 + step}])
            world.deregister(old, pod)
            world.elbv2.delete_rule(RuleArn=before)
            world.elbv2.delete_target_group(TargetGroupArn=old)
            old = new
        world.settle()
    assert {"200", "kept 200"} == set(load.outcomes), load.outcomes


def test_no_request_is_lost_when_traffic_moves_and_the_old_targets_leave_in_one_change(world: World) -> None:
    world.open()
    pods = [world.pod(1), world.pod(2)]
    groups = [world.group("blue", pods[0]), world.group("green")]
    rule = world.rule(forward(groups[0]))
    world.settle()
    load = _Load(world)
    with load.running():
        for step in range(1, 21):
            now, before = step % 2, (step + 1) % 2
            with world.at_once():
                world.register(groups[now], pods[now])
                world.elbv2.modify_rule(RuleArn=rule, Actions=forward(groups[now]))
                world.deregister(groups[before], pods[before])
    assert {"200", "kept 200"} == set(load.outcomes), load.outcomes


def test_a_version_is_applied_for_the_very_next_request(world: World) -> None:
    world.open()
    everywhere = when("path-pattern", "PathPatternConfig", Values=["/*"])
    rule = world.rule(fixed(201), everywhere)
    statuses = []
    for status in (202, 203, 400, 404, 418, 500, 502, 503):
        world.elbv2.modify_rule(RuleArn=rule, Actions=fixed(status))
        world.settle()
        statuses.append(world.get().status)
    assert [202, 203, 400, 404, 418, 500, 502, 503] == statuses


def test_a_listener_beside_it_disturbs_nobody(world: World) -> None:
    world.open()
    world.rule(forward(world.group("pods", world.pod(1))))
    world.settle()
    load = _Load(world)
    with load.running():
        for port in range(20_001, 20_005):
            arn = world.elbv2.create_listener(
                LoadBalancerArn=world.balancer_arn, Protocol="HTTP", Port=port, DefaultActions=fixed(404)
            )["Listeners"][0]["ListenerArn"]
            world.settle()
            assert world.listens(port)
            world.elbv2.delete_listener(ListenerArn=arn)
            world.settle()
    assert {"200", "kept 200"} == set(load.outcomes), load.outcomes
