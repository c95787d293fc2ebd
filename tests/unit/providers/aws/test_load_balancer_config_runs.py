"""LoadBalancerConfigs in whole runs against the emulated AWS: set, changed, withdrawn, mended, protected, refused."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.faults import Fault, ProcessCut
from reconciler.config import Config
from tests.aws_settings import (
    CLASS_REF,
    attributes,
    configure,
    delete,
    message,
    of_listener,
)
from tests.aws_world import World
from tests.builders import backend, config, exact, gateway, gateway_class, listener, route, route_of, rule

type Plain = dict[str, Any]
HEADER = "routing.http.response.strict_transport_security.header_value"
SERVER = "routing.http.response.server.enabled"


@pytest.fixture(name="world")
def _configured(world: World) -> World:
    """Let the class of Gateways name a LoadBalancerConfig."""
    world.cluster.put(gateway_class(parametersRef=CLASS_REF))
    return world


# --- attributes ---------------------------------------------------------------------------------------------------

ATTRIBUTES: list[tuple[Plain, Plain]] = [
    ({"attributes": {"idle_timeout.timeout_seconds": "120"}}, {"idle_timeout.timeout_seconds": "120"}),
    ({"attributes": {"client_keep_alive.seconds": "60"}}, {"client_keep_alive.seconds": "60"}),
    ({"attributes": {"routing.http2.enabled": "false"}}, {"routing.http2.enabled": "false"}),
    ({"deletionProtection": True}, {"deletion_protection.enabled": "true"}),
]


@pytest.mark.parametrize(("spec", "wanted"), ATTRIBUTES, ids=lambda one: str(one)[:60])
def test_attributes_come_and_go_in_one_call(world: World, spec: Plain, wanted: Plain) -> None:
    configure(world, {})
    before = attributes(world)

    assert ["ModifyLoadBalancerAttributes"] == configure(world, spec)
    assert wanted.items() <= attributes(world).items()
    assert ["ModifyLoadBalancerAttributes"] == configure(world, {})
    assert before == attributes(world)


def test_logs_that_we_turned_on_are_turned_off_and_those_of_others_stay(world: World) -> None:
    configure(world, {})
    done = configure(world, {"aws": {"accessLogs": {"bucket": "logs-a", "prefix": "shop"}}})
    on = attributes(world)
    off = configure(world, {})

    assert ["AddTags", "ModifyLoadBalancerAttributes"] == done
    assert ("true", "logs-a", "shop") == tuple(on[f"access_logs.s3.{name}"] for name in ("enabled", "bucket", "prefix"))
    assert ["ModifyLoadBalancerAttributes", "RemoveTags"] == off
    assert "false" == attributes(world)["access_logs.s3.enabled"]
    theirs = [{"Key": "access_logs.s3.enabled", "Value": "true"}, {"Key": "access_logs.s3.bucket", "Value": "theirs"}]
    arn = world.balancer()["LoadBalancerArn"]
    world.account.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=theirs)
    assert [] == world.deep()


@pytest.mark.parametrize("cut", range(1, 3))
def test_logs_that_were_cut_and_taken_back_are_off(world: World, cut: int) -> None:
    """Whatever write the process dies after: the record stands before the logs do, and goes after them."""
    configure(world, {})
    world.cluster.put(config({"aws": {"accessLogs": {"bucket": "logs-a"}}}))
    world.account.faults.add(Fault("cut", "write", nth=cut, effect="after"))
    with pytest.raises(ProcessCut):
        world.run()
    world.account.faults.clear()

    configure(world, {})

    assert "false" == attributes(world)["access_logs.s3.enabled"]
    assert "routewright.dev/addons" not in world.balancer()["Tags"]


def test_what_somebody_did_to_an_attribute_is_mended(world: World) -> None:
    configure(world, {"attributes": {"idle_timeout.timeout_seconds": "120"}})
    arn = world.balancer()["LoadBalancerArn"]
    theirs = [{"Key": name, "Value": "90"} for name in ("idle_timeout.timeout_seconds", "client_keep_alive.seconds")]
    world.account.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=theirs)

    assert ["ModifyLoadBalancerAttributes"] == world.deep()
    assert ("120", "3600") == tuple(attributes(world)[one["Key"]] for one in theirs)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"attributes": {"idle_timeout.timeout_seconds": "0"}}, "1 to 4000"),
        ({"attributes": {"idle_timeout.timeout_seconds": "4001"}}, "1 to 4000"),
        ({"attributes": {"client_keep_alive.seconds": "59"}}, "60 to 604800"),
        ({"attributes": {"routing.http2.enabled": "yes"}}, "true or false"),
        ({"attributes": {"odd": "1"}}, "odd is not an attribute"),
        ({"attributes": {"routing.http.preserve_host_header.enabled": "false"}}, "always true"),
        ({"attributes": {"access_logs.s3.enabled": "true"}}, "needs access_logs.s3.bucket"),
        ({"attributes": {"routing.http.xff_header_processing.mode": "drop"}}, "append or preserve or remove"),
        ({"aws": {"accessLogs": {"bucket": "NO"}}}, "a bucket and a prefix"),
        ({"aws": {"accessLogs": {}}}, "a bucket and a prefix"),
        ({"aws": {"accessLogs": {"bucket": "logs", "prefix": "x/AWSLogs"}}}, "a bucket and a prefix"),
        ({"aws": {"webACL": "arn:aws:waf::1:webacl/x"}}, "regional web ACL"),
        ({"aws": {"responseHeaders": {"x-own": "1"}}}, "not x-own"),
        ({"aws": {"responseHeaders": {"x-frame-options": "ALL"}}}, "does not take"),
        ({"aws": {"responseHeaders": {"content-security-policy": "a\nb"}}}, "does not take"),
        ({"aws": {"responseHeaders": []}}, "a map of texts"),
        ({"aws": {"serverHeader": "no"}}, "true or false"),
        ({"aws": {"tcpIdleSeconds": 59}}, "60 to 6000"),
    ],
    ids=lambda one: str(one)[:60],
)
def test_what_aws_does_not_take_is_told_before_it_is_asked(world: World, spec: Plain, words: str) -> None:
    world.cluster.put(config(spec))

    world.run()

    assert ("False", "InvalidParameters") == world.says()["Accepted"]
    assert words in message(world, "Accepted")
    assert [] == world.operations()


# --- listeners ----------------------------------------------------------------------------------------------------


def test_response_headers_come_and_go_on_every_listener(world: World) -> None:
    configure(world, {})
    before = of_listener(world)
    headers = {"Strict-Transport-Security": "max-age=60"}

    done = configure(world, {"aws": {"responseHeaders": headers, "serverHeader": False}})

    assert ["ModifyListenerAttributes"] == done
    assert ("max-age=60", "false") == (of_listener(world)[HEADER], of_listener(world)[SERVER])
    assert ["ModifyListenerAttributes"] == configure(world, {})
    assert before == of_listener(world)


def test_a_new_listener_gets_its_headers_before_its_rules(world: World) -> None:
    aws = {"responseHeaders": {"strict-transport-security": "max-age=60"}}
    configure(world, {"aws": aws})
    world.cluster.put(gateway(listeners=[listener(), listener("more", 8080)]))

    done = configure(world, {"aws": aws})

    order = [done.index(one) for one in ("CreateListener", "ModifyListenerAttributes", "CreateRule")]
    assert sorted(order) == order


def test_a_response_header_is_no_filter_that_we_claim(world: World) -> None:
    features = world.provider.capabilities(Config()).features

    assert [] == [one for one in features if "ResponseHeader" in one]


def test_idle_streams_last_as_long_as_they_are_told_to(world: World) -> None:
    world.cluster.objects.pop(("HTTPRoute", "a", "web"))
    tcp = route_of("TCPRoute", "t", spec={"rules": [rule(backend())]}, creationTimestamp="2026-01-01T00:00:00Z")
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), tcp)
    configure(world, {})

    assert ["ModifyListenerAttributes"] == configure(world, {"aws": {"tcpIdleSeconds": 600}})
    assert "600" == of_listener(world)["tcp.idle_timeout.seconds"]
    assert ["ModifyListenerAttributes"] == configure(world, {})
    assert "350" == of_listener(world)["tcp.idle_timeout.seconds"]


# --- deletion protection ------------------------------------------------------------------------------------------


def test_a_protected_load_balancer_is_kept_and_the_status_says_what_to_do(world: World) -> None:
    configure(world, {"deletionProtection": True})
    delete(world)
    world.forget()

    held = [world.run().outcome.held for _ in range(2)]

    assert [] == world.operations()
    assert 1 == len(world.rules())
    assert held[0] == held[1]
    assert ("False", "Pending") == world.says()["Programmed"]
    assert "protected against deletion" in message(world)
    assert "routewright.dev/allow-delete" in message(world)
    assert world.cluster.objects["Gateway", "infra", "gw"]["metadata"]["finalizers"]


def test_a_protected_load_balancer_goes_once_its_gateway_lets_it(world: World) -> None:
    configure(world, {"deletionProtection": True})
    delete(world, **{"routewright.dev/allow-delete": "true"})

    world.run()

    assert [] == world.account.state()["loadBalancers"]
    assert [] == world.account.state()["targetGroups"]


def test_a_class_cannot_let_every_gateways_protected_load_balancer_go(world: World) -> None:
    configure(world, {"deletionProtection": True})
    world.cluster.objects["GatewayClass", "", "aws"]["metadata"]["annotations"] = {
        "routewright.dev/allow-delete": "true"
    }
    delete(world)

    world.run()

    assert 1 == len(world.account.state()["loadBalancers"])


def test_a_protected_load_balancer_that_nothing_needs_holds_up_no_route(world: World) -> None:
    """The one for streams stays without a listener; the one for requests follows its Routes."""
    tcp = route_of("TCPRoute", "t", spec={"rules": [rule(backend())]}, creationTimestamp="2026-01-01T00:00:00Z")
    world.cluster.put(gateway(listeners=[listener(), listener("tcp", 9000, "TCP")]), tcp)
    world.cluster.put(config({"deletionProtection": True}))
    world.run()
    world.cluster.put(gateway(listeners=[listener()]), route(rules=[rule(backend(), matches=[exact("/new")])]))

    world.run()

    found = {one["Type"]: one for one in world.account.state()["loadBalancers"]}
    assert [] == found["network"]["Listeners"]
    rules = [one for one in found["application"]["Listeners"][0]["Rules"] if not one["IsDefault"]]
    assert ["/new"] == [value for one in rules[0]["Conditions"] for value in one["PathPatternConfig"]["Values"]]
    assert "protected against deletion" in message(world)
