"""Law 5 in whole runs: after each effect of each call, every request is answered as before or as wanted.

A transition takes a Gateway from one random want to the next through `reconcile` and the strict AWS in this process; in
every third one the run is cut at a random write and another want arrives. What is right is told by `first_match` over
the wants; what happens, by an ALB evaluator over the account's state after every effect.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from emulators.aws.account import Account
from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.inprocess import strict_aws
from emulators.aws.journal import Entry
from emulators.aws.settings import Settings
from providers.aws.provider import AwsProvider
from reconciler.errors import TransientError
from reconciler.events import Cause, Seen
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.read import take_snapshot
from reconciler.ir import FixedResponse, Forward, LoadBalancer, Redirect, first_match
from reconciler.keys import GatewayKey
from reconciler.matches import Request
from reconciler.reconcile import Room, reconcile
from tests.aws_provider import provider_for
from tests.builders import CLUSTER, CONTROLLER
from tests.fakes import FakeCluster, trigger
from tests.proof.alb import Answer, Evaluator
from tests.proof.mutants import MUTANTS, Reorder, Reordered
from tests.proof.table import Counts, Share
from tests.proof.wants import PORTS, REQUESTS, SERVICE_BEHIND, SERVICE_OF, Want, edited, first_want

KEY = GatewayKey(CLUSTER, "infra", "gw")
TRANSITIONS = 500
CONTENDING = 0.75
CATCHING = 60
"""Transitions among which a wrong order has to show."""
type Answers = tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Misrouted:
    """A request that got an answer which neither configuration gives.

    Attributes:
        after: the call after whose effect it was seen.
    """

    seed: int
    after: str
    port: int
    request: Request
    old: Answer
    new: Answer
    now: Answer


@dataclass
class Told:
    """What transitions gave so far."""

    transitions: int = 0
    overlapping: int = 0
    cut: int = 0
    states: int = 0
    requests: int = 0
    misrouted: list[Misrouted] = field(default_factory=list)

    @property
    def besides(self) -> dict[str, int]:
        """Return the counts beside that of the transitions."""
        found = {"overlapping": self.overlapping, "cut in the middle": self.cut, "states": self.states}
        return found | {"requests evaluated": self.requests, "misrouted": len(self.misrouted)}


def wanted(want: Want, provider: AwsProvider) -> Answers:
    """Return the answers that the specification asks for, on all ports."""
    compiled = compile_ir(attach(take_snapshot(KEY, CONTROLLER, want.objects(), [], "v1.7.0"), provider))
    assert not compiled.rejections, compiled.rejections
    return tuple(_expected(compiled.lb, port, request) for port in PORTS for request in REQUESTS)


def _expected(lb: LoadBalancer, port: int, request: Request) -> Answer:
    frontend = next((one for one in lb.frontends if one.port == port), None)
    if frontend is None:
        return "closed"
    entry = first_match(frontend, request)
    match entry.action if entry else None:
        case None:
            return "404"
        case Forward(pools, error_share):
            assert not error_share
            shares = {str(lb.pool(one.pool).service).split(":")[0]: one.weight for one in pools}
            named = {name.removeprefix("service/"): weight for name, weight in shares.items()}
            total = sum(named.values())
            return " ".join(f"{name}:{weight / total:.3f}" for name, weight in sorted(named.items()) if weight)
        case Redirect(status, _, _, hostname):
            return f"redirect {hostname} HTTP_{status}"
        case FixedResponse(status):
            return str(status)
    raise AssertionError(f"no request is answered by {entry}")


class Stand:
    """One account, one Gateway, and the evaluation of every state it goes through."""

    def __init__(self, account: Account, seed: int, told: Told, reorder: Reorder | None = None) -> None:
        self.account, self.seed, self.told = account, seed, told
        self.provider = provider_for(CONTROLLER, rate=1000)
        self._room_provider: Any = Reordered(self.provider, reorder) if reorder else self.provider
        self.cluster = FakeCluster(provider="aws")
        self._evaluator = Evaluator(REQUESTS, SERVICE_OF | SERVICE_BEHIND)
        self._numbers = iter(range(1, 10**6))
        self._expect: tuple[Answers, Answers] | None = None

    def hold(self, want: Want, uid: str = "uid") -> None:
        """Let the cluster hold a want and nothing else; `uid` is the Gateway's."""
        for key in [key for key in self.cluster.objects if key[0] != "Gateway"]:
            del self.cluster.objects[key]
        self.cluster.put(*want.objects(uid))

    def run(self) -> None:
        """Reconcile until nothing is open, a bounded number of times. Raises ProcessCut."""
        seen = (Seen("HTTPRoute", "uid", "9"),)
        for _ in range(10):
            room = Room(self.cluster, self._room_provider, lambda: f"nonce{next(self._numbers)}")
            try:
                result = reconcile(trigger(cause=Cause.RELIST, seen=seen), room)
            except TransientError:
                continue
            if result.retry_after is None:
                return
        raise AssertionError(f"seed {self.seed} does not settle")

    def watched(self, old: Answers, new: Answers) -> None:
        """Compare every state from now on with two configurations."""
        self._expect = (old, new)
        self.account.after_write = self._look

    def answers(self) -> Answers:
        """Return what the account answers now, on all ports."""
        state = self.account.state()
        balancer = next(iter(state["loadBalancers"]), None)
        opened = _open_ports(state, balancer)
        found: list[Answer] = []
        for port in PORTS:
            found += self._evaluator.answers(balancer, state["targetGroups"], opened, port)
        return tuple(found)

    def _look(self, entry: Entry) -> None:
        assert self._expect is not None
        old, new = self._expect
        now = self.answers()
        self.told.states += 1
        self.told.requests += len(now)
        for index, answer in enumerate(now):
            if answer not in (old[index], new[index]):
                port, number = divmod(index, len(REQUESTS))
                wrong = Misrouted(
                    self.seed, entry.operation, PORTS[port], REQUESTS[number], old[index], new[index], answer
                )
                self.told.misrouted.append(wrong)


def _open_ports(state: Any, balancer: Any) -> frozenset[int]:
    rules = [rule for group in (balancer or {}).get("SecurityGroups", ()) for rule in state["securityGroups"][group]]
    return frozenset(
        port for port in PORTS for rule in rules if rule.get("FromPort", 0) <= port <= rule.get("ToPort", 0)
    )


def transition(account: Account, seed: int, told: Told, reorder: Reorder | None = None) -> None:
    """Play one transition; what it shows is added to `told`. Raises AssertionError if the end is not the want."""
    chance = Random(seed)  # noqa: S311 - chance, not a secret
    stand = Stand(account, seed, told, reorder)
    first = first_want(chance)
    stand.hold(first)
    stand.run()
    old = wanted(first, stand.provider)
    assert old == stand.answers(), f"seed {seed}: the first want is not served"
    second = next_want(stand, first, old, chance)
    told.transitions += 1
    told.overlapping += _contended(old, wanted(second, stand.provider))
    if seed % 3:
        _change(stand, old, second)
    else:
        told.cut += _cut(stand, chance, old, second)
        _change(stand, stand.answers(), edited(second, chance))


def next_want(stand: Stand, want: Want, old: Answers, chance: Random) -> Want:
    """Return another want; three in four are chosen so that old and new rules contend for the same host and path."""
    fresh = edited(want, chance)
    if chance.random() < CONTENDING:
        for _ in range(20):
            if _contended(old, wanted(fresh, stand.provider)):
                break
            fresh = edited(want, chance)
    return fresh


def _contended(old: Answers, new: Answers) -> bool:
    """Return whether some request is served before and after, but by different backends."""
    return any(one != other and not {one, other} & {"closed", "404"} for one, other in zip(old, new, strict=True))


def _change(stand: Stand, old: Answers, want: Want) -> None:
    new = wanted(want, stand.provider)
    stand.hold(want)
    stand.watched(old, new)
    stand.run()
    stand.account.after_write = lambda _: None
    if new != stand.answers():
        raise AssertionError(f"seed {stand.seed}: the want is not served in the end")


def _cut(stand: Stand, chance: Random, old: Answers, want: Want) -> bool:
    """Begin a change and die in the middle of it; return whether it came to that."""
    effect: Any = chance.choice(("before", "after"))
    stand.account.faults.add(Fault("cut", "write", "elbv2", nth=chance.randint(1, 6), effect=effect))
    try:
        _change(stand, old, want)
    except ProcessCut:
        return True
    finally:
        stand.account.after_write = lambda _: None
        stand.account.faults.clear()
    return False


def play(share: Share) -> Counts:
    """Play a share of the transitions."""
    return play_seeds(share.part(range(TRANSITIONS)))


def play_seeds(seeds: Iterable[int], reorder: Reorder | None = None) -> Counts:
    """Play transitions by their seeds, each in a fresh account."""
    told = Told()
    failures: list[str] = []
    for seed in seeds:
        try:
            with strict_aws(Settings(virtual_clock=True)) as account:
                account.prepare_network()
                transition(account, seed, told, reorder)
        except AssertionError as error:
            failures.append(str(error))
    failures += map(str, told.misrouted)
    if 2 * told.overlapping < told.transitions:
        failures.append(f"only {told.overlapping} of {told.transitions} transitions overlap in host and path")
    return Counts(told.transitions, tuple(failures), told.besides)


def play_mutants(share: Share) -> Counts:
    """Play the wrong orders, a case each: every one must misroute in some of the first transitions."""
    told = {name: caught(mutant) for name, mutant in share.part(MUTANTS.items())}
    return Counts(len(told), tuple(f"{name} is caught by no transition" for name, seed in told.items() if seed is None))


def caught(mutant: Reorder) -> int | None:
    """Return the first transition in which a wrong order misroutes, if any of the first does."""
    return next((seed for seed in range(CATCHING) if play_seeds([seed], mutant).told["misrouted"]), None)
