"""One attack for each limit between teams: what a Gateway, a Route or an EndpointSlice may not reach."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest

from emulators.aws.network import prepare_network
from reconciler.config import Placement
from reconciler.errors import Misconfigured
from reconciler.events import Cause
from reconciler.mark import Mark, State, annotation, finalizer, parse
from reconciler.reconcile import Room, reconcile
from tests.aws_provider import provider_for
from tests.aws_world import World
from tests.builders import (
    CONTROLLER,
    backend,
    config,
    config_ref,
    endpoints,
    exact,
    gateway,
    gateway_class,
    grant,
    listener,
    route,
    rule,
    service,
    with_service,
)
from tests.fakes import trigger
from tests.unit.providers.aws.offline import answers

CLASS_REF = config_ref("class")
OWN_REF = {"group": "routewright.dev", "kind": "LoadBalancerConfig", "name": "own"}
ACL = "arn:aws:wafv2:eu-west-1:999999999999:regional/webacl/theirs/0f0f"
ROLE = "arn:aws:iam::111122223333:role/of-another-class"


def overriding(own: dict[str, Any], of_class: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a Gateway with settings of its own under a class with these."""
    item = gateway()
    item["spec"]["infrastructure"] = {"parametersRef": OWN_REF}
    return [gateway_class(parametersRef=CLASS_REF), config(of_class, "class"), config(own, "own"), item, route()]


EVERYTHING = ["scheme", "aws", "sourceRanges", "attributes", "targetCIDRs", "placement", "allowedCertificates"]


# --- what a Gateway may set --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "allowed"),
    [
        ({"scheme": "internet-facing"}, []),
        ({"scheme": "internet-facing"}, ["aws"]),
        ({"placement": {"role": ROLE}}, EVERYTHING),
        ({"placement": {"region": "eu-west-1"}}, EVERYTHING),
        ({"targetCIDRs": ["0.0.0.0/0"]}, EVERYTHING),
        ({"allowedCertificates": ["*"]}, EVERYTHING),
        ({"maxRulesPerNamespace": 100}, [*EVERYTHING, "maxRulesPerNamespace"]),
        ({"allowedOverrides": ["scheme"]}, [*EVERYTHING, "allowedOverrides"]),
        ({"aws": {"securityGroups": ["sg-0f0f"]}}, EVERYTHING),
        ({"aws": {"securityGroups": ["managed", "sg-0f0f"]}}, EVERYTHING),
        ({"aws": {"allowedSecurityGroups": ["sg-0f0f"]}}, EVERYTHING),
        ({"aws": {"subnets": ["subnet-0f0f"]}}, EVERYTHING),
        ({"aws": {"vpc": "vpc-0f0f"}}, EVERYTHING),
        ({"aws": {"quotas": {"rulesPerLoadBalancer": 5000}}}, EVERYTHING),
        ({"aws": {"role": ROLE}}, EVERYTHING),
        ({"aws": {"backendSecurityGroups": ["sg-0f0f"]}}, EVERYTHING),
        ({"aws": {"webACL": ACL}}, EVERYTHING),
        ({"aws": {"webACL": ""}}, EVERYTHING),
        ({"aws": {"webACL": ACL, "allowedWebACLs": [ACL]}}, EVERYTHING),
        ({"aws": {"allowedWebACLs": [ACL]}}, EVERYTHING),
        ({"aws": {"accessLogs": {"bucket": "theirs"}}}, EVERYTHING),
        ({"aws": {"allowedLogBuckets": ["*"]}}, EVERYTHING),
        ({"attributes": {"access_logs.s3.bucket": "theirs", "access_logs.s3.enabled": "true"}}, EVERYTHING),
        ({"attributes": {"connection_logs.s3.bucket": "theirs"}}, EVERYTHING),
        ({"attributes": {"health_check_logs.s3.bucket": "theirs"}}, EVERYTHING),
        ({"aws": {"allowedAddresses": ["0.0.0.0/0"]}}, EVERYTHING),
    ],
    ids=lambda value: ",".join(map(str, value))[:50],
)
def test_a_gateway_cannot_set_what_is_its_classs_alone(own: dict[str, Any], allowed: list[str]) -> None:
    found = answers(*overriding(own, {"allowedOverrides": allowed}), *with_service())

    assert "InvalidParameters" == found.reason("Gateway", "infra", "gw")
    assert [] == found.specs("load-balancer")


@pytest.mark.parametrize("of_class", [{"securityGroups": ["sg-1"]}, {"allowedSecurityGroups": ["sg-1"]}])
def test_a_gateway_may_name_a_security_group_that_its_class_allows(of_class: dict[str, Any]) -> None:
    mine = {"aws": {"securityGroups": ["managed", "sg-1"], "tags": {"team": "a"}}}
    found = answers(*overriding(mine, {"allowedOverrides": ["aws"], "aws": of_class}), *with_service())

    assert [["managed", "sg-1"]] == [one["SecurityGroups"] for one in found.specs("load-balancer")]


@pytest.mark.parametrize(
    ("of_class", "own"),
    [
        ({"webACL": ACL}, {"webACL": ACL}),
        ({"allowedWebACLs": [ACL]}, {"webACL": ACL}),
        ({"allowedWebACLs": [ACL[:40] + "*"]}, {"webACL": ACL}),
        ({"allowedLogBuckets": ["logs-*"]}, {"accessLogs": {"bucket": "logs-a"}}),
        ({"accessLogs": {"bucket": "logs-a"}}, {"accessLogs": {"bucket": "logs-a", "prefix": "mine"}}),
    ],
    ids=lambda value: ",".join(map(str, value))[:50],
)
def test_a_gateway_may_name_a_web_acl_or_bucket_that_its_class_allows(
    of_class: dict[str, Any], own: dict[str, Any]
) -> None:
    found = answers(*overriding({"aws": own}, {"allowedOverrides": ["aws"], "aws": of_class}), *with_service())

    assert "Accepted" == found.reason("Gateway", "infra", "gw")
    assert 1 == len(found.specs("load-balancer"))


def test_a_web_acl_that_is_refused_is_not_named_in_the_status() -> None:
    found = answers(*overriding({"aws": {"webACL": ACL}}, {"allowedOverrides": ["aws"]}), *with_service())

    assert "999999999999" not in found.message("Gateway", "infra", "gw")
    assert "allowedWebACLs" in found.message("Gateway", "infra", "gw")


def test_a_gateway_cannot_take_the_settings_of_another_namespace() -> None:
    objects = overriding({}, {})
    objects[3]["spec"]["infrastructure"]["parametersRef"] = {**OWN_REF, "name": "theirs"}
    found = answers(*objects, config({"scheme": "internet-facing"}, "theirs", "b"), *with_service())

    assert "InvalidParameters" == found.reason("Gateway", "infra", "gw")


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:acm:eu-west-1:999999999999:certificate/theirs",
        "arn:aws:acm:eu-west-1:111122223333:certificate/mine,arn:aws:acm:eu-west-1:999999999999:certificate/theirs",
        "arn:aws:iam::999999999999:server-certificate/theirs",
        "b/secret-of-another-team",
        "*",
    ],
)
def test_a_foreign_certificate_is_not_used(arn: str) -> None:
    item = listener("https", 443, "HTTPS", tls={"options": {"routewright.dev/certificate-arn": arn}})
    allowed = {"allowedCertificates": ["arn:aws:acm:eu-west-1:111122223333:*"]}
    found = answers(
        gateway_class(parametersRef=CLASS_REF), config(allowed, "class"), gateway(listeners=[item]), route()
    )
    used = [one["Certificate"] for one in found.specs("listener")]

    assert [] == [one for one in used if "999999999999" in one or one in ("*", "b/secret-of-another-team")]


def test_labels_of_a_gateway_never_become_tags_of_ours_or_of_awss() -> None:
    item = gateway()
    stolen = {"routewright.dev/gateway-uid": "x", "aws:cloudformation:stack-name": "x", "AWS:x": "x", "team": "a"}
    item["spec"]["infrastructure"] = {"labels": stolen, "annotations": stolen}
    found = answers(gateway_class(), item, route(), *with_service())

    assert [{"team": "a"}] == [one["Tags"] for one in found.specs("load-balancer")]


# --- what a Route may reach --------------------------------------------------------------------------------------


def test_a_route_cannot_send_to_another_teams_service_without_a_grant() -> None:
    thief = route("thief", "b", [rule(backend("web", namespace="a"))])
    wrong = [grant("b", ("HTTPRoute", "b")), grant("a", ("HTTPRoute", "c")), grant("a", ("Gateway", "b"))]
    found = answers(gateway_class(), gateway(), thief, *wrong, *with_service())

    assert "RefNotPermitted" == found.reason("HTTPRoute", "b", "thief", "ResolvedRefs")
    assert [] == found.targets()


def test_whether_a_service_without_a_grant_exists_is_not_told() -> None:
    found = [
        answers(gateway_class(), gateway(), route("spy", "b", [rule(backend("web", namespace="a"))]), *extra)
        for extra in ([], with_service())
    ]
    messages = [one.message("HTTPRoute", "b", "spy", "ResolvedRefs") for one in found]

    assert messages[0] == messages[1]


def test_a_gateway_cannot_use_another_teams_secret_without_a_grant() -> None:
    refs = [{"name": "tls", "namespace": "b"}]
    item = gateway(listeners=[listener("https", 443, "HTTPS", tls={"certificateRefs": refs})])
    found = answers(gateway_class(), item, route(), grant("b", ("HTTPRoute", "infra"), ("Secret", "")))

    assert [] == found.specs("listener") + found.specs("certificate")


def test_one_teams_rules_are_bounded_and_another_teams_stay() -> None:
    many = [rule(backend("web"), matches=[exact(f"/{number}")]) for number in range(12)]
    theirs = route("theirs", "b", [rule(backend("web"), matches=[exact("/theirs")])], hostnames=["b.example.com"])
    flood = [route(f"flood{number}", "a", many, [f"h{number}.example.com"]) for number in range(10)]
    objects = [gateway_class(parametersRef=CLASS_REF), config({"maxRulesPerNamespace": 20}, "class"), gateway()]
    found = answers(*objects, *flood, theirs, *with_service(), *with_service("web", "b", ["10.244.0.2"]))

    assert "Accepted" == found.reason("HTTPRoute", "b", "theirs")
    assert len(found.specs("rule")) <= 21
    assert "UnsupportedValue" == found.reason("HTTPRoute", "a", "flood9")


# --- what an EndpointSlice may point at --------------------------------------------------------------------------

METADATA = ["169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "::ffff:169.254.169.254"]
OTHER_FORMS = ["::ffff:a9fe:a9fe", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::1", "fe80::1", "fe80::1%eth0"]
LOOPBACK = ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "224.0.0.1", "ff02::1"]  # noqa: S104
NONSENSE = ["169.254.169.254.nip.io", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "", "localhost"]


@pytest.mark.parametrize("address", [*METADATA, *OTHER_FORMS, *LOOPBACK, *NONSENSE, "255.255.255.255"])
@pytest.mark.parametrize("bound", [{}, {"targetCIDRs": ["0.0.0.0/0", "::/0"]}], ids=["no bound", "everything"])
def test_metadata_and_loopback_addresses_are_never_targets(address: str, bound: dict[str, Any]) -> None:
    slice_ = endpoints(addresses=[address])
    slice_["addressType"] = "IPv6" if ":" in address else "IPv4"
    found = answers(
        gateway_class(parametersRef=CLASS_REF), config(bound, "class"), gateway(), route(), service(), slice_
    )

    assert [] == found.targets()
    assert "RefNotPermitted" == found.reason("HTTPRoute", "a", "web", "ResolvedRefs")
    assert "Accepted" == found.reason("HTTPRoute", "a", "web")


def test_a_host_outside_the_allowed_ranges_is_no_target_while_the_others_stay() -> None:
    objects = with_service(addresses=["10.244.0.1", "10.9.9.9"])
    bound = config({"targetCIDRs": ["10.244.0.0/16"]}, "class")
    found = answers(gateway_class(parametersRef=CLASS_REF), bound, gateway(), route(), *objects)

    assert ["10.244.0.1"] == found.targets()
    assert "10.9.9.9" in found.message("HTTPRoute", "a", "web", "ResolvedRefs")


def test_an_ipv4_address_in_ipv6_form_is_bounded_by_the_ipv4_ranges() -> None:
    slice_ = endpoints(addresses=["::ffff:10.9.9.9"])
    slice_["addressType"] = "IPv6"
    bound = config({"targetCIDRs": ["10.244.0.0/16", "::/0"]}, "class")
    found = answers(gateway_class(parametersRef=CLASS_REF), bound, gateway(), route(), service(), slice_)

    assert [] == found.targets()


@pytest.mark.parametrize("wrong", [["10.0.0.0/33"], ["all"], ["10.0.0.1/8"], [""], [7], "10.0.0.0/8"])
def test_a_bound_that_is_no_range_refuses_the_gateway_and_opens_nothing(wrong: Any) -> None:
    bound = config({"targetCIDRs": wrong}, "class")
    found = answers(gateway_class(parametersRef=CLASS_REF), bound, gateway(), route(), *with_service())

    assert "InvalidParameters" == found.reason("Gateway", "infra", "gw")
    assert [] == found.targets()


# --- what an annotation may claim --------------------------------------------------------------------------------


def forge(world: World, mark: Mark) -> None:
    """Write a mark as whoever may edit the Gateway can."""
    item = world.cluster.get("Gateway", "infra", "gw")
    item["metadata"]["annotations"] = {annotation("aws"): mark.text()}
    item["metadata"]["finalizers"] = [finalizer("aws")]


def recorded(world: World) -> Mark | None:
    return parse(world.cluster.get("Gateway", "infra", "gw")["metadata"]["annotations"][annotation("aws")])


@pytest.mark.parametrize("state", list(State))
def test_a_forged_mark_cannot_move_a_gateway_to_another_region(world: World, state: State) -> None:
    forge(world, Mark(state, Placement(region="eu-west-1"), "nonce"))

    world.run()

    regions = {entry.region for entry in world.account.journal.writes()}
    assert {world.account.settings.region} == regions
    mark = recorded(world)
    assert mark is not None
    assert Placement() == mark.placement


@pytest.mark.parametrize(("built", "told"), [("", "eu-west-1"), ("eu-west-1", "")])
def test_a_forged_mark_leaves_no_load_balancer_behind_when_its_gateway_is_deleted(
    world: World, built: str, told: str
) -> None:
    if built:
        prepare_network(boto3.client("ec2", region_name=built), built)
    world.cluster.put(gateway_class(parametersRef=CLASS_REF), config({"placement": {"region": built}}, "class"))
    world.run()
    stood = recorded(world)
    assert stood is not None
    forge(world, replace(stood, placement=Placement(region=told)))
    world.cluster.remove("Gateway", "infra", "gw")

    world.run()

    assert "DeleteLoadBalancer" in world.operations()
    assert ("Gateway", "infra", "gw") not in world.cluster.objects


def test_a_forged_mark_cannot_assume_a_role_that_the_deployment_does_not_allow(world: World) -> None:
    forge(world, Mark(State.DIRTY, Placement(role=ROLE), "nonce"))

    world.run()

    assert [] == [entry for entry in world.account.journal.entries() if entry.operation == "AssumeRole"]
    assert ("False", "Invalid") == world.says()["Programmed"]


def test_a_forged_mark_builds_nothing_with_a_role_that_another_class_may_use(world: World) -> None:
    forge(world, Mark(State.DIRTY, Placement(role=ROLE), "nonce"))
    provider = provider_for(CONTROLLER, rate=1000, roles=(ROLE,))

    reconcile(trigger(), Room(world.cluster, provider, lambda: "nonce"))

    assert ("True", "Programmed") == world.says()["Programmed"]
    mark = recorded(world)
    assert mark is not None
    assert "" == mark.placement.role
    with pytest.raises(Misconfigured):
        provider_for(CONTROLLER).clients(Placement(role=ROLE))


def test_a_gateway_stays_where_it_was_built_when_its_class_names_another_place(world: World) -> None:
    world.run()
    elsewhere = config({"placement": {"region": "eu-west-1"}}, "class")
    world.cluster.put(gateway_class(parametersRef=CLASS_REF), elsewhere)
    world.forget()

    for _ in range(2):
        world.run(trigger(cause=Cause.DEEP))

    assert [] == world.operations()
    mark = recorded(world)
    assert mark is not None
    assert Placement() == mark.placement


def test_a_mark_stolen_from_another_gateway_or_a_backup_is_unmasked_by_its_nonce(world: World) -> None:
    world.run()
    stolen = recorded(world)
    assert stolen is not None
    world.cluster.put(route(rules=[rule(backend(), matches=[exact("/new")])]))
    world.run()
    (balancer,) = world.account.state()["loadBalancers"]
    world.account.client("elbv2").delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])
    forge(world, stolen)

    world.run(trigger(cause=Cause.RESYNC))

    assert ["/new"] == [value for one in world.rules() for value in one["Conditions"][0]["Values"]]


def test_a_mark_that_names_other_peoples_resources_touches_none_of_them(world: World) -> None:
    network, elbv2 = world.account.prepare_network(), world.account.client("elbv2")
    theirs = elbv2.create_target_group(Name="theirs", Protocol="HTTP", Port=80, VpcId=network.vpc_id, TargetType="ip")
    forge(world, Mark(State.DIRTY, Placement(), "nonce", names=("theirs",)))
    world.forget()

    world.run()
    world.cluster.remove("Gateway", "infra", "gw")
    world.run()

    arn = theirs["TargetGroups"][0]["TargetGroupArn"]
    assert 1 == len(elbv2.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"])
    touched = [one for one in world.account.journal.writes() if arn in str(one.parameters)]
    assert [] == touched
