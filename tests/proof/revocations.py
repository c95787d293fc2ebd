"""Law 5's other half in whole runs: a disruption waits for its annotation, a revocation never waits.

What was withdrawn (a grant, a namespace, a kind) gets no request after the very next run, whatever else the Gateway
goes through at that moment; nothing falls back to a last good state that leads there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from emulators.aws.faults import Fault
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from providers.aws.clients import ATTEMPTS
from reconciler.errors import ReconcilerError
from reconciler.matches import Request
from tests.aws_world import World
from tests.builders import (
    backend,
    config,
    config_ref,
    gateway,
    gateway_class,
    grant,
    listener,
    namespace_,
    prefix,
    route,
    rule,
    with_service,
)
from tests.proof.alb import Answer, Evaluator
from tests.proof.table import Counts, Share

type Plain = dict[str, Any]
type Act = Callable[[World], None]

THEIRS = "b/theirs"
_SERVICE_OF = {"10.244.0.1": "a/web", "10.244.0.2": THEIRS}
_REQUESTS = tuple(Request("a.example.com", path) for path in ("/", "/theirs", "/theirs/x", "/b", "/b/x", "/new"))
_CONFIG = config_ref()


@dataclass(frozen=True, slots=True)
class Case:
    """What is withdrawn, and what else is the matter with the Gateway in that moment."""

    revocation: str
    moment: str

    def __str__(self) -> str:
        return f"{self.revocation}, {self.moment}"


def _selecting(**more: Any) -> Plain:
    """Return a listener that takes Routes from namespaces with the label `door`."""
    chosen = {"from": "Selector", "selector": {"matchLabels": {"door": "open"}}}
    return listener(allowedRoutes={"namespaces": chosen, **more})


def _web(path: str = "/theirs") -> Plain:
    theirs = rule(backend("theirs", namespace="b"), matches=[prefix(path)])
    return route("web", "a", [rule(backend(), matches=[prefix("/")]), theirs])


def _settle(world: World) -> None:
    world.cluster.put(gateway_class(parametersRef=_CONFIG), config({"scheme": "internal"}))
    world.cluster.put(gateway(listeners=[_selecting()]))
    world.cluster.put(namespace_("a", door="open"), namespace_("b", door="open"))
    world.cluster.put(_web(), grant("b", ("HTTPRoute", "a")))
    world.cluster.put(route("own", "b", [rule(backend("theirs"), matches=[prefix("/b")])]))
    world.cluster.put(*with_service("web", "a"), *with_service("theirs", "b", ["10.244.0.2"]))
    world.run()


# --- what is withdrawn --------------------------------------------------------------------------------------------


def _all_grants(world: World) -> None:
    del world.cluster.objects["ReferenceGrant", "b", "grant"]


def _namespace(world: World) -> None:
    world.cluster.put(namespace_("b"))


def _kind(world: World) -> None:
    world.cluster.put(gateway(listeners=[_selecting(kinds=[{"kind": "GRPCRoute"}])]))


REVOCATIONS: dict[str, tuple[Act, tuple[str, ...]]] = {
    "the grant is deleted": (_all_grants, ("/theirs", "/theirs/x")),
    "the grant is for another Service": (
        lambda world: world.cluster.put(grant("b", ("HTTPRoute", "a"), ("Service", "other"))),
        ("/theirs", "/theirs/x"),
    ),
    "the grant is for another namespace": (
        lambda world: world.cluster.put(grant("b", ("HTTPRoute", "c"))),
        ("/theirs", "/theirs/x"),
    ),
    "the namespace loses its label": (_namespace, ("/b", "/b/x")),
    "the kind is not allowed any more": (_kind, ("/b", "/b/x", "/theirs", "/theirs/x")),
}
"""By name: the act, and the paths that may not lead to the other team's Service any more."""


# --- what else is the matter --------------------------------------------------------------------------------------


def _scheme_waits(world: World) -> None:
    world.cluster.put(config({"scheme": "internet-facing"}))


def _no_room(world: World) -> None:
    """The Route changes in the same moment, and AWS takes no more rules."""
    world.cluster.put(_web("/new"))
    world.account.limits.set("rules-per-application-load-balancer", 3)


def _write_fails(world: World) -> None:
    """A rule is new in the same moment, and the first run finds AWS down when it makes it."""
    world.cluster.put(route("more", "a", [rule(backend(), matches=[prefix("/more")])]))
    world.account.faults.add(Fault("503", "CreateRule", count=ATTEMPTS))
    _try(world)


MOMENTS: dict[str, Act] = {
    "and nothing else": lambda _: None,
    "while a change of the scheme waits for its annotation": _scheme_waits,
    "while AWS takes no more rules": _no_room,
    "after a run that failed": _write_fails,
}


def cases() -> Iterator[Case]:
    """Yield every revocation in every moment."""
    return (Case(revocation, moment) for revocation in REVOCATIONS for moment in MOMENTS)


def wrong_with(case: Case) -> str:
    """Play a case; return what is wrong, "" if nothing is."""
    act, paths = REVOCATIONS[case.revocation]
    with _opened() as world:
        before = answers(world)
        if any(THEIRS not in before[path] for path in paths):
            return f"nothing to revoke: {before}"
        act(world)
        MOMENTS[case.moment](world)
        _try(world)
        after = answers(world)
    still = [path for path in paths if THEIRS in after[path]]
    return f"{', '.join(still)} still reach {THEIRS}" if still else ""


@contextmanager
def _opened() -> Iterator[World]:
    with strict_aws(Settings(virtual_clock=True)) as account:
        world = World(account)
        _settle(world)
        yield world


def _try(world: World) -> None:
    with suppress(ReconcilerError):
        world.run()


def answers(world: World) -> dict[str, Answer]:
    """Return the answer of port 80 by path."""
    state = world.account.state()
    found = Evaluator(_REQUESTS, _SERVICE_OF).answers(world.balancer(), state["targetGroups"], frozenset({80}), 80)
    return {request.path: answer for request, answer in zip(_REQUESTS, found, strict=True)}


def play(share: Share) -> Counts:
    """Play a share of the cases."""
    told = [(case, wrong_with(case)) for case in share.part(cases())]
    return Counts(len(told), tuple(f"{case}: {wrong}" for case, wrong in told if wrong))
