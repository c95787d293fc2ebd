"""compile_ir against the specification told a second time, request by request, without sorting anything."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.memory import MemoryProvider
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.read import take_snapshot
from reconciler.ir import Frontend, LoadBalancer, Origin, first_match
from reconciler.keys import GatewayKey
from reconciler.matches import Request, host_matches, match_takes
from tests.builders import CLUSTER, CONTROLLER, gateway, gateway_class, listener, route, rule, with_service

KEY = GatewayKey(CLUSTER, "infra", "gw")
HOSTS = ("", "example.com", "a.example.com", "b.a.example.com", "*.example.com", "*.a.example.com", "*.com")
PATHS = ("/", "/a", "/a/", "/a/b", "/ab")
_matches = st.fixed_dictionaries(
    {
        "path": st.fixed_dictionaries(
            {"type": st.sampled_from(("Exact", "PathPrefix")), "value": st.sampled_from(PATHS)}
        )
    },
    optional={
        "method": st.sampled_from(("GET", "POST")),
        "headers": st.sampled_from(([{"name": "X-A", "value": "1"}], [{"name": "x-b", "value": "2"}])),
        "queryParams": st.just([{"name": "q", "value": "1"}]),
    },
)
_rules = st.lists(st.lists(_matches, min_size=1, max_size=3), min_size=1, max_size=3)
_hosts = st.lists(st.sampled_from(HOSTS[1:]), max_size=2, unique=True)
_requests = st.builds(
    Request,
    host=st.sampled_from(("example.com", "a.example.com", "b.a.example.com", "c.example.com:8080", "other.org")),
    path=st.sampled_from((*PATHS, "/a/b/c", "/x")),
    method=st.sampled_from(("GET", "POST", "PUT")),
    headers=st.sampled_from(((), (("x-a", "1"),), (("X-B", "2"), ("X-A", "1")))),
    query=st.sampled_from(((), (("q", "1"),), (("q", "0"), ("q", "1")))),
)


@st.composite
def worlds(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw a Gateway with listeners of one port and Routes of several teams and ages."""
    hosts = draw(st.lists(st.sampled_from(HOSTS), min_size=1, max_size=3, unique=True))
    listeners = [listener(f"l{n}") | ({"hostname": host} if host else {}) for n, host in enumerate(hosts)]
    objects = [gateway_class(), gateway(listeners=listeners), *with_service()]
    for number in range(draw(st.integers(1, 3))):
        rules = [rule({"name": "web", "port": 80}, matches=matches) for matches in draw(_rules)]
        age = draw(st.sampled_from(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")))
        team = draw(st.sampled_from(("a", "b")))
        objects.append(route(f"r{number}", team, rules, draw(_hosts), creationTimestamp=age))
    return objects


def load_balancer(objects: list[dict[str, Any]]) -> LoadBalancer:
    """Return what the objects compile to."""
    return compile_ir(attach(take_snapshot(KEY, CONTROLLER, objects), MemoryProvider())).lb


def wanted(objects: list[dict[str, Any]], request: Request) -> tuple[str, int, int] | None:
    """Return (Route, rule, match) that the specification lets answer a request, None for 404."""
    gateway_ = next(item for item in objects if item["kind"] == "Gateway")
    listeners = [one.get("hostname", "") for one in gateway_["spec"]["listeners"]]
    owners = [host for host in listeners if host_matches(host, request.host)]
    if not owners:
        return None
    owner = max(owners, key=lambda host: (bool(host) and not host.startswith("*"), len(host)))
    best: tuple[Any, tuple[str, int, int]] | None = None
    for item in (one for one in objects if one["kind"] == "HTTPRoute"):
        for merit, place in _candidates(item, owner, request):
            if best is None or merit > best[0]:
                best = (merit, place)
    return best[1] if best else None


def _candidates(item: dict[str, Any], owner: str, request: Request) -> list[tuple[Any, tuple[str, int, int]]]:
    meta, found = item["metadata"], []
    written = [host for host in item["spec"].get("hostnames", [""]) if host_matches(host, request.host)]
    written = [host for host in written if _overlap(owner, host)]
    for host in written:
        for rule_number, one in enumerate(item["spec"]["rules"]):
            for match_number, match in enumerate(one["matches"]):
                if _takes(match, request):
                    age = tuple(
                        -ord(letter) for letter in f"{meta['creationTimestamp']}{meta['namespace']}/{meta['name']}"
                    )
                    merit = (*_merit(host, match), age, -rule_number, -match_number)
                    found.append((merit, (meta["name"], rule_number, match_number)))
    return found


def _overlap(owner: str, host: str) -> bool:
    probes = (
        "example.com",
        "a.example.com",
        "b.a.example.com",
        "c.b.a.example.com",
        "c.example.com",
        "x.com",
        "other.org",
    )
    return any(host_matches(owner, probe) and host_matches(host, probe) for probe in probes)


def _merit(host: str, match: dict[str, Any]) -> tuple[int, ...]:
    exact_host = len(host) if host and not host.startswith("*") else 0
    path = match["path"]
    exact_path = path["type"] == "Exact"
    length = 0 if exact_path else len(path["value"].rstrip("/"))
    counts = ("method" in match, len(match.get("headers", ())), len(match.get("queryParams", ())))
    return (exact_host, len(host), int(exact_path), length, int(counts[0]), counts[1], counts[2])


def _takes(match: dict[str, Any], request: Request) -> bool:
    path, want = request.path, match["path"]["value"]
    if match["path"]["type"] == "Exact":
        fits = path == want
    else:
        elements = [part for part in want.split("/") if part]
        fits = [part for part in path.split("/") if part][: len(elements)] == elements
    if "method" in match:
        fits = fits and match["method"] == request.method
    for header in match.get("headers", ()):
        values = [value for name, value in request.headers if name.lower() == header["name"].lower()]
        fits = fits and values[:1] == [header["value"]]
    for parameter in match.get("queryParams", ()):
        values = [value for name, value in request.query if name == parameter["name"]]
        fits = fits and values[:1] == [parameter["value"]]
    return bool(fits)


def answer(frontend: Frontend, request: Request) -> tuple[str, int, int] | None:
    """Return (Route, rule, match) of the first entry that takes a request, None for 404."""
    entry = first_match(frontend, request)
    if entry is None or entry.origin is None:
        return None
    assert match_takes(entry.match, request)
    return (entry.origin.route.name, entry.origin.rule, entry.origin.match)


@settings(max_examples=300)
@given(worlds(), st.lists(_requests, min_size=1, max_size=8))
def test_the_first_entry_that_takes_a_request_is_the_one_the_specification_names(
    objects: list[dict[str, Any]], requests: list[Request]
) -> None:
    (frontend,) = load_balancer(objects).frontends

    for request in requests:
        assert wanted(objects, request) == answer(frontend, request)


@settings(max_examples=100)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_never_matters(objects: list[dict[str, Any]], chance: Any) -> None:
    shuffled = list(objects)
    chance.shuffle(shuffled)

    assert load_balancer(objects) == load_balancer(shuffled)


@settings(max_examples=100)
@given(worlds())
def test_every_entry_has_an_id_of_its_own_and_an_origin_or_is_a_fence(objects: list[dict[str, Any]]) -> None:
    (frontend,) = load_balancer(objects).frontends

    ids = [entry.id for entry in frontend.entries]
    assert len(set(ids)) == len(ids)
    assert all(isinstance(entry.origin, Origin) or entry.id.endswith("/fence") for entry in frontend.entries)


@settings(max_examples=100)
@given(worlds(), worlds(), st.lists(_requests, min_size=1, max_size=8))
def test_one_teams_broken_route_changes_no_answer_of_another_hostname(
    objects: list[dict[str, Any]], others: list[dict[str, Any]], requests: list[Request]
) -> None:
    broken = next(item for item in others if item["kind"] == "HTTPRoute")
    broken["metadata"] |= {"name": "broken", "namespace": "z"}
    broken["spec"]["hostnames"] = ["broken.example.org"]
    broken["spec"]["rules"] = [rule({"name": "gone", "port": 80})]

    (before,), (after,) = load_balancer(objects).frontends, load_balancer([*objects, broken]).frontends

    assert [answer(before, request) for request in requests] == [answer(after, request) for request in requests]
