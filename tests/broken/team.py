"""Broken Routes of every sort, by family: what a team puts on a shared Gateway, and what its own status then says.

Each sort is a team of its own: a namespace, a Service, a Route. Where the specification puts the fault on another
object of the team (its ListenerSet's listener, its policy) it is told there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulators.aws.faults import Fault
from tests.builders import (
    backend,
    listener,
    listener_set,
    namespace_,
    parent,
    route,
    route_of,
    rule,
    with_service,
)

type Plain = dict[str, Any]

RULES, PER_NAMESPACE, TARGET_GROUPS = 100, 60, 70
"""Quotas of the shared Gateway's class, each above what all other sorts and the good Routes take together."""
LATE = "2026-02-01T00:00:00Z"
"""Broken Routes are younger than good ones."""
LATEST = "2026-03-01T00:00:00Z"
"""Those that want more than there is are the youngest: at a quota the oldest stay."""
HOST = "shop.example.com"
"""Of a good Route, which a team may want as well."""
_PORT = 7000
"""Where the ports of listeners begin that teams bring along."""


@dataclass(frozen=True, slots=True)
class Says:
    """A condition that has to be told.

    Attributes:
        kind, name: of the object, in the team's namespace.
        listener: of the object, whose condition it is; "" for the object's own.
        message: what it has to begin with.
    """

    kind: str
    name: str
    type: str
    status: str
    reason: str
    listener: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Sort:
    """One way to be broken.

    Attributes:
        slug: its name in tests, and the team's.
        objects: what the team puts.
        before: what it had put when all was well; what AWS refuses of a change it has to have taken before.
        faults: what AWS refuses.
        pairs: names of Secrets in the team's namespace with a key pair; `garbage` of such whose content is none,
            `local` of such for a host without a dot: ACM takes them, a load balancer does not.
    """

    slug: str
    family: str
    says: tuple[Says, ...]
    objects: tuple[Plain, ...]
    before: tuple[Plain, ...] = ()
    faults: tuple[Fault, ...] = ()
    pairs: tuple[str, ...] = ()
    garbage: tuple[str, ...] = ()
    local: tuple[str, ...] = ()

    @property
    def namespace(self) -> str:
        """The team's namespace."""
        return f"t-{self.slug}"


# --- what teams put -----------------------------------------------------------------------------------------------


@dataclass
class Team:
    """Makes objects of one sort's team; `number` tells its addresses and ports from those of others."""

    slug: str
    number: int
    created: str = LATE

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return f"t-{self.slug}"

    @property
    def own(self) -> Plain:
        """A backendRef to its own Service."""
        return backend(self.slug)

    @property
    def host(self) -> str:
        """The host that its Route answers for."""
        return f"{self.slug}.example.com"

    @property
    def port(self) -> int:
        """The port of a listener that it brings along."""
        return _PORT + self.number

    def service(self, name: str = "", addresses: Sequence[str] = ()) -> list[Plain]:
        """Return a Service with one Pod; its own if nothing else is said."""
        return with_service(name or self.slug, self.namespace, addresses or [f"10.244.2.{self.number}"])

    def http(self, *rules: Plain, hosts: Iterable[str] = ("",), **more: Any) -> Plain:
        """Return the team's HTTPRoute, on the shared HTTP listener if nothing else is said."""
        parents = more.pop("parents", [parent(sectionName="http")])
        hostnames = [host or self.host for host in hosts]
        return route(self.slug, self.namespace, rules, hostnames, parents, creationTimestamp=self.created, **more)

    def stream(self, kind: str, *backends: Plain, to: Plain, **spec: Any) -> Plain:
        """Return the team's Route of streams, to its own Service if nothing else is said."""
        given = {"rules": [rule(*(backends or (self.own,)))], "parentRefs": [to], **spec}
        return route_of(kind, self.slug, self.namespace, spec=given, creationTimestamp=self.created)

    def set_of(self, *listeners: Plain) -> Plain:
        """Return the team's ListenerSet."""
        return listener_set(self.slug, self.namespace, listeners, creationTimestamp=self.created)

    @property
    def on_set(self) -> Plain:
        """A parentRef to the team's ListenerSet."""
        return parent(self.slug, self.namespace, kind="ListenerSet")

    def https(self, name: str, **tls: Any) -> Plain:
        """Return an HTTPS listener of a ListenerSet, on the port that the good ones use."""
        refs = {"mode": "Terminate", "certificateRefs": [{"name": name, **tls}]}
        return listener("own", 443, "HTTPS", hostname=self.host, tls=refs)


type Make = Callable[[Team], Any]
SORTS: dict[str, Sort] = {}


@dataclass
class Told:
    """What a sort says, in short; `kind` and `name` are the Route's own where they are empty."""

    type: str = "Accepted"
    status: str = "False"
    reason: str = "UnsupportedValue"
    kind: str = "HTTPRoute"
    listener: str = ""
    message: str = ""


@dataclass
class More:
    """What else there is to a sort: see `Sort`."""

    before: Make = field(default=lambda _: ())
    faults: Callable[[Team], Sequence[Fault]] = field(default=lambda _: ())
    pairs: tuple[str, ...] = ()
    garbage: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    created: str = LATE


def add(family: str, slug: str, make: Make, *told: Told, more: More | None = None) -> None:
    """Add a sort to the list. `make` returns what the team puts, its own Service apart."""
    more = more or More()
    team = Team(slug, len(SORTS) + 1, more.created)
    says = tuple(Says(one.kind, slug, one.type, one.status, one.reason, one.listener, one.message) for one in told)
    put = make(team)
    objects = (namespace_(team.namespace), *team.service(), *(put if isinstance(put, (list, tuple)) else (put,)))
    before = more.before(team)
    SORTS[slug] = Sort(
        slug=slug,
        family=family,
        says=says,
        objects=objects,
        before=tuple(before) if isinstance(before, (list, tuple)) else (before,),
        faults=tuple(more.faults(team)),
        pairs=more.pairs,
        garbage=more.garbage,
        local=more.local,
    )


def matching(match: Plain) -> Make:
    return lambda team: team.http(rule(team.own, matches=[match]))


def filtering(*filters: Plain, backends: bool = True, matches: Sequence[Plain] = (), **more: Any) -> Make:
    return lambda team: team.http(rule(*([team.own] if backends else []), matches=matches, filters=[*filters], **more))


def sending(*backends: Plain, **more: Any) -> Make:
    return lambda team: team.http(rule(*backends, **more))


def unresolved(reason: str, kind: str = "HTTPRoute") -> tuple[Told, Told]:
    """A reference that leads nowhere never changes Accepted (specification, backendRefs)."""
    return Told("ResolvedRefs", reason=reason, kind=kind), Told("Accepted", "True", "Accepted", kind=kind)
