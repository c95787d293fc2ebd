"""What a failed step holds back: what builds on it, what it was to replace, and nothing else.

What AWS refuses for good is as good as not wanted: the rest goes on without it (Law 6). What fails for now stops the
listener whose rules it changes, so that what is there stays a prefix of what is wanted (Law 5).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from providers.aws import calls
from providers.aws.client_certificates import store_of
from providers.aws.errors import is_about
from providers.aws.overlap import disjoint
from providers.aws.render import forwarded
from providers.aws.resources import (
    ALB,
    ALB_TARGET,
    CA_BUNDLE,
    CERTIFICATE,
    INGRESS,
    LB_ATTRIBUTES,
    LISTENER,
    LISTENER_CERTIFICATE,
    LOAD_BALANCER,
    NLB,
    ORDER,
    RULE,
    TARGETS,
    TG_ATTRIBUTES,
    TRUST_STORE,
    alb_target_key,
    attributes_key,
    balancer_key,
    balancer_of,
    ca_bundle_key,
    certificate_key,
    holder_of,
    listener_key,
    port_of,
    target_group_key,
    trust_store_key,
)
from providers.aws.target_plan import targets_of
from reconciler.errors import QuotaExceeded, ReconcilerError, TerminalError
from reconciler.plan import Change, Failure, Plan, Resource, ResourceKey
from reconciler.values import Json

_NEEDED_BY = {
    calls.DELETE_LOAD_BALANCER: frozenset(
        {LOAD_BALANCER, LB_ATTRIBUTES, LISTENER, RULE, ORDER, CERTIFICATE, ALB_TARGET}
    ),
    calls.REVOKE_INGRESS: frozenset({LOAD_BALANCER, LISTENER}),  # of backends; for ports see `Held.holds`
    calls.DELETE_TARGET_GROUP: frozenset({LOAD_BALANCER, LISTENER, RULE, ORDER}),
    calls.DELETE_SECURITY_GROUP: frozenset({LOAD_BALANCER}),
    calls.DELETE_BUNDLE: frozenset({LOAD_BALANCER, LISTENER, TRUST_STORE, CA_BUNDLE}),
    calls.DELETE_TRUST_STORE: frozenset({LOAD_BALANCER, LISTENER, TRUST_STORE, CA_BUNDLE}),
}
"""What may still be needed where something of these kinds, anything of them, could not be made."""


@dataclass(slots=True)
class Held:
    """What failed in a run so far, and what therefore stays.

    Attributes:
        closing: keys of listeners that the plan deletes.
        moving: keys of load balancers that the plan deletes because others take their place.
        ahead: those of them that have to go first, since the others get their target groups.
        unready: whether AWS is still making a load balancer: until it is there, the former one serves.
        leaving: names of target groups that the plan deletes.
        spare: certificates that the plan adds to a listener beside its default one.
        broken: keys of resources that could not be made or changed.
        missing: those of them that are not there at all, and why: what refers to them fails for the same reason.
        unregistered: targets of groups that could not be registered, but are right: what they replace stays.
        bare: keys of listeners whose default certificate could not be had.
        stopped: scopes of listeners whose rules may not change any further in this run.
        staying: by listener, key and conditions of rules that AWS refused for good, and of rules that answer for them.
        replaced: keys of what was refused, rules and certificates, and in whose place what was there goes on.
        lasting: keys of what was refused for good.
        needed: names of target groups that what was to be changed, and was refused, forwards to.
        recalled: keys of what was refused in an earlier run, and is not tried in this one.
    """

    closing: frozenset[ResourceKey] = frozenset()
    moving: frozenset[ResourceKey] = frozenset()
    ahead: frozenset[ResourceKey] = frozenset()
    unready: bool = False
    leaving: frozenset[str] = frozenset()
    spare: Mapping[ResourceKey, tuple[Resource, ...]] = field(default_factory=dict)
    broken: set[ResourceKey] = field(default_factory=set)
    missing: dict[ResourceKey, ReconcilerError] = field(default_factory=dict)
    unregistered: set[ResourceKey] = field(default_factory=set)
    bare: set[ResourceKey] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    staying: dict[str, list[tuple[ResourceKey, Json]]] = field(default_factory=dict)
    replaced: set[ResourceKey] = field(default_factory=set)
    lasting: set[ResourceKey] = field(default_factory=set)
    needed: set[str] = field(default_factory=set)
    recalled: set[ResourceKey] = field(default_factory=set)

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Return what holds back a plan before anything failed: nothing."""
        spare: dict[ResourceKey, tuple[Resource, ...]] = {}
        for one in plan.changes:
            if one.call == calls.ADD_LISTENER_CERTIFICATE and one.want is not None:
                spare[holder_of(one.key)] = (*spare.get(holder_of(one.key), ()), one.want)
        steps = [one.call for one in plan.changes]
        made = steps.index(calls.CREATE_LOAD_BALANCER) if calls.CREATE_LOAD_BALANCER in steps else 0
        gone = {one.key: place for place, one in enumerate(plan.changes) if one.call == calls.DELETE_LOAD_BALANCER}
        return cls(
            spare=spare,
            closing=frozenset(one.key for one in plan.changes if one.call == calls.DELETE_LISTENER),
            moving=frozenset(one for one in gone if one.name not in (ALB, NLB)),
            ahead=frozenset(one for one, place in gone.items() if place < made),
            leaving=frozenset(one.key.name for one in plan.changes if one.call == calls.DELETE_TARGET_GROUP),
        )

    def fail(self, change: Change, error: ReconcilerError, *, missing: bool) -> None:
        """Remember a step that failed; `missing`: its resource is not there."""
        key = change.key
        self.broken.add(key)
        if isinstance(error, TerminalError) and change.want is not None:
            self.lasting.add(key)
            self.needed.update(groups_of(change.got))
        if missing:
            self.missing[key] = error
        if change.call == calls.REGISTER_TARGETS and not _is_bad_target(change, error):
            self.unregistered.add(key)
        if key.kind == CERTIFICATE and change.got is not None:
            self.replaced.add(key)
        if key.kind == RULE and change.want is not None and isinstance(error, TerminalError):
            if not isinstance(error, QuotaExceeded):  # there, what leaves makes room
                self._stand(change)
        elif key.kind in (RULE, ORDER):
            self.stopped.add(key.scope)

    def recall(self, failure: Failure) -> None:
        """Remember what AWS refused in an earlier run, and what this one does not try."""
        self.broken.add(failure.key)
        self.lasting.add(failure.key)
        self.recalled.add(failure.key)
        self.needed.update(failure.keeps)
        if failure.missing:
            self.missing[failure.key] = failure.error

    def _stand(self, change: Change) -> None:
        """Remember a refused rule: what may answer for it stays, the rule that it was to change for one."""
        found = [rule.spec["Conditions"] for rule in (change.want, change.got) if rule and "Conditions" in rule.spec]
        self.staying.setdefault(change.key.scope, []).extend((change.key, one) for one in found)
        if change.got is not None:
            self.replaced.add(change.key)

    def amended(self, change: Change) -> Change | None:
        """Return the step as it can be made though a certificate or a trust store is missing; None if nothing is left.

        A listener goes on to validate its clients as it did; a new one is not made without its trust store.
        """
        want = change.want
        if change.key.kind != LISTENER or want is None or change.got is None or "Protocol" in want.spec:
            return self._certified(change)
        if trust_store_key(store_of(want)) not in self.missing:
            return self._certified(change)
        spec = {name: value for name, value in want.spec.items() if name != "MutualAuthentication"}
        return self._certified(replace(change, want=replace(want, spec=spec))) if spec else None

    def without(self, change: Change, part: Resource, error: ReconcilerError) -> tuple[Change, ...] | None:
        """Return what is left of a listener's step without a certificate; None if no other one can take its place."""
        self.missing[part.key] = error
        amended = self._certified(change)
        if amended == change:
            del self.missing[part.key]
            return None
        self.broken.add(part.key)
        if isinstance(error, TerminalError):
            self.lasting.add(part.key)
        return () if amended is None else (amended,)

    def _certified(self, change: Change) -> Change | None:
        """Return the step as it can be made though a certificate is missing; None if nothing is left of it.

        A port that several listeners share opens with the certificate of another one, and keeps the one that it has:
        the listener whose certificate was refused has been told, the others serve.
        """
        want = change.want
        if change.key.kind != LISTENER or want is None or not self._is_missing(str(want.spec.get("Certificate", ""))):
            return change
        self.bare.add(change.key)
        spec = {name: value for name, value in want.spec.items() if name != "Certificate"}
        if change.got is None or "Protocol" in spec:
            fit = (one for one in self.spare.get(change.key, ()) if not self._is_missing(one.key.name))
            other = next(fit, None)
            if other is None:
                return change
            shown = Resource(certificate_key(other.key.name), origins=other.origins)
            return replace(change, want=replace(want, spec={**spec, "Certificate": other.key.name}), part=shown)
        return replace(change, want=replace(want, spec=spec), part=None) if spec else None

    def _is_missing(self, certificate: str) -> bool:
        return certificate_key(certificate) in self.missing

    def lacks(self, change: Change) -> ReconcilerError | None:
        """Return why a step cannot succeed: what it refers to could not be made."""
        if change.want is None:
            return None
        return next((self.missing[key] for key in _references(change.want) if key in self.missing), None)

    def holds(self, change: Change) -> bool:
        """Return whether a step is not to be made because of what failed, or because its successor is not there yet.

        A port is closed whatever became of other ports, and to some clients whatever became of its own: else one team's
        failure would keep open what another was told to close. It stays open while its listener does.
        """
        key = change.key
        if key.kind in (RULE, ORDER) and key.scope in self.stopped:
            return True
        match change.call:
            case calls.DELETE_RULE:
                return self._must_stay(change)
            case calls.DELETE_LISTENER:
                return self._stays_open(port_of(key))
            case calls.DELETE_LOAD_BALANCER:
                return self._serves(key)
            case _:
                return self._holds_part(change)

    def _holds_part(self, change: Change) -> bool:
        """Return the same for what belongs to load balancers, listeners and target groups."""
        key = change.key
        if key.kind == INGRESS:
            return self._holds_door(change)
        if change.call == calls.DEREGISTER_TARGETS:
            return key in self.unregistered or (key.kind == ALB_TARGET and self._leads_on(port_of(key)))
        if change.call == calls.REMOVE_LISTENER_CERTIFICATE:
            return self._still_shown(key)
        untold = key.kind == CERTIFICATE and key in self.broken  # a tag must not tell of an import that failed
        inside = key.kind in (RULE, ORDER, LISTENER_CERTIFICATE) and holder_of(key) in self.broken
        if change.call == calls.DELETE_TARGET_GROUP and key.name in self.needed:
            return True
        return untold or inside or (change.call in _NEEDED_BY and (self._awaits() or self._is_needed(change.call)))

    def _is_needed(self, call: str) -> bool:
        """Return whether what failed may need what a call removes; of what was refused for good it is known."""
        known = self.lasting if call == calls.DELETE_TARGET_GROUP else set[ResourceKey]()
        kinds = {one.kind for one in self.broken if one not in known or one.kind == LOAD_BALANCER}
        return not kinds.isdisjoint(_NEEDED_BY[call])

    def _awaits(self) -> bool:
        """Return whether a former load balancer, and all that it needs, stays while AWS makes its successor."""
        return self.unready and bool(self.moving - self.ahead)

    def _holds_door(self, change: Change) -> bool:
        """Return whether a port is not opened to clients, for nothing listens there, or not closed as its listener."""
        port = port_of(change.key)
        if change.call == calls.AUTHORIZE_INGRESS:
            return any(one.kind == LISTENER and port_of(one) == port for one in self.missing)
        return port in map(port_of, self.closing) and self._stays_open(port)

    def _stays_open(self, port: int) -> bool:
        """Return whether a leaving listener stays: what was to answer on its port instead of it could not be made."""
        return any(one.kind == LISTENER and port_of(one) == port for one in self.broken)

    def _serves(self, balancer: ResourceKey) -> bool:
        """Return whether a leaving load balancer stays.

        One whose place another takes, until that serves whole; one that nothing replaces, for a listener that stays.
        """
        if balancer in self.moving:
            return (self.unready and balancer not in self.ahead) or self._is_needed(calls.DELETE_LOAD_BALANCER)
        there = (one for one in self.closing if balancer_of(one) == balancer.name)
        return attributes_key(balancer.name) in self.broken or any(self._stays_open(port_of(one)) for one in there)

    def _leads_on(self, port: int) -> bool:
        """Return whether a former NLB stays in front of a port that the ALB behind it goes on to serve."""
        stays = any(self._serves(one) for one in self.moving)
        return self._stays_open(port) or (stays and listener_key(port) not in self.closing)

    def _still_shown(self, certificate: ResourceKey) -> bool:
        """Return whether a leaving certificate stays: what its listener was to show instead of it could not be had."""
        holder = holder_of(certificate)
        beside = (one for one in self.broken if one.kind == LISTENER_CERTIFICATE)
        lost = holder in self.broken or holder in self.bare or any(holder_of(one) == holder for one in beside)
        return lost or certificate_key(certificate.name) in self.broken

    def silent(self, there: Collection[ResourceKey]) -> set[str]:
        """Return the load balancers that answer nowhere, since no listener could be made; `there`: all that is."""
        lost = {balancer_of(key) for key in self.missing if key.kind == LISTENER and key not in self.recalled}
        return lost - {balancer_of(key) for key in there if key.kind == LISTENER}

    def _must_stay(self, change: Change) -> bool:
        """Return whether a leaving rule answers for one that AWS refused for good: then it stays as it is.

        So does each leaving rule above one that stays and that may take the same requests, or it would answer them.
        One that forwards to a target group that nobody wants any more goes: it may have been revoked.
        """
        staying = self.staying.get(change.key.scope, [])
        spec = change.got.spec if change.got else {}
        conditions, actions = spec.get("Conditions"), spec.get("Actions")
        met = [key for key, other in staying if not disjoint(conditions, other)]
        if not met or self._revoked(actions):
            return False
        staying.append((change.key, conditions))
        self.replaced.update(met)
        return True

    def _revoked(self, actions: Json) -> bool:
        return any(name in self.leaving for name in _groups(actions))


def _is_bad_target(change: Change, error: ReconcilerError) -> bool:
    """Return whether AWS refused one target for what it is: it is the successor of none."""
    return is_about(error, "InvalidTarget") and len(targets_of(change.want, "Register")) == 1


def _groups(actions: Json) -> Iterator[str]:
    every = actions if isinstance(actions, (list, tuple)) else ()
    return (name for one in every if isinstance(one, Mapping) for name in forwarded(one))


def groups_of(resource: Resource | None) -> tuple[str, ...]:
    """Return the names of the target groups that a rule or a listener forwards to."""
    return tuple(_groups(resource.spec.get("Actions") or resource.spec.get("DefaultActions"))) if resource else ()


def _references(resource: Resource) -> Iterator[ResourceKey]:
    """Yield the keys of what a resource refers to by AWS's id."""
    key, spec = resource.key, resource.spec
    yield from map(target_group_key, groups_of(resource))
    if key.kind in (TARGETS, TG_ATTRIBUTES):
        yield target_group_key(key.name)
    elif key.kind == LISTENER:
        yield balancer_key(balancer_of(key))
        yield certificate_key(str(spec.get("Certificate", "")))
        yield trust_store_key(store_of(resource))
        yield from (alb_target_key(port_of(key), name) for name in _groups(spec.get("DefaultActions")))
    elif key.kind == TRUST_STORE:
        yield ca_bundle_key(key.name)
    elif key.kind == ALB_TARGET:
        yield target_group_key(key.name)
        yield balancer_key(ALB)
    elif key.kind == LISTENER_CERTIFICATE:
        yield certificate_key(key.name)
    elif key.kind == LB_ATTRIBUTES:
        yield balancer_key(key.name)
