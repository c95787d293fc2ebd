"""The one total order of the entries of a listener (specification, HTTPRouteRule precedence).

Hostname first, as the Route wrote it and not as it overlaps with the Listener; then path, method, number of headers,
number of query parameters; then the oldest Route, its namespace/name, and the order of rules and matches inside it.
A regular expression ranks behind exact paths and before prefixes; the specification leaves that to us.

GRPCRoutes: hostname, then characters in the service, then in the method, then headers. On one listener with HTTPRoutes
their paths rank as the HTTP paths that they are; a method of any service ranks as the shortest prefix of all but `/`.
"""

from __future__ import annotations

from reconciler.gatewayapi.hostnames import specificity
from reconciler.ir import Origin
from reconciler.matches import Match, PathMatch, PathType

type Rank = tuple[object, ...]
_PREFIX = 2


def rank(written: str, match: Match, origin: Origin, hostname: str) -> Rank:
    """Return the sort key of an entry: the smallest wins. `written` is the Route's own hostname, "" if it has none."""
    return (
        specificity(written),
        _path(match.path),
        0 if match.method else 1,
        -len(match.headers),
        -len(match.query),
        origin.age,
        origin.rule,
        origin.match,
        specificity(hostname),
        hostname,
    )


def _path(path: PathMatch) -> tuple[int, int, int]:
    match path.type:
        case PathType.EXACT:
            return (0, 0, 0)
        case PathType.REGULAR_EXPRESSION:
            return (1, -len(path.value), 0)
        case PathType.PREFIX:
            return (_PREFIX, -len(path.value.rstrip("/")), 0)
        case PathType.METHOD:
            return (_PREFIX, 0, -len(path.value))
