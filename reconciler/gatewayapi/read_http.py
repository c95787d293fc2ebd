"""Rules of an HTTPRoute, with the defaults that the CRD gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.gatewayapi.read_refs import (
    REDIRECT,
    enum_of,
    every_filter,
    is_odd,
    odd_conditions,
    odd_filters,
    read_backend,
    read_extensions,
    read_filters,
    read_mirrors,
    read_values,
)
from reconciler.gatewayapi.resources import Rule
from reconciler.gatewayapi.values import items, mapping, number, text
from reconciler.ir import PathRewrite, Redirect, RewriteType
from reconciler.matches import Match, PathMatch, PathType
from reconciler.plan import canonical
from reconciler.values import frozen_map

FILTERS = frozenset(
    {
        REDIRECT,
        "RequestHeaderModifier",
        "ResponseHeaderModifier",
        "RequestMirror",
        "URLRewrite",
        "CORS",
        "ExternalAuth",
        "ExtensionRef",
    }
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
SCHEMES = frozenset({"http", "https"})
_REWRITES = frozenset(str(one) for one in RewriteType)
_PATH_TYPES = frozenset({PathType.EXACT, PathType.PREFIX, PathType.REGULAR_EXPRESSION})
_DEFAULT_RULE: Mapping[str, Any] = frozen_map()


def read_http_rules(spec: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules of a spec; a Route without `rules` has the CRD's default rule: everything, no backend."""
    rules = items(spec["rules"]) if isinstance(spec.get("rules"), (list, tuple)) else (_DEFAULT_RULE,)
    return tuple(_rule(rule) for rule in rules)


def _rule(rule: Mapping[str, Any]) -> Rule:
    matches = items(rule.get("matches")) or (_DEFAULT_RULE,)
    filters = items(rule.get("filters"))
    redirects = [mapping(one.get("requestRedirect")) for one in filters if one.get("type") == REDIRECT]
    retry, session = mapping(rule.get("retry")), mapping(rule.get("sessionPersistence"))
    return Rule(
        matches=tuple(_match(match) for match in matches),
        backends=tuple(read_backend(ref) for ref in items(rule.get("backendRefs"))),
        filters=read_filters(one for one in filters if one.get("type") != REDIRECT),  # which is the answer itself
        redirect=_redirect(redirects[0]) if redirects else None,
        name=text(rule.get("name")),
        timeouts=frozen_map({str(k): text(v) for k, v in mapping(rule.get("timeouts")).items()}),
        retry=canonical(retry) if retry else "",
        session=canonical(session) if session else "",
        mirrors=read_mirrors(every_filter(rule)),
        extensions=read_extensions(every_filter(rule)),
        unknown=tuple(_unknown(matches, filters, redirects)),
    )


def _match(match: Mapping[str, Any]) -> Match:
    path = mapping(match.get("path"))
    return Match(
        path=PathMatch(enum_of(PathType, path.get("type"), PathType.PREFIX), text(path.get("value")) or "/"),
        headers=read_values(items(match.get("headers")), lower=True),
        query=read_values(items(match.get("queryParams")), lower=False),
        method=text(match.get("method")),
    )


def _redirect(block: Mapping[str, Any]) -> Redirect:
    path = mapping(block.get("path"))
    rewrite = None
    if path:
        kind = enum_of(RewriteType, path.get("type"), RewriteType.FULL)
        field = "replacePrefixMatch" if kind is RewriteType.PREFIX else "replaceFullPath"
        rewrite = PathRewrite(kind, text(path.get(field)))
    return Redirect(
        status=number(block.get("statusCode")) or 302,
        port=number(block.get("port")),
        scheme=text(block.get("scheme")),
        hostname=text(block.get("hostname")).lower(),
        path=rewrite,
    )


def _unknown(
    matches: Iterable[Mapping[str, Any]], filters: Iterable[Mapping[str, Any]], redirects: Sequence[Mapping[str, Any]]
) -> Iterable[str]:
    """Yield what a newer CRD may allow and we do not know, by field, so that it is refused and never ignored."""
    for index, match in enumerate(matches):
        kind = mapping(match.get("path")).get("type")
        if is_odd(kind, _PATH_TYPES):
            yield f'matches[{index}].path.type "{kind}"'
        if is_odd(method := match.get("method"), METHODS):
            yield f'matches[{index}].method "{method}"'
        for field in ("headers", "queryParams"):
            yield from odd_conditions(index, field, items(match.get(field)))
    yield from odd_filters(filters, FILTERS)
    if len(redirects) > 1:
        yield "filters with more than one RequestRedirect"
    for redirect in redirects:
        if is_odd(scheme := redirect.get("scheme"), SCHEMES):
            yield f'requestRedirect.scheme "{scheme}"'
        if "path" in redirect and is_odd(kind := mapping(redirect["path"]).get("type", ""), _REWRITES):
            yield f'requestRedirect.path.type "{kind}"'
