"""Matches: what a request is compared with, and whether it satisfies it. The semantics of the specification, once.

Hostnames are patterns: `""` any, `*.example.com` for one or more labels in front of `example.com`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

GRPC = "application/grpc"
"""How the content-type of every gRPC request begins (gRPC over HTTP/2, "Requests")."""


class PathType(StrEnum):
    """How a path is compared; `REGULAR_EXPRESSION` must match the whole path.

    `METHOD` is ours, for GRPCRoutes that name a method of any service: `/<anything but a slash>/<value>`.
    """

    EXACT = "Exact"
    PREFIX = "PathPrefix"
    REGULAR_EXPRESSION = "RegularExpression"
    METHOD = "Method"


class ValueType(StrEnum):
    """How a header or query parameter value is compared; a regular expression must match the whole value."""

    EXACT = "Exact"
    REGULAR_EXPRESSION = "RegularExpression"


@dataclass(frozen=True, slots=True, order=True)
class PathMatch:
    """A path condition. A PREFIX value is as written by the user; `/foo/` means `/foo`."""

    type: PathType = PathType.PREFIX
    value: str = "/"


@dataclass(frozen=True, slots=True, order=True)
class ValueMatch:
    """A header or query parameter condition. Header names are lower case; query names are as written."""

    name: str
    value: str
    type: ValueType = ValueType.EXACT


@dataclass(frozen=True, slots=True, order=True)
class Match:
    """All of its parts must hold. `grpc`: only gRPC requests (HTTP/2, content-type application/grpc...) do."""

    path: PathMatch = field(default_factory=PathMatch)
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()
    method: str = ""
    grpc: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What a match looks at. `host` may carry a port, any case; `headers` any case; `query` pairs in order."""

    host: str
    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def host_matches(pattern: str, host: str) -> bool:
    """Return whether a hostname pattern ("" for any, `*.` for one or more labels) takes a host (port ignored)."""
    name = host.rsplit(":", 1)[0].lower() if not host.endswith("]") else host.lower()
    if not pattern:
        return True
    if pattern.startswith("*."):
        return name.endswith(pattern[1:].lower()) and len(name) > len(pattern) - 1
    return name == pattern.lower()


def path_matches(want: PathMatch, path: str) -> bool:
    """Return whether a path (without query) satisfies the condition."""
    if want.type is PathType.EXACT:
        return path == want.value
    if want.type is PathType.REGULAR_EXPRESSION:
        return re.fullmatch(want.value, path) is not None
    if want.type is PathType.METHOD:
        service, _, method = path.removeprefix("/").partition("/")
        return path.startswith("/") and bool(service) and method == want.value
    prefix = want.value.rstrip("/")
    return path == prefix or path.startswith(prefix + "/")


def _value_matches(want: ValueMatch, pairs: Iterable[tuple[str, str]]) -> bool:
    value = next((value for name, value in pairs if name == want.name), None)
    if value is None:
        return False
    return value == want.value if want.type is ValueType.EXACT else re.fullmatch(want.value, value) is not None


def match_takes(want: Match, request: Request) -> bool:
    """Return whether a request satisfies all parts of a match."""
    headers = [(name.lower(), value) for name, value in request.headers]
    return (
        path_matches(want.path, request.path)
        and (not want.grpc or any(n == "content-type" and v.startswith(GRPC) for n, v in headers))
        and want.method in ("", request.method)
        and all(_value_matches(header, headers) for header in want.headers)
        and all(_value_matches(parameter, request.query) for parameter in want.query)
    )
