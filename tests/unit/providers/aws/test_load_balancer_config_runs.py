"""LoadBalancerConfigs in whole runs against the emulated AWS: set, changed, withdrawn, mended, protected, refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.inprocess import strict_aws
from reconciler.events import Cause
from reconciler.ir import Config
from tests.aws_world import World
from tests.builders import backend, config, exact, gateway, gateway_class, listener, route, route_of, rule
from tests.fakes import trigger

type Plain = dict[str, Any]
CLASS_REF = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "name": "config", "namespace": "infra"}
HEADER = "routing.http.response.strict_transport_security.header_value"
SERVER = "routing.http.response.server.enabled"


@pytest.fixture
def world() -> Iterator[World]:
    with strict_aws() as account:
        found = World(account)
        found.cluster.put(gateway_class(parametersRef=CLASS_REF))
        yield found


def configure(world: World, spec: Plain) -> list[str]:
    """Give the class these settings; return what the run writes, and see that a deep one after it writes nothing."""
    world.cluster.put(config(spec))
    world.forget()
    world.run()
    done = world.operations()
    world.forget()
    world.run(trigger(cause=Cause.DEEP))
    assert [] == world.operations()
    return done


def attributes(world: World) -> dict[str, str]:
    arn = world.balancer()["LoadBalancerArn"]
    found = world.account.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    return {one["Key"]: one["Value"] for one in found}


def of_listener(world: World) -> dict[str, str]:
    arn = world.balancer()["Listeners"][0]["ListenerArn"]
    found = world.account.client("elbv2").describe_listener_attributes(ListenerArn=arn)["Attributes"]
    return {one["Key"]: one.get("Value", "") for one in found}


def message(world: World, type_: str = "Programmed") -> str:
    status = world.cluster.objects["Gateway", "infra", "gw"]["status"]
    return str(next(one["message"] for one in status["conditions"] if one["type"] == type_))


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
    world.forget()
    world.run(trigger(cause=Cause.DEEP))
    assert [] == world.operations()


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
    world.forget()

    world.run(trigger(cause=Cause.DEEP))

    assert ["ModifyLoadBalancerAttributes"] == world.operations()
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


def delete(world: World, **annotations: str) -> None:
    item = world.cluster.objects["Gateway", "infra", "gw"]
    item["metadata"]["deletionTimestamp"] = "2026-01-02T00:00:00Z"
    item["metadata"].setdefault("annotations", {}).update(annotations)


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


# --- web ACL ------------------------------------------------------------------------------------------------------


def web_acl(world: World, name: str) -> str:
    made = world.account.client("wafv2").create_web_acl(
        Name=name,
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig={"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": name},
    )
    return str(made["Summary"]["ARN"])


def associated(world: World) -> str:
    arn = world.balancer()["LoadBalancerArn"]
    found = world.account.client("wafv2").get_web_acl_for_resource(ResourceArn=arn).get("WebACL")
    return str(found["ARN"]) if found else ""


def test_a_web_acl_comes_changes_and_goes(world: World) -> None:
    first, second = web_acl(world, "first"), web_acl(world, "second")
    configure(world, {})

    assert ["AddTags", "AssociateWebACL"] == configure(world, {"aws": {"webACL": first}})
    assert first == associated(world)
    configure(world, {"aws": {"webACL": second}})
    assert second == associated(world)
    assert ["DisassociateWebACL", "RemoveTags"] == configure(world, {})
    assert "" == associated(world)


def test_another_web_acl_is_mended_where_one_is_asked_for_and_left_where_none_is(world: World) -> None:
    ours, theirs = web_acl(world, "ours"), web_acl(world, "theirs")
    configure(world, {"aws": {"webACL": ours}})
    waf = world.account.client("wafv2")
    waf.associate_web_acl(WebACLArn=theirs, ResourceArn=world.balancer()["LoadBalancerArn"])

    world.run(trigger(cause=Cause.DEEP))
    mended = associated(world)
    waf.associate_web_acl(WebACLArn=theirs, ResourceArn=world.balancer()["LoadBalancerArn"])
    configure(world, {})

    assert (ours, theirs) == (mended, associated(world))


def test_a_web_acl_that_does_not_exist_is_told_and_costs_nothing_else(world: World) -> None:
    world.cluster.put(config({"aws": {"webACL": web_acl(world, "x").replace("/x/", "/y/")}}))

    world.run()

    assert ("False", "Invalid") == world.says()["Programmed"]
    assert "AssociateWebACL" in message(world)
    assert 1 == len(world.rules())


def test_a_load_balancer_of_streams_has_no_web_acl(world: World) -> None:
    world.cluster.objects.pop(("HTTPRoute", "a", "web"))
    tcp = route_of("TCPRoute", "t", spec={"rules": [rule(backend())]}, creationTimestamp="2026-01-01T00:00:00Z")
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), tcp)

    assert "AssociateWebACL" not in configure(world, {"aws": {"webACL": web_acl(world, "x")}})


# --- tags ---------------------------------------------------------------------------------------------------------


def everything(world: World) -> dict[str, dict[str, str]]:
    """Return the tags of all that carries some, but ours, by ARN."""
    balancer = world.balancer()
    arns = [balancer["LoadBalancerArn"], *(one["ListenerArn"] for one in balancer["Listeners"])]
    arns += [one["RuleArn"] for one in world.rules()]
    arns += [one["TargetGroupArn"] for one in world.account.state()["targetGroups"]]
    found = world.account.client("elbv2").describe_tags(ResourceArns=arns)["TagDescriptions"]
    tags = {one["ResourceArn"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in found}
    return {arn: {k: v for k, v in one.items() if "routewright.dev/" not in k} for arn, one in tags.items()}


def test_tags_are_given_to_all_that_is_made(world: World) -> None:
    configure(world, {"aws": {"tags": {"team": "a"}}})

    assert [{"team": "a"}] * 4 == list(everything(world).values())


def test_tags_change_and_go_everywhere_while_those_of_others_stay(world: World) -> None:
    configure(world, {"aws": {"tags": {"team": "a", "kept": "yes", "old": "1"}}})
    theirs = [{"Key": "theirs", "Value": "1"}]
    world.account.client("elbv2").add_tags(ResourceArns=list(everything(world)), Tags=theirs)

    assert ["AddTags"] == configure(world, {"aws": {"tags": {"team": "b", "kept": "yes", "old": "1"}}})
    done = configure(world, {"aws": {"tags": {"team": "b", "kept": "yes", "new": "2"}}})

    assert ["AddTags", "RemoveTags", "AddTags"] == done
    assert [{"team": "b", "kept": "yes", "new": "2", "theirs": "1"}] * 4 == list(everything(world).values())
    assert ["RemoveTags", "RemoveTags"] == configure(world, {})
    assert [{"theirs": "1"}] * 4 == list(everything(world).values())


@pytest.mark.parametrize("after", [{"team": "a"}, {}], ids=["former", "none"])
@pytest.mark.parametrize("cut", range(1, 4))
def test_tags_that_were_cut_and_taken_back_leave_nothing(world: World, cut: int, after: Plain) -> None:
    configure(world, {"aws": {"tags": {"team": "a"}}})
    world.cluster.put(config({"aws": {"tags": {"new": "2"}}}))
    world.account.faults.add(Fault("cut", "write", nth=cut, effect="after"))
    with pytest.raises(ProcessCut):
        world.run()
    world.account.faults.clear()

    configure(world, {"aws": {"tags": after}})

    assert [after] * 4 == list(everything(world).values())


def test_a_tag_that_somebody_took_from_a_rule_is_mended(world: World) -> None:
    configure(world, {"aws": {"tags": {"team": "a"}}})
    arn = world.rules()[0]["RuleArn"]
    world.account.client("elbv2").remove_tags(ResourceArns=[arn], TagKeys=["team"])
    world.forget()

    world.run(trigger(cause=Cause.DEEP))

    assert ["AddTags"] == world.operations()
    assert [{"team": "a"}] * 4 == list(everything(world).values())


def test_without_tags_and_settings_a_route_costs_no_read_of_them(world: World) -> None:
    configure(world, {})
    world.cluster.put(route("more", rules=[rule(backend(), matches=[exact("/more")])]))
    world.forget()

    world.run()

    every = [entry.operation for entry in world.account.journal.entries()]
    assert ["CreateRule"] == world.operations()
    assert [] == [one for one in every if "Attributes" in one or "WebACL" in one]


# --- access to backends -------------------------------------------------------------------------------------------


def backends(world: World) -> str:
    """Return the id of a security group that Pods stand in."""
    vpc = world.account.prepare_network().vpc_id
    made = world.account.client("ec2").create_security_group(GroupName="pods", Description="d", VpcId=vpc)
    return str(made["GroupId"])


def let_in(world: World, group: str) -> list[tuple[str, int, int]]:
    """Return transport and ports that other security groups may reach this one on."""
    found = world.account.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return sorted(
        (one["IpProtocol"], one["FromPort"], one["ToPort"])
        for one in found["IpPermissions"]
        for _ in one["UserIdGroupPairs"]
    )


def test_backends_let_the_load_balancer_in_before_it_sends_and_no_longer_once_it_is_gone(world: World) -> None:
    pods = backends(world)

    done = configure(world, {"aws": {"backendSecurityGroups": [pods]}})

    assert [("tcp", 0, 65_535)] == let_in(world, pods)
    assert done.index("AuthorizeSecurityGroupIngress") < done.index("CreateLoadBalancer")
    assert ["RevokeSecurityGroupIngress"] == configure(world, {})
    assert [] == let_in(world, pods)
    configure(world, {"aws": {"backendSecurityGroups": [pods]}})
    delete(world)
    world.run()
    assert [] == let_in(world, pods)
    names = {one["GroupName"] for one in world.account.client("ec2").describe_security_groups()["SecurityGroups"]}
    assert [] == [name for name in names if name.startswith("rw-")]


def test_what_somebody_else_let_in_stays(world: World) -> None:
    pods = backends(world)
    configure(world, {"aws": {"backendSecurityGroups": [pods]}})
    ours = world.balancer()["SecurityGroups"][0]
    theirs = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": ours}]}
    world.account.client("ec2").authorize_security_group_ingress(GroupId=pods, IpPermissions=[theirs])

    configure(world, {})

    assert [("tcp", 22, 22)] == let_in(world, pods)


def test_backends_of_udp_are_reached_by_both_transports(world: World) -> None:
    pods = backends(world)
    world.cluster.put(gateway(listeners=[listener("udp", 53, "UDP")]))

    configure(world, {"aws": {"backendSecurityGroups": [pods]}})

    assert [("tcp", 0, 65_535), ("udp", 0, 65_535)] == let_in(world, pods)


def test_a_security_group_of_backends_that_does_not_exist_is_told(world: World) -> None:
    world.cluster.put(config({"aws": {"backendSecurityGroups": ["sg-0f0f0f0f"]}}))

    world.run()

    assert ("False", "Invalid") == world.says()["Programmed"]
    assert "sg-0f0f0f0f" in message(world)
    assert 1 == len(world.rules())


def test_backends_stay_reachable_while_a_load_balancer_could_not_take_its_other_groups(world: World) -> None:
    pods, other = backends(world), world.account.prepare_network().security_group_id
    configure(world, {"aws": {"backendSecurityGroups": [pods]}})
    world.account.faults.add(Fault("denied", "SetSecurityGroups", count=9))
    world.cluster.put(config({"aws": {"securityGroups": [other]}}))

    world.run()

    assert [("tcp", 0, 65_535)] == let_in(world, pods)
    world.account.faults.clear()
    configure(world, {"aws": {"securityGroups": [other]}})
    assert [] == let_in(world, pods)
