"""A crowd finds exactly those rules that there is no proof against, whatever their hosts and paths."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from providers.aws.overlap import Crowd, disjoint
from reconciler.values import Json

HOSTS = ("a.org", "A.org", "b.org", "*.org", "?.org", "*")
PATHS = ("/", "/a", "/a/*", "/a?", "/ab", "/b*", "*.jpg", "*", "/a/b/*")


@st.composite
def conditions(draw: st.DrawFn) -> list[Json]:
    """Any conditions on hosts, paths and methods, some of them expressions, which prove nothing."""
    found: list[Json] = []
    for field, values in (("host-header", HOSTS), ("path-pattern", PATHS), ("http-request-method", ("GET", "POST"))):
        some: list[Json] = list(draw(st.lists(st.sampled_from(values), min_size=1, max_size=3)))
        match draw(st.integers(0, 3)):
            case 0:
                found.append({"Field": field, "RegexValues": ["^a"]})
            case 1:
                pass
            case _:
                found.append({"Field": field, "Values": some})
    return found


@given(st.lists(conditions(), max_size=8), conditions())
def test_a_crowd_finds_what_asking_each_would_find(crowd: list[list[Json]], one: list[Json]) -> None:
    expected = {place for place, other in enumerate(crowd) if not disjoint(list(one), list(other))}

    met = Crowd.of(list(other) for other in crowd)

    assert expected == {place for place in met.near(list(one)) if met.meets(list(one), place)}
