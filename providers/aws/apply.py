"""The only door that writes: exactly the calls of a plan, in their order, one Change a call.

A failure costs what it touches and what builds on it; the rest goes on (Law 6). A listener whose CreateRule failed for
now gets no further rule changes in this run, so that what is there stays a prefix of what is wanted (Law 5). What is
acknowledged is not yet everywhere: before anything that traffic may still need is taken away, what takes its place is
given time to settle.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from providers.aws import calls
from providers.aws.clients import Clients
from providers.aws.errors import is_about
from providers.aws.held import Held, groups_of
from providers.aws.limiter import OutOfTime
from providers.aws.made import Made
from providers.aws.make import make
from providers.aws.resources import balancer_key
from providers.aws.target_plan import halves, targets_of
from reconciler.errors import Misconfigured, NotReady, QuotaExceeded, ReconcilerError, TransientError
from reconciler.plan import Change, Failure, Op, Outcome, Plan, ResourceKey, ResourceSet
from reconciler.ports import Owner, ReadSecret

RETRIES = (0.25, 0.5, 1.0, 2.0)
"""Seconds between tries of a call that AWS is not ready for yet: what was just made is not everywhere at once."""
LATER = 2.0
MOST_SPLITS = 64
"""Registrations that a run halves to find bad targets: a pool full of them is not to use up the rate of all others."""
_NAMED = 4
"""Targets that a message names."""
_LOG = logging.getLogger(__name__)
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
_CLOSES = _TAKES_AWAY | {calls.REVOKE_INGRESS, calls.REMOVE_LISTENER_CERTIFICATE}
"""What is tried in every run, however often AWS refused it: somebody is to be shut out."""
_NO_CERTIFICATE = ("CertificateNotFound", "UnsupportedCertificate")
_LEAVE_TO_SWEEP = frozenset({calls.DELETE_TARGET_GROUP, calls.DELETE_SECURITY_GROUP, calls.DELETE_TRUST_STORE})


@dataclass(slots=True)
class Applier:
    """Applies one plan.

    Attributes:
        sleep: replaced in tests.
        settle: seconds until what AWS acknowledged is everywhere.
        unsettled: whether something that serves was changed and not yet given that time.
        held: what failed, and what stays because of it.
        splits: how often a refused registration was halved.
        freed: whether something was deleted, so that what a quota refused may fit now.
        known: what AWS refused in an earlier run and is not asked again, by key and call.
    """

    clients: Clients
    owner: Owner
    read_secret: ReadSecret
    sleep: Callable[[float], None] = time.sleep
    settle: float = 0.0
    unsettled: bool = False
    held: Held = field(default_factory=Held)
    failed: list[Failure] = field(default_factory=list)
    done: int = 0
    skipped: int = 0
    splits: int = 0
    freed: bool = False
    known: dict[tuple[ResourceKey, str], list[Failure]] = field(default_factory=dict)

    def apply(self, plan: Plan, got: ResourceSet) -> Outcome:
        """Make the calls, until time is up; return what came of them. Never raises a ReconcilerError."""
        made = Made.of(got, self.owner)
        self.held = Held.of(plan)
        self._take_as_refused(plan)
        late = False
        for planned in plan.changes:
            self.held.unready = bool(got.waiting or made.waiting)
            change = self.held.amended(planned)
            if change is not None and self._is_known(change):
                continue
            if change is None or self.held.holds(change):
                self.skipped += 1
                continue
            try:
                self._let_settle(change)
                self._try(change, made)
            except OutOfTime as error:
                late = True
                if not self.done:
                    self._fail(change, error, made)  # a run that got nowhere: to be tried again, and counted
                break
        return self._outcome(made, got, late=late)

    def _take_as_refused(self, plan: Plan) -> None:
        """Take in what AWS refused in an earlier run: where the plan does not try it, it is as if it had failed."""
        planned = {(change.key, change.call) for change in plan.changes}
        for one in plan.refused:
            self.known.setdefault((one.key, one.call), []).append(one)
            if (one.key, one.call) not in planned:
                self.failed.append(one)
                self.held.recall(one)

    def _is_known(self, change: Change) -> bool:
        """Return whether AWS refused a step in an earlier run; then it has failed without being asked."""
        known = self.known.get((change.key, change.call), ())
        for one in known:
            if one not in self.failed:
                self.failed.append(one)
            self.held.fail(change, one.error, missing=one.missing)
        return bool(known)

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
            if lacking := self.held.lacks(change):
                raise lacking
            self._with_patience(change, made)
        except OutOfTime:
            raise
        except ReconcilerError as error:
            if isinstance(error, NotReady) and change.call in _LEAVE_TO_SWEEP:
                return
            parts = self._halves(change, error) or self._without_certificate(change, error)
            for part in parts or ():
                self._try(part, made)
            if parts is None:
                self._fail(change, error, made)
        else:
            self.done += 1
            self.unsettled |= self.settle > 0 and change.call in _SERVES
            self.freed |= change.op is Op.DELETE

    def _halves(self, change: Change, error: ReconcilerError) -> tuple[Change, ...]:
        """Return a refused registration in two halves: one bad target fails a call for all, and the good ones count."""
        if change.call != calls.REGISTER_TARGETS or not is_about(error, "InvalidTarget") or self.splits >= MOST_SPLITS:
            return ()
        parts = halves(change)
        self.splits += bool(parts)
        return parts

    def _without_certificate(self, change: Change, error: ReconcilerError) -> tuple[Change, ...] | None:
        """Return what is left of a listener's step without a certificate that AWS refuses; None if that is not it.

        The certificate's listeners are told; the others of the port open, or go on, with another one.
        """
        if change.part is None or not any(is_about(error, code) for code in _NO_CERTIFICATE):
            return None
        without = self.held.without(change, change.part, error)
        if without is not None:
            _LOG.warning("%s of %s without %s: %s", change.call, change.key, change.part.key, error.message)
            self.failed.append(Failure(change.part.key, error, change.part.origins, call=change.call, missing=True))
        return without

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

    def _fail(self, change: Change, error: ReconcilerError, made: Made) -> None:
        resource = change.want or change.got
        origins, listeners = (resource.origins, resource.listeners) if resource else ((), ())
        told = _with_targets(change, error)
        _LOG.warning("%s of %s failed: %s", change.call, change.key, told.message)
        missing = change.got is None and change.key not in made.ids
        failure = Failure(change.key, told, origins, listeners=listeners, call=change.call, missing=missing)
        failure = replace(failure, keeps=tuple(name for name in groups_of(change.got) if name in self.held.leaving))
        self.failed.append(failure)
        self.held.fail(change, error, missing=missing)

    def _outcome(self, made: Made, got: ResourceSet, *, late: bool) -> Outcome:
        transient = any(isinstance(one.error, TransientError) for one in self.failed)
        room = self.freed and any(isinstance(one.error, QuotaExceeded) for one in self.failed)
        for balancer in self.held.silent(made.ids):  # the addresses published before are the better ones
            made.addresses.pop(balancer_key(balancer), None)
        return Outcome(
            addresses=made.published,
            done=self.done,
            failed=(
                *got.failed,
                *(replace(one, last_good=one.last_good or one.key in self.held.replaced) for one in self.failed),
            ),
            waiting=(*got.waiting, *made.waiting),
            retry_after=LATER if late or transient or room else None,
            complete=not (late or self.failed or self.skipped or got.failed),
            settled=not (late or transient or got.failed or self.held.stopped or self.held.silent(made.ids))
            and all(one.call not in _CLOSES for one in self.failed),
            nonce=made.nonce,
        )


def _with_targets(change: Change, error: ReconcilerError) -> ReconcilerError:
    """Return the error of a refused registration with the targets that it was about, which AWS need not name."""
    if not isinstance(error, Misconfigured) or change.call != calls.REGISTER_TARGETS:
        return error
    if not is_about(error, "InvalidTarget"):
        return error
    found = targets_of(change.want, "Register")
    named = ", ".join(f"{one[0]}:{one[1]}" for one in found[:_NAMED] if isinstance(one, (list, tuple)))
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return Misconfigured(f"target {named}{more}: {error.message}")
