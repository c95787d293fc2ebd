"""An API server that refuses, breaks, lies or hangs: every failure is one of our errors, and nothing is concluded."""

from __future__ import annotations

from typing import Any

import pytest

from kube.api import WatchSpan
from kube.errors import Expired, NotFound
from reconciler.errors import (
    Conflict,
    Misconfigured,
    PermissionDenied,
    ReconcilerError,
    Throttled,
    TransientError,
    Unavailable,
)
from tests.unit.kube.conftest import Answer, FakeServer, event, listing

PATH = "/apis/gateway.networking.k8s.io/v1/gateways"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, PermissionDenied),
        (403, PermissionDenied),
        (404, NotFound),
        (408, Unavailable),
        (409, Conflict),
        (410, Expired),
        (422, Misconfigured),
        (429, Throttled),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_each_status_is_an_error_of_ours(server: FakeServer, status: int, kind: type[ReconcilerError]) -> None:
    server.script.say(Answer(status, {"kind": "Status", "message": "because"}))

    with pytest.raises(kind):
        server.api.list(PATH)


def test_a_failed_list_is_never_an_empty_one(server: FakeServer) -> None:
    server.script.say(Answer(500, b"oops"))

    with pytest.raises(Unavailable):
        server.api.list(PATH)


def test_an_object_that_is_not_there_is_none(server: FakeServer) -> None:
    server.script.say(Answer(404, {"kind": "Status", "reason": "NotFound", "details": {"name": "x"}}))

    assert server.api.get(f"{PATH}/x") is None


@pytest.mark.parametrize(
    "body",
    [
        b"404 page not found",
        b"<html>not here</html>",
        {},
        {"kind": "Status", "reason": "NotFound", "details": {}},
        {"kind": "Status", "reason": "Gone", "details": {"name": "x"}},
    ],
)
def test_a_404_that_is_not_the_api_servers_word_on_the_object_says_nothing(server: FakeServer, body: Any) -> None:
    server.script.say(Answer(404, body))

    with pytest.raises(NotFound):
        server.api.get(f"{PATH}/x")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"metadata": {}},
        {"kind": "GatewayList", "metadata": {"resourceVersion": "7"}},
        {"kind": "GatewayList", "metadata": {}, "items": []},
        {"kind": "Status", "metadata": {"resourceVersion": "7"}, "items": []},
        {"kind": "GatewayList", "metadata": {"resourceVersion": "7", "remainingItemCount": 3}, "items": []},
        {"kind": "GatewayList", "metadata": {"resourceVersion": "7"}, "items": {}},
    ],
)
def test_what_is_no_list_or_not_all_of_one_is_unavailable(server: FakeServer, body: Any) -> None:
    server.script.say(Answer(200, body))

    with pytest.raises(Unavailable):
        server.api.list(PATH)


def test_null_items_are_an_empty_list(server: FakeServer) -> None:
    server.script.say(Answer(200, {"kind": "GatewayList", "metadata": {"resourceVersion": "7"}, "items": None}))

    assert () == server.api.list(PATH).items


@pytest.mark.parametrize("body", [{}, {"metadata": {}}, {"metadata": []}, {"metadata": {"resourceVersion": "7"}}])
def test_an_answer_that_is_no_object_with_a_name_is_unavailable(server: FakeServer, body: Any) -> None:
    server.script.say(Answer(200, body))

    with pytest.raises(Unavailable):
        server.api.get(f"{PATH}/x")


def test_slow_down_says_for_how_long(server: FakeServer) -> None:
    server.script.say(Answer(429, {}, headers={"Retry-After": "7"}))

    with pytest.raises(Throttled) as caught:
        server.api.list(PATH)
    assert 7 == caught.value.retry_after


def test_an_answer_that_never_comes_is_unavailable(server: FakeServer) -> None:
    server.script.say(Answer(200, {}, silence=1.5))

    with pytest.raises(Unavailable, match="no answer"):
        server.api.list(PATH)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1, 2]", b'{"metadata": 3}'])
def test_an_answer_that_is_no_object_is_unavailable(server: FakeServer, body: bytes) -> None:
    server.script.say(Answer(200, body))

    with pytest.raises(TransientError):
        server.api.list(PATH)


def test_a_server_that_is_not_there_is_unavailable(server: FakeServer) -> None:
    server.api.client.configuration.host = "http://127.0.0.1:9"

    with pytest.raises(Unavailable):
        server.api.get(PATH)


def test_a_watch_of_a_server_that_is_not_there_is_unavailable(server: FakeServer) -> None:
    server.api.client.configuration.host = "http://127.0.0.1:9"

    with pytest.raises(Unavailable):
        next(server.api.watch(PATH, WatchSpan("10", 5)))


def test_a_long_list_comes_page_by_page(server: FakeServer) -> None:
    server.script.say(Answer(body=listing("a", more="next")), Answer(body=listing("b")))

    found = server.api.list(PATH)

    assert ["a", "b"] == [item["metadata"]["name"] for item in found.items]
    assert "continue=next" in server.script.requests[1]


def test_a_watch_yields_what_happens_in_order(server: FakeServer) -> None:
    server.script.say(Answer(lines=(event("ADDED"), event("MODIFIED", version="12"), event("BOOKMARK", version="13"))))

    seen = list(server.api.watch(PATH, WatchSpan("10", 5)))

    assert ["ADDED", "MODIFIED", "BOOKMARK"] == [what for what, _ in seen]


def test_a_version_that_is_too_old_ends_a_watch_as_expired(server: FakeServer) -> None:
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}
    server.script.say(Answer(lines=(event("ADDED"), gone)))

    stream = server.api.watch(PATH, WatchSpan("10", 5))
    next(stream)
    with pytest.raises(Expired):
        next(stream)


def test_a_watch_that_falls_silent_is_given_up(server: FakeServer) -> None:
    server.script.say(Answer(lines=(event("ADDED"),), hang=3))

    stream = server.api.watch(PATH, WatchSpan("10", 60, silence=0.3))
    next(stream)
    with pytest.raises(Unavailable):
        next(stream)


def test_a_watch_line_that_is_no_event_is_unavailable(server: FakeServer) -> None:
    server.script.say(Answer(lines=("what",)))

    with pytest.raises(TransientError):
        list(server.api.watch(PATH, WatchSpan("10", 5)))
