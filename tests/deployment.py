"""A deployment on a virtual clock: two queues, some reconcile processes and forwarders, an emulated AWS that throttles.

Every process has a container, clients and limits of its own, as Lambda's have; only the clock is not real.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulators.aws.account import Account
from functions import later, reconcile, wiring
from functions.queue import SqsQueue
from functions.wiring import Settings
from providers.aws.limiter import LOOKERS, limits
from providers.aws.provider import AwsProvider
from reconciler.events import Trigger, from_text
from reconciler.gatewayapi.status import StatusUpdate
from tests.builders import CLUSTER
from tests.fakes import FakeCluster
from tests.virtual_queues import LONGEST_BATCH, Queue, Sqs, serve
from tests.virtual_time import VirtualTime

_INVOCATION = 0.05
"""Seconds that an invocation takes beyond its waits; so the next message is another process's."""
_POLL = 0.1
"""Seconds between two looks of an idle process at its queue."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a Gateway's status said after a write, and when."""

    time: float
    name: str
    programmed: str
    reason: str
    addresses: tuple[str, ...]


@dataclass
class WatchedCluster(FakeCluster):
    """A cluster in memory that notes what Gateways' statuses say."""

    now: Callable[[], float] = lambda: 0.0
    said: list[Said] = field(default_factory=list)

    def write_status(self, updates: Sequence[StatusUpdate]) -> int:
        """Write, and note."""
        count = super().write_status(updates)
        for kind, namespace, name in self.objects:
            if kind == "Gateway" and any((one.kind, one.name) == (kind, name) for one in updates):
                programmed, reason = self.conditions(kind, namespace, name)["Programmed"]
                found = self.get(kind, namespace, name)["status"].get("addresses") or ()
                addresses = tuple(one["value"] for one in found)
                self.said.append(Said(self.now(), name, programmed, reason, addresses))
        return count


@dataclass(frozen=True, slots=True)
class Context:
    """Lambda's context: only the deadline, in virtual seconds."""

    deadline: float
    now: Callable[[], float]

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds left."""
        return max(0, int((self.deadline - self.now()) * 1000))


class Deployment:
    """Functions, queues and a cluster around an account.

    `timeout`: seconds of one invocation; `batch`: messages that the `later` queue hands over at once.
    """

    def __init__(
        self, account: Account, *, concurrency: int = 4, timeout: float = 120.0, batch: int = LONGEST_BATCH
    ) -> None:
        account.prepare_network()
        self.account, self.timeout = account, timeout
        self.time = VirtualTime(account.clock)
        self.fifo, self.later = Queue(self.time.now, 6 * timeout), Queue(self.time.now, 6 * timeout)
        self.cluster = WatchedCluster(provider="aws", now=self.time.now)
        self.runs: list[tuple[Trigger, float]] = []
        self._settings = Settings(concurrency=concurrency)
        for _ in range(concurrency):
            self._serve(self.fifo, 1, self._reconcile)
        for _ in range(LOOKERS):
            self._serve(self.later, batch, later.handler)

    def send(self, trigger: Trigger) -> None:
        """Put a trigger on the FIFO queue, as the watcher does."""
        self._queue().send(trigger)

    def run(self, until: Callable[[], bool], longest: float) -> None:
        """Let time pass until something is true. Raises TimeoutError after `longest` virtual seconds."""
        try:
            self.time.run(until, longest)
        finally:
            wiring.keep(None)

    def _queue(self) -> SqsQueue:
        sqs: Any = Sqs({"fifo": self.fifo, "later": self.later})
        return SqsQueue(sqs, "fifo", "later")

    def _serve(self, queue: Queue, most: int, handler: Callable[[dict[str, Any], object], Mapping[str, Any]]) -> None:
        """Start a process that feeds a function from a queue."""
        container = self._container()

        def invoke(event: dict[str, Any]) -> Mapping[str, Any]:
            self.time.sleep(_INVOCATION)
            wiring.keep(container)
            return handler(event, Context(self.time.now() + self.timeout, self.time.now))

        def live() -> None:
            while True:
                if not serve(queue, most, invoke):
                    self.time.sleep(_POLL)

        self.time.spawn(live)

    def _reconcile(self, event: dict[str, Any], context: object) -> Mapping[str, Any]:
        self.runs.append((from_text(event["Records"][0]["body"]), self.time.now()))
        return reconcile.handler(event, context)

    def _container(self) -> wiring.Container:
        """Return what a fresh process has, its limits on the virtual clock."""
        deadline, ours = wiring.Deadline(), limits(self._settings.concurrency, 1.0)
        for limiter in (ours.reconcile, ours.look, ours.sweep):
            limiter.clock, limiter.sleep = self.time.now, self.time.sleep
        provider = AwsProvider(deadline, (), ours, self.time.now)
        clusters: Any = {CLUSTER: self.cluster}
        return wiring.Container(self._settings, provider, self._queue(), deadline, clusters)
