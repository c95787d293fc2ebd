"""Faults that a test asks for, and the journal that writes every call down."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from emulators.aws.faults import Fault, ProcessCut
from tests.unit.emulators.aws.conftest import World, listed, refused

KINDS: dict[str, Any] = {
    "500": ClientError,
    "503": ClientError,
    "html500": ClientError,
    "timeout": ReadTimeoutError,
    "reset": ConnectionClosedError,
    "cut": ProcessCut,
}


@pytest.mark.parametrize("effect", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_faults_strike_before_or_after_the_effect(world: World, kind: Any, effect: Any) -> None:
    world.account.faults.add(Fault(kind, "CreateTargetGroup", nth=2, effect=effect))
    world.group("first")
    with pytest.raises(KINDS[kind]):
        world.group("second")
    world.group("third")

    names = {one["TargetGroupName"] for one in world.elbv2.describe_target_groups()["TargetGroups"]}
    assert {"first", "third"} | ({"second"} if effect == "after" else set()) == names


def test_faults_a_cut_passes_every_handler_for_ordinary_errors(world: World) -> None:
    def careful() -> None:
        with suppress(Exception):
            world.group()

    world.account.faults.add(Fault("cut", "write"))
    with pytest.raises(ProcessCut):
        careful()


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("elbv2", lambda world: world.elbv2.describe_load_balancers(), "ThrottlingException"),
        ("ec2", lambda world: world.ec2.describe_vpcs(), "RequestLimitExceeded"),
        ("acm", lambda world: world.acm.list_certificates(), "ThrottlingException"),
        ("resourcegroupstaggingapi", listed, "ThrottledException"),
        ("sqs", lambda world: world.account.client("sqs").list_queues(), "RequestThrottled"),
    ],
)
def test_faults_a_throttle_speaks_the_services_language(world: World, service: str, call: Any, code: str) -> None:
    world.account.faults.add(Fault("throttle", service=service))

    with refused(code):
        call(world)


@pytest.mark.parametrize("kind", ["throttle", "denied", "refused"])
def test_faults_a_refused_call_never_has_an_effect(world: World, kind: Any) -> None:
    with pytest.raises(ValueError, match="never has an effect"):
        Fault(kind, effect="after")

    world.account.faults.add(Fault(kind))
    with pytest.raises(ClientError):
        world.group()
    assert [] == world.elbv2.describe_target_groups()["TargetGroups"]


def test_faults_may_be_about_one_object_alone(world: World) -> None:
    world.account.faults.add(Fault("refused", "CreateTargetGroup", count=9, about="second", code="InvalidTarget"))
    world.group("first")
    for _ in range(2):
        with refused("InvalidTarget"):
            world.group("second")
    world.group("third")

    names = {one["TargetGroupName"] for one in world.elbv2.describe_target_groups()["TargetGroups"]}
    assert {"first", "third"} == names


def test_faults_can_strike_several_calls_in_a_row_and_be_cleared(world: World) -> None:
    world.account.faults.add(Fault("500", "read", count=2), Fault("500", "write", count=99))
    for _ in range(2):
        with refused("InternalFailure"):
            world.elbv2.describe_load_balancers()
    world.elbv2.describe_load_balancers()
    with refused("InternalFailure"):
        world.group()

    world.account.faults.clear()

    world.group()


# --- journal ------------------------------------------------------------------------------------------------------


def test_journal_every_call_is_written_down_with_what_came_of_it(world: World) -> None:
    world.account.journal.reset()
    group = world.group()
    world.elbv2.describe_target_groups(Names=["pods"])
    with refused("TargetGroupNotFound"):
        world.elbv2.describe_target_groups(Names=["gone"])

    made, read, failed = world.account.journal.entries()

    assert [1, 2, 3] == [one.sequence for one in (made, read, failed)]
    assert ("elbv2.CreateTargetGroup", "pods") == (made.name, made.parameters["Name"])
    assert made.result is not None
    assert group == made.result["TargetGroups"][0]["TargetGroupArn"]
    assert (True, True, False) == (made.effect, read.effect, failed.effect)
    assert ("TargetGroupNotFound", None) == (failed.error, failed.result)
    counts = world.account.journal.counts()
    assert (2, 1) == (counts.reads, counts.writes)
    assert 2 == counts.operations["elbv2.DescribeTargetGroups"]


def test_journal_a_fault_is_written_down_with_whether_it_had_an_effect(world: World) -> None:
    world.account.journal.reset()
    world.account.faults.add(Fault("500", "CreateTargetGroup", effect="after"))
    with refused("InternalFailure"):
        world.group()

    (entry,) = world.account.journal.writes()
    assert ("500", True) == (entry.fault, entry.effect)


def test_journal_a_private_key_never_enters(world: World) -> None:
    world.certificate("a.example.com")

    assert "(hidden)" == world.account.journal.entries()[-1].parameters["PrivateKey"]
    assert "PRIVATE KEY" not in repr(world.account.journal.entries())
