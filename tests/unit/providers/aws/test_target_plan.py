"""Target groups and targets."""

from __future__ import annotations

from providers.aws.resources import (
    PART_POOLS,
    target_group_key,
    targets_key,
    tg_attributes_key,
)
from reconciler.plan import Depth, Look
from reconciler.values import Json
from tests.aws_gateway import (
    calls_of,
    changes_of,
    less,
    spec_of,
    swap,
    whole,
)


def test_a_replaced_pod_is_registered_before_the_former_leaves() -> None:
    """Two writes, no rule."""
    want = swap(whole(), targets_key("tg"), Targets=[["10.0.0.2", 8080, ""]])
    first, second = changes_of(want, whole())

    assert {"Register": [["10.0.0.2", 8080, ""]]} == spec_of(first)
    assert {"Deregister": [["10.0.0.1", 8080, ""]]} == spec_of(second)


def test_many_targets_go_in_batches_of_200() -> None:
    """The first 200, then the rest."""
    many: list[Json] = [[f"10.1.0.{index}", 80, ""] for index in range(250)]
    changes = changes_of(swap(whole(), targets_key("tg"), Targets=many), swap(whole(), targets_key("tg"), Targets=[]))

    assert [many[:200], many[200:]] == [spec_of(change)["Register"] for change in changes]


def test_a_health_check_is_changed_in_place_and_always_names_its_protocol() -> None:
    """Only what differs besides."""
    (change,) = changes_of(swap(whole(), target_group_key("tg"), HealthCheckPath="/ready"), whole())

    assert ("ModifyTargetGroup", {"HealthCheckPath": "/ready", "HealthCheckProtocol": "HTTP"}) == (
        change.call,
        spec_of(change),
    )


def test_a_target_group_that_somebody_deleted_comes_back_with_its_attributes_and_targets() -> None:
    """Though neither its settings nor its endpoints changed."""
    missing = less(whole(), target_group_key("tg"), tg_attributes_key("tg"), targets_key("tg"))
    look = Look(Depth.TOUCHED, parts=frozenset({PART_POOLS}))

    assert ["CreateTargetGroup", "ModifyTargetGroupAttributes", "RegisterTargets"] == calls_of(whole(), missing, look)
