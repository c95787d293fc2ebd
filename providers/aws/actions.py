"""Entries' actions as an ALB's: forward with weights, redirect, fixed response; and what an ALB cannot do.

Sources: ELBv2 API model (ForwardActionConfig: weights 0 to 999; RedirectActionConfig: HTTP_301 and HTTP_302 only).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from providers.aws.conditions import MAX_TEXT, ROOT, Kind, Path, escape, path_of
from providers.aws.resources import fixed_response
from providers.aws.rewrites import needs_prefix, rewrites_of
from reconciler.ir import Close, Entry, FixedResponse, Forward, PathRewrite, Redirect, RewriteType
from reconciler.values import Json

MAX_WEIGHT = 999
MAX_PORT = 65_535
_OFF = re.compile(r"(0+(h|m|s|ms))+")
"""A duration of nothing, which switches a timeout off (GEP-2257, GEP-1742)."""
_SCHEMES = ("", "http", "https")
_STATUSES = {301: "HTTP_301", 302: "HTTP_302"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a rule does: its action and transforms. `path` replaces the entry's own path condition where it is set."""

    action: Mapping[str, Json]
    transforms: tuple[Mapping[str, Json], ...] = ()
    path: Path | None = None


class CannotError(Exception):
    """An ALB cannot do this; the text tells the user what to change. Never leaves `render`."""


@dataclass(frozen=True, slots=True)
class Listener:
    """The listener that an entry is on.

    Attributes:
        groups: names of target groups by pool id; `empty` is the one that answers 503.
        sticky: seconds that clients stay with a pool, by its id; 0 or absent for those where they do not.
        own_cookie: ids of the pools where they stay by a cookie of the application.
        unspeakable: pools whose protocol the listener cannot be combined with.
        grpc_apart: HTTPRoutes are on it as well, so that gRPC requests have to be told from others.
    """

    port: int
    protocol: str
    groups: Mapping[str, str]
    empty: str
    sticky: Mapping[str, int] = field(default_factory=dict)
    own_cookie: frozenset[str] = frozenset()
    grpc_apart: bool = True
    unspeakable: frozenset[str] = frozenset()
    groups_per_action: int = 5


def answers_of(entry: Entry, listener: Listener) -> list[Answer]:
    """Return what the rules of an entry do, one for most, two for a redirect that replaces a prefix.

    Raises CannotError.
    """
    for sentence in _unsupported(entry, listener):
        raise CannotError(sentence)
    match entry.action:
        case FixedResponse(status):
            return [Answer(fixed_response(status))]
        case Forward():
            action = forward_to(entry.action, listener.groups, listener.empty, listener.groups_per_action)
            several = len(entry.action.pools) + bool(entry.action.error_share) > 1  # a single one needs no cookie
            seconds = max(listener.sticky.get(pool.pool, 0) for pool in entry.action.pools) if several else 0
            return [Answer({**action, "Stickiness": seconds}, rewrites_of(entry)[0])]
        case Redirect():
            return _redirects(entry, entry.action, listener)
        case Close():
            raise CannotError("a stream cannot be closed by an ALB")  # its listeners take requests only


def _unsupported(entry: Entry, listener: Listener) -> Iterator[str]:
    if isinstance(entry.action, Redirect) and entry.filters:
        yield f"filter {entry.filters[0].type} beside a redirect cannot be done by an ALB; remove it"
    elif wrong := rewrites_of(entry)[1]:
        yield wrong
    elif needs_prefix(entry):
        yield "filter URLRewrite with ReplacePrefixMatch needs a PathPrefix match"
    if any(value and not _OFF.fullmatch(value) for value in entry.timeouts.values()):
        yield "timeouts of a rule cannot be kept by an ALB, which has one idle timeout for the whole load balancer"
    if entry.retry and json.loads(entry.retry).get("attempts") != 0:
        yield "retry cannot be done by an ALB, which never sends a request twice"
    if entry.session:
        yield "sessionPersistence of a rule cannot be done by an ALB: set stickySeconds in a BackendConfig"
    if isinstance(entry.action, Forward):
        yield from _unreachable(entry.action, listener)


def _unreachable(forward: Forward, listener: Listener) -> Iterator[str]:
    for pool in forward.pools:
        if pool.pool in listener.unspeakable:
            yield f"{pool.pool} is spoken to by HTTP/2, which an ALB does on HTTPS listeners only"
        if pool.pool in listener.own_cookie and len(forward.pools) + bool(forward.error_share) > 1:
            yield f"{pool.pool} is sticky by a cookie of its application, which an ALB does without weights only"
        if pool.filters:
            yield f"filter {pool.filters[0].type} of a single backend cannot be done by an ALB"


# --- forward ------------------------------------------------------------------------------------------------------


def forward_to(forward: Forward, names: Mapping[str, str], empty: str, most: int) -> Mapping[str, Json]:
    """Return the canonical forward to target groups: `names` by pool id, `empty` for what is sent to nobody.

    Raises CannotError for more than `most` of them.
    """
    weights: dict[str, int] = {}
    for pool in forward.pools:
        name = names[pool.pool]
        weights[name] = weights.get(name, 0) + pool.weight
    if forward.error_share:
        weights[empty] = forward.error_share
    if len(weights) > most:
        weights = {name: weight for name, weight in weights.items() if weight}
    if len(weights) > most:
        raise CannotError(f"{len(weights)} backends: a load balancer of AWS forwards to {most} at most")
    groups: list[Json] = [[name, weight] for name, weight in sorted(scaled(weights).items())]
    return {"Type": "forward", "TargetGroups": groups, "Stickiness": 0}


def scaled(weights: Mapping[str, int]) -> dict[str, int]:
    """Return weights in the same proportions within 0 to 999; one above 0 never becomes 0, a single one is 1."""
    if len(weights) == 1:
        return dict.fromkeys(weights, 1)
    divisor = math.gcd(*weights.values()) or 1
    small = {name: weight // divisor for name, weight in weights.items()}
    largest = max(small.values())
    if largest <= MAX_WEIGHT:
        return small
    return {name: max(1, round(weight * MAX_WEIGHT / largest)) if weight else 0 for name, weight in small.items()}


# --- redirect -----------------------------------------------------------------------------------------------------


def _redirects(entry: Entry, redirect: Redirect, listener: Listener) -> list[Answer]:
    if redirect.status not in _STATUSES:
        raise CannotError(f"redirect status {redirect.status}: an ALB redirects with 301 or 302")
    if redirect.scheme not in _SCHEMES:
        raise CannotError(f"redirect scheme {redirect.scheme!r}: an ALB redirects to http or https")
    if redirect.scheme == "http" and listener.protocol == "HTTPS":
        raise CannotError("redirect to http: an ALB refuses it on an HTTPS listener")
    rewrite = redirect.path
    if rewrite is None:
        return [Answer(_redirect(redirect, listener, "/#{path}"))]
    if rewrite.type is RewriteType.FULL:
        return [Answer(_redirect(redirect, listener, _text(rewrite.value) or "/"))]
    return list(_prefix_redirects(entry, redirect, rewrite, listener))


def _prefix_redirects(entry: Entry, redirect: Redirect, rewrite: PathRewrite, listener: Listener) -> Iterator[Answer]:
    """Yield the answers for the prefix itself and for what lies below it; no `//`, no empty path (specification)."""
    prefix, new = path_of(entry.match.path), _text(rewrite.value).rstrip("/")
    if prefix.kind is not Kind.PREFIX:
        raise CannotError("redirect with ReplacePrefixMatch needs a PathPrefix match")
    if prefix == ROOT:
        yield Answer(_redirect(redirect, listener, f"{new}/#{{path}}"))
        return
    yield Answer(_redirect(redirect, listener, new or "/"), path=Path(Kind.EXACT, prefix.value))
    below = {"Type": "url-rewrite", "Regex": f"^{escape(prefix.value)}/", "Replace": "/"}
    yield Answer(_redirect(redirect, listener, f"{new}/#{{path}}"), (below,), Path(Kind.SUBTREE, prefix.value))


def _redirect(redirect: Redirect, listener: Listener, path: str) -> Mapping[str, Json]:
    action: dict[str, Json] = {
        "Type": "redirect",
        "StatusCode": _STATUSES[redirect.status],
        "Protocol": redirect.scheme.upper() or "#{protocol}",
        "Host": _text(redirect.hostname) or "#{host}",
        "Port": str(redirect.port),
        "Path": path,
        "Query": "#{query}",
    }
    for part, text in (("hostname", redirect.hostname), ("path", path)):
        if len(text) > MAX_TEXT:
            raise CannotError(f"redirect {part} is longer than the {MAX_TEXT} characters that an ALB takes")
    if not 1 <= redirect.port <= MAX_PORT:
        raise CannotError(f"redirect port {redirect.port}: ports are 1 to {MAX_PORT}")
    if not path.startswith("/"):
        raise CannotError(f"redirect path {path!r} has to begin with /")
    same_protocol = redirect.scheme.upper() in ("", listener.protocol)
    if same_protocol and not redirect.hostname and redirect.port == listener.port and path == "/#{path}":
        raise CannotError("redirect to itself: change its scheme, hostname, port or path")
    return action


def _text(value: str) -> str:
    if "#{" in value:
        raise CannotError(f"redirect to {value!r}: an ALB would take #{{ for one of its own keywords")
    return value
