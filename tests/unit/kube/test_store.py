"""The store of Routes against a scripted API server: fresh at every step, and nothing concluded from a failure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kube import kinds
from kube.freshness import Need
from kube.store import Store, trimmed
from reconciler.errors import PermissionDenied, TransientError, Unavailable
from tests.unit.kube.conftest import Answer, FakeServer

OURS = "routewright.dev/aws"
GROUP = "gateway.networking.k8s.io"
type Plain = dict[str, Any]


def route(name: str, gateway: str = "gw", version: int = 1) -> Plain:
    meta = {"namespace": "a", "name": name, "resourceVersion": str(version)}
    return {"metadata": meta, "spec": {"parentRefs": [{"namespace": "infra", "name": gateway}]}}


def listed(*routes: Plain, version: str = "10", more: str = "") -> Answer:
    meta = {"resourceVersion": version} | ({"continue": more} if more else {})
    body = {"kind": "HTTPRouteList", "apiVersion": f"{GROUP}/v1", "metadata": meta, "items": list(routes)}
    return Answer(body=body)


def told(what: str, item: Plain) -> Plain:
    return {"type": what, "object": item}


def bookmark(version: int) -> Plain:
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(version)}}}


class Asked:
    """A store whose server says these answers one after another."""

    def __init__(self, server: FakeServer, *answers: Answer) -> None:
        server.script.say(*answers)
        self.requests = server.script.requests
        self.store = Store(server.api, OURS, [kinds.BY_NAME["HTTPRoute"]])

    def names(self, need: Need | None = None, gateway: str = "gw") -> list[str]:
        """Return the names of the Routes that name a Gateway."""
        found = self.store.find("infra", gateway, lambda _: need or Need())
        return [item["metadata"]["name"] for item in found.routes]

    def version(self, need: Need | None = None) -> str | None:
        """Return the version up to which nothing is missing."""
        return self.store.find("infra", "gw", lambda _: need or Need()).versions.get("HTTPRoute")

    def kinds(self) -> list[str]:
        """Return whether each request was a list or a watch."""
        return ["watch" if "watch=true" in request else "list" for request in self.requests]


def test_the_first_question_lists_page_by_page(server: FakeServer) -> None:
    asked = Asked(server, listed(route("a"), route("x", "other"), more="next"), listed(route("b")))

    assert ["a", "b"] == asked.names()
    assert ["x"] == asked.names(gateway="other")
    assert ["list", "list"] == asked.kinds()


def test_what_is_fresh_enough_costs_no_request(server: FakeServer) -> None:
    asked = Asked(server, listed(route("a")))
    asked.names()

    assert ["a"] == asked.names(Need(event=10, revision=10))
    assert 1 == len(asked.requests)


def test_a_newer_event_is_watched_for_from_where_the_list_ended(server: FakeServer) -> None:
    events = (told("ADDED", route("b", version=11)), told("MODIFIED", route("a", "other", version=12)))
    asked = Asked(server, listed(route("a")), Answer(lines=events, hang=0.2))
    asked.names()

    assert ["b"] == asked.names(Need(event=12))
    assert ["list", "watch"] == asked.kinds()
    assert "resourceVersion=10&" in asked.requests[1]


def test_the_watch_ends_with_the_version_asked_for(server: FakeServer) -> None:
    """Else each run would wait for the end of the span."""
    events = (told("ADDED", route("b", version=11)), told("ADDED", route("c", version=12)))
    asked = Asked(server, listed(route("a")), Answer(lines=events, hang=5))
    asked.names()

    assert ["a", "b"] == asked.names(Need(event=11))


def test_a_route_that_was_deleted_is_gone(server: FakeServer) -> None:
    asked = Asked(server, listed(route("a"), route("b")), Answer(lines=(told("DELETED", route("a", version=11)),)))
    asked.names()

    assert ["b"] == asked.names(Need(event=11))


def test_a_status_entry_of_ours_keeps_a_route_with_its_gateway(server: FakeServer) -> None:
    moved = route("a", "other")
    ref = {"namespace": "infra", "name": "gw"}
    moved["status"] = {"parents": [{"controllerName": OURS, "parentRef": ref}]}

    assert ["a"] == Asked(server, listed(moved)).names()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(410, {"kind": "Status", "code": 410}), id="expired"),
        pytest.param(Answer(lines=({"type": "ERROR", "object": {"code": 410}},)), id="expired on the way"),
        pytest.param(Answer(403, {"kind": "Status"}), id="forbidden"),
        pytest.param(Answer(503, b""), id="unavailable"),
        pytest.param(Answer(504, b""), id="a version in the future"),
        pytest.param(Answer(lines=(told("ADDED", route("z", version=11)),)), id="ended too early"),
        pytest.param(Answer(lines=(told("ADDED", route("z", version=11)),), hang=2), id="silent"),
        pytest.param(Answer(lines=("what",)), id="no event"),
    ],
)
def test_a_watch_that_does_not_bring_the_version_costs_a_list(server: FakeServer, answer: Answer) -> None:
    asked = Asked(server, listed(route("a")), answer, listed(route("b"), version="20"))
    asked.names()

    assert ["b"] == asked.names(Need(event=15))
    assert ["list", "watch", "list"] == asked.kinds()


def test_a_list_is_the_present_even_if_its_version_is_below_the_one_asked_for(server: FakeServer) -> None:
    """A cluster restored from a backup counts anew: nothing can be newer than a consistent list."""
    asked = Asked(server, listed(route("a"), version="10"), Answer(504, b""), listed(route("b"), version="5"))
    asked.names()

    assert ["b"] == asked.names(Need(event=1000))


def test_a_list_never_asks_for_a_cached_answer(server: FakeServer) -> None:
    """Without a resourceVersion the API server answers as of now; with 0 it may answer from long ago."""
    asked = Asked(server, listed())
    asked.names()

    assert "resourceVersion" not in asked.requests[0]


@pytest.mark.parametrize(("status", "kind"), [(403, PermissionDenied), (500, Unavailable), (404, Unavailable)])
def test_a_failed_list_is_never_an_empty_one(server: FakeServer, status: int, kind: type[Exception]) -> None:
    asked = Asked(server, Answer(status, {"kind": "Status"}))

    with pytest.raises(kind):
        asked.names()


def test_a_list_that_fails_in_the_middle_changes_nothing(server: FakeServer) -> None:
    pages = (listed(route("b"), version="20", more="next"), Answer(500, b""))
    asked = Asked(server, listed(route("a")), *pages)
    asked.names()

    with pytest.raises(TransientError):
        asked.names(Need(run="r1"))
    assert ["a"] == asked.names()


def test_a_run_whose_list_failed_still_asks_for_the_present(server: FakeServer) -> None:
    asked = Asked(server, listed(route("a")), Answer(500, b""), listed(route("b"), version="20"))
    asked.names()

    with pytest.raises(TransientError):
        asked.names(Need(run="r1"))
    assert ["b"] == asked.names(Need(run="r1"))


def test_a_kind_that_was_removed_is_forgotten(server: FakeServer) -> None:
    """A CRD that is installed anew has none of the old objects."""
    gone = Answer(404, {"kind": "Status"})
    asked = Asked(server, listed(route("a")), gone, gone, listed(route("b"), version="30"))
    asked.names()

    with pytest.raises(Unavailable):
        asked.names(Need(event=11))
    assert ["b"] == asked.names()


def test_a_newer_revision_of_another_kind_costs_a_list_at_once(server: FakeServer) -> None:
    """No event of this kind may ever have that version: waiting for one would be in vain."""
    asked = Asked(server, listed(route("a")), listed(route("b"), version="20"))
    asked.names()

    assert ["b"] == asked.names(Need(revision=15))
    assert ["list", "list"] == asked.kinds()


def test_a_bookmark_moves_the_version_to_go_on_from(server: FakeServer) -> None:
    lines = (bookmark(14), told("ADDED", route("b", version=15)))
    asked = Asked(server, listed(route("a")), Answer(lines=lines), Answer(lines=(bookmark(30),)))
    asked.names()
    asked.names(Need(event=15))

    assert ["a", "b"] == asked.names(Need(event=20))
    assert "resourceVersion=15&" in asked.requests[2]


def test_the_version_told_to_others_is_that_of_an_event_or_list(server: FakeServer) -> None:
    """A bookmark is no event: a container that waited for its version would wait in vain."""
    asked = Asked(server, listed(route("a")), Answer(lines=(told("ADDED", route("b", version=15)), bookmark(30))))

    assert ["10", "15", "15"] == [asked.version(), asked.version(Need(event=15)), asked.version(Need(event=15))]


def test_all_gateways_of_a_run_share_one_list(server: FakeServer) -> None:
    asked = Asked(server, listed(route("a")), listed(route("b"), version="20"), listed(route("c"), version="30"))
    asked.names()

    assert [["b"], ["b"], ["c"]] == [asked.names(Need(run=run)) for run in ("r1", "r1", "r2")]


def test_a_question_for_the_present_without_a_run_lists_every_time(server: FakeServer) -> None:
    asked = Asked(server, listed(route("a")), listed(route("b")))

    assert [["a"], ["b"]] == [asked.names(Need(run="")) for _ in range(2)]


def test_versions_that_are_no_numbers_cost_a_list_every_time(server: FakeServer) -> None:
    """What cannot be compared is not compared."""
    asked = Asked(server, listed(route("a"), version="x7"), listed(route("b"), version="x8"))

    assert [["a"], ["b"]] == [asked.names(), asked.names()]
    assert asked.version() is None


def test_threads_that_ask_at_once_catch_up_together(server: FakeServer) -> None:
    asked = Asked(server, listed(route("a")), Answer(lines=(told("ADDED", route("b", version=11)),), hang=0.2))
    asked.names()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: asked.names(Need(event=11)), range(8)))

    assert [["a", "b"]] * 8 == found
    assert ["list", "watch"] == asked.kinds()


def test_only_what_runs_read_is_kept() -> None:
    whole = route("a")
    whole["metadata"] |= {"managedFields": [{"manager": "kubectl"}], "annotations": {"x": "y"}, "labels": {"l": "v"}}
    theirs, mine = {"controllerName": "example.com/other"}, {"controllerName": OURS}
    whole["status"] = {"parents": [theirs, mine]}

    assert route("a") | {"status": {"parents": [mine]}} == trimmed(whole, OURS)
