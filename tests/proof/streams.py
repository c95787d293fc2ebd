"""Law 9: lost, repeated, late and reordered events change nothing in the result.

One history of a cluster is told twice. Once in order: each change is followed by its runs. Once as networks and queues
do it: triggers are shuffled, doubled, late or lost, and the watch misses changes until it lists anew; a resync follows.
The real index, debouncing, triggers as text and whole runs against the emulated AWS; both ways have to end alike.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from emulators.aws.inprocess import strict_aws
from functions.resync import Selection, class_triggers, triggers
from kube.debounce import Debounce
from kube.index import Index
from kube.kinds import WATCHED
from kube.links import Name
from kube.watch import Changed, Listed
from reconciler.events import Cause, Trigger, from_text, to_text
from reconciler.keys import GatewayKey
from reconciler.mark import annotation, finalizer, parse
from reconciler.reconcile import Room, reconcile
from tests.aws_world import World
from tests.builders import (
    CLUSTER,
    CONTROLLER,
    backend,
    endpoints,
    exact,
    gateway,
    listener,
    listener_set,
    namespace_,
    parent,
    prefix,
    route,
    rule,
    service,
)
from tests.fakes import FakeCluster
from tests.proof.pictures import account_picture, difference, said
from tests.proof.seeds import tell_all

GATEWAYS, ROUTES, SERVICES = ("gw", "north", "south"), ("web", "r1", "r2", "r3"), ("web", "s1", "s2")
SETS = ("sets-a", "sets-b")
"""ListenerSets; each names one of the Gateways, now this one, now that."""
_PATHS = ("/", "/a", "/a/b", "/c")
_LONGEST = 400
"""Deliveries after which a stream that does not come to rest is a failure."""

type Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ref:
    """A Gateway for the resync."""

    key: GatewayKey
    class_name: str = "aws"


def history(seed: int, length: int) -> Iterator[Plain | Name]:
    """Yield the changes of a cluster: an object to put, or the name of one to delete."""
    dice = random.Random(seed)  # noqa: S311 - a story, no secret
    yield from (namespace_(name) for name in ("infra", "a"))
    for _ in range(length):
        yield dice.choice(_DEEDS)(dice)
    yield from (("Gateway", "infra", "south"), ("Service", "a", "web"), ("HTTPRoute", "a", "web"))
    yield ("ListenerSet", "a", SETS[0])


def _route(dice: random.Random) -> Plain:
    rules = [
        rule(
            *(backend(name, weight=dice.randint(0, 2)) for name in dice.sample(SERVICES, dice.randint(1, 2))),
            matches=[dice.choice((exact, prefix))(dice.choice(_PATHS))],
        )
        for _ in range(dice.randint(1, 3))
    ]
    parents = [parent(name) for name in dice.sample(GATEWAYS, dice.randint(1, 2))]
    parents += [parent(name, "a", kind="ListenerSet") for name in dice.sample(SETS, dice.randint(0, 1))]
    return route(dice.choice(ROUTES), "a", rules, dice.choice(((), ("x.example.com",))), parents)


def _service(dice: random.Random) -> Plain:
    return service(dice.choice(SERVICES), "a", ports=dice.choice(((80,), (80, 81), (81,))))


def _endpoints(dice: random.Random) -> Plain:
    addresses = [f"10.244.0.{dice.randint(1, 9)}" for _ in range(dice.randint(0, 3))]
    return endpoints(dice.choice(SERVICES), "a", sorted(set(addresses)))


def _gateway(dice: random.Random) -> Plain:
    ports = dice.sample((80, 81, 8080), dice.randint(1, 2))
    made = gateway(dice.choice(GATEWAYS[:2]), listeners=[listener(f"p{port}", port) for port in sorted(ports)])
    made["spec"]["allowedListeners"] = {"namespaces": {"from": dice.choice(("All", "All", "All", "None"))}}
    return made


def _set(dice: random.Random) -> Plain:
    """Return a ListenerSet; some of its listeners conflict with the Gateway's own, or with the other set's."""
    ports = dice.sample((81, 8080, 8081, 8082), dice.randint(1, 2))
    return listener_set(
        dice.choice(SETS), "a", [listener(f"p{port}", port) for port in sorted(ports)], dice.choice(GATEWAYS)
    )


def _goner(dice: random.Random) -> Name:
    return dice.choice(
        (
            ("HTTPRoute", "a", dice.choice(ROUTES[1:])),
            ("Service", "a", dice.choice(SERVICES[1:])),
            ("ListenerSet", "a", dice.choice(SETS)),
        )
    )


_DEEDS = (_route, _route, _route, _service, _endpoints, _endpoints, _gateway, _set, _set, _goner)


@dataclass
class Watch:
    """The watcher without its threads: what changed in the cluster becomes triggers."""

    cluster: FakeCluster
    index: Index = field(default_factory=lambda: Index(CONTROLLER, finalizer("aws")))
    seen: dict[Name, Plain] = field(default_factory=dict)
    version: int = 1000

    def look(self) -> list[Trigger]:
        """Return the triggers of what changed since the last look, our own writes included."""
        waiting = Debounce(0.0)
        for kind in WATCHED:
            for name in sorted({name for name in (*self.seen, *self.cluster.objects) if name[0] == kind.name}):
                new, old = self.cluster.objects.get(name), self.seen.get(name)
                if new == old:
                    continue
                self.version += 1
                item = copy.deepcopy(new or old or {})
                item["metadata"]["resourceVersion"] = str(self.version)
                touched = self.index.apply(Changed(kind, item, deleted=new is None))
                seen = () if touched.seen is None else (touched.seen,)
                for subject in touched.subjects if seen else ():
                    waiting.add(_trigger(subject, seen=seen, services=touched.services), 0.0)
        self.seen = copy.deepcopy(self.cluster.objects)
        return waiting.take(1.0, 1000)

    def list_anew(self, run: str) -> list[Trigger]:
        """Take lists for all there is, as after a watch that broke; return a trigger for everything of ours."""
        for kind in WATCHED:
            items = [copy.deepcopy(item) for name, item in self.cluster.objects.items() if name[0] == kind.name]
            self.index.replace(Listed(kind, tuple(items)))
        self.seen = copy.deepcopy(self.cluster.objects)
        return [_trigger(name, cause=Cause.RELIST, run=run) for name in sorted(self.index.subjects())]


def _trigger(name: Name, **more: Any) -> Trigger:
    return Trigger(CLUSTER, name[1], name[2], kind=name[0], **more)


@dataclass
class Told:
    """One telling of a history: a cluster, an account, a watch, and whether triggers get lost for good."""

    world: World
    watch: Watch
    lossy: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    def change(self, one: Plain | Name) -> None:
        """Let the cluster change."""
        if isinstance(one, dict):
            self.world.cluster.put(one)
        elif one in self.world.cluster.objects:
            self.world.cluster.remove(*one)

    def deliver(self, trigger: Trigger) -> list[Trigger]:
        """Run once; return what follows: a look again, and triggers of what the run itself changed."""
        result = reconcile(from_text(to_text(trigger)), Room(self.world.cluster, self.world.provider, lambda: "nonce"))
        self.counts["runs"] += 1
        assert () == result.outcome.failed, result.outcome.failed
        return [trigger.again()] if result.retry_after is not None else []

    def drain(self, waiting: list[Trigger]) -> None:
        """Deliver in order until nothing is on its way."""
        for _ in range(_LONGEST):
            waiting += self.watch.look()
            if not waiting:
                return
            waiting += self.deliver(waiting.pop(0))
        raise AssertionError("the stream does not come to rest")

    def resync(self, cause: Cause) -> None:
        """Run the schedule: a trigger for each class and Gateway of ours."""
        gateways = [Ref(GatewayKey(CLUSTER, n, o)) for kind, n, o in self.world.cluster.objects if kind == "Gateway"]
        sent = [*class_triggers(CLUSTER, ["aws"], cause, cause), *triggers(gateways, Selection(), cause, cause)]
        self.drain(sent)

    def picture(self, *, targets: bool = True) -> Plain:
        """Return statuses, marks and the account."""
        account = account_picture(self.world.account.state())
        if not targets:
            account["groups"] = [name for name, _ in account["groups"]]
        objects = self.world.cluster.objects
        marks = {f"mark {name[2]}": _mark(item) for name, item in objects.items() if name[0] == "Gateway"}
        return {"/".join(name): said(item) for name, item in sorted(objects.items())} | marks | {"account": account}


def _mark(item: Plain) -> Any:
    text = item["metadata"].get("annotations", {}).get(annotation("aws"), "")
    mark = parse(text) if text else None
    return (mark.state, dict(mark.parts)) if mark else None


def orderly(told: Told, changes: list[Plain | Name]) -> None:
    """Each change is followed by its runs."""
    for one in changes:
        told.change(one)
        told.drain([])


def disorderly(told: Told, changes: list[Plain | Name], dice: random.Random) -> None:
    """Triggers come late, twice, in any order or never; the watch misses changes, and lists anew later."""
    waiting: list[Trigger] = []
    blind = 0
    for one in changes:
        told.change(one)
        if blind or dice.random() < 0.1:
            blind = (blind or dice.randint(1, 4)) - 1
            told.counts["changes the watch missed"] += 1
            waiting += told.watch.list_anew(f"run-{told.counts['runs']}") if not blind else []
            continue
        waiting += _damaged(told, told.watch.look(), dice)
        dice.shuffle(waiting)
        while waiting and dice.random() < 0.5:
            waiting += told.deliver(waiting.pop())
    waiting += told.watch.list_anew("last") if blind else []
    told.drain(waiting)


def _damaged(told: Told, fresh: list[Trigger], dice: random.Random) -> list[Trigger]:
    """Return triggers as a network leaves them."""
    found: list[Trigger] = []
    for one in fresh:
        copies = dice.choices((0, 1, 2, 3), (3 if told.lossy else 0, 5, 2, 1))[0]
        told.counts["triggers lost" if copies == 0 else "triggers doubled" if copies > 1 else "triggers"] += 1
        found += [one] * copies
    return found


def tell(seed: int, length: int = 14) -> Counter[str]:
    """Tell one history both ways and compare; return counts. Raises AssertionError.

    Where no trigger is lost for good both ways end alike by themselves. Where some are, the light resync brings back
    all but targets, which no two reads can compare; the deep one brings back all.
    """
    changes = list(history(seed, length))
    with strict_aws() as account:
        first = _start(World(account))
        orderly(first, copy.deepcopy(changes))
        want, want_bare = first.picture(), first.picture(targets=False)
    with strict_aws() as account:
        second = _start(World(account), lossy=seed % 2 == 0)
        disorderly(second, copy.deepcopy(changes), random.Random(seed))  # noqa: S311 - a story, no secret
        if second.lossy:
            second.resync(Cause.RESYNC)
            got = second.picture(targets=False)
            assert want_bare == got, difference(want_bare, got)
            second.resync(Cause.DEEP)
        assert want == second.picture(), difference(want, second.picture())
    return second.counts + Counter({"histories": 1, "changes": len(changes), "runs in order": first.counts["runs"]})


def _open(item: Plain) -> Plain:
    """Let a Gateway take ListenerSets of all namespaces."""
    item["spec"]["allowedListeners"] = {"namespaces": {"from": "All"}}
    return item


def _start(world: World, *, lossy: bool = False) -> Told:
    """Return a telling that starts from three Gateways, a Route and a Service, all listed."""
    world.cluster.put(*(_open(gateway(name)) for name in GATEWAYS))
    told = Told(world, Watch(world.cluster), lossy)
    told.drain(told.watch.list_anew("first"))
    return told


def prove(size: int = 200) -> dict[str, int]:
    """Tell `size` histories; return counts. Raises AssertionError, naming the seed."""
    return tell_all(size, tell)
