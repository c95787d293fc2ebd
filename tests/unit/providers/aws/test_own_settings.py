"""What a Gateway's own settings may say badly: told in a sentence, without changing what the class's settings made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from reconciler.events import Cause
from tests.aws_world import World
from tests.builders import config, gateway, gateway_class, route, with_service
from tests.fakes import trigger
from tests.unit.providers.aws.offline import answers

type Plain = dict[str, Any]
CLASS_REF = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "name": "class", "namespace": "infra"}
OWN_REF = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "name": "own"}
LOGS = {"bucket": "class-logs", "prefix": "shop"}
CLASS: Plain = {
    "allowedOverrides": ["aws", "attributes"],
    "aws": {"accessLogs": LOGS, "tags": {"team": "web"}},
}
ODD: tuple[Any, ...] = (None, [], {}, "", 0, True, [None], {"x": None}, {"bucket": None}, [[]], 1.5)
NAMES = ("accessLogs", "addressMode", "securityGroups", "serverHeader", "tags", "tcpIdleSeconds", "webACL")


def with_own(own: Plain, of_class: Plain | None = None) -> list[Plain]:
    """Return a Gateway with settings of its own, and the class's beside them."""
    item = gateway()
    item["spec"]["infrastructure"] = {"parametersRef": OWN_REF}
    settings = config(CLASS if of_class is None else of_class, "class")
    return [gateway_class(parametersRef=CLASS_REF), settings, config(own, "own"), item, route(), *with_service()]


def judged(own: Plain) -> tuple[str, str]:
    """Return the reason and the message of the Gateway's Accepted."""
    found = answers(*with_own(own))
    return found.reason("Gateway", "infra", "gw"), found.message("Gateway", "infra", "gw")


@pytest.fixture
def world() -> Iterator[World]:
    with strict_aws() as account:
        found = World(account)
        found.cluster.put(*with_own({}))
        found.run()
        yield found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_odd_value_is_told_by_its_name_or_means_what_it_says(name: str, odd: Any) -> None:
    reason, message = judged({"aws": {name: odd}})

    harmless = odd in ({}, True) or odd == []
    assert (reason == "InvalidParameters" and f"spec.aws.{name}" in message) or (reason == "Accepted" and harmless)


@pytest.mark.parametrize(
    ("tags", "says"),
    [
        ({"aws:cloudformation:stack-name": "theirs"}, "AWS keeps keys"),
        ({"AWS:x": "y"}, "AWS keeps keys"),
        ({"routewright.dev/gateway-uid": "another"}, "set by us alone"),
        ({"Routewright.dev/cluster": "another"}, "set by us alone"),
        ({"k" * 129: "v"}, "up to 128"),
        ({"key": "v" * 257}, "up to 256"),
        ({"key": "smile \U0001f600"}, "letters, digits"),
        ({"": "v"}, "up to 128"),
        ({"key": None}, "has to be a text"),
        ({f"key-{number}": "v" for number in range(41)}, "at most 41 tags"),
    ],
    ids=lambda one: str(one)[:40],
)
def test_a_tag_that_aws_or_ownership_cannot_take_is_refused_in_words(tags: Plain, says: str) -> None:
    reason, message = judged({"aws": {"tags": tags}})

    assert "InvalidParameters" == reason
    assert says in message
    assert len(message) < 1024


def test_tags_at_every_limit_are_taken_by_aws(world: World) -> None:
    many = {f"key-{number}": "v" * 256 for number in range(38)}
    world.cluster.put(config({"aws": {"tags": {**many, "k" * 128: "", "a b_.:/=+-@": "ä"}}}, "own"))

    outcome = world.run().outcome

    assert () == outcome.failed
    assert ("True", "Accepted") == world.says()["Accepted"]


@pytest.mark.parametrize(
    "attributes",
    [
        {"access_logs.s3.enabled": "false"},
        {"access_logs.s3.prefix": "theirs"},
    ],
)
def test_attributes_do_not_turn_the_classs_access_logs_unseen(attributes: Plain) -> None:
    reason, message = judged({"attributes": attributes})

    assert "InvalidParameters" == reason
    assert "spec.aws.accessLogs say different things" in message


def test_attributes_that_say_the_same_of_access_logs_are_no_contradiction() -> None:
    same = {"access_logs.s3.bucket": "class-logs", "access_logs.s3.enabled": "true"}

    assert "Accepted" == judged({"attributes": same})[0]


def test_a_prefix_with_awss_own_name_is_refused() -> None:
    reason, message = judged({"aws": {"accessLogs": {"bucket": "class-logs", "prefix": "x/AWSLogs/y"}}})

    assert "InvalidParameters" == reason
    assert "spec.aws.accessLogs" in message


@pytest.mark.parametrize("own", [{"aws": None}, {"aws": {"accessLogs": None}}, {"aws": {"tags": {"aws:x": "y"}}}])
def test_settings_that_are_refused_leave_what_is_there_as_it_is(world: World, own: Plain) -> None:
    before = world.balancer()
    world.forget()
    world.cluster.put(config(own, "own"))

    world.run(trigger(cause=Cause.DEEP))

    assert ("False", "InvalidParameters") == world.says()["Accepted"]
    assert [] == world.operations()
    assert before == world.balancer()
