"""Following a kind through everything that an API server may do: nothing is missed, nothing loops tightly."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kube import kinds
from kube.debounce import MAX_SERVICES, Debounce
from kube.watch import Changed, Happening, Lasting, Listed, follow
from reconciler.events import Cause, Seen, Trigger
from tests.unit.kube.conftest import Answer, FakeServer, event, listing

ENDLESS = Answer(lines=(event("BOOKMARK", version="99"),), hang=5)


@contextmanager
def following(server: FakeServer) -> Iterator[queue.Queue[Happening]]:
    """Follow Gateways until the block ends."""
    seen: queue.Queue[Happening] = queue.Queue()
    lasting = Lasting(silence=1.0)
    thread = threading.Thread(target=follow, args=(server.api, kinds.GATEWAY, seen.put, lasting), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        lasting.stop.set()
        thread.join(10)


def test_it_lists_and_then_watches_from_the_lists_version(server: FakeServer) -> None:
    server.script.say(Answer(body=listing("a")), Answer(lines=(event("ADDED", "b"),), hang=3), ENDLESS)

    with following(server) as seen:
        first, second = seen.get(timeout=5), seen.get(timeout=5)

    assert isinstance(first, Listed)
    assert isinstance(second, Changed)
    assert "resourceVersion=10" in server.script.requests[1]


def test_a_stream_that_ends_goes_on_where_it_was_without_a_new_list(server: FakeServer) -> None:
    server.script.say(Answer(body=listing("a")), Answer(lines=(event("ADDED", "b", "21"),)), ENDLESS)

    with following(server) as seen:
        for _ in range(2):
            seen.get(timeout=5)
        _wait(server, 3)

    assert "resourceVersion=21" in server.script.requests[2]
    assert "watch=true" in server.script.requests[2]


def test_an_expired_version_costs_a_new_list_and_says_so(server: FakeServer) -> None:
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410}}
    server.script.say(Answer(body=listing("a")), Answer(lines=(gone,)), Answer(body=listing("a", "b")), ENDLESS)

    with following(server) as seen:
        found = [seen.get(timeout=5), seen.get(timeout=5)]

    assert [Listed, Listed] == [type(one) for one in found]


def test_an_answer_of_410_to_the_watch_itself_costs_a_new_list(server: FakeServer) -> None:
    server.script.say(Answer(body=listing("a")), Answer(410, {}), Answer(body=listing("a")), ENDLESS)

    with following(server) as seen:
        assert [Listed, Listed] == [type(seen.get(timeout=5)) for _ in range(2)]


def test_errors_are_outlived_and_the_version_is_kept(server: FakeServer) -> None:
    failures = [Answer(500, {}), Answer(429, {}, headers={"Retry-After": "0"}), Answer(409, {})]
    server.script.say(
        Answer(body=listing("a")), *failures, Answer(lines=(event("DELETED", "a", "30"),), hang=3), ENDLESS
    )

    with following(server) as seen:
        seen.get(timeout=5)
        change = seen.get(timeout=10)

    assert isinstance(change, Changed)
    assert change.deleted
    assert all("resourceVersion=10" in request for request in server.script.requests[1:5])


def test_a_server_that_hangs_is_asked_again(server: FakeServer) -> None:
    hanging = Answer(lines=(event("BOOKMARK", version="15"),), hang=4)
    server.script.say(Answer(body=listing("a")), hanging, Answer(lines=(event("ADDED", "b", "16"),), hang=3), ENDLESS)

    with following(server) as seen:
        seen.get(timeout=5)
        assert isinstance(seen.get(timeout=10), Changed)

    assert "resourceVersion=15" in server.script.requests[2]


def _wait(server: FakeServer, count: int) -> None:
    done = threading.Event()
    for _ in range(100):
        if len(server.script.requests) >= count:
            return
        done.wait(0.05)


# --- bursts -------------------------------------------------------------------------------------------------------


def _trigger(name: str = "gw", version: str = "1", **more: object) -> Trigger:
    return Trigger("c", "infra", name, seen=(Seen("HTTPRoute", "u", version),), **more)  # type: ignore[arg-type]


def test_a_burst_of_one_gateway_is_one_trigger_that_saw_everything() -> None:
    debounce = Debounce(0.1)
    for number in range(3):
        debounce.add(_trigger(version=str(number)), now=0.05 * number)

    assert [] == debounce.take(0.15, 10)
    (only,) = debounce.take(0.21, 10)
    assert {"0", "1", "2"} == {one.version for one in only.seen}


def test_a_gateway_that_is_never_quiet_is_sent_all_the_same() -> None:
    debounce = Debounce(0.1)
    for number in range(40):
        debounce.add(_trigger(version=str(number)), now=0.05 * number)

    assert 1 == len(debounce.take(1.01, 10))


def test_two_gateways_do_not_wait_for_each_other() -> None:
    debounce = Debounce(0.1)
    debounce.add(_trigger("one"), 0.0)
    debounce.add(_trigger("two"), 0.09)

    assert ["one"] == [one.name for one in debounce.take(0.11, 10)]


def test_a_trigger_with_too_many_services_asks_for_a_whole_look() -> None:
    debounce = Debounce(0.1)
    debounce.add(_trigger(services=tuple(f"a/s{number}" for number in range(MAX_SERVICES + 1))), 0.0)

    (only,) = debounce.take(1.0, 10)
    assert Cause.RELIST == only.cause
