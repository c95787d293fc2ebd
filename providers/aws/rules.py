"""Entries of all frontends become rules: what cannot be is refused, the rest is packed, the quota admits the oldest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from providers.aws.actions import Answer, CannotError, Listener, answers_of
from providers.aws.admission import Claim, Limits, admit
from providers.aws.conditions import Conditions, conditions_of, write, wrong_with
from providers.aws.config import Quotas
from providers.aws.packing import Draft, fits
from reconciler.capabilities import Rejection
from reconciler.ir import Entry, Forward, Frontend
from reconciler.keys import RouteKey
from reconciler.matches import Match, PathType, ValueMatch, ValueType
from reconciler.plan import digest
from reconciler.values import Json


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in canonical form. `listeners`: the Gateway's, one for each of its entries, that this one is of."""

    conditions: tuple[Mapping[str, Json], ...]
    action: Mapping[str, Json]
    transforms: tuple[Mapping[str, Json], ...]
    entries: tuple[str, ...]
    listeners: tuple[str, ...]


@dataclass(slots=True)
class Rules:
    """What the frontends became: rules by port, in order; what was refused; entries that nobody ever reaches."""

    by_port: dict[int, list[Rule]] = field(default_factory=dict)
    rejections: list[Rejection] = field(default_factory=list)
    shadowed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Naming:
    """Names of target groups by pool id, and of the one that is always empty.

    Attributes:
        sticky: seconds that clients stay with a pool, by its id.
        own_cookie: ids of the pools where they stay by a cookie of the application.
        tls_only: pools spoken to by HTTP/2 or gRPC, which an ALB does for HTTPS listeners alone.
    """

    groups: Mapping[str, str]
    empty: str
    sticky: Mapping[str, int] = field(default_factory=dict)
    own_cookie: frozenset[str] = frozenset()
    tls_only: frozenset[str] = frozenset()


@dataclass
class _Sheet:
    """One frontend on its way: what its entries claim, and the answers that the drafts point to."""

    frontend: Frontend
    claims: list[Claim] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    @cached_property
    def listeners(self) -> Mapping[str, str]:
        """The listener of each entry, by its id."""
        return {entry.id: entry.listener for entry in self.frontend.entries}


def make_rules(frontends: Sequence[Frontend], naming: Naming, quotas: Quotas, per_namespace: int) -> Rules:
    """Return the rules of all frontends. Total: what an ALB cannot do becomes a rejection."""
    rules = Rules()
    sheets = [_draft(frontend, naming, quotas, rules) for frontend in frontends]
    usage, refused = admit([sheet.claims for sheet in sheets], Limits(quotas, per_namespace))
    rules.rejections.extend(refused)
    rules.shadowed.extend(dict.fromkeys(usage.shadowed))
    for sheet, drafts in zip(sheets, usage.packed, strict=True):
        rules.by_port[sheet.frontend.port] = [_rule(draft, sheet, quotas) for draft in drafts]
    return rules


def _rule(draft: Draft, sheet: _Sheet, quotas: Quotas) -> Rule:
    conditions = tuple(write(draft.conditions, quotas.values, alternation=quotas.alternation))
    answer = sheet.answers[draft.answer]
    listeners = tuple(sheet.listeners[entry] for entry in draft.entries)
    return Rule(conditions, answer.action, answer.transforms, draft.entries, listeners)


def _groups(entry: Entry, naming: Naming) -> frozenset[str]:
    if not isinstance(entry.action, Forward):
        return frozenset()
    names = frozenset(naming.groups[pool.pool] for pool in entry.action.pools)
    return names | {naming.empty} if entry.action.error_share else names


# --- one frontend -------------------------------------------------------------------------------------------------


def _draft(frontend: Frontend, naming: Naming, quotas: Quotas, rules: Rules) -> _Sheet:
    """Return what a frontend's entries claim, in order; a rule with anything that cannot be goes as a whole."""
    sheet = _Sheet(frontend)
    listener = Listener(
        port=frontend.port,
        protocol=frontend.protocol,
        groups=naming.groups,
        empty=naming.empty,
        sticky=naming.sticky,
        own_cookie=naming.own_cookie,
        unspeakable=naming.tls_only if frontend.protocol == "HTTP" else frozenset(),
        grpc_apart=any(not entry.match.grpc for entry in frontend.entries if entry.origin),
        groups_per_action=quotas.groups_per_action,
    )
    refusals = _refusals(frontend, listener, quotas)
    open_fences = _open_fences(frontend, listener, quotas)
    rules.rejections.extend((*refusals.values(), *open_fences.values()))
    for entry in frontend.entries:
        origin = entry.origin
        if entry.id in open_fences or (origin is not None and (origin.route, origin.rule, entry.listener) in refusals):
            continue
        match, groups = (entry.hostname, _plain(entry.match)), _groups(entry, naming)
        for answer in answers_of(entry, listener):
            name = digest([answer.action, list(answer.transforms)])
            sheet.answers[name] = answer
            draft = Draft(_conditions(entry, answer, listener), name, (entry.id,))
            sheet.claims.append(Claim(draft, origin, match, groups))
    return sheet


def _plain(match: Match) -> Match:
    """Return the match with its prefix as it is compared, so that `/foo/` equals `/foo`."""
    stripped = match.path.value.rstrip("/")
    if match.path.type is not PathType.PREFIX or stripped == match.path.value:
        return match
    return replace(match, path=replace(match.path, value=stripped))


def _conditions(entry: Entry, answer: Answer, listener: Listener) -> Conditions:
    conditions = conditions_of(entry.hostname, entry.match, grpc_apart=listener.grpc_apart)
    return conditions if answer.path is None else replace(conditions, paths=(answer.path,))


def _refusals(frontend: Frontend, listener: Listener, quotas: Quotas) -> dict[tuple[RouteKey, int, str], Rejection]:
    """Return what an ALB cannot do, by Route, rule and listener; the first of a rule's troubles there is told."""
    found: dict[tuple[RouteKey, int, str], Rejection] = {}
    folded: dict[tuple[str, Match], Entry] = {}
    for entry in frontend.entries:
        if (origin := entry.origin) is None or (origin.route, origin.rule, entry.listener) in found:
            continue
        trouble = next(_troubles(entry, listener, quotas), "") or _only_case(entry, folded)
        if trouble:
            name = f'named "{origin.rule_name}", ' if origin.rule_name else ""
            message = f"{name}match {origin.match}: {trouble}"
            found[origin.route, origin.rule, entry.listener] = Rejection(
                entry.id, "UnsupportedValue", message, origin.route, origin.rule, entry.listener
            )
    return found


def _open_fences(frontend: Frontend, listener: Listener, quotas: Quotas) -> dict[str, Rejection]:
    """Return the fences that cannot be written, by id: AWS would refuse them in every run, and what builds on them."""
    found: dict[str, Rejection] = {}
    for entry in frontend.entries:
        if entry.origin is None and (trouble := next(_troubles(entry, listener, quotas), "")):
            message = f"its hostname cannot be closed against broader listeners: {trouble}"
            found[entry.id] = Rejection(f"listener/{entry.listener}", "UnsupportedValue", message)
    return found


def _troubles(entry: Entry, listener: Listener, quotas: Quotas) -> Iterator[str]:
    conditions = conditions_of(entry.hostname, entry.match, grpc_apart=listener.grpc_apart)
    if wrong := wrong_with(conditions):
        yield wrong
        return
    try:
        answers = answers_of(entry, listener)
    except CannotError as error:
        yield str(error)
        return
    for answer in answers:
        if short := fits(_conditions(entry, answer, listener), quotas):
            yield short


def _only_case(entry: Entry, folded: dict[tuple[str, Match], Entry]) -> str:
    """An ALB compares headers and query strings without case: the later of two matches that differ only there loses.

    Unless both are answered alike, as when one rule lists `yes` and `Yes`.
    """
    match = entry.match
    if not match.query and not match.headers:
        return ""
    query = tuple(sorted(replace(_folded(one), name=one.name.lower()) for one in match.query))
    headers = tuple(_folded(one) for one in match.headers)
    first = folded.setdefault((entry.hostname, replace(match, headers=headers, query=query)), entry)
    if first.match == match or (first.action, first.filters) == (entry.action, entry.filters):
        return ""
    where = "a header" if first.match.query == match.query else "a query parameter"
    return f"an earlier match differs from it only by case in {where}, which an ALB cannot tell apart"


def _folded(one: ValueMatch) -> ValueMatch:
    """Return a comparison in small letters, but for an expression's escapes, where case has a meaning."""
    if one.type is not ValueType.REGULAR_EXPRESSION:
        return replace(one, value=one.value.lower())
    return replace(one, value=re.sub(r"\\.|[A-Z]+", lambda found: _small(found.group()), one.value))


def _small(text: str) -> str:
    return text if text.startswith("\\") else text.lower()
