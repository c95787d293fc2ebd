"""The exact calls that lead from what is observed to what is wanted, in an order that keeps traffic. Pure, no SDK.

What each call reads from its Change stands in `providers.aws.calls`. The order: security group, certificates, trust
stores, target groups and targets, load balancer, listeners, rules (create from the top, modify, delete from the
bottom), what stands in front of an ALB, open ports, close ports, delete listeners, load balancers, target groups, trust
stores, security groups; what stands in front goes before what is behind. What was not observed is never deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from providers.aws import base_plan as base
from providers.aws import calls, listener_settings, unified
from providers.aws import listener_plan as listeners
from providers.aws.backend_settings import with_defaults
from providers.aws.client_certificates import trust_store_creations, trust_store_deletions
from providers.aws.resources import (
    ADDRESSES_KEY,
    ALB,
    ALB_TARGET,
    LB_ATTRIBUTES,
    LISTENER,
    LISTENER_ATTRIBUTES,
    LISTENER_CERTIFICATE,
    LOAD_BALANCER,
    LOAD_BALANCER_KEY,
    NLB,
    ORDER,
    RULE,
    TARGET_GROUP,
    TARGETS,
    TG_ATTRIBUTES,
    WEB_ACL,
    balancer_key,
    balancer_of,
    listener_attributes_key,
    part_of,
    port_of,
    scope_of,
    target_group_key,
    tg_attributes_key,
)
from providers.aws.rule_plan import Quota, observed_rules, rule_steps
from providers.aws.steps import deletion
from providers.aws.tag_plan import observed_tags, tag_changes, tagged
from providers.aws.target_plan import target_steps
from reconciler.plan import Change, Depth, Look, Plan, Rendered, Resource, ResourceKey, ResourceSet
from reconciler.ports import Owner

BALANCERS = (ALB, NLB)
DEFAULT_RULES = 100
"""Rules that an Application Load Balancer takes unless AWS raised the account's quota."""
_ON_BALANCER = frozenset({LB_ATTRIBUTES, LISTENER, LISTENER_ATTRIBUTES, LISTENER_CERTIFICATE, RULE, ORDER, WEB_ACL})
"""Kinds that live and die with a load balancer."""

type Resources = Mapping[ResourceKey, Resource]


def plan(owner: Owner, want: Rendered, got: ResourceSet, look: Look) -> Plan:
    """Return the calls to make, one Change each, restricted to what `look` observed.

    A load balancer that is not proven to be ours is left alone with all that is on it. Raises Misconfigured if rules of
    others leave no free priority on a listener.
    """
    complete = _with_defaults(want.resources, got.resources)
    wanted = _in_scope(complete, want.resources, got.resources, look)
    seen = _in_scope(got.resources, want.resources, got.resources, look)
    foreign = _foreign(got.resources)
    wanted = {key: one for key, one in wanted.items() if not foreign(key)}
    seen = _former(want.resources, {key: one for key, one in seen.items() if not foreign(key)})
    if _has_no_address(want.resources, got.resources):
        wanted, seen = unified.without_nlb(wanted), unified.without_nlb(seen)
    if look.depth is Depth.ALL and not any(balancer_key(balancer) in want.resources for balancer in BALANCERS):
        return Plan(owner.key, tuple(_teardown(wanted, seen)))
    every = [*_changes(wanted, seen, _quota(want.resources)), *_tagging(want.resources, got.resources, foreign)]
    changes = (tagged(change, want.resources) for change in every)
    return Plan(owner.key, tuple(unified.cut_off(want.resources, got.resources, change) for change in changes))


def _tagging(want: Resources, got: Resources, foreign: Callable[[ResourceKey], bool]) -> Iterator[Change]:
    kept = {key: tags for key, tags in observed_tags(got).items() if key in got and not foreign(key)}
    return tag_changes(want, got, kept)


# --- what the plan is about ---------------------------------------------------------------------------------------


def _with_defaults(want: Resources, got: Resources) -> dict[ResourceKey, Resource]:
    """Return the wanted resources, with the defaults of attributes that are there and that nobody sets any more."""
    found = dict(want)
    for key, one in want.items():
        if key.kind == TARGET_GROUP and (there := got.get(tg_attributes_key(key.name))):
            asked = want.get(there.key) or Resource(there.key, {}, one.origins)
            found[there.key] = replace(asked, spec=with_defaults(asked.spec, there.spec, one))
        elif key.kind == LISTENER and (there := got.get(listener_attributes_key(key))):
            asked = want.get(there.key) or Resource(there.key, {}, one.origins)
            found[there.key] = replace(asked, spec=listener_settings.with_defaults(asked.spec, there.spec))
    return found


def _in_scope(resources: Resources, want: Resources, got: Resources, look: Look) -> dict[ResourceKey, Resource]:
    """Return the resources that were observed, so that their absence means something."""
    if look.depth is Depth.ALL:
        return dict(resources)
    parts = look.parts if look.depth is Depth.TOUCHED else frozenset()
    return {
        key: resource
        for key, resource in resources.items()
        if part_of(key) in parts
        or (key.kind == TARGETS and _compared(key, want, got, look))
        or (key.kind == TG_ATTRIBUTES and _is_fresh(key, want, got, look))
        or (key.kind == LISTENER_ATTRIBUTES and _is_fresh(key, want, got, look))
    }


def _compared(key: ResourceKey, want: Resources, got: Resources, look: Look) -> bool:
    """Return whether a pool's targets are to be compared: it was asked for, or its target group is about to be made."""
    targets = want.get(key)
    if targets is None:
        return False
    return _is_fresh(key, want, got, look) or look.pools is None or not look.pools.isdisjoint(targets.origins)


def _is_fresh(key: ResourceKey, want: Resources, got: Resources, look: Look) -> bool:
    """Return whether the target group or listener that targets or attributes belong to is about to be made."""
    listener = key.kind == LISTENER_ATTRIBUTES
    holder = ResourceKey(LISTENER, key.scope, key.name) if listener else target_group_key(key.name)
    return part_of(holder) in look.parts and holder in want and holder not in got


def _former(want: Resources, seen: Mapping[ResourceKey, Resource]) -> dict[ResourceKey, Resource]:
    """Set a load balancer of another name apart: the wanted one is not there, and nor is anything on it."""
    found = dict(seen)
    for balancer in BALANCERS:
        key = balancer_key(balancer)
        wanted, there = want.get(key), found.get(key)
        if wanted is None or there is None or base.same_name(wanted, there):
            continue
        found = {k: one for k, one in found.items() if k != key and not _stands_on(k, balancer)}
        name = ResourceKey(LOAD_BALANCER, "", str(there.spec.get("Name", "")))
        found[name] = replace(there, key=name)
    return found


def _has_no_address(want: Resources, got: Resources) -> bool:
    """Return whether an NLB that is to be made can have none of the addresses asked for."""
    key, chosen = balancer_key(NLB), got.get(ADDRESSES_KEY)
    if key not in want or (key in got and base.same_name(want[key], got[key])):
        return False
    return want[key].spec.get("Addresses") == [] or (chosen is not None and not chosen.spec["Mappings"])


def _stands_on(key: ResourceKey, balancer: str) -> bool:
    """Return whether a resource lives and dies with a load balancer."""
    if key.kind == LB_ATTRIBUTES:
        return key.name == balancer
    return key.kind in _ON_BALANCER and balancer_of(key) == balancer


def _foreign(got: Resources) -> Callable[[ResourceKey], bool]:
    """Tell which keys are not proven to be ours, or belong to what is not. Rules of others only hold numbers."""
    foreign = {key for key, one in got.items() if not one.owned and key.kind != RULE}
    lost = [balancer for balancer in BALANCERS if balancer_key(balancer) in foreign]
    scopes = {scope_of(port_of(key), balancer_of(key)) for key in foreign if key.kind == LISTENER}
    groups = {key.name for key in foreign if key.kind == TARGET_GROUP}

    def belongs(key: ResourceKey) -> bool:
        inside = key.kind in (TG_ATTRIBUTES, TARGETS) and key.name in groups
        return key in foreign or any(_stands_on(key, one) for one in lost) or key.scope in scopes or inside

    return belongs


def _quota(want: Resources) -> int:
    value = want[LOAD_BALANCER_KEY].spec.get(base.RULES_QUOTA) if LOAD_BALANCER_KEY in want else None
    return value if isinstance(value, int) else DEFAULT_RULES


# --- the order ----------------------------------------------------------------------------------------------------


def _teardown(want: Resources, seen: Resources) -> Iterator[Change]:
    """Yield the deletion of all there is: listeners and rules go with their load balancer."""
    yield from _balancer_deletions(want, seen, "")
    yield from _unused_groups(want, seen)
    yield from trust_store_deletions(want, seen)
    yield from base.backend_revocations(want, seen)
    yield from base.security_group_deletions(want, seen)


def _changes(want: Resources, seen: Resources, limit: int) -> Iterator[Change]:
    targets = target_steps(want, seen)
    wanted = listeners.wanted_listeners(want)
    yield from base.security_group_creation(want, seen)
    yield from base.backend_grants(want, seen)
    yield from base.certificate_imports(want, seen)
    yield from trust_store_creations(want, seen)
    yield from targets.build
    if _shares_groups(want, seen):
        yield from _balancer_deletions(want, seen, _MOVES)
    for balancer in BALANCERS:
        yield from base.load_balancer_steps(balancer, want, seen)
    in_front = unified.fronts(want)
    for key in wanted:
        if key not in in_front:
            yield from listeners.listener_steps(key, want, seen)
    settings = tuple(listeners.attribute_steps(want, seen))
    yield from (change for change in settings if _listener_of(change.key) not in in_front)
    yield from _rules(want, seen, limit)
    yield from unified.registrations(want, seen)
    for key in wanted:
        if key in in_front:
            yield from listeners.listener_steps(key, want, seen)
    yield from (change for change in settings if _listener_of(change.key) in in_front)
    for key in wanted:
        if balancer_of(key) == NLB:
            yield from listeners.default_answer(key, want, seen)
    yield from base.openings(want, seen)
    yield from base.closings(want, seen)
    for key in wanted:
        yield from listeners.certificate_removals(key, want, seen)
    gone = tuple(listeners.listener_deletions(want, seen))
    yield from (change for change in gone if balancer_of(change.key) == NLB)
    behind = [change for change in gone if balancer_of(change.key) == ALB]
    yield from behind if _shares_groups(want, seen) else _balancer_deletions(want, seen, _MOVES, behind)
    yield from _unused_groups(want, seen)
    yield from trust_store_deletions(want, seen)
    yield from base.backend_revocations(want, seen)
    yield from base.security_group_deletions(want, seen)


def _listener_of(attributes: ResourceKey) -> ResourceKey:
    return ResourceKey(LISTENER, attributes.scope, attributes.name)


_MOVES = (
    "another load balancer takes its place (neither its scheme, nor an address where AWS chose it, nor whether it has "
    "security groups can be changed), with another address: clients that still use the former one are cut off"
)


def _balancer_deletions(
    want: Resources, seen: Resources, disruptive: str, listeners_behind: Sequence[Change] = ()
) -> Iterator[Change]:
    """Yield the deletion of NLBs, which frees the ALBs behind them, then of listeners of the ALB, then of ALBs.

    What stands behind a protected NLB whose place another one takes stays with it: its listeners lead there.
    """
    gone = [key for key in sorted(seen) if key.kind == LOAD_BALANCER and key not in want]
    first = [key for key in gone if seen[key].spec.get("Type") == "network"]
    held = ""
    for key in first:
        steps = tuple(_balancer_deletion(seen[key], seen, disruptive))
        if key.name not in BALANCERS:  # one without a listener leads nobody to the ALB
            held = held or steps[-1].protected
        yield from steps
    behind = {port_of(key) for key in seen if key.kind == ALB_TARGET}
    yield from (replace(change, protected=held) for change in unified.releases(want, seen))
    for change in listeners_behind:
        yield replace(change, protected=held) if port_of(change.key) in behind else change
    for key in gone:
        if key not in first:
            steps = tuple(_balancer_deletion(seen[key], seen, disruptive))
            yield from (replace(one, protected=one.protected or (held if behind else "")) for one in steps)


def _balancer_deletion(balancer: Resource, seen: Resources, disruptive: str) -> Iterator[Change]:
    moved = disruptive if balancer.key.name not in BALANCERS else ""  # its last listener went: nobody is served by it
    gone = replace(deletion(calls.DELETE_LOAD_BALANCER, balancer), disruptive=moved)
    lifted = tuple(base.unprotection(balancer, seen))
    guard = f"load balancer {balancer.spec['Name']} is protected against deletion" if lifted else ""
    yield from (replace(change, protected=guard) for change in (*lifted, gone))


def _unused_groups(want: Resources, seen: Resources) -> Iterator[Change]:
    """Yield the deletion of target groups that nothing wants; those in front of an ALB went before it."""
    gone = target_steps(want, seen).delete
    return (change for change in gone if not unified.is_front(seen[change.key]))


def _shares_groups(want: Resources, seen: Resources) -> bool:
    """Return whether a wanted target group may still belong to a former load balancer: AWS allows a group only one."""
    gone = {one.spec.get("Type") for key, one in seen.items() if key.kind == LOAD_BALANCER and key not in want}
    missing = [want[key].spec.get("Type") for key in map(balancer_key, BALANCERS) if key in want and key not in seen]
    groups = [one for key, one in want.items() if key.kind == TARGET_GROUP and key in seen]
    kept = {"network" if unified.is_for_streams(one) else "application" for one in groups}
    return bool(gone & kept & set(missing))


def _rules(want: Resources, seen: Resources, limit: int) -> Iterator[Change]:
    """Yield the rules' steps, listener by listener; all of a load balancer's listeners share its quota of rules."""
    there = [key for key in seen if key.kind == LISTENER and balancer_of(key) == ALB]
    room = limit - sum(observed_rules(port_of(key), seen) for key in there)
    for key in listeners.wanted_listeners(want):
        if balancer_of(key) != ALB:
            continue
        answer = tuple(listeners.default_answer(key, want, seen))
        steps = rule_steps(port_of(key), want, seen, Quota(room, default_changes=bool(answer)))
        yield from (*steps.build, *steps.modify, *answer, *steps.delete)
        every = (*steps.build, *steps.delete)
        room += sum(change.call == calls.DELETE_RULE for change in every)
        room -= sum(change.call == calls.CREATE_RULE for change in every)
