"""Runs against an AWS that is slow to know what was just made: it converges, calls nothing wrong, and leaks nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from emulators.aws.faults import Fault
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from providers.aws import make
from reconciler.errors import NotReady
from reconciler.events import Cause, Trigger
from reconciler.reconcile import MOST_WAITS, Result, Room, reconcile
from tests.aws_world import CHANGED, World, hold, secret, secure
from tests.fakes import trigger
from tests.unit.emulators.aws.conftest import certificate_pem

SECRET = secret("tls")
KEYS = ["RSA_2048", "EC_prime256v1"]
WEATHER: dict[str, dict[str, Any]] = {
    "slow": {"consistency_delay": 8},
    "slow and uneven, 1": {"consistency_delay": 8, "consistency_seed": 1},
    "slow and uneven, 2": {"consistency_delay": 8, "consistency_seed": 2},
    "slow and uneven, 3": {"consistency_delay": 8, "consistency_seed": 3},
    "fresh certificates": {"certificate_delay": 30},
    "late tags": {"tagging_delay": 30},
    "throttled": {"throttle": True},
    "all of it": {
        "consistency_delay": 8,
        "consistency_seed": 4,
        "certificate_delay": 30,
        "tagging_delay": 30,
        "provisioning": 60,
        "throttle": True,
    },
}


@contextmanager
def weather(**settings: Any) -> Iterator[World]:
    with strict_aws(Settings(virtual_clock=True, **settings)) as account:
        world = World(account)
        account.clock.advance(60)
        hold(world, SECRET)
        secure(world, "tls")
        yield world


def look(world: World, one: Trigger) -> Result:
    """Reconcile as a fresh process would, on the emulated clock."""
    provider = world.provider

    def sleep(seconds: float) -> None:
        world.account.clock.advance(seconds)

    provider.sleep = sleep
    return reconcile(one, Room(world.cluster, provider, lambda: "nonce"))


_FORWARDED = 30.0
"""Seconds that the forwarder keeps back what waits for a load balancer, in place of looks of ours."""


def settle(world: World, most: int = MOST_WAITS) -> list[tuple[str, str]]:
    """Look until nothing is open; return what Programmed said after each look."""
    said, one = [], trigger(seen=CHANGED)
    for _ in range(most):
        result = look(world, one)
        said.append(world.says()["Programmed"])
        if result.retry_after is None:
            return said
        world.account.clock.advance(_FORWARDED if result.outcome.waiting else result.retry_after)
        one = one.again()
    raise AssertionError(f"still open after {most} looks: {result.outcome}")


def imported(world: World) -> list[Any]:
    """Return the certificates in ACM."""
    return list(world.account.client("acm").list_certificates(Includes={"keyTypes": KEYS})["CertificateSummaryList"])


def shape(world: World) -> dict[str, Any]:
    """Return what there is, without ids."""
    state = world.account.state()
    (balancer,) = state["loadBalancers"]
    return {
        "listeners": [(one["Port"], one["Protocol"], len(one["Rules"])) for one in balancer["Listeners"]],
        "certificates": [len(one["Certificates"]) for one in balancer["Listeners"]],
        "groups": sorted((one["TargetGroupName"], len(one["Targets"])) for one in state["targetGroups"]),
        "open": [sorted(str(one) for one in ports) for ports in state["securityGroups"].values()],
        "imported": len(imported(world)),
    }


@pytest.mark.parametrize("settings", WEATHER.values(), ids=WEATHER.keys())
def test_whatever_the_weather_a_gateway_becomes_what_it_would_be_in_fair_weather(settings: dict[str, Any]) -> None:
    with weather() as world:
        settle(world)
        expected = shape(world)

    with weather(**settings) as world:
        said = settle(world)

        assert expected == shape(world)
        assert ("True", "Programmed") == said[-1]
        assert {reason for _, reason in said} <= {"Pending", "Programmed"}
        world.account.clock.advance(60)
        world.forget()
        look(world, trigger(cause=Cause.DEEP))
        assert [] == world.operations()


@pytest.mark.parametrize("settings", WEATHER.values(), ids=WEATHER.keys())
def test_whatever_the_weather_a_deleted_gateway_leaves_nothing_but_what_the_sweep_takes(
    settings: dict[str, Any],
) -> None:
    with weather(**settings) as world:
        settle(world)
        world.account.clock.advance(60)
        world.cluster.remove("Gateway", "infra", "gw")
        for _ in range(MOST_WAITS):
            look(world, trigger())
            if ("Gateway", "infra", "gw") not in world.cluster.objects:
                break
            world.account.clock.advance(5)
        for _ in range(3):
            world.account.clock.advance(60)
            world.provider.sweep("cluster01", lambda _name, _uid: False, 0, 0)

        state = world.account.state()
        assert ([], []) == (state["loadBalancers"], state["targetGroups"])
        assert [] == imported(world)
        groups = world.account.client("ec2").describe_security_groups()["SecurityGroups"]
        assert {"default"} == {one["GroupName"] for one in groups}


@pytest.mark.parametrize("kind", ["denied", "500"])
def test_somebody_elses_fresh_certificate_that_we_may_not_look_at_is_none_of_ours(kind: Any) -> None:
    with weather(tagging_delay=30) as world:
        pair = certificate_pem("b.example.com")
        world.account.client("acm").import_certificate(Certificate=pair[0], PrivateKey=pair[1])
        world.account.faults.add(Fault(kind, "ListTagsForCertificate"))

        said = settle(world)

        assert ("True", "Programmed") == said[-1]
        assert 2 == len(imported(world))


def test_a_certificate_that_aws_never_takes_is_waited_for_and_then_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with weather(certificate_delay=10_000) as world:
        first = look(world, trigger(seen=CHANGED))
        assert first.retry_after is not None
        assert ("False", "Pending") == world.says()["Programmed"]

        monkeypatch.setattr(make, "YOUNG", -10_000.0)
        last = look(world, replace(trigger(seen=CHANGED), attempt=1))

        assert last.retry_after is None
        assert "Pending" != world.says()["Programmed"][1]


def test_what_never_becomes_ready_counts_as_a_failure_in_the_end() -> None:
    with weather(certificate_delay=10_000) as world:
        look(world, trigger(seen=CHANGED))
        waiting = replace(trigger(seen=CHANGED), cause=Cause.LATER, attempt=MOST_WAITS - 1)
        assert look(world, waiting).retry_after is not None

        with pytest.raises(NotReady):
            look(world, replace(waiting, attempt=MOST_WAITS))
