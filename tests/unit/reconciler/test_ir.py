"""The oracle: what a match takes, word by word of the specification."""

from __future__ import annotations

import pytest

from reconciler.ir import BackendPool, Entry, FixedResponse, Forward, Frontend, LoadBalancer, by_host, first_match
from reconciler.keys import GatewayKey, ServicePort
from reconciler.matches import (
    Match,
    PathMatch,
    PathType,
    Request,
    ValueMatch,
    ValueType,
    host_matches,
    match_takes,
    path_matches,
)


@pytest.mark.parametrize(
    ("pattern", "host", "takes"),
    [
        ("", "any.example.com", True),
        ("a.example.com", "A.Example.com", True),
        ("a.example.com", "a.example.com:8080", True),
        ("a.example.com", "b.example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "b.a.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.example.com", "aexample.com", False),
        ("", "[::1]", True),
    ],
)
def test_hostnames(pattern: str, host: str, *, takes: bool) -> None:
    """Suffix of one or more labels, case-insensitive, port ignored."""
    assert takes == host_matches(pattern, host)


@pytest.mark.parametrize(
    ("kind", "value", "path", "takes"),
    [
        (PathType.PREFIX, "/", "/anything", True),
        (PathType.PREFIX, "/abc", "/abc", True),
        (PathType.PREFIX, "/abc/", "/abc", True),
        (PathType.PREFIX, "/abc", "/abc/d", True),
        (PathType.PREFIX, "/abc", "/abcd", False),
        (PathType.EXACT, "/abc", "/abc/", False),
        (PathType.EXACT, "/abc", "/ABC", False),
        (PathType.REGULAR_EXPRESSION, "/a.+", "/abc", True),
        (PathType.REGULAR_EXPRESSION, "/a", "/abc", False),
    ],
)
def test_paths(kind: PathType, value: str, path: str, *, takes: bool) -> None:
    """By elements for prefixes; whole and case-sensitive otherwise."""
    assert takes == path_matches(PathMatch(kind, value), path)


def test_all_parts_of_a_match_must_hold() -> None:
    """Path, method, headers and query parameters."""
    match = Match(
        PathMatch(PathType.PREFIX, "/a"),
        headers=(ValueMatch("version", "2"),),
        query=(ValueMatch("animal", "wh.*", ValueType.REGULAR_EXPRESSION),),
        method="GET",
    )
    good = Request("h", "/a", "GET", (("Version", "2"),), (("animal", "whale"),))

    assert [True, False, False, False, False] == [
        match_takes(match, good),
        match_takes(match, Request("h", "/b", "GET", good.headers, good.query)),
        match_takes(match, Request("h", "/a", "POST", good.headers, good.query)),
        match_takes(match, Request("h", "/a", "GET", (), good.query)),
        match_takes(match, Request("h", "/a", "GET", good.headers, (("Animal", "whale"),))),
    ]


def test_the_first_of_a_repeated_query_parameter_counts() -> None:
    """Its later values are not looked at."""
    match = Match(query=(ValueMatch("a", "1"),))

    assert not match_takes(match, Request("h", query=(("a", "2"), ("a", "1"))))


def _frontend(*hostnames: str) -> Frontend:
    entries = tuple(Entry(f"e{i}", "http", host, Match(), FixedResponse(404)) for i, host in enumerate(hostnames))
    return Frontend(80, "HTTP", (), entries)


def test_the_first_entry_that_takes_a_request_answers_it() -> None:
    """Order is everything; nothing that matches is None, the default 404."""
    frontend = _frontend("a.example.com", "*.example.com")

    found = [first_match(frontend, Request(host)) for host in ("a.example.com", "b.example.com", "example.org")]
    assert ["e0", "e1", None] == [entry.id if entry else None for entry in found]


def test_grouping_by_host_keeps_every_entry_that_a_host_can_reach() -> None:
    """A narrower hostname takes precedence, it does not capture."""
    groups = by_host(_frontend("a.example.com", "*.example.com", ""))

    assert {"a.example.com": 3, "*.example.com": 2, "": 1} == {host: len(entries) for host, entries in groups.items()}


def test_a_pool_is_found_by_its_id() -> None:
    """An id that no pool has is a bug, and says so."""
    pool = BackendPool("service/a/shop:80", ServicePort("a", "shop", 80))
    balancer = LoadBalancer(GatewayKey("c", "ns", "gw"), "uid", pools=(pool,))

    assert pool is balancer.pool("service/a/shop:80")
    with pytest.raises(KeyError):
        balancer.pool("service/a/none:80")


def test_identities_print_as_paths() -> None:
    """They stand in messages."""
    assert ("gateway/ns/gw", "service/a/shop:80") == (
        str(GatewayKey("c", "ns", "gw")),
        str(ServicePort("a", "shop", 80)),
    )
    assert 0 == Forward(()).error_share
