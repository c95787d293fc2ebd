"""Kill -9 of the watcher and of the local runner at random moments: the same end state as undisturbed.

Real processes: kube-apiserver, `python -m functions.watch`, `python -m demo.runner`, and an emulated AWS that survives
them all. The cluster goes back and forth between two states; each was reached once undisturbed, and what the cluster
and the account looked like then is what every disturbed way there has to end in.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from demo.runner import Queues
from demo.stage import ROOT, ROUTE, Setting
from emulators.cluster.processes import Child
from tests.proof.machine import GATEWAY, Machine, backend, gateway, route
from tests.proof.pictures import account_picture, difference, said

VISIBILITY = 8
"""Seconds until the message of a killed run is seen again: six times the function's timeout on Lambda."""
_PATIENCE = 90.0
_QUIET = 1.0
_CHILDREN = ("watcher", "runner")

type Plain = dict[str, Any]


class Killable(Machine):
    """A machine whose watcher and runner are processes that can be killed and started again."""

    def _start_functions(self, stack: ExitStack) -> None:
        self._children: dict[str, Child] = {}
        queues = Queues.make(self.endpoint_url, VISIBILITY)
        self.queues = queues
        self._told = queues.environment | {"VISIBILITY": str(VISIBILITY), "PYTHONPATH": str(ROOT)}
        for name in _CHILDREN:
            stack.callback(self.kill, name)
        for name in _CHILDREN:
            self.start(name)

    def start(self, name: str) -> None:
        """Start the watcher or the runner."""
        module = {"watcher": "functions.watch", "runner": "demo.runner"}[name]
        command = [sys.executable, "-m", module]
        self._children[name] = Child(name, command, self.folder / f"{name}.log", os.environ | self._told)

    def kill(self, name: str) -> None:
        """End it at once, with SIGKILL."""
        self._children[name].kill()

    def waiting(self) -> int:
        """Return how many messages are on the queues, those under way and those delayed included."""
        names = [f"ApproximateNumberOfMessages{state}" for state in ("", "NotVisible", "Delayed")]
        found = 0
        for url in (self.queues.fifo, self.queues.later):
            answer = self.queues.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            found += sum(int(answer[name]) for name in names)
        return found

    def dead(self) -> int:
        """Return how many messages were given up."""
        names = ["ApproximateNumberOfMessages"]
        answer = self.queues.sqs.get_queue_attributes(QueueUrl=self.queues.dead, AttributeNames=names)
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def account(self) -> Plain:
        """Return the emulated account's state."""
        with urllib.request.urlopen(f"{self.endpoint_url}/_emulator/state", timeout=10) as answer:  # noqa: S310 - loopback
            found: Plain = json.load(answer)
        return found


def states() -> dict[str, list[Plain]]:
    """Return the two states of the cluster: Gateways, Routes and backends change, come and go between them."""
    return {
        "one": [
            gateway("kept", 80),
            gateway("leaving", 80),
            *backend("web", "10.244.0.1"),
            *backend("api", "10.244.0.2", "10.244.0.3"),
            route("plain", ["kept"], ["/"]),
            route("edited", ["kept", "leaving"], ["/a", "/b"]),
            route("going", ["leaving"], ["/x"], "api"),
        ],
        "two": [
            gateway("kept", 80, 8080),
            gateway("coming", 80),
            *backend("web", "10.244.0.4", "10.244.0.5"),
            *backend("api", "10.244.0.2"),
            route("plain", ["kept"], ["/"]),
            route("edited", ["kept", "coming"], ["/a", "/c", "/a/d"], "api"),
            route("fresh", ["coming"], ["/y"]),
        ],
    }


def go(machine: Machine, state: list[Plain]) -> None:
    """Bring the cluster into a state: what it names is applied, other Gateways and Routes are deleted."""
    machine.plane.apply(state)
    wanted = {(item["kind"], item["metadata"]["name"]) for item in state}
    for version, kind in (ROUTE, GATEWAY):
        for item in machine.admin.list(version, kind):
            meta = item["metadata"]
            if (kind, meta["name"]) not in wanted and "deletionTimestamp" not in meta:
                machine.admin.delete(version, kind, meta["namespace"], meta["name"])


def picture(machine: Killable) -> Plain:
    """Return what counts of cluster and account, without ids, times and the numbers of priorities."""
    cluster = {
        f"{kind} {item['metadata']['name']}": said(item)
        for version, kind in (ROUTE, GATEWAY)
        for item in machine.admin.list(version, kind)
    }
    return {"cluster": cluster, "account": account_picture(machine.account())}


def settle(machine: Killable, right: Callable[[Plain], bool]) -> Plain:
    """Wait until the queues are empty and the picture is right; return the last picture, right or not."""
    deadline, found = time.monotonic() + _PATIENCE, picture(machine)
    while time.monotonic() < deadline:
        if machine.waiting() == 0 and right(found := picture(machine)):
            break
        time.sleep(0.2)
    return found


def undisturbed(machine: Killable) -> dict[str, Plain]:
    """Go to each state and back without any kill; return what they look like once nothing changes any more."""
    found: dict[str, Plain] = {}
    for name, state in list(states().items()) * 2:
        go(machine, state)
        seen: list[Plain] = []

        def still(picture: Plain, seen: list[Plain] = seen) -> bool:
            time.sleep(_QUIET)
            seen.append(picture)
            return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3] and _programmed(picture)

        last = settle(machine, still)
        assert name not in found or found[name] == last, f"state {name} is not the same twice even undisturbed"
        found[name] = last
    return found


def _programmed(picture: Plain) -> bool:
    gateways = [one for name, one in picture["cluster"].items() if name.startswith("Gateway")]
    return all(["Programmed", "True"] in [c[:2] for c in one["conditions"]] for one in gateways)


def disturb(machine: Killable, dice: random.Random, state: list[Plain], counts: Counter[str]) -> None:
    """Change the cluster, and kill one or both of the processes at a random moment around it."""
    victims = dice.choice((("watcher",), ("runner",), ("runner",), _CHILDREN))
    early = dice.random() < 0.2
    if not early:
        go(machine, state)
    time.sleep(dice.uniform(0.0, 2.5))
    for name in victims:
        machine.kill(name)
        counts[f"{name} killed"] += 1
    if early:
        go(machine, state)
    time.sleep(dice.uniform(0.0, 0.5))
    for name in victims:
        machine.start(name)


def prove(size: int = 100, seed: int = 0) -> dict[str, int]:
    """Kill at `size` random moments; return counts. Raises AssertionError, naming the moment."""
    dice, counts = random.Random(seed), Counter[str]()  # noqa: S311 - moments, no secret
    with Killable(Setting(provisioning=0.3, linger=0.0)) as machine:
        wanted = undisturbed(machine)
        names = list(wanted)
        for moment in range(size):
            name = names[moment % len(names)]
            disturb(machine, dice, states()[name], counts)
            found = settle(machine, lambda found, name=name: found == wanted[name])  # type: ignore[misc]
            assert wanted[name] == found, f"seed {seed}, moment {moment}: {difference(wanted[name], found)}"
        counts["moments"] += size
        counts["given up"] += machine.dead()
        return dict(counts)
