"""What ends in the dead-letter queue, with the emulated SQS and event source: only runs without progress."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from emulators.aws.account import Account
from emulators.aws.event_source import EventSource
from emulators.aws.inprocess import strict_aws
from functions import later, reconcile, wiring
from functions.queue import SqsQueue
from functions.wiring import Settings
from providers.memory import MemoryCloud, MemoryProvider
from reconciler.errors import Throttled
from reconciler.events import from_text
from tests.builders import CLUSTER, gateway, gateway_class, route, with_service
from tests.fakes import FakeCluster, trigger

PATIENCE = 60.0


class Deployment:
    """The queues of an account, with the functions behind them; a message is received so often at most."""

    def __init__(self, account: Account, stack: ExitStack, most: int) -> None:
        self.most, self.receives = most, list[int]()
        self.cloud, self.cluster = MemoryCloud(), FakeCluster()
        self.cluster.put(gateway_class(), gateway(), route(), *with_service())
        self.sqs = account.client("sqs")
        fifo = {"FifoQueue": "true", "VisibilityTimeout": "30"}
        self.dead = self._queue("dead.fifo", fifo)
        arn = self.sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(most)})
        self.fifo, self.later = self._queue("fifo.fifo", {**fifo, "RedrivePolicy": redrive}), self._queue("later", {})
        clusters: Any = {CLUSTER: self.cluster}
        provider: Any = MemoryProvider(self.cloud)
        self.queue = SqsQueue(self.sqs, self.fifo, self.later)
        wiring.keep(wiring.Container(Settings(), provider, self.queue, wiring.Deadline(), clusters))
        stack.callback(wiring.keep, None)
        stack.enter_context(EventSource(self.sqs, self.fifo, self._reconcile, workers=1, retry_visibility=0))
        stack.enter_context(EventSource(self.sqs, self.later, later.handler, workers=1))

    def _queue(self, name: str, attributes: dict[str, str]) -> str:
        return str(self.sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def _reconcile(self, event: dict[str, Any], context: object) -> Any:
        (record,) = event["Records"]
        self.receives.append(int(record["attributes"]["ApproximateReceiveCount"]))
        return reconcile.handler(event, context)

    def dead_letters(self) -> list[str]:
        """Return the Gateways whose triggers are in the dead-letter queue; leaves them there."""
        answer = self.sqs.receive_message(QueueUrl=self.dead, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [from_text(one["Body"]).name for one in answer.get("Messages", ())]

    def programmed(self) -> bool:
        """Return whether all conditions of the Gateway and of its Route are True."""
        told = self.cluster.get("Gateway", "infra", "gw").get("status", {}).get("conditions", [])
        parents = self.cluster.get("HTTPRoute", "a", "web").get("status", {}).get("parents", [])
        every = [*told, *(one for parent in parents for one in parent["conditions"])]
        return bool(told and parents) and all(one["status"] == "True" for one in every)

    def refuse(self, which: Callable[[int], bool]) -> None:
        """Let the cloud be throttled at some calls, counted from 1."""
        numbers = itertools.count(1)

        def strike(_: str) -> None:
            if which(next(numbers)):
                raise Throttled("slow down")

        self.cloud.on_call = strike

    def wait(self, until: Callable[[], bool]) -> None:
        """Wait until something is true, at most `PATIENCE` seconds."""
        deadline = time.monotonic() + PATIENCE
        while not until():
            assert time.monotonic() < deadline, f"receives so far: {self.receives}"
            time.sleep(0.05)


@pytest.fixture
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    with strict_aws() as account, ExitStack() as stack:
        yield Deployment(account, stack, request.param)


@pytest.mark.parametrize("deployment", [5], indirect=True)
def test_a_run_that_fails_at_its_first_call_five_times_is_a_dead_letter(deployment: Deployment) -> None:
    deployment.refuse(lambda _: True)
    deployment.queue.send(trigger())

    deployment.wait(lambda: bool(deployment.dead_letters()))

    assert ["gw"] == deployment.dead_letters()
    assert [1, 2, 3, 4, 5] == deployment.receives
    assert ("False", "Pending") == deployment.cluster.conditions("Gateway", "infra", "gw")["Programmed"]


@pytest.mark.parametrize("deployment", [2], indirect=True)
def test_a_run_that_fails_each_time_after_some_progress_never_is(deployment: Deployment) -> None:
    """More runs than the queue would forgive, one write each, and every one of them is acknowledged."""
    deployment.refuse(lambda number: number % 2 == 0)
    deployment.queue.send(trigger())

    deployment.wait(deployment.programmed)

    assert [] == deployment.dead_letters()
    assert {1} == set(deployment.receives)
    assert len(deployment.receives) > deployment.most
