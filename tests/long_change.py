"""A change of two hundred writes that takes several invocations: what tests and `make bench` count."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from emulators.aws.account import Account
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from providers import provider_for
from reconciler.events import Seen
from reconciler.reconcile import Room, reconcile
from tests.builders import (
    CONTROLLER,
    backend,
    config,
    config_ref,
    exact,
    gateway,
    gateway_class,
    prefix,
    route,
    rule,
    with_service,
)
from tests.deployment import Deployment
from tests.fakes import trigger

HOSTS = 100
SAMPLE = 10
"""Hosts whose requests are asked after every write."""
_STEP = 0.1
_PATIENCE = 1000.0
type Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Watched:
    """Requests asked in so many states of the load balancer.

    Attributes:
        turned: how many have another answer in the end.
        wrong: which were meanwhile answered neither as before nor as wanted.
    """

    states: int
    turned: int
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened.

    Attributes:
        runs: invocations that the change took; `writes` of each.
        repeated: writes made more than once with the same parameters.
        traffic: what was asked between the writes.
        most_receives: of any message; `dead`: dead letters; `left`: messages still on a queue.
        rules: on the listener in the end; `throttled`: calls that AWS refused for their rate.
    """

    runs: int
    writes: tuple[int, ...]
    repeated: tuple[str, ...]
    traffic: Watched
    most_receives: int
    dead: int
    left: int
    rules: int
    throttled: int


@dataclass
class Traffic:
    """Asks the same requests after every write, and remembers who answered."""

    account: Account
    seen: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    states: int = 0
    _version: int = -1

    def ask(self) -> None:
        """Ask, if anything was written since the last time."""
        version = len(self.account.journal.writes())
        if version == self._version:
            return
        self._version, self.states = version, self.states + 1
        rules = _rules(self.account)
        for number in range(0, HOSTS, HOSTS // SAMPLE):
            for path in (f"/p{number}", f"/p{number}/x", "/elsewhere"):
                request = (f"h{number}.example.com", path)
                self.seen.setdefault(request, set()).add(_answer(rules, *request))

    def since(self) -> dict[tuple[str, str], set[str]]:
        """Return all answers since the last time, and begin anew."""
        found, self.seen, self.states, self._version = self.seen, {}, 0, -1
        return found


def change_everything(timeout: float) -> Figures:
    """Replace a hundred rules by a hundred others, in invocations of `timeout` seconds, at three writes a second."""
    with strict_aws(Settings(virtual_clock=True)) as account:
        account.limits.set("rules-per-application-load-balancer", 2 * HOSTS + 1)
        deployment = Deployment(account, concurrency=1, timeout=timeout)
        traffic = Traffic(account)
        cluster = deployment.cluster
        cluster.put(*_around(), *_routes(exact, "before"))
        reconcile(trigger(), Room(cluster, provider_for(CONTROLLER, rate=1000), lambda: "nonce"))
        account.throttle.enabled = True
        traffic.ask()
        before = traffic.since()
        cluster.put(*_routes(prefix, "after"))
        account.journal.reset()
        deployment.time.spawn(lambda: _watch(deployment, traffic))
        deployment.send(trigger(seen=(Seen("HTTPRoute", "uid-a-r0", "9"),)))
        deployment.run(lambda: _done(deployment), _PATIENCE)
        states, during = traffic.states, traffic.since()
        traffic.ask()
        after = traffic.since()
        turned = sum(before[request] != after[request] for request in before)
        return _figures(deployment, Watched(states, turned, tuple(_wrong(before, during, after))))


def _around() -> Iterator[Plain]:
    yield gateway_class(parametersRef=config_ref())
    yield config({"aws": {"quotas": {"rulesPerLoadBalancer": 2 * HOSTS + 1}}})
    yield gateway()
    for name in ("before", "after"):
        yield from with_service(name, "a")


def _routes(match: Callable[[str], Plain], service: str) -> list[Plain]:
    """Return Routes of which each makes a rule of its own: with one path for all, some would share."""
    return [
        route(
            f"r{number}",
            "a",
            [rule(backend(service), matches=[match(f"/p{number}")])],
            [f"h{number}.example.com"],
        )
        for number in range(HOSTS)
    ]


def _watch(deployment: Deployment, traffic: Traffic) -> None:
    while True:
        traffic.ask()
        deployment.time.sleep(_STEP)


def _rules(account: Account) -> list[Mapping[str, Any]]:
    """Return the rules of the only listener, the first to be asked first."""
    balancers = account.state()["loadBalancers"]
    found = [one for balancer in balancers for listener in balancer["Listeners"] for one in listener["Rules"]]
    return sorted((one for one in found if not one["IsDefault"]), key=lambda one: int(one["Priority"]))


def _answer(rules: list[Mapping[str, Any]], host: str, path: str) -> str:
    """Return the target group that a request reaches, "" for the listener's default."""
    text = {"host-header": host, "path-pattern": path}
    for one in rules:
        if all(_takes(condition, text[condition["Field"]]) for condition in one["Conditions"]):
            return str(one["Actions"][0].get("TargetGroupArn", ""))
    return ""


def _takes(condition: Mapping[str, Any], text: str) -> bool:
    (found,) = [value for name, value in condition.items() if name.endswith("Config")]
    plain = any(fnmatchcase(text, value) for value in found.get("Values", ()))
    return plain or any(re.search(value, text) for value in found.get("RegexValues", ()))


def _done(deployment: Deployment) -> bool:
    return bool(deployment.runs) and not deployment.fifo.messages and not deployment.later.messages


def _wrong(*answers: Mapping[tuple[str, str], set[str]]) -> Iterator[str]:
    before, during, after = answers
    for request, found in during.items():
        if strangers := found - before[request] - after[request]:
            yield f"{request} was answered by {strangers}"


def _figures(deployment: Deployment, traffic: Watched) -> Figures:
    journal = deployment.account.journal
    writes = journal.writes()
    starts = [start for _, start in deployment.runs]
    ends = [*starts[1:], float("inf")]
    queues = (deployment.fifo, deployment.later)
    made = Counter(f"{one.operation} {one.parameters}" for one in writes)
    return Figures(
        runs=len(starts),
        writes=tuple(sum(start <= one.time < end for one in writes) for start, end in zip(starts, ends, strict=True)),
        repeated=tuple(what for what, count in made.items() if count > 1),
        traffic=traffic,
        most_receives=max(count for queue in queues for count in queue.receives),
        dead=sum(len(queue.dead) for queue in queues),
        left=sum(len(queue.messages) for queue in queues),
        rules=len(_rules(deployment.account)),
        throttled=sum(one.error == "ThrottlingException" for one in journal.entries()),
    )
