"""URLRewrite, and a Host set by a header modifier, as the transforms of an ALB rule.

A transform sees the request after its rule was chosen, so a prefix is known to be there: what is replaced needs no
second check. Expressions are anchored, for an ALB searches. `$` in a replacement is AWS's own, with no escape known.
Source: ELBv2 guide, "Transforms for listener rules".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from providers.aws.conditions import ROOT, Kind, escape, path_of
from reconciler.ir import Entry, Filter
from reconciler.values import Json

HOST, URL = "host-header-rewrite", "url-rewrite"
MAX_TEXT = 1024


def rewrites_of(entry: Entry) -> tuple[tuple[Mapping[str, Json], ...], str]:
    """Return an entry's filters as transforms, by type, and why one of them cannot be one, "" if all can."""
    found: dict[str, Mapping[str, Json]] = {}
    for one in entry.filters:
        body = _body(one)
        match one.type:
            case "URLRewrite":
                made = list(_of_rewrite(entry, body.get("urlRewrite", {})))
            case "RequestHeaderModifier" if (host := _only_host(body.get("requestHeaderModifier", {}))) is not None:
                made = [_host(host)]
            case _:
                return (), f"filter {one.type} cannot be done by an ALB; remove it, or use another Gateway"
        for transform in made:
            if wrong := _wrong(transform):
                return (), f"filter {one.type}: {wrong}"
            if str(transform["Type"]) in found:
                return (), f"filter {one.type}: the Host is set twice"
            found[str(transform["Type"])] = transform
    return tuple(found[kind] for kind in sorted(found)), ""


def _body(one: Filter) -> Mapping[str, Any]:
    body: Mapping[str, Any] = json.loads(one.body)
    return body


def _only_host(modifier: Mapping[str, Any]) -> str | None:
    """Return the Host that a modifier sets, None if it does anything else."""
    given: Sequence[Mapping[str, Any]] = modifier.get("set") or ()
    alone = len(given) == 1 and not modifier.get("add") and not modifier.get("remove")
    return str(given[0].get("value", "")) if alone and str(given[0].get("name", "")).lower() == "host" else None


def _of_rewrite(entry: Entry, rewrite: Mapping[str, Any]) -> Iterator[Mapping[str, Json]]:
    if hostname := rewrite.get("hostname"):
        yield _host(str(hostname))
    path: Mapping[str, Any] = rewrite.get("path") or {}
    if path.get("type") == "ReplaceFullPath":
        yield _url("^[^?]*", str(path.get("replaceFullPath", "")) or "/")
    elif path.get("type") == "ReplacePrefixMatch":
        yield _prefix(entry, str(path.get("replacePrefixMatch", "")).rstrip("/"))


def _prefix(entry: Entry, new: str) -> Mapping[str, Json]:
    """Return the replacement of a prefix; never `//`, never an empty path (specification, HTTPPathModifier)."""
    prefix = path_of(entry.match.path)
    if prefix == ROOT:
        return _url("^/", f"{new}/")
    regex = escape(prefix.value)
    return _url(f"^{regex}", new) if new else _url(f"^{regex}/?", "/")


def _host(name: str) -> Mapping[str, Json]:
    return {"Type": HOST, "Regex": "^.*$", "Replace": name}


def _url(regex: str, replace: str) -> Mapping[str, Json]:
    return {"Type": URL, "Regex": regex, "Replace": replace}


def _wrong(transform: Mapping[str, Json]) -> str:
    regex, new = str(transform["Regex"]), str(transform["Replace"])
    if "$" in new:
        return f"{new!r}: an ALB takes $ for a part of what was matched, and has no way to write it"
    if transform["Type"] == URL and not new.startswith("/"):
        return f"{new!r} has to begin with /"
    if len(regex) > MAX_TEXT or len(new) > MAX_TEXT:
        return f"longer than the {MAX_TEXT} characters of a transform"
    return ""


def needs_prefix(entry: Entry) -> bool:
    """Return whether a filter replaces the prefix that the entry's own match names."""
    bodies = (_body(one).get("urlRewrite", {}) for one in entry.filters if one.type == "URLRewrite")
    replaced = any((body.get("path") or {}).get("type") == "ReplacePrefixMatch" for body in bodies)
    return replaced and path_of(entry.match.path).kind is not Kind.PREFIX
