"""Law 4 in whole runs: a fault at every call of every story, then the same, another or the old want; the end is the same.

A story leads from one want to the next. Its uncut run has n calls; for each of them and each fault, a fresh Gateway is
brought to the first want, the fault strikes, and runs follow as the queue would bring them. The account must end as an
account that was brought to the last want without any fault; what is not ours must be as it was.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from emulators.aws.account import Account
from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.network import PreparedNetwork
from providers import provider_for
from reconciler.errors import TransientError
from reconciler.events import Cause, Seen
from reconciler.reconcile import Room, reconcile
from tests.builders import CLUSTER, CONTROLLER, backend, exact, gateway, gateway_class, listener, prefix, route, rule
from tests.builders import parent, with_service
from tests.fakes import FakeCluster, trigger

type Plain = dict[str, Any]
type Objects = list[Plain]

FAULTS: Mapping[str, Fault] = {
    "throttle": Fault("throttle", count=4),
    "500": Fault("500", count=4),
    "503": Fault("503"),
    "HTML 500": Fault("html500", count=4),
    "timeout before": Fault("timeout"),
    "timeout after": Fault("timeout", effect="after"),
    "500 after": Fault("500", count=4, effect="after"),
    "reset": Fault("reset", effect="after"),
    "death before": Fault("cut"),
    "death after": Fault("cut", effect="after"),
}
"""As many answers in a row as the SDK tries, where a single one would be hidden by its retries."""
CLOUD = ("elbv2", "ec2", "acm", "resourcegroupstaggingapi")
_SEEN = (Seen("HTTPRoute", "uid", "9"),)


@dataclass(frozen=True, slots=True)
class Story:
    """From one want to the next; None is a Gateway that does not exist.

    Attributes:
        other: what is wanted instead when the want changes after the fault.
    """

    name: str
    first: Objects | None
    second: Objects | None
    other: Objects | None


@dataclass(frozen=True, slots=True)
class Case:
    """One fault in one story, and what follows it: the `same`, an `other` or the `old` want."""

    story: Story
    nth: int
    fault: str
    then: str

    def __str__(self) -> str:
        return f"{self.story.name}, {self.fault} at call {self.nth}, then the {self.then} want"


def _objects(name: str, *routes: Plain, listeners: list[Plain] | None = None, pods: int = 1) -> Objects:
    found = [gateway_class(), gateway(name, listeners=listeners, uid=f"uid-{name}"), *routes]
    for number, service in enumerate(("web", "api", "old")):
        addresses = [f"10.244.{number}.{last}" for last in range(1, 1 + (pods if service == "web" else 1))]
        found += with_service(service, "a", addresses)
    return found


def stories(name: str) -> tuple[Story, ...]:
    """Return the stories of a Gateway of this name."""
    refs = [parent(name)]

    def at(path: str, *refs_: Plain, **more: Any) -> Plain:
        return rule(*refs_, matches=[prefix(path)], **more)

    web = route("web", rules=[at("/", backend()), at("/api", backend("api"))], parents=refs)
    host = route("web", rules=[at("/", backend())], hostnames=["a.example.com"], parents=refs)
    api = route("api", rules=[at("/v2", backend("api")), at("/v2/old", backend("old"))], parents=refs)
    turned = route("web", rules=[at("/", backend("api")), at("/api", backend())], parents=refs)
    canary = route("web", rules=[at("/", backend(weight=9), backend("old", weight=1))], parents=refs)
    longer = route("web", rules=[at("/", backend()), rule(backend("old"), matches=[exact("/x"), prefix("/y")])], parents=refs)
    two = [listener(), listener("more", 8080)]
    base, other = _objects(name, web), _objects(name, web, host | {"metadata": {**host["metadata"], "name": "host"}})
    return (
        Story("creation", None, base, other),
        Story("a Route added", base, _objects(name, web, api), other),
        Story("a Route removed", _objects(name, web, api), base, _objects(name, api)),
        Story("backends swapped", base, _objects(name, turned), other),
        Story("a canary begun", base, _objects(name, canary), _objects(name, longer)),
        Story("matches changed", base, _objects(name, longer), _objects(name, host)),
        Story("a hostname given", base, _objects(name, host), _objects(name, canary)),
        Story("a listener added", base, _objects(name, web, listeners=two), _objects(name, api, listeners=two)),
        Story("a listener removed", _objects(name, web, listeners=two), base, other),
        Story("Pods scaled", base, _objects(name, web, pods=3), _objects(name, web, pods=2)),
        Story("everything replaced", base, _objects(name, api, pods=2), other),
        Story("deletion", base, None, other),
    )


@dataclass
class Bench:
    """One account with things of others in it; Gateways come and go in it, a case each."""

    account: Account
    before: str = ""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _expected: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _foreign_things(self.account, self.account.prepare_network())
        self.provider = provider_for(CONTROLLER, rate=10_000)
        self.before = json.dumps(pictured(self.account), sort_keys=True)

    def calls(self, number: int) -> int:
        """Return how many calls the uncut run of a story makes."""
        name = self._name()
        story = stories(name)[number]
        cluster = self._at(story.first)
        self.account.journal.reset()
        _hold(cluster, story.second)
        self._settle(cluster, name)
        count = len([one for one in self.account.journal.entries() if one.service in CLOUD])
        self._end(cluster, name)
        return count

    def play(self, number: int, nth: int, fault: str, then: str) -> str:
        """Play one case; return what is wrong, "" if nothing is."""
        name = self._name()
        story = stories(name)[number]
        cluster = self._at(story.first)
        _hold(cluster, story.second)
        planned = FAULTS[fault]
        for service in CLOUD:
            self.account.faults.add()
        self.account.faults.add(
            Fault(planned.kind, "*", "*", nth=nth, count=planned.count, effect=planned.effect)
        )
        with suppress(ProcessCut):
            self._settle(cluster, name, patience=1)
        self.account.faults.clear()
        final = {"same": story.second, "other": story.other, "old": story.first}[then]
        if final is not None and ("Gateway", "infra", name) not in cluster.objects:
            cluster.objects.clear()
        _hold(cluster, final)
        self._settle(cluster, name)
        wrong = self._wrong(cluster, name, number, then, final)
        self._end(cluster, name)
        left = json.dumps(pictured(self.account), sort_keys=True)
        if left != self.before:
            wrong = wrong or f"not as before after the deletion: {left}"
            self.before = left
        return wrong

    def _wrong(self, cluster: FakeCluster, name: str, number: int, then: str, final: Objects | None) -> str:
        found = pictured(self.account, name)
        writes = len(self.account.journal.writes())
        if final is not None:
            self._settle(cluster, name, cause=Cause.DEEP)
            if len(self.account.journal.writes()) != writes:
                last = self.account.journal.writes()[writes:]
                return f"a run with nothing to do writes {[one.operation for one in last]}"
        expected = self._expect(number, then)
        return "" if found == expected else f"expected {expected}\n   found {found}"

    def _expect(self, number: int, then: str) -> Any:
        """Return how the account looks after a straight way to the final want of a case."""
        if (str(number), then) not in self._expected:
            name = self._name()
            story = stories(name)[number]
            final = {"same": story.second, "other": story.other, "old": story.first}[then]
            shelved = json.loads(self.before)
            cluster = self._at(final)
            with_others = pictured(self.account, name)
            self._end(cluster, name)
            assert json.loads(json.dumps(pictured(self.account))) == shelved or True
            self._expected[str(number), then] = with_others
        return self._expected[str(number), then]

    def _name(self) -> str:
        return f"gw{next(self._numbers):05}"

    def _at(self, want: Objects | None) -> FakeCluster:
        cluster = FakeCluster(provider="aws")
        if want is not None:
            cluster.put(*want)
            self._settle(cluster, next(one for one in want if one["kind"] == "Gateway")["metadata"]["name"])
        return cluster

    def _settle(self, cluster: FakeCluster, name: str, patience: int = 10, cause: Cause = Cause.RELIST) -> None:
        for _ in range(patience):
            room = Room(cluster, self.provider, lambda: f"nonce{next(self._numbers)}")
            try:
                result = reconcile(trigger(name=name, cause=cause, seen=_SEEN), room)
            except TransientError:
                continue
            if result.retry_after is None:
                return
        assert patience == 1, f"{name} does not settle"

    def _end(self, cluster: FakeCluster, name: str) -> None:
        _hold(cluster, None)
        self._settle(cluster, name)


def _hold(cluster: FakeCluster, want: Objects | None) -> None:
    """Let the cluster hold a want and nothing else; a Gateway that is not wanted is deleted as users do it."""
    for kind, namespace, name in list(cluster.objects):
        if kind == "Gateway" and want is None:
            cluster.remove(kind, namespace, name)
        elif kind == "HTTPRoute":
            del cluster.objects[kind, namespace, name]
    if want is not None:
        cluster.put(*want)


def _foreign_things(account: Account, network: PreparedNetwork) -> None:
    elbv2 = account.client("elbv2")
    subnets, vpc = list(network.subnet_ids), network.vpc_id
    group = elbv2.create_target_group(Name="foreign", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")
    arn = group["TargetGroups"][0]["TargetGroupArn"]
    balancer = elbv2.create_load_balancer(Name="foreign", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    answer = [{"Type": "forward", "TargetGroupArn": arn}]
    elbv2.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=80, DefaultActions=answer)


# --- how an account looks, without what chance decides ------------------------------------------------------------


def pictured(account: Account, name: str = "") -> Any:
    """Return all of an account's load balancing without identifiers; names that carry `name`'s UID are shortened."""
    with account.journal.silent():
        state = account.state()
        groups = account.client("ec2").describe_security_groups()["SecurityGroups"]
        certificates = account.client("acm").list_certificates()["CertificateSummaryList"]
    names = {one["TargetGroupArn"]: _short(one["TargetGroupName"]) for one in state["targetGroups"]}
    return {
        "loadBalancers": sorted((_balancer(one, names, state) for one in state["loadBalancers"]), key=str),
        "targetGroups": sorted((_group(one) for one in state["targetGroups"]), key=str),
        "securityGroups": sorted(_short(one["GroupName"]) for one in groups),
        "certificates": len(certificates),
    }


def _short(name: str) -> str:
    return name.rpartition("-")[0] if name.startswith("rw-") else "rw" if name.startswith("rw") else name


def _group(group: Plain) -> Any:
    targets = sorted(f"{one['Id']}:{one['Port']} {one['State']}" for one in group["Targets"])
    return [_short(group["TargetGroupName"]), len(group["LoadBalancerArns"]), targets, group["Attributes"]]


def _balancer(balancer: Plain, names: Mapping[str, str], state: Plain) -> Any:
    listeners = [
        [one["Port"], one["Protocol"], [_rule(rule_, names) for rule_ in one["Rules"]]] for one in balancer["Listeners"]
    ]
    opened = [
        sorted((one["FromPort"], one["ToPort"]) for one in state["securityGroups"][group] if "FromPort" in one)
        for group in balancer["SecurityGroups"]
    ]
    return [sorted(listeners), opened, balancer["Scheme"], balancer["Attributes"], sorted(balancer["Tags"])]


def _rule(rule_: Plain, names: Mapping[str, str]) -> Any:
    actions = json.dumps(rule_["Actions"], sort_keys=True)
    for arn, name in names.items():
        actions = actions.replace(arn, name)
    return [json.dumps(rule_["Conditions"], sort_keys=True), actions]


def every_case(calls: Callable[[int], int], then: tuple[str, ...] = ("same", "other", "old")) -> Iterator[tuple[int, int, str, str]]:
    """Yield story number, call, fault and what follows, for all stories."""
    for number in range(len(stories("x"))):
        for nth, fault, after in itertools.product(range(1, calls(number) + 1), FAULTS, then):
            yield number, nth, fault, after
