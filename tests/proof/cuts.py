"""Law 4 in whole runs: a fault at every call of every story, then the same, another or the old want; one end for all.

A story leads from one want to the next. Its uncut run has n calls; for each of them and each fault, a Gateway stands at
the first want, the fault strikes, and runs follow as the queue would bring them. The account must end as one that was
led to the last want without any fault; what is not ours must be as it was, to the byte; one more run writes nothing.

A death is followed at once, the harder case for an account that is not yet consistent; any other fault when the queue
gives the message back. Where two faults leave account and cluster the same at the same time, but for ids and the
times at which things were made, what follows is the same as well, and is played once.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from emulators.aws.account import Account
from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.inprocess import strict_aws
from emulators.aws.journal import CLOUD
from emulators.aws.settings import Settings
from kube.certificates import facts_of, key_pair_of
from providers.aws.clients import ATTEMPTS
from providers.aws.names import GATEWAY
from reconciler.errors import TransientError
from reconciler.events import Cause, Seen, Trigger
from reconciler.reconcile import Room, reconcile
from tests.aws_account import open_bucket
from tests.builders import CLUSTER
from tests.fakes import FakeCluster, trigger
from tests.proof.clock import provider_in, virtual_time
from tests.proof.foreign import settle_others
from tests.proof.fork import fork
from tests.proof.picture import Plain, as_text, at_rest, difference, of_others, pictured, raw
from tests.proof.stories import SERVICES, Story, Want, stories
from tests.proof.table import Counts, Share

FAULTS: Mapping[str, Fault] = {
    "throttle": Fault("throttle", count=ATTEMPTS),
    "500": Fault("500", count=ATTEMPTS),
    "503": Fault("503", count=ATTEMPTS),
    "HTML 500": Fault("html500", count=ATTEMPTS),
    "timeout before": Fault("timeout", count=ATTEMPTS),
    "timeout after": Fault("timeout", count=ATTEMPTS, effect="after"),
    "one timeout after": Fault("timeout", effect="after"),
    "500 after": Fault("500", effect="after"),
    "reset": Fault("reset", count=ATTEMPTS),
    "reset after": Fault("reset", effect="after"),
    "death before": Fault("cut"),
    "death after": Fault("cut", effect="after"),
}
"""As many answers in a row as the SDK tries, or a single one, after which the SDK meets the effect of its first try."""
_OF_READS = tuple(name for name in FAULTS if not name.endswith(" after"))
"""A read has no effect for a fault to come after."""
THEN = ("same", "other", "old")
HOUR = 3600.0
REDELIVERED = 360.0
"""Seconds until a queue gives a message back, from when it was taken."""
_EVENT = trigger(seen=(Seen("HTTPRoute", "uid", "9"),), services=tuple(f"a/{name}" for name in SERVICES))


@dataclass(frozen=True, slots=True)
class Case:
    """One fault, and what may be wanted after it: the `same`, an `other` or the `old`."""

    nth: int
    fault: str
    thens: tuple[str, ...] = THEN

    def __str__(self) -> str:
        return f"{self.fault} at call {self.nth}"


@dataclass
class Bench:
    """One account with things of others in it, and one Gateway that is led through a story."""

    account: Account
    story: Story
    before: Plain = field(default_factory=dict)
    writes: list[bool] = field(default_factory=list)
    expected: dict[str, Plain] = field(default_factory=dict)
    cluster: FakeCluster = field(default_factory=lambda: FakeCluster(provider="aws"))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _followed: dict[str, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settle_others(self.account)
        self.provider = provider_in(self.account, open_bucket(self.account) if self.story.trusts else "")
        self.sweeper = provider_in(self.account)
        self.before = self._look()
        self._lead_to(self.story.first)
        if self.story.crowded:
            _crowd(self.account)
        self.writes = json.loads(fork(self._uncut))
        self.expected = {then: json.loads(fork(partial(self._straight, self.final(then)))) for then in THEN}

    def final(self, then: str) -> Want | None:
        """Return what is wanted in the end."""
        return {"same": self.story.second, "other": self.story.other, "old": self.story.first}[then]

    def play(self, case: Case) -> tuple[str, ...]:
        """Play a case, once for each want after it, in worlds of their own; return what is wrong."""
        state, found = json.loads(fork(partial(self._play, case)))
        verdicts: dict[str, str] = self._followed.setdefault(state, {})
        verdicts |= found
        return tuple(f"{case}, then the {then} want: {what}" for then in case.thens if (what := verdicts[then]))

    @property
    def calls(self) -> int:
        """How many calls the uncut run makes."""
        return len(self.writes)

    def _uncut(self) -> str:
        """Return of each call of the uncut run whether it is a write."""
        self.account.journal.reset()
        self._hold(self.story.second)
        self._run(_EVENT)
        return json.dumps([one.write for one in self.account.journal.entries() if one.service in CLOUD])

    def _straight(self, want: Want | None) -> str:
        """Return how all looks after a straight way to a want, from nothing."""
        self._lead_to(None)
        assert difference(pictured(self.before), pictured(self._look())) == "", "a deletion leaves something"
        self._lead_to(want)
        return json.dumps(self._picture(self._look()))

    def _play(self, case: Case) -> str:
        self._hold(self.story.second)
        fault = FAULTS[case.fault]
        self.account.faults.add(Fault(fault.kind, nth=case.nth, count=fault.count, effect=fault.effect))
        taken = self.account.clock.now()
        with suppress(ProcessCut, TransientError):
            self._run(_EVENT)
        self.account.faults.clear()
        if fault.kind != "cut":
            self.account.clock.advance(max(0.0, taken + REDELIVERED - self.account.clock.now()))
        state = self._state()
        known = self._followed.get(state, {})
        return json.dumps((state, {one: fork(partial(self._follow, one)) for one in case.thens if one not in known}))

    def _state(self) -> str:
        """Return a digest of all that makes a difference to what follows, the time included."""
        objects = as_text({"/".join(key): _unsaid(item) for key, item in self.cluster.objects.items()})
        seen = (at_rest(raw(self.account)), objects, self._numbers, round(self.account.clock.now(), 3))
        return hashlib.blake2b(repr(seen).encode(), digest_size=16).hexdigest()

    def _follow(self, then: str) -> str:
        """Return what is wrong when the runs after the fault have come to their end."""
        self._lead_to(self.final(then))
        return self._wrong(self.expected[then])

    def _wrong(self, expected: Plain) -> str:
        if wrote := [*self._idle(_EVENT), *self._idle(trigger(cause=Cause.DEEP))]:
            return f"a run with nothing to do writes {wrote}"
        found = self._look()
        theirs = of_others(found, self.before)
        if as_text(theirs) != as_text(self.before):
            return f"what others own is another: {difference(self.before, theirs)}"
        return difference(expected, self._picture(found))

    def _idle(self, one: Trigger) -> list[str]:
        """Return what a run writes, to cloud and cluster."""
        self.account.journal.reset()
        self.cluster.writes.clear()
        self._run(one)
        return [*(entry.operation for entry in self.account.journal.writes()), *self.cluster.writes]

    def _picture(self, found: Plain) -> Plain:
        gateway = self.cluster.objects.get(("Gateway", "infra", "gw"))
        conditions = gateway["status"]["conditions"] if gateway else []
        told = [{key: one[key] for key in ("type", "status", "reason", "message")} for one in conditions]
        return pictured(found) | {"conditions": told}

    def _look(self) -> Plain:
        """Return the account, when targets have drained and certificates that no listener uses are swept.

        Certificates alone: without a bucket the sweep removes no object that a run should have removed.
        """
        self.account.clock.advance(HOUR)
        if self.story.secrets:
            with self.account.journal.silent():
                self.sweeper.sweep(CLUSTER, lambda *_: True, 0.0, self.account.clock.now())
        return raw(self.account)

    # --- the cluster ---

    def _lead_to(self, want: Want | None) -> None:
        """Let the cluster hold a want, and run as the queue would; a Gateway that is going goes first."""
        gateway = self.cluster.objects.get(("Gateway", "infra", "gw"))
        if gateway and gateway["metadata"].get("deletionTimestamp"):
            self._settle()
        self._hold(want)
        self._settle()

    def _hold(self, want: Want | None) -> None:
        """Let the cluster hold a want and nothing else; a Gateway that is not wanted is deleted as users do it."""
        for key in list(self.cluster.objects):
            if key[0] == "Gateway" and want is None:
                self.cluster.remove(*key)
            elif key[0] == "HTTPRoute":
                del self.cluster.objects[key]
        if want is not None:
            self.cluster.put(*want.objects)
            now = datetime.now(UTC)
            self.cluster.certificates = [facts_of(one, now) for one in want.secrets]
            self.cluster.bundles = list(want.authorities)
            self.cluster.pairs = {facts_of(one, now).ref: key_pair_of(one)[0] for one in want.secrets}

    def _run(self, one: Trigger) -> float | None:
        room = Room(self.cluster, self.provider, lambda: f"nonce{next(self._numbers)}")
        return reconcile(one, room).retry_after

    def _settle(self) -> None:
        """Run as the queue would: again after every transient failure and every look-again, a bounded number."""
        for _ in range(40):
            try:
                again = self._run(_EVENT)
            except TransientError:
                again = 1.0
            if again is None:
                return
            self.account.clock.advance(again)
        raise AssertionError("it does not settle")


def _unsaid(value: Any) -> Any:
    """Return an object without the messages of conditions that are not True, which no run reads, and without times."""
    if isinstance(value, list):
        return [_unsaid(item) for item in value]
    if not isinstance(value, dict):
        return value
    said = {"lastTransitionTime"} | ({"message"} if value.get("status") in ("False", "Unknown") else set())
    return {name: _unsaid(item) for name, item in value.items() if name not in said}


def _crowd(account: Account) -> None:
    """Renumber all rules without any gap."""
    elbv2 = account.client("elbv2")
    (balancer,) = [one for one in account.state()["loadBalancers"] if one["Tags"].get(GATEWAY) == "infra/gw"]
    with account.journal.silent():
        for listener in balancer["Listeners"]:
            arns = [one["RuleArn"] for one in listener["Rules"] if not one["IsDefault"]]
            pairs = [{"RuleArn": arn, "Priority": number} for number, arn in enumerate(arns, 1)]
            elbv2.set_rule_priorities(RulePriorities=pairs)


@contextmanager
def open_bench(story: Story) -> Iterator[Bench]:
    """Open a fresh account at the beginning of a story; whatever pauses there passes on its clock."""
    with strict_aws(Settings(virtual_clock=True)) as account, virtual_time(account):
        yield Bench(account, story)


def every_case(bench: Bench) -> Iterator[Case]:
    """Yield every case of a story."""
    for nth, write in enumerate(bench.writes, 1):
        for fault in FAULTS if write else _OF_READS:
            yield Case(nth, fault)


def sampled(bench: Bench) -> Iterator[Case]:
    """Yield for each write and every fourth read one fault and one want, so that in the end all have their turn."""
    faults, start = tuple(FAULTS), len(bench.story.name)
    for nth, write in enumerate(bench.writes, 1):
        if write or (start + nth) % 4 == 0:
            yield Case(nth, faults[(start + nth) % len(faults)], (THEN[(start + nth // 2) % len(THEN)],))


def play_all(bench: Bench, cases: Iterable[Case]) -> Counts:
    """Play cases of a story; each counts once for each want after it."""
    played = [(len(case.thens), bench.play(case)) for case in cases]
    failures = tuple(f"{bench.story.name}, {what}" for _, wrong in played for what in wrong)
    return Counts(sum(count for count, _ in played), failures)


def play(share: Share) -> Counts:
    """Play a share of all cases, all of one story. Raises ValueError unless every story has equally many shares."""
    told = stories()
    if share.of % len(told):
        raise ValueError(f"{share.of} shares are not equally many for each of {len(told)} stories")
    with open_bench(told[share.index % len(told)]) as bench:
        part = Share(share.index // len(told), share.of // len(told))
        return play_all(bench, part.part(every_case(bench)))
