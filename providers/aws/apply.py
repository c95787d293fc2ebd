"""The only door that writes: exactly the calls of a plan, in their order, one Change a call.

A failure costs what it touches and what builds on it; the rest goes on (Law 6). A listener whose CreateRule failed for
now gets no further rule changes in this run, so that what is there stays a prefix of what is wanted (Law 5). What is
acknowledged is not yet everywhere: before anything that traffic may still need is taken away, what takes its place is
given time to settle.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from providers.aws import calls
from providers.aws.clients import Clients
from providers.aws.limiter import OutOfTime
from providers.aws.make import Made, make
from providers.aws.overlap import disjoint
from providers.aws.render import forwarded
from providers.aws.resources import (
    CERTIFICATE,
    LB_ATTRIBUTES,
    LISTENER,
    LISTENER_CERTIFICATE,
    LOAD_BALANCER,
    ORDER,
    RULE,
    holder_of,
)
from reconciler.errors import NotReady, QuotaExceeded, ReconcilerError, TerminalError, TransientError
from reconciler.ir import Json
from reconciler.plan import Change, Failure, Op, Outcome, Plan, ResourceKey, ResourceSet
from reconciler.ports import Owner, ReadSecret

RETRIES = (0.25, 0.5, 1.0, 2.0)
"""Seconds between tries of a call that AWS is not ready for yet: what was just made is not everywhere at once."""
LATER = 2.0
_LOG = logging.getLogger(__name__)
_NEEDED_BY = {
    calls.DELETE_LOAD_BALANCER: frozenset({LOAD_BALANCER, LB_ATTRIBUTES, LISTENER, RULE, ORDER, CERTIFICATE}),
    calls.DELETE_LISTENER: frozenset({LOAD_BALANCER, LISTENER}),
    calls.REVOKE_INGRESS: frozenset({LOAD_BALANCER, LISTENER}),
    calls.REMOVE_LISTENER_CERTIFICATE: frozenset({CERTIFICATE, LISTENER, LISTENER_CERTIFICATE}),
    calls.DELETE_TARGET_GROUP: frozenset({LOAD_BALANCER, LISTENER, RULE, ORDER}),
    calls.DELETE_SECURITY_GROUP: frozenset({LOAD_BALANCER}),
}
"""What may still be needed where something of these kinds could not be made; else one team's failure would keep open
what another was told to close. A port is closed to some clients whatever failed; it stays open while its listener does.
"""
_SERVES = frozenset(
    {
        calls.CREATE_LISTENER,
        calls.CREATE_RULE,
        calls.MODIFY_LISTENER,
        calls.MODIFY_RULE,
        calls.REGISTER_TARGETS,
        calls.SET_RULE_PRIORITIES,
    }
)
_TAKES_AWAY = frozenset({calls.DELETE_LISTENER, calls.DELETE_RULE, calls.DELETE_TARGET_GROUP, calls.DEREGISTER_TARGETS})
"""What traffic may need until everybody knows better; a revocation is not among it, for it has to cut at once."""
_LEAVE_TO_SWEEP = frozenset({calls.DELETE_TARGET_GROUP, calls.DELETE_SECURITY_GROUP})


@dataclass(slots=True)
class Applier:
    """Applies one plan.

    Attributes:
        sleep: replaced in tests.
        settle: seconds until what AWS acknowledged is everywhere.
        unsettled: whether something that serves was changed and not yet given that time.
        stopped: scopes of listeners whose rules may not change any further in this run.
        staying: by listener, conditions of rules that AWS refused for good, and of leaving rules that answer for them.
        closing: ports whose listeners the plan deletes.
        leaving: names of target groups that the plan deletes.
        broken: keys of resources that could not be made.
        freed: whether something was deleted, so that what a quota refused may fit now.
    """

    clients: Clients
    owner: Owner
    read_secret: ReadSecret
    sleep: Callable[[float], None] = time.sleep
    settle: float = 0.0
    unsettled: bool = False
    stopped: set[str] = field(default_factory=set)
    staying: dict[str, list[Json]] = field(default_factory=dict)
    closing: frozenset[str] = frozenset()
    leaving: frozenset[str] = frozenset()
    broken: set[ResourceKey] = field(default_factory=set)
    failed: list[Failure] = field(default_factory=list)
    done: int = 0
    skipped: int = 0
    freed: bool = False

    def apply(self, plan: Plan, got: ResourceSet) -> Outcome:
        """Make the calls, until time is up; return what came of them. Never raises a ReconcilerError."""
        made = Made.of(got, self.owner)
        self.closing = frozenset(one.key.name for one in plan.changes if one.call == calls.DELETE_LISTENER)
        self.leaving = frozenset(one.key.name for one in plan.changes if one.call == calls.DELETE_TARGET_GROUP)
        late = False
        for change in plan.changes:
            if self._builds_on_broken(change):
                self.skipped += 1
                continue
            try:
                self._let_settle(change)
                self._try(change, made)
            except OutOfTime as error:
                late = True
                if not self.done:
                    self._fail(change, error)  # a run that got nowhere: to be tried again, and counted
                break
        return self._outcome(made, got, late=late)

    def _builds_on_broken(self, change: Change) -> bool:
        key = change.key
        if key.kind in (RULE, ORDER) and key.scope in self.stopped:
            return True
        if change.call == calls.DELETE_RULE:
            return self._must_stay(change)
        if key in self.broken and (change.call == calls.DEREGISTER_TARGETS or key.kind == CERTIFICATE):
            return True  # a tag must not tell of an import that failed
        if change.call in _NEEDED_BY and not self._failed_kinds.isdisjoint(_NEEDED_BY[change.call]):
            return change.call != calls.REVOKE_INGRESS or key.name in self.closing
        inside = key.kind in (RULE, ORDER, LISTENER_CERTIFICATE)
        return inside and holder_of(key) in self.broken

    @property
    def _failed_kinds(self) -> frozenset[str]:
        return frozenset(failure.key.kind for failure in self.failed)

    def _must_stay(self, change: Change) -> bool:
        """Return whether a leaving rule answers for one that AWS refused for good: then it stays as it is.

        So does each leaving rule above one that stays and that may take the same requests, or it would answer them.
        One that forwards to a target group that nobody wants any more goes: it may have been revoked.
        """
        staying = self.staying.get(change.key.scope, [])
        spec = change.got.spec if change.got else {}
        conditions, actions = spec.get("Conditions"), spec.get("Actions")
        if all(disjoint(conditions, other) for other in staying) or self._revoked(actions):
            return False
        staying.append(conditions)
        return True

    def _revoked(self, actions: Json) -> bool:
        every = actions if isinstance(actions, (list, tuple)) else ()
        return any(name in self.leaving for one in every if isinstance(one, Mapping) for name in forwarded(one))

    def _let_settle(self, change: Change) -> None:
        """Wait before a change that takes away. Raises OutOfTime: the run that goes on finds it settled."""
        if not (self.unsettled and change.call in _TAKES_AWAY):
            return
        if self.clients.left() < self.settle:
            raise OutOfTime("too little time is left for the change to settle")
        self.sleep(self.settle)
        self.unsettled = False

    def _try(self, change: Change, made: Made) -> None:
        try:
            self._with_patience(change, made)
        except OutOfTime:
            raise
        except ReconcilerError as error:
            if isinstance(error, NotReady) and change.call in _LEAVE_TO_SWEEP:
                return
            self._fail(change, error)
        else:
            self.done += 1
            self.unsettled |= self.settle > 0 and change.call in _SERVES
            self.freed |= change.op is Op.DELETE

    def _with_patience(self, change: Change, made: Made) -> None:
        for pause in (*RETRIES, None):
            try:
                make(self.clients, made, change, self.read_secret)
            except NotReady:
                if pause is None or change.call in _LEAVE_TO_SWEEP or self.clients.left() < pause:
                    raise
                self.sleep(pause)
            else:
                return

    def _fail(self, change: Change, error: ReconcilerError) -> None:
        origins = (change.want or change.got).origins if (change.want or change.got) else ()  # type: ignore[union-attr]
        _LOG.warning("%s of %s failed: %s", change.call, change.key, error.message)
        self.failed.append(Failure(change.key, error, origins))
        self.broken.add(change.key)
        if change.key.kind in (RULE, ORDER):
            if isinstance(error, TerminalError) and change.call == calls.CREATE_RULE and change.want:
                if not isinstance(error, QuotaExceeded):  # there, what leaves makes room
                    self.staying.setdefault(change.key.scope, []).append(change.want.spec.get("Conditions"))
            else:
                self.stopped.add(change.key.scope)

    def _outcome(self, made: Made, got: ResourceSet, *, late: bool) -> Outcome:
        transient = any(isinstance(one.error, TransientError) for one in self.failed)
        room = self.freed and any(isinstance(one.error, QuotaExceeded) for one in self.failed)
        return Outcome(
            addresses=made.published,
            done=self.done,
            failed=tuple(self.failed),
            waiting=(*got.waiting, *made.waiting),
            retry_after=LATER if late or transient or room else None,
            complete=not (late or self.failed or self.skipped),
            nonce=made.nonce,
        )
