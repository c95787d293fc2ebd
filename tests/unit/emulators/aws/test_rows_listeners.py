"""Listeners and their certificates, row by row of the table in `emulators/aws/README.md`."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.emulators.aws.conftest import EC_KEY, NOT_FOUND, World, forward, refused


@pytest.fixture(name="secure")
def _secure(world: World, balancer: str) -> str:
    return world.listener(balancer, 443, "HTTPS", Certificates=named(world.certificate("a.example.com")))


def named(*arns: str) -> list[dict[str, str]]:
    return [{"CertificateArn": arn} for arn in arns]


def certificates(world: World, listener: str) -> list[tuple[str, bool]]:
    found = world.elbv2.describe_listener_certificates(ListenerArn=listener)["Certificates"]
    return [(one["CertificateArn"], one["IsDefault"]) for one in found]


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "TLS"])
def test_row_06_an_application_load_balancer_forwards_to_http_groups_only(
    world: World, listener: str, protocol: str
) -> None:
    group = world.group(Protocol=protocol)

    with refused("IncompatibleProtocols"):
        world.rule(listener, Actions=forward(group))


def test_row_06_a_network_load_balancer_takes_no_http_group_and_no_fixed_response(world: World) -> None:
    balancer = world.balancer("net", Type="network")
    with refused("IncompatibleProtocols"):
        world.listener(balancer, 80, "TCP", DefaultActions=forward(world.group("http")))
    with refused("IncompatibleProtocols"):
        world.listener(balancer, 80, "UDP", DefaultActions=forward(world.group("tcp", Protocol="TCP")))
    with refused("InvalidLoadBalancerAction"):
        world.listener(balancer, 80, "TCP")


@pytest.mark.parametrize("protocol", ["TCP", "UDP", "SPDY"])
def test_row_06_an_application_load_balancer_listens_for_http_only(world: World, balancer: str, protocol: str) -> None:
    with refused("ValidationError", "must be one of"):
        world.listener(balancer, 80, protocol)


def test_row_07_a_port_has_one_listener(world: World, balancer: str, listener: str) -> None:
    assert listener == world.listener(balancer, 80)
    other = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]
    with refused("DuplicateListener", "port '80'"):
        world.listener(balancer, 80, DefaultActions=other)
    second = world.listener(balancer, 81)
    with refused("DuplicateListener", "port '80'"):
        world.elbv2.modify_listener(ListenerArn=second, Port=80)


def test_row_07_tcp_and_udp_on_one_port_are_one_listener(world: World) -> None:
    balancer = world.balancer("net", Type="network")
    world.listener(balancer, 53, "TCP", DefaultActions=forward(world.group("tcp", Protocol="TCP")))

    with refused("DuplicateListener"):
        world.listener(balancer, 53, "UDP", DefaultActions=forward(world.group("udp", Protocol="UDP")))


def test_row_07_an_identical_create_keeps_the_first_ones_tags(world: World, balancer: str) -> None:
    first = world.listener(balancer, Tags=[{"Key": "owner", "Value": "them"}])

    assert first == world.listener(balancer, Tags=[{"Key": "owner", "Value": "us"}])
    (shown,) = world.elbv2.describe_tags(ResourceArns=[first])["TagDescriptions"]
    assert [{"Key": "owner", "Value": "them"}] == shown["Tags"]


def test_row_13_a_secure_listener_has_exactly_one_certificate(world: World, balancer: str) -> None:
    one, two = world.certificate("a.example.com"), world.certificate("b.example.com")
    with refused("ValidationError"):
        world.listener(balancer, 443, "HTTPS")
    with refused("ValidationError", "Exactly one"):
        world.listener(balancer, 443, "HTTPS", Certificates=named(one, two))
    with refused("SSLPolicyNotFound"):
        world.listener(balancer, 443, "HTTPS", Certificates=named(one), SslPolicy="ELBSecurityPolicy-1999")
    with refused("CertificateNotFound"):
        world.listener(balancer, 443, "HTTPS", Certificates=named(one[:-4] + "none"))


def test_row_13_a_plain_listener_has_no_certificate_and_no_policy(world: World, balancer: str, listener: str) -> None:
    certificate = world.certificate("a.example.com")
    with refused("ValidationError"):
        world.listener(balancer, 81, Certificates=named(certificate))
    with refused("ValidationError"):
        world.listener(balancer, 81, SslPolicy="ELBSecurityPolicy-2016-08")
    with refused("ValidationError"):
        world.elbv2.add_listener_certificates(ListenerArn=listener, Certificates=named(certificate))


def test_row_13_an_unknown_certificate_is_not_added(world: World, secure: str) -> None:
    unknown = certificates(world, secure)[0][0][:-4] + "none"

    with refused("CertificateNotFound"):
        world.elbv2.add_listener_certificates(ListenerArn=secure, Certificates=named(unknown))


def test_row_14_plain_listeners_show_no_policy(world: World, listener: str, secure: str) -> None:
    plain, secured = (world.elbv2.describe_listeners(ListenerArns=[arn])["Listeners"][0] for arn in (listener, secure))

    assert not {"SslPolicy", "AlpnPolicy", "Certificates"} & plain.keys()
    assert "ELBSecurityPolicy-2016-08" == secured["SslPolicy"]
    attributes = world.elbv2.describe_listener_attributes(ListenerArn=listener)["Attributes"]
    assert "tcp.idle_timeout.seconds" not in {one["Key"] for one in attributes}


def test_row_15_another_default_certificate_leaves_the_list_alone(world: World, secure: str) -> None:
    old = certificates(world, secure)[0][0]
    listed, new = world.certificate("b.example.com"), world.certificate("c.example.com", key=EC_KEY)
    world.elbv2.add_listener_certificates(ListenerArn=secure, Certificates=named(listed))

    world.elbv2.modify_listener(ListenerArn=secure, Certificates=named(new))

    assert [(new, True), (listed, False)] == certificates(world, secure)
    assert old not in {arn for arn, _ in certificates(world, secure)}


def test_row_15_a_listener_that_leaves_https_drops_its_certificates(world: World, secure: str) -> None:
    listed = world.certificate("b.example.com")
    world.elbv2.add_listener_certificates(ListenerArn=secure, Certificates=named(listed))

    world.elbv2.modify_listener(ListenerArn=secure, Protocol="HTTP")

    assert [] == certificates(world, secure)


def test_row_16_adding_a_certificate_twice_is_once(world: World, secure: str) -> None:
    listed = world.certificate("b.example.com")
    for _ in range(2):
        world.elbv2.add_listener_certificates(ListenerArn=secure, Certificates=named(listed))

    assert [(listed, False)] == certificates(world, secure)[1:]


def test_row_16_the_default_certificate_cannot_be_removed(world: World, secure: str) -> None:
    default = certificates(world, secure)[0][0]
    with refused("OperationNotPermitted"):
        world.elbv2.remove_listener_certificates(ListenerArn=secure, Certificates=named(default))

    world.elbv2.add_listener_certificates(ListenerArn=secure, Certificates=named(default))
    assert [(default, True), (default, False)] == certificates(world, secure)
    world.elbv2.remove_listener_certificates(ListenerArn=secure, Certificates=named(default))
    assert [(default, True)] == certificates(world, secure)


def test_row_16_a_call_adds_one_certificate(world: World, secure: str) -> None:
    two = named(world.certificate("b.example.com"), world.certificate("c.example.com"))

    with refused("ValidationError", "Exactly one"):
        world.elbv2.add_listener_certificates(ListenerArn=secure, Certificates=two)


def test_row_16_the_26th_certificate_is_too_many(world: World, secure: str) -> None:
    for number in range(25):
        listed = named(world.certificate(f"a{number}.example.com", key=EC_KEY))
        world.elbv2.add_listener_certificates(ListenerArn=secure, Certificates=listed)

    with refused("TooManyCertificates"):
        world.elbv2.add_listener_certificates(
            ListenerArn=secure, Certificates=named(world.certificate("z.example.com"))
        )


def test_row_17_a_default_action_forwards_to_what_exists(world: World, listener: str) -> None:
    gone = world.group()
    world.elbv2.delete_target_group(TargetGroupArn=gone)

    with refused("TargetGroupNotFound"):
        world.elbv2.modify_listener(ListenerArn=listener, DefaultActions=forward(gone))


def test_row_24_listeners_are_paged(world: World, balancer: str) -> None:
    for port in (80, 81, 82):
        world.listener(balancer, port)

    first = world.elbv2.describe_listeners(LoadBalancerArn=balancer, PageSize=2)
    second = world.elbv2.describe_listeners(LoadBalancerArn=balancer, PageSize=2, Marker=first["NextMarker"])

    assert [2, 1] == [len(one["Listeners"]) for one in (first, second)]


def test_row_24_the_51st_listener_is_too_many(world: World, balancer: str) -> None:
    for port in range(1, 51):
        world.listener(balancer, port)

    with refused("TooManyListeners"):
        world.listener(balancer, 51)


@pytest.mark.parametrize("names", [("*",), ("localhost",), ("example",)])
def test_row_36_a_certificate_without_a_qualified_name_is_not_supported(
    world: World, balancer: str, names: tuple[str, ...]
) -> None:
    certificate = world.certificate(*names)

    with refused("UnsupportedCertificate", "fully-qualified domain name"):
        world.listener(balancer, 443, "HTTPS", Certificates=named(certificate))


@pytest.mark.parametrize(
    ("block", "code"),
    [({"Mode": "verify", "TrustStoreArn": "arn:x"}, "ValidationError"), ({"Mode": "loud"}, "ValidationError")],
)
def test_new_operations_mutual_authentication_is_checked(
    world: World, balancer: str, block: dict[str, Any], code: str
) -> None:
    given = named(world.certificate("a.example.com"))
    with refused(code):
        world.listener(balancer, 443, "HTTPS", Certificates=given, MutualAuthentication=block)
    with refused("ValidationError"):
        world.listener(balancer, 80, "HTTP", MutualAuthentication={"Mode": "passthrough"})

    made = world.listener(balancer, 443, "HTTPS", Certificates=given, MutualAuthentication={"Mode": "passthrough"})
    (shown,) = world.elbv2.describe_listeners(ListenerArns=[made])["Listeners"]
    assert {"Mode": "passthrough"} == shown["MutualAuthentication"]


def test_new_operations_a_jwt_is_validated_before_the_routing_action(world: World, secure: str) -> None:
    jwt = {"JwksEndpoint": "https://i.example.com/keys", "Issuer": "https://i.example.com"}
    actions = [{"Type": "jwt-validation", "Order": 1, "JwtValidationConfig": jwt}, NOT_FOUND[0] | {"Order": 2}]

    rule = world.rule(secure, Actions=actions)

    shown = world.elbv2.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"]
    assert ["jwt-validation", "fixed-response"] == [one["Type"] for one in shown]
    with refused("InvalidLoadBalancerAction"):
        world.rule(secure, 2, Actions=[actions[0]])
