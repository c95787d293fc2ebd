"""What is proven never to take the same request."""

from __future__ import annotations

import pytest

from providers.aws.overlap import disjoint
from reconciler.values import Json


def _condition(field: str, *values: str) -> list[Json]:
    return [{"Field": field, "Values": list(values)}]


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("host-header", ("a.org",), ("b.org",)),
        ("host-header", ("*.a.org",), ("*.b.org",)),
        ("host-header", ("*.a.org",), ("a.org", "b.org")),
        ("path-pattern", ("/a", "/a/*"), ("/b", "/b/*")),
        ("path-pattern", ("/a?",), ("/abc",)),
        ("http-request-method", ("GET", "HEAD"), ("POST",)),
    ],
)
def test_values_that_exclude_each_other_are_a_proof(field: str, one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert disjoint(_condition(field, *one), _condition(field, *other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_condition("host-header", "*.a.org"), _condition("host-header", "B.A.org")),
        (_condition("host-header", "*.org"), _condition("host-header", "*.a.org")),
        (_condition("path-pattern", "/a/*"), _condition("path-pattern", "*.jpg")),
        (_condition("path-pattern", "/a"), _condition("host-header", "a.org")),
        (_condition("http-header", "1"), _condition("http-header", "2")),
        ([{"Field": "path-pattern", "RegexValues": ["^/a$"]}], _condition("path-pattern", "/b")),
        ([], []),
    ],
)
def test_without_a_proof_conditions_may_meet(one: Json, other: Json) -> None:
    assert not disjoint(one, other)
