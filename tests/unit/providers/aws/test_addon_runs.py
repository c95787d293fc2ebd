"""What a LoadBalancerConfig adds around a load balancer, in whole runs: web ACL, tags, access to backends."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.faults import Fault, ProcessCut
from reconciler.events import Cause
from tests.aws_account import web_acl
from tests.aws_settings import (
    CLASS_REF,
    associated,
    attributes,
    backends,
    configure,
    delete,
    everything,
    let_in,
    message,
    of_listener,
)
from tests.aws_world import World
from tests.builders import backend, config, exact, gateway, gateway_class, listener, route, route_of, rule
from tests.fakes import trigger

type Plain = dict[str, Any]


@pytest.fixture(name="world")
def _configured(world: World) -> World:
    """Let the class of Gateways name a LoadBalancerConfig."""
    world.cluster.put(gateway_class(parametersRef=CLASS_REF))
    return world


# --- web ACL ------------------------------------------------------------------------------------------------------


def test_a_web_acl_comes_changes_and_goes(world: World) -> None:
    first, second = web_acl(world.account, "first"), web_acl(world.account, "second")
    configure(world, {})

    assert ["AddTags", "AssociateWebACL"] == configure(world, {"aws": {"webACL": first}})
    assert first == associated(world)
    configure(world, {"aws": {"webACL": second}})
    assert second == associated(world)
    assert ["DisassociateWebACL", "RemoveTags"] == configure(world, {})
    assert "" == associated(world)


def test_another_web_acl_is_mended_where_one_is_asked_for_and_left_where_none_is(world: World) -> None:
    ours, theirs = web_acl(world.account, "ours"), web_acl(world.account, "theirs")
    configure(world, {"aws": {"webACL": ours}})
    waf = world.account.client("wafv2")
    waf.associate_web_acl(WebACLArn=theirs, ResourceArn=world.balancer()["LoadBalancerArn"])

    world.run(trigger(cause=Cause.DEEP))
    mended = associated(world)
    waf.associate_web_acl(WebACLArn=theirs, ResourceArn=world.balancer()["LoadBalancerArn"])
    configure(world, {})

    assert (ours, theirs) == (mended, associated(world))


def test_a_web_acl_that_does_not_exist_is_told_and_costs_nothing_else(world: World) -> None:
    world.cluster.put(config({"aws": {"webACL": web_acl(world.account, "x").replace("/x/", "/y/")}}))

    world.run()

    assert ("False", "Invalid") == world.says()["Programmed"]
    assert "AssociateWebACL" in message(world)
    assert 1 == len(world.rules())


def test_a_load_balancer_of_streams_has_no_web_acl(world: World) -> None:
    world.cluster.objects.pop(("HTTPRoute", "a", "web"))
    tcp = route_of("TCPRoute", "t", spec={"rules": [rule(backend())]}, creationTimestamp="2026-01-01T00:00:00Z")
    world.cluster.put(gateway(listeners=[listener("tcp", 9000, "TCP")]), tcp)

    assert "AssociateWebACL" not in configure(world, {"aws": {"webACL": web_acl(world.account, "x")}})


# --- tags ---------------------------------------------------------------------------------------------------------


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

    assert ["AddTags"] == world.deep()
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
    world.deep()  # what was refused for good is tried again by a look at everything
    assert [] == world.deep()
    assert [] == let_in(world, pods)


# --- everything at once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("back", [False, True], ids=["goes on", "is taken back"])
@pytest.mark.parametrize("cut", range(1, 7))
def test_a_run_that_dies_after_any_write_leaves_nothing_behind(world: World, cut: int, *, back: bool) -> None:
    """All settings at once; the next run finds them wanted still, or no longer."""
    pods, acl = backends(world), web_acl(world.account, "acl")
    block = {
        "accessLogs": {"bucket": "logs-a"},
        "backendSecurityGroups": [pods],
        "responseHeaders": {"strict-transport-security": "max-age=60"},
        "tags": {"team": "a"},
        "webACL": acl,
    }
    everything_ = {"attributes": {"idle_timeout.timeout_seconds": "120"}, "aws": block}
    configure(world, {})
    before = picture(world, pods)
    world.cluster.put(config(everything_))
    world.account.faults.add(Fault("cut", "write", nth=cut, effect="after"))
    with pytest.raises(ProcessCut):
        world.run()
    world.account.faults.clear()

    configure(world, {} if back else everything_)

    if back:
        assert before == picture(world, pods)
    else:
        assert ("120", acl, [("tcp", 0, 65_535)]) == (
            attributes(world)["idle_timeout.timeout_seconds"],
            associated(world),
            let_in(world, pods),
        )
        assert [{"team": "a"}] * 4 == list(everything(world).values())


def picture(world: World, pods: str) -> list[Any]:
    """Return all that settings touch, but where logs would go."""
    kept = {name: value for name, value in attributes(world).items() if "access_logs.s3." not in name}
    logs, tags = attributes(world)["access_logs.s3.enabled"], world.balancer()["Tags"]
    return [kept, logs, of_listener(world), associated(world), let_in(world, pods), everything(world), tags]
