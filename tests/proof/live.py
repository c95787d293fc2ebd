"""Law 5 with real requests: transitions through Envoy under a steady stream, every state served before the next call.

Clients open a connection for each request and never try again. What is right is told by the specification's oracle over
the old and the new want, as in `traffic`; a port that is closed before or after may refuse.
"""

from __future__ import annotations

import http.client
import itertools
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from urllib.parse import urlencode, urlsplit

from providers.aws.limiter import Limiter, Limits
from reconciler.matches import Request
from tests.integration.dataplane_world import Reply, World, opened_world
from tests.proof.alb import Answer
from tests.proof.mutants import MUTANTS, Reorder
from tests.proof.table import Counts, Share
from tests.proof.traffic import Answers, Stand, Told, next_want, wanted
from tests.proof.wants import PORTS, REQUESTS, SERVICE_OF, Want, first_want

TRANSITIONS = 20
CATCHING = 5
"""Transitions among which a wrong order has to show."""
RATE = 200.0
"""Requests a second."""
WORKERS = 24
SEED = 2026
_LEAST = 1.0
"""Seconds for which a transition is watched at least."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, where it goes, and the answers that are right."""

    address: tuple[str, int]
    request: Request
    right: frozenset[Answer]


class _ServedFirst(Limiter):
    """Lets a call to AWS go only when Envoy serves the account as it is: every state of a run meets traffic."""

    def __init__(self, world: World) -> None:
        super().__init__(share=1000)
        self._world = world

    def take(self, service: str, kind: str, left: float) -> None:
        """Wait for the data plane."""
        self._world.settle()
        super().take(service, kind, left)


@dataclass
class Stream:
    """Sends requests at a steady rate, each on a connection of its own, and judges every answer."""

    asked: Sequence[Asked]
    sent: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Send for as long as the block runs, and a second at least."""
        started = time.monotonic()
        thread = threading.Thread(target=self._send, name="stream")
        thread.start()
        try:
            yield
            self._over.wait(max(0.0, started + _LEAST - time.monotonic()))
        finally:
            self._over.set()
            thread.join()

    def _send(self) -> None:
        started = time.monotonic()
        with ThreadPoolExecutor(WORKERS) as pool:
            for number, one in enumerate(itertools.cycle(self.asked), 1):
                if self._over.is_set():
                    return
                pool.submit(self._ask, one)
                self._over.wait(max(0.0, started + number / RATE - time.monotonic()))

    def _ask(self, one: Asked) -> None:
        answer = ask(one)
        with self._lock:
            self.sent += 1
            if answer not in one.right:
                self.wrong[f"{one.request}: {answer} instead of {' or '.join(sorted(one.right))}"] += 1


def ask(one: Asked) -> Answer:
    """Send a request and return its answer in the words of the evaluator, a failed connection as `closed`."""
    connection = http.client.HTTPConnection(*one.address, timeout=10)
    target = one.request.path + (f"?{urlencode(one.request.query)}" if one.request.query else "")
    try:
        connection.putrequest(one.request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in (("Host", one.request.host), *one.request.headers, ("Connection", "close")):
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return _said(Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()))
    except (OSError, http.client.HTTPException):
        return "closed"
    finally:
        connection.close()


def _said(reply: Reply) -> Answer:
    if reply.status == http.HTTPStatus.OK:
        return SERVICE_OF[reply.seen["name"]]
    if location := reply.headers.get("location"):
        return f"redirect {urlsplit(location).hostname} HTTP_{reply.status}"
    return str(reply.status)


def _right(old: Answer, new: Answer) -> frozenset[Answer]:
    """Return every single answer that one of the two configurations may give."""
    return frozenset(part.split(":")[0] for answer in (old, new) for part in _parts(answer))


def _parts(answer: Answer) -> list[str]:
    return [answer] if answer.startswith("redirect") else answer.split()


class Walk:
    """One Gateway on its way from want to want, its load balancer served by Envoy."""

    def __init__(self, world: World, reorder: Reorder | None) -> None:
        self.world = world
        self.stand = Stand(world.account, SEED, Told(), reorder)
        self.stand.provider.limits = Limits(_ServedFirst(world))
        self.chance = Random(SEED)  # noqa: S311 - chance, not a secret
        self.want = first_want(self.chance)
        self.answers: Answers = ()
        world.account.prepare_network()
        for address in SERVICE_OF:
            world.pod(int(address.rpartition(".")[2]))
        self._hold(self.want)
        self.stand.run()
        world.settle()
        self.answers = wanted(self.want, self.stand.provider)

    def step(self) -> Stream:
        """Go to another want under traffic; return the stream."""
        fresh = next_want(self.stand, self.want, self.answers, self.chance)
        new = wanted(fresh, self.stand.provider)
        stream = Stream(self._asked(self.answers, new))
        with stream.flowing():
            self._hold(fresh)
            self.stand.run()
            self.world.settle()
        self.want, self.answers = fresh, new
        return stream

    def _hold(self, want: Want) -> None:
        """Let the cluster hold a want; the Gateway's UID, and with it the address, is this process's own."""
        self.stand.hold(want, uid=f"uid-{os.getpid()}")

    def _asked(self, old: Answers, new: Answers) -> list[Asked]:
        """Return the requests in random order, without those to ports that are closed all the time."""
        (balancer,) = self.world.account.state()["loadBalancers"]
        host, first = self.world.plane.address(balancer["DNSName"], PORTS[0])
        places = [(host, first - PORTS[0] + port) for port in PORTS]
        found = [
            Asked(place, request, _right(before, after))
            for (place, request), before, after in zip(itertools.product(places, REQUESTS), old, new, strict=True)
            if {before, after} != {"closed"}
        ]
        self.chance.shuffle(found)
        return found


def play(share: Share) -> Counts:
    """Play the transitions; a share of them would be another walk, so there is one only."""
    del share
    return walk(TRANSITIONS)


def play_mutant(share: Share) -> Counts:
    """Walk with the order of the calls turned round: real requests must show it."""
    del share
    misrouted = walk(CATCHING, MUTANTS["delete first"]).failures
    return Counts(1, () if misrouted else ("no request shows that rules are deleted first",))


def walk(steps: int, reorder: Reorder | None = None) -> Counts:
    """Walk so many steps from want to want."""
    failures: list[str] = []
    sent = 0
    with TemporaryDirectory() as folder, opened_world(Path(folder)) as world:
        one = Walk(world, reorder)
        for step in range(steps):
            stream = one.step()
            sent += stream.sent
            failures += [f"transition {step}: {count} times {what}" for what, count in stream.wrong.items()]
    return Counts(steps, tuple(failures), {"requests sent": sent})
