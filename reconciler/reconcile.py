"""The whole story of one run, on one page.

snapshot -> graph -> IR -> native resources -> mark -> observe -> plan -> finalizer and dirty mark -> apply
-> clean mark -> status. Status is always written, also when the cloud failed; then, and only then, a transient failure
is raised again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reconciler.capabilities import Rejection
from reconciler.errors import Conflict, NotReady, ReconcilerError, TerminalError, TransientError
from reconciler.events import Cause, Trigger, number_of
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.backend_config import INSTANCE
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.gates import gate_updates, pending
from reconciler.gatewayapi.graph import Graph
from reconciler.gatewayapi.kinds import route_kinds
from reconciler.gatewayapi.refusals import counted
from reconciler.gatewayapi.report import build_status
from reconciler.gatewayapi.snapshot import Snapshot
from reconciler.ir import LoadBalancer
from reconciler.mark import Mark, State, annotation, finalizer, parse
from reconciler.plan import Depth, Failure, Look, Outcome, Plan, Rendered, ResourceKey, ResourceSet
from reconciler.ports import Cluster, Owner, Provider
from reconciler.refusals import recall, remember
from reconciler.safety import check_safe
from reconciler.values import frozen_map

ALLOW_DISRUPTION = "routewright.dev/allow-disruption"
ALLOW_DELETE = "routewright.dev/allow-delete"
PAUSED = "routewright.dev/paused"
_SOON = 1.0
"""Seconds until the first look at what the cloud has just begun to make; how often after that, the provider says."""
POLL = 12.0
"""Seconds between two looks at Pods that wait for a readiness gate: about a health check."""
MOST_WAITS = 20
"""Looks at what the cloud says is not ready yet, before another one counts as a failure."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a run works with.

    Attributes:
        cluster: the cluster the trigger came from.
        provider: the cloud.
        nonce: makes a fresh nonce for a load balancer about to be created.
        observe_only: deployment mode `observe`: plan, report, write nothing to the cloud.
    """

    cluster: Cluster
    provider: Provider
    nonce: Callable[[], str]
    observe_only: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run: the plan, its outcome, the rejections, and how many status writes were made.

    Attributes:
        polls: Pods wait for a readiness gate, so that another look is needed even where all else is done.
        untold: why part of the status cannot be written until somebody changes something; "" if all of it was.
    """

    plan: Plan
    outcome: Outcome
    rejections: tuple[Rejection, ...] = ()
    status_writes: int = 0
    untold: str = ""
    polls: bool = False

    @property
    def retry_after(self) -> float | None:
        """Seconds until a look again is worth it; None if nothing is open."""
        if self.outcome.retry_after is None and not self.outcome.waiting:
            return POLL if self.polls else None
        return _SOON if self.outcome.retry_after is None else self.outcome.retry_after

    def follow_up(self, trigger: Trigger, now: float = 0.0) -> Trigger:
        """Return the trigger of the look again: one that goes on, one that waits for the cloud, or one for gates.

        Every event of a rollout begins to look for gates: the looks of one time (`now`, in seconds) are one message.
        """
        if self.outcome.retry_after is not None:
            return trigger.again()
        if self.outcome.waiting:
            return trigger.awaiting(one.id for one in self.outcome.waiting)
        return trigger.polling(f"gates-{int(now // POLL)}")


def reconcile(trigger: Trigger, room: Room) -> Result:
    """Bring one Gateway's load balancer and its status to what the cluster says now.

    Raises TransientError after the status was written (try again), and what is a bug as it is.
    """
    snapshot = room.cluster.snapshot(trigger)
    graph = attach(snapshot, room.provider)
    if not _concerns_us(snapshot, graph, room.provider):
        return Result(Plan(trigger.key), Outcome())
    compiled = compile_ir(graph)
    want = room.provider.render(compiled.lb)
    rejections = (*compiled.rejections, *want.rejections)
    run = _Run(trigger, room, snapshot, counted(graph, rejections), compiled.lb, want)
    return _report(Result(*_realise(run), rejections=rejections), run)


def _concerns_us(snapshot: Snapshot, graph: Graph, provider: Provider) -> bool:
    """A foreign Gateway without our finalizer, and with no stale entry of ours on any Route, ends before any call."""
    held = snapshot.gateway is not None and finalizer(provider.name) in snapshot.gateway.meta.finalizers
    alone = snapshot.gateway is None and graph.gateway_class is not None
    return graph.ours or held or bool(graph.former or graph.former_policies) or alone


@dataclass(frozen=True, slots=True)
class _Run:
    trigger: Trigger
    room: Room
    snapshot: Snapshot
    graph: Graph
    lb: LoadBalancer
    want: Rendered

    @property
    def held(self) -> bool:
        """Whether the Gateway carries our finalizer, and so may have something in the cloud."""
        gateway = self.snapshot.gateway
        return gateway is not None and finalizer(self.room.provider.name) in gateway.meta.finalizers


def _realise(run: _Run) -> tuple[Plan, Outcome]:
    """Make the cloud as wanted. Failures of ours become part of the outcome, so that status can tell of them."""
    nothing = Plan(run.trigger.key)
    if not _buildable(run):
        return nothing, Outcome()
    try:
        return _observe_and_apply(run)
    except ReconcilerError as error:
        failure = Failure(ResourceKey("load-balancer", "", ""), error)
        return nothing, Outcome(failed=(failure,), complete=False)


def _buildable(run: _Run) -> bool:
    """Return whether there is anything to do in the cloud.

    A Gateway that is refused, or without any listener to serve, gets no load balancer; one that has one keeps it, and a
    refused one its last good state. A Gateway whose class does not exist is left alone: nobody said that it left us.
    """
    if run.graph.withdrawn:
        return run.held
    refused = any(problem.condition == "Accepted" for problem in run.graph.problems)
    return run.graph.ours and not refused and (run.held or bool(run.lb.frontends))


def _observe_and_apply(run: _Run) -> tuple[Plan, Outcome]:
    provider, mark = run.room.provider, _read_mark(run)
    owner, look, got = _observe(run, mark)
    plan, spared = _spare_protected(run, provider.plan(owner, run.want, got, look))
    plan = replace(plan, refused=look.refused)
    if (reason := _disruption(run, plan)) and (standing := _as_it_stands(run, got)):
        plan, outcome = _observe_and_apply(standing)
        return plan, replace(outcome, held=outcome.held or reason, complete=False)
    failed = (*got.failed, *look.refused)
    outcome = Outcome(got.addresses, failed=failed, waiting=got.waiting, nonce=got.nonce, settled=not got.failed)
    if reason := _hold(run, plan) or reason:
        return plan, replace(outcome, held=reason, complete=False)
    if plan:
        check_safe(plan, got, run.graph, asked=_asked(run, mark))
        if look.depth > Depth.EXISTS:
            mark = _write_mark(run, Mark(State.DIRTY, owner.placement, owner.nonce), mark, _named(run, plan))
        outcome = provider.apply(owner, plan, got, run.room.cluster.read_secret)
    if spared:
        outcome = replace(outcome, held=spared, complete=False)
    _finish(run, mark, owner, outcome)
    return plan, replace(outcome, health=got.health)


def _observe(run: _Run, mark: Mark | None) -> tuple[Owner, Look, ResourceSet]:
    """Look as deep as the mark demands; deeper at once if what is there does not fit the mark."""
    owner, look = _placed(run, mark), _look(run, mark)
    if mark and mark.placement != owner.placement:
        look = Look(Depth.ALL, pools=None)
    got = run.room.provider.observe(owner, run.want, look)
    if look.depth is not Depth.ALL and (not got.exists or got.nonce != owner.nonce):
        look = Look(Depth.ALL, pools=None)
        got = run.room.provider.observe(owner, run.want, look)
    if got.nonce:
        owner = replace(owner, nonce=got.nonce)
    elif mark is not None and mark.state is not State.DIRTY:
        owner = replace(owner, nonce=run.room.nonce())  # somebody deleted it: what we create now is another one
    return owner, look, got


def _placed(run: _Run, mark: Mark | None) -> Owner:
    """Return whom resources belong to, and where they live: where the mark says if that is proven, else by the class.

    Whoever may edit the Gateway may edit its mark: only what stands there and is ours, by tags that only we can set,
    proves that we were there. A Gateway that is being deleted would else leave behind what a forged mark hides.
    """
    gateway, placement = run.snapshot.gateway, run.graph.config.placement
    if gateway is None:
        raise Conflict(f"{run.trigger.key} is gone")
    if mark is None:
        return Owner(run.trigger.key, gateway.meta.uid, placement, run.room.nonce())
    owner = Owner(run.trigger.key, gateway.meta.uid, mark.placement, mark.nonce)
    return owner if mark.placement == placement or _stands(run, owner, mark) else replace(owner, placement=placement)


def _stands(run: _Run, owner: Owner, mark: Mark) -> bool:
    """Return whether anything of ours is in a place: its load balancer, or what a cut run or a deletion left."""
    provider, everything = run.room.provider, Look(Depth.ALL, pools=None, names=mark.names)
    if provider.observe(owner, run.want, Look(Depth.EXISTS)).nonce:
        return True
    got = provider.observe(owner, Rendered(), everything)
    return bool(got.nonce or provider.plan(owner, Rendered(), got, everything))


def _look(run: _Run, mark: Mark | None) -> Look:
    deep = run.trigger.cause in (Cause.DEEP, Cause.BACKFILL)
    refused = recall(mark, run.want, run.trigger.cause) if mark else None
    if mark is None or refused is None or mark.state is State.DIRTY or deep or run.graph.withdrawn:
        return Look(Depth.ALL, pools=None, names=mark.names if mark else ())
    changed = frozenset(
        part for part in {*mark.parts, *run.want.parts} if mark.parts.get(part) != run.want.parts.get(part)
    )
    depth = Depth.TOUCHED if changed else Depth.EXISTS
    return Look(depth, parts=changed, pools=_pools(run), refused=refused)


def _pools(run: _Run) -> frozenset[str] | None:
    """Endpoints are compared when the trigger names their Service, or when events may have been missed.

    Nodes stand behind every Service whose pool is made of them: no trigger names those.
    """
    if run.trigger.cause is Cause.RELIST:
        return None
    services = {*run.trigger.services, *("/".join(service) for service in pending(run.snapshot))}
    nodes = any(one.kind == "Node" for one in run.trigger.seen)
    pools = run.graph.pools.values()
    return frozenset(
        p.id
        for p in pools
        if f"{p.service.namespace}/{p.service.name}" in services or (nodes and p.settings.target_type == INSTANCE)
    )


def _hold(run: _Run, plan: Plan) -> str:
    """Return why nothing at all may be written now, "" if it may."""
    if not plan:
        return ""
    if run.room.observe_only:
        return "the deployment runs in mode observe: changes are planned, not made"
    if _annotation(run, PAUSED) == "true":
        return f"annotation {PAUSED} stops all changes to the cloud"
    return ""


def _disruption(run: _Run, plan: Plan) -> str:
    """Return why a plan that disrupts may not be applied, "" if it may or does not."""
    if not plan.disruptive or run.graph.withdrawn or _annotation(run, ALLOW_DISRUPTION) == "true":
        return ""
    return f'{plan.disruptive[0].disruptive}; set annotation {ALLOW_DISRUPTION}: "true" to let it happen'


def _spare_protected(run: _Run, plan: Plan) -> tuple[Plan, str]:
    """Return the plan without what somebody protected against it, and why; a Gateway that leaves then keeps all it has.

    Only the Gateway's own annotation lets it happen: a class would speak for every Gateway there is and will be.
    """
    protected = next((change.protected for change in plan.changes if change.protected), "")
    gateway = run.snapshot.gateway
    if not protected or (gateway and gateway.meta.annotations.get(ALLOW_DELETE) == "true"):
        return plan, ""
    kept = () if run.graph.withdrawn else tuple(change for change in plan.changes if not change.protected)
    return replace(plan, changes=kept), f'{protected}; set annotation {ALLOW_DELETE}: "true" to let it go'


def _annotation(run: _Run, name: str) -> str:
    """Return the value of a user's annotation, the Gateway's before its class's."""
    objects = (run.snapshot.gateway, run.graph.gateway_class)
    return next((one.meta.annotations[name] for one in objects if one and name in one.meta.annotations), "")


def _as_it_stands(run: _Run, got: ResourceSet) -> _Run | None:
    """Return the run with the scheme and addresses there: their change waits, Routes and revocations do not."""
    provider, graph, lb = run.room.provider, run.graph, run.lb
    scheme = provider.scheme_of(got)
    if scheme not in ("", run.graph.config.scheme):
        graph = attach(run.snapshot, provider, scheme)
        lb = compile_ir(graph).lb
    lb = provider.standing(lb, got)
    if lb is run.lb:
        return None
    return replace(run, graph=graph, lb=lb, want=provider.render(lb))


def _finish(run: _Run, mark: Mark | None, owner: Owner, outcome: Outcome) -> None:
    """Leave the mark clean if all was made or refused; a withdrawn Gateway loses mark and finalizer instead."""
    refused = remember(outcome, run.want)
    if refused is None or (refused and run.graph.withdrawn):
        return
    if run.graph.withdrawn:
        run.room.cluster.write_mark(run.trigger.key, None, finalizer=False)
        return
    clean = Mark(State.CLEAN, owner.placement, outcome.nonce or owner.nonce).clean(run.want.parts, refused)
    if clean != mark or not run.held or _told_more(run, mark):
        run.room.cluster.write_mark(run.trigger.key, _with_seen(run, mark, clean), finalizer=True)


def _named(run: _Run, plan: Plan) -> tuple[str, ...]:
    """Return the names to find again after a cut: of what is about to be made, and of what is about to go."""
    leaving = (change.got.spec["Name"] for change in plan.changes if change.got and "Name" in change.got.spec)
    return tuple(sorted({*run.want.names, *map(str, leaving)}))


def _write_mark(run: _Run, fresh: Mark, mark: Mark | None, names: tuple[str, ...]) -> Mark:
    """Mark the Gateway dirty before the first write to the cloud; return the mark that stands now."""
    base = replace(mark, placement=fresh.placement, nonce=fresh.nonce) if mark else fresh
    dirty = _with_seen(run, mark, base.dirty(names))
    if mark is None or dirty != mark or dirty.seen != mark.seen or not run.held:
        run.room.cluster.write_mark(run.trigger.key, dirty, finalizer=True)
    return dirty


def _with_seen(run: _Run, mark: Mark | None, fresh: Mark) -> Mark:
    """Return a mark that says what this run knew of: a later one, in a container that slept, must not know less."""
    return replace(fresh, seen=frozen_map({**(mark.seen if mark else {}), **run.snapshot.versions}))


def _told_more(run: _Run, mark: Mark) -> bool:
    """Return whether the trigger tells of a Route's version beyond the mark's, or the mark of one that never was."""
    told, known = run.trigger.versions, run.snapshot.versions
    return any(
        not number_of(told.get(kind)) <= number_of(mark.seen.get(kind)) <= number_of(version)
        for kind, version in known.items()
    )


def _read_mark(run: _Run) -> Mark | None:
    gateway = run.snapshot.gateway
    text = gateway.meta.annotations.get(annotation(run.room.provider.name), "") if gateway else ""
    return parse(text) if text else None


def _asked(run: _Run, mark: Mark | None) -> bool:
    """Return whether Routes or ListenerSets are known to have changed, or an earlier run that was safe was cut."""
    asking = {*route_kinds(), "ListenerSet"}
    return any(seen.kind in asking for seen in run.trigger.seen) or (mark is not None and mark.state is State.DIRTY)


def _report(result: Result, run: _Run) -> Result:
    """Write the status, then raise what a later try may mend.

    An object whose status nobody lets us write costs its own status, not the look again that the run asks for.
    """
    capabilities = run.room.provider.capabilities(run.graph.config)
    updates = build_status(run.graph, run.snapshot.controller, capabilities, result.rejections, result.outcome)
    try:
        result = replace(result, status_writes=run.room.cluster.write_status(updates))
    except TerminalError as error:
        result = replace(result, untold=error.message)
    result = _open_gates(result, run)
    errors = [failure.error for failure in result.outcome.failed]
    transient = next((error for error in errors if isinstance(error, TransientError)), None)
    if transient is not None and not _progress(run.trigger, result.outcome, errors):
        raise transient
    return result


def _open_gates(result: Result, run: _Run) -> Result:
    """Write the readiness gates of Pods that wait for this Gateway; one that cannot be written is looked at again."""
    if not pending(run.snapshot):
        return result
    made = (
        {origin for resource in run.want.resources.values() for origin in resource.origins} if _buildable(run) else ()
    )
    updates = gate_updates(run.snapshot, [one for one in run.lb.pools if one.id in made], result.outcome.health)
    try:
        run.room.cluster.write_gates(updates)
    except TerminalError as error:
        result = replace(result, untold=result.untold or error.message)
    return replace(result, polls=True)


def _progress(trigger: Trigger, outcome: Outcome, errors: Sequence[ReconcilerError]) -> bool:
    """A run that moved on, or only waits for the cloud, is not a failure: it comes back through the later queue."""
    waits = trigger.attempt < MOST_WAITS and all(isinstance(error, NotReady) for error in errors)
    return outcome.retry_after is not None and (outcome.done > 0 or waits)
