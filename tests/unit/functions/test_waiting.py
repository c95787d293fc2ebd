"""Twenty load balancers in the making, two minutes or four of virtual time, AWS's throttle on."""

from __future__ import annotations

import pytest

from providers.aws.limiter import LOOK
from tests.waiting_gateways import wait_for_gateways

COUNT = 20
BUDGET = 2.0


@pytest.mark.parametrize(
    ("provisioning", "events", "concurrency"), [(30.0, 0, 2), (30.7, 0, 4), (240.3, 0, 4), (60.5, 5, 4), (60.0, 0, 10)]
)
def test_each_gateway_is_programmed_within_two_seconds_of_its_load_balancer_and_waiting_is_no_failure(
    provisioning: float, events: int, concurrency: int
) -> None:
    found = wait_for_gateways(COUNT, provisioning, events=events, concurrency=concurrency)

    assert COUNT == len(found.late)
    assert max(found.late.values()) <= BUDGET, found.late
    assert (0, 1, 0) == (found.throttled, found.most_receives, found.dead)
    assert {("False", "Pending", ())} == {(one.programmed, one.reason, one.addresses) for one in found.meanwhile}
    assert COUNT * (2 + events) == found.runs, "one run makes it, one tells that it is there, none in between"
    assert found.looks <= LOOK["read"].per_second * found.waited + LOOK["read"].burst


def test_those_who_wait_stay_together_though_the_queue_hands_out_few_messages_at_once() -> None:
    """SQS promises no batch of any size; alone, each would soon cost a call of its own."""
    found = wait_for_gateways(COUNT, 60.0, batch=3)

    assert max(found.late.values()) <= BUDGET
    assert found.looks <= 2 * found.waited
