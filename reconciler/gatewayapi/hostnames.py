"""Hostname arithmetic: overlap of Route and Listener, specificity, coverage.

A pattern is `""` (any host), `*.example.com` (one or more labels in front of `example.com`) or a plain host.
"""

from __future__ import annotations

from collections.abc import Iterable


def overlap(listener: str, route: str) -> str | None:
    """Return the narrower of two patterns that overlap, None if no host satisfies both."""
    if covers(listener, route):
        return route
    return listener if covers(route, listener) else None


def covers(broad: str, narrow: str) -> bool:
    """Return whether every host that `narrow` takes is taken by `broad`."""
    if not broad or broad == narrow:
        return True
    if not broad.startswith("*."):
        return False
    suffix = broad[1:]
    return narrow.removeprefix("*").endswith(suffix) and narrow.removeprefix("*") != suffix


def effective(listener: str, hostnames: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return (effective, as written) for each of a Route's hostnames that overlaps a Listener's; "" where unset.

    Of two that give the same effective hostname the more specific one stands for both. The order is by name.
    """
    found: dict[str, str] = {}
    for written in tuple(hostnames) or ("",):
        both = overlap(listener, written)
        if both is not None and (both not in found or specificity(written) < specificity(found[both])):
            found[both] = written
    return tuple(sorted(found.items()))


def specificity(pattern: str) -> tuple[int, int]:
    """Return the sort key of a pattern: hosts without wildcard first, then more characters, none last."""
    if not pattern:
        return (2, 0)
    return (1 if pattern.startswith("*.") else 0, -len(pattern))
