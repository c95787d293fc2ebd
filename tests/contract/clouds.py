"""The clouds that the contract is held against: one door each to act, cut and look."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from emulators.aws.account import Account
from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.inprocess import strict_aws
from providers import provider_for
from providers.memory import MemoryCloud, MemoryProvider
from reconciler.ports import Provider
from tests.builders import CONTROLLER


class Crash(Exception):
    """The process ended in the middle."""


class Cloud(Protocol):
    """What the contract asks of a cloud under test."""

    name: str

    def provider(self) -> Provider:
        """Return a provider as a fresh process would make it."""

    def writes(self) -> list[str]:
        """Return the writes since the last `forget`."""

    def forget(self) -> None:
        """Forget the calls so far."""

    def cut(self, nth: int, *, after: bool) -> None:
        """Let the nth write from now end the process, before or after its effect."""

    def refuse(self, nth: int, kind: str) -> None:
        """Let the nth write from now be answered `throttle` or `500`."""

    def heal(self) -> None:
        """No more faults."""

    def empty(self) -> bool:
        """Return whether nothing of ours that carries traffic or costs money is left."""

    def pass_time(self) -> None:
        """Let pending changes of the cloud come true."""


@dataclass
class Memory:
    """The reference provider's cloud."""

    name: str = "memory"
    cloud: MemoryCloud = field(default_factory=MemoryCloud)

    def provider(self) -> Provider:
        """Return a provider."""
        return MemoryProvider(self.cloud)

    def writes(self) -> list[str]:
        """Every call is a write."""
        return list(self.cloud.calls)

    def forget(self) -> None:
        """Forget."""
        self.cloud.calls.clear()

    def cut(self, nth: int, *, after: bool) -> None:
        """Crash at the nth call."""
        self._strike(nth, Crash(), after=after)

    def refuse(self, nth: int, kind: str) -> None:
        """Answer the nth call with an error of ours, as a real cloud's would be translated."""
        from reconciler.errors import Throttled, Unavailable

        error = Throttled("slow down") if kind == "throttle" else Unavailable("no answer")
        self._strike(nth, error, after=False)

    def _strike(self, nth: int, error: Exception, *, after: bool) -> None:
        count = itertools.count(1)

        def strike(_: str) -> None:
            if next(count) == nth:
                raise error

        self.heal()
        if after:
            self.cloud.after_call = strike
        else:
            self.cloud.on_call = strike

    def heal(self) -> None:
        """No more faults."""
        self.cloud.on_call = self.cloud.after_call = lambda _: None

    def empty(self) -> bool:
        """Return whether nothing is held."""
        return not self.cloud.held

    def pass_time(self) -> None:
        """Nothing is ever pending."""


@dataclass
class Aws:
    """The emulated AWS account, in this process."""

    account: Account
    name: str = "aws"

    def provider(self) -> Provider:
        """Return a provider with clients of its own."""
        return provider_for(CONTROLLER, rate=1000)

    def writes(self) -> list[str]:
        """Return the writes to load balancing, EC2 and ACM."""
        return [entry.operation for entry in self.account.journal.writes()]

    def forget(self) -> None:
        """Forget the journal."""
        self.account.journal.reset()

    def cut(self, nth: int, *, after: bool) -> None:
        """Let the caller's process die at the nth write."""
        self.account.faults.add(Fault("cut", "write", nth=nth, effect="after" if after else "before"))

    def refuse(self, nth: int, kind: str) -> None:
        """Answer the nth write, and every retry of the SDK, with an error."""
        known = {"throttle": "throttle", "500": "500"} | {"timeout": "reset"}
        self.account.faults.add(Fault(known[kind], "write", nth=nth, count=10))  # type: ignore[arg-type]

    def heal(self) -> None:
        """No more faults."""
        self.account.faults.clear()

    def empty(self) -> bool:
        """Return whether no load balancer and no target group is left."""
        state = self.account.state()
        return not state["loadBalancers"] and not state["targetGroups"]

    def pass_time(self) -> None:
        """Nothing is pending: the account answers at once."""


@contextmanager
def open_cloud(name: str) -> Iterator[Cloud]:
    """Open a fresh, empty cloud."""
    if name == "memory":
        yield Memory()
        return
    with strict_aws() as account:
        account.prepare_network()
        yield Aws(account)


CRASHES = (Crash, ProcessCut)
