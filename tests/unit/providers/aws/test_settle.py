"""What AWS acknowledged is not yet everywhere: what a run replaces goes only once the new has settled."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulators.aws.inprocess import strict_aws
from reconciler.reconcile import Result, Room, reconcile
from tests.aws_provider import provider_for
from tests.aws_world import CHANGED, World
from tests.builders import CONTROLLER, backend, endpoints, exact, prefix, route, rule
from tests.fakes import trigger

SETTLE = 2.0


class Patient(World):
    """A world whose runs note when they paused; `left` is the time that they have, and a pause takes of it."""

    left = 60.0

    def run_patiently(self) -> Result:
        """Reconcile once, with a time to settle."""
        provider = provider_for(CONTROLLER, rate=1000, settle=SETTLE, left=lambda: self.left)
        provider.sleep = self._pause
        one = trigger(seen=CHANGED, services=("a/web",))
        return reconcile(one, Room(self.cluster, provider, lambda: "nonce"))

    def _pause(self, seconds: float) -> None:
        self.before.append((seconds, self.operations()))

    def start(self) -> None:
        """Build everything, and forget how."""
        self.run()
        self.forget()
        self.before: list[tuple[float, list[str]]] = []


@pytest.fixture
def world() -> Iterator[Patient]:
    with strict_aws() as account:
        made = Patient(account)
        made.start()
        yield made


def replace_rule(world: Patient) -> None:
    """Put one match in the place of another."""
    world.cluster.put(route(rules=[rule(backend(), matches=[exact("/new")])]))


def test_a_rule_goes_only_once_the_one_in_its_place_has_settled(world: Patient) -> None:
    replace_rule(world)

    world.run_patiently()

    assert [(SETTLE, ["CreateRule"])] == world.before
    assert ["CreateRule", "DeleteRule"] == world.operations()


def test_a_change_that_only_takes_away_does_not_wait(world: Patient) -> None:
    world.cluster.put(route(rules=[rule(backend()), rule(backend(), matches=[prefix("/more")])]))
    world.run()
    world.forget()
    world.cluster.put(route(rules=[rule(backend())]))

    world.run_patiently()

    assert ["DeleteRule"] == world.operations()
    assert [] == world.before


def test_a_run_without_the_time_to_wait_goes_on_in_the_next_one(world: Patient) -> None:
    replace_rule(world)
    world.left = SETTLE / 2

    result = world.run_patiently()

    assert ["CreateRule"] == world.operations()
    assert ([], False) == (list(result.outcome.failed), result.outcome.complete)
    assert result.retry_after is not None
    world.run_patiently()
    assert ["CreateRule", "DeleteRule"] == world.operations()


def test_targets_go_only_once_the_new_ones_are_registered_everywhere(world: Patient) -> None:
    world.cluster.put(endpoints("web", "a", ["10.244.0.9"]))

    world.run_patiently()

    assert [(SETTLE, ["RegisterTargets"])] == world.before
    assert "DeregisterTargets" == world.operations()[-1]
