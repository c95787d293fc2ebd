"""Looks at load balancers in the making, against the emulated AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from emulators.aws.account import Account
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from providers.aws.waiting import awaited
from reconciler.config import Placement
from reconciler.errors import Misconfigured
from tests.aws_provider import provider_for
from tests.builders import CONTROLLER

ROLE = "arn:aws:iam::123456789012:role/routewright"


@dataclass
class World:
    """An account in which load balancers take their time, and a provider on its clock."""

    account: Account

    def balancers(self, count: int) -> list[str]:
        """Make load balancers; return their ARNs."""
        subnets = list(self.account.prepare_network().subnet_ids)
        elbv2: Any = self.account.client("elbv2")
        names = [f"lb{number}" for number in range(count)]
        made = [elbv2.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0] for name in names]
        self.account.journal.reset()
        return [one["LoadBalancerArn"] for one in made]

    def waits(self, *ids: str, roles: tuple[str, ...] = ()) -> dict[str, float]:
        """Look, as a fresh process would."""
        provider = provider_for(CONTROLLER, roles=roles, rate=1000)
        provider.now = self.account.clock.now
        return dict(provider.waits(ids))

    def assumed(self) -> list[tuple[str, str]]:
        """Return the calls to STS, with the role."""
        entries = self.account.journal.entries()
        return [(one.operation, one.parameters["RoleArn"]) for one in entries if one.service == "sts"]

    def looked(self) -> list[int]:
        """Return how many load balancers each call asked for."""
        return [len(one.parameters["LoadBalancerArns"]) for one in self.account.journal.entries()]


@pytest.fixture
def world() -> Iterator[World]:
    with strict_aws(Settings(provisioning=10_000, virtual_clock=True)) as account:
        yield World(account)


def test_twenty_are_looked_at_in_one_call(world: World) -> None:
    arns = world.balancers(45)

    assert dict.fromkeys(arns, 1.0) == world.waits(*arns)
    assert [20, 20, 5] == world.looked()


def test_what_is_active_waits_no_longer(world: World) -> None:
    arns = world.balancers(2)
    world.account.region("us-east-1").load_balancers[arns[0]].active_at = 0.0

    assert {arns[1]: 1.0} == world.waits(*arns)


def test_what_is_gone_waits_no_longer_and_does_not_hide_the_others(world: World) -> None:
    first, gone, last = world.balancers(3)
    world.account.client("elbv2").delete_load_balancer(LoadBalancerArn=gone)

    assert {first: 1.0, last: 1.0} == world.waits(first, gone, last)


@pytest.mark.parametrize(("age", "pause"), [(0, 1), (299, 1), (310, 1), (350, 5), (600, 30), (5_000, 60)])
def test_what_takes_longer_than_usual_is_looked_at_more_rarely(world: World, age: float, pause: float) -> None:
    (arn,) = world.balancers(1)
    world.account.clock.advance(age)

    assert {arn: pause} == world.waits(arn)


def test_a_role_is_assumed_for_what_it_was_made_with_and_only_if_it_is_allowed(world: World) -> None:
    (arn,) = world.balancers(1)
    item = {"LoadBalancerArn": arn, "LoadBalancerName": "lb0", "State": {"Code": "provisioning"}}
    one = awaited(Placement(role=ROLE), item)

    assert "load balancer lb0 is provisioning" == one.text
    with pytest.raises(Misconfigured, match="ROUTEWRIGHT_ALLOWED_ROLES"):
        world.waits(one.id)
    assert {one.id: 1.0} == world.waits(one.id, roles=(ROLE,))
    assert [("AssumeRole", ROLE)] == world.assumed()


def test_an_assumed_role_is_renewed_before_it_expires(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """STS gives an hour, and a warm container lives longer."""
    (arn,) = world.balancers(1)
    provider = provider_for(CONTROLLER, roles=(ROLE,), rate=1000)
    provider.waits([f"{ROLE} {arn}"])
    provider.waits([f"{ROLE} {arn}"])
    assert 1 == len(world.assumed())

    soon = datetime.now(UTC) + timedelta(minutes=59)
    monkeypatch.setattr("botocore.credentials._local_now", lambda: soon)
    monkeypatch.setattr("botocore.credentials.RefreshableCredentials._seconds_remaining", lambda _: 60.0)
    provider.waits([f"{ROLE} {arn}"])

    assert 2 == len(world.assumed())


def test_a_look_needs_no_tokens_of_the_runs(world: World) -> None:
    """A run that has used up its share does not make the forwarder of the same process wait, nor the other way."""
    (arn,) = world.balancers(1)
    provider = provider_for(CONTROLLER)
    provider.now = world.account.clock.now
    provider.limits.reconcile.rates = {}

    assert {arn: 1.0} == provider.waits([arn])


@pytest.mark.parametrize("text", ["", "nonsense", "a b c", "arn:aws:s3:::bucket", f"{ROLE} ", "\n"])
def test_an_id_that_is_none_of_ours_is_left_to_the_run(world: World, text: str) -> None:
    assert {} == world.waits(text)
    assert [] == world.looked()
