"""The plan: exactly the calls needed, make before break, nothing about what was not looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from providers.aws.resources import (
    LOAD_BALANCER_KEY,
    PART_BASE,
    PART_POOLS,
    listener_part,
    order_key,
    target_group_key,
    targets_key,
    tg_attributes_key,
)
from reconciler.errors import Misconfigured
from reconciler.plan import Depth, Look, Resource
from reconciler.values import Json
from tests.aws_gateway import (
    EXISTS,
    POOL,
    calls_of,
    changes_of,
    less,
    observed,
    path_rule,
    spec_of,
    swap,
    whole,
)
from tests.listener_model import Model, rendered

# --- the whole ------------------------------------------------------------------------------------------------------


def test_a_new_gateway_is_built_from_what_others_need_to_what_clients_see() -> None:
    """Ports open last."""
    expected = [
        "CreateSecurityGroup",
        "ImportCertificate",
        "CreateTargetGroup",
        "ModifyTargetGroupAttributes",
        "RegisterTargets",
        "CreateLoadBalancer",
        "ModifyLoadBalancerAttributes",
        "CreateListener",
        "CreateRule",
        "CreateRule",
        "AuthorizeSecurityGroupIngress",
    ]
    assert expected == calls_of(whole(path_rule("/a"), path_rule("/b")), [])


def test_what_is_as_wanted_needs_no_call() -> None:
    """Law 2; the order of the rules included."""
    there = whole(path_rule("/a"), path_rule("/b"))

    assert [] == calls_of(there, there)


def test_a_withdrawn_gateway_loses_its_load_balancer_first_and_nothing_rule_by_rule() -> None:
    """Certificates are the cluster's and stay."""
    changes = changes_of([], whole(path_rule("/a")))

    assert ["DeleteLoadBalancer", "DeleteTargetGroup", "DeleteSecurityGroup"] == [change.call for change in changes]
    assert [""] == list({change.disruptive for change in changes})


def test_a_new_route_above_others_is_three_writes() -> None:
    """The budget: target group, targets, rule."""
    old = whole(path_rule("/a"))
    new = [*whole(path_rule("/new", "tg2"), path_rule("/a")), observed(target_group_key("tg2"), Name="tg2")]
    new.append(Resource(targets_key("tg2"), {"Targets": [["10.0.0.9", 80, ""]]}))

    assert ["CreateTargetGroup", "RegisterTargets", "CreateRule"] == calls_of(new, old)


def test_a_deleted_route_is_two_writes_and_its_targets_go_with_the_group() -> None:
    """Rule before target group."""
    group = [
        observed(target_group_key("tg2"), Name="tg2"),
        Resource(targets_key("tg2"), {"Targets": [["10.0.0.9", 1, ""]]}),
    ]

    assert ["DeleteRule", "DeleteTargetGroup"] == calls_of(
        whole(path_rule("/a")), [*whole(path_rule("/a"), path_rule("/b")), *group]
    )


def test_another_backend_is_one_modified_rule_that_says_why() -> None:
    """And to whom it matters."""
    (change,) = changes_of(whole(path_rule("/a", "other")), whole(path_rule("/a", "tg")))

    assert ("ModifyRule", {"Actions", "Transforms"}) == (change.call, set(spec_of(change)))
    assert f"{change.key} differs in Actions (for httproute/team/shop)" == change.why


def test_a_created_rule_carries_its_priority() -> None:
    """Below the one that is there, at the usual distance."""
    (change,) = changes_of(whole(path_rule("/a"), path_rule("/b")), whole(path_rule("/a")))

    assert 1200 == spec_of(change)["Priority"]


def test_rules_without_a_gap_between_give_way_in_one_call_before_the_new_one() -> None:
    """The names are those of the observed order."""
    old = swap(whole(path_rule("/a"), path_rule("/b")), order_key(80), Priorities=[1, 2])
    first, second = changes_of(whole(path_rule("/a"), path_rule("/new"), path_rule("/b")), old)

    assert ("SetRulePriorities", "CreateRule") == (first.call, second.call)
    assert [path_rule("/b").key.name] == _names(spec_of(first)["Priorities"])


def _names(value: Json) -> list[str]:
    assert isinstance(value, dict)
    return list(value)


def test_where_others_hold_all_priorities_the_listener_and_the_remedy_are_named() -> None:
    """It is no crash."""
    old = swap(whole(), order_key(80), Taken=list(range(1, 50_001)))

    with pytest.raises(Misconfigured, match=r"listener 80.*delete rules that others added"):
        changes_of(whole(path_rule("/a")), old)


# --- the quota of rules ---------------------------------------------------------------------------------------------


def test_at_the_quota_a_rule_that_nothing_wants_turns_into_the_new_one() -> None:
    """It keeps its number, so that no call is needed to make room."""
    model = Model.of([("a.org", "/", "red")], [1000])
    (change,) = model.plan(rendered([("b.org", "/", "red")], quota=1)).changes

    assert ("ModifyRule", {"Conditions", "Actions", "Transforms"}) == (change.call, set(spec_of(change)))
    assert "quota" in change.why


def test_at_the_quota_a_rule_in_the_wrong_place_leaves_before_the_new_one_comes() -> None:
    """Below a catch-all the new rule would never be asked."""
    model = Model.of([("", "/", "red"), ("b.org", "/", "blue")], [1000, 1200])
    new = rendered([("c.org", "/", "green"), ("", "/", "red")], quota=2)

    assert ["DeleteRule", "CreateRule"] == [change.call for change in model.plan(new).changes]


def test_at_the_quota_overlapping_rules_are_never_deleted_first() -> None:
    """AWS refuses the new rule then, and the old answer stays."""
    model = Model.of([("*.org", "/", "red"), ("", "/", "red")], [1, 2])
    new = rendered([("", "/", "red"), ("a.org", "/", "green")], quota=2)

    assert ["CreateRule", "DeleteRule"] == [change.call for change in model.plan(new).changes]


# --- what was not looked at -----------------------------------------------------------------------------------------


def test_a_look_at_existence_plans_nothing_but_the_targets_asked_for() -> None:
    """Whatever else differs."""
    want = swap(whole(path_rule("/a")), targets_key("tg"), Targets=[["10.0.0.2", 8080, ""]])
    asked = Look(Depth.EXISTS, pools=frozenset({POOL}))

    assert ["RegisterTargets", "DeregisterTargets"] == calls_of(want, whole(), asked)
    assert [] == calls_of(want, whole(), EXISTS)


def test_a_touched_look_plans_only_the_parts_named() -> None:
    """The rule is created; the load balancer that was not looked at is not."""
    look = Look(Depth.TOUCHED, frozenset({listener_part(80)}))

    assert ["CreateRule"] == calls_of(whole(path_rule("/a")), whole()[-2:], look)


def test_what_was_not_observed_is_never_deleted() -> None:
    """Though nothing wants it."""
    look = Look(Depth.TOUCHED, frozenset({PART_BASE}))

    assert [] == calls_of(less(whole(), target_group_key("tg")), whole(path_rule("/a")), look)
    assert [] == calls_of(less(whole(), targets_key("tg")), whole(), Look(Depth.EXISTS, pools=None))


def test_a_new_target_group_gets_its_targets_although_no_event_named_them() -> None:
    """A group that was just made is known to be empty."""
    look = Look(Depth.TOUCHED, frozenset({PART_POOLS}))
    got = less(whole(), target_group_key("tg"), tg_attributes_key("tg"), targets_key("tg"))

    assert ["CreateTargetGroup", "ModifyTargetGroupAttributes", "RegisterTargets"] == calls_of(whole(), got, look)


# --- what is not ours -----------------------------------------------------------------------------------------------


def test_a_load_balancer_of_others_is_left_alone_with_all_that_is_on_it() -> None:
    """At any depth, and also when nothing is wanted."""
    got = [replace(one, owned=one.key != LOAD_BALANCER_KEY) for one in whole(path_rule("/a"))]
    touched = Look(Depth.TOUCHED, frozenset({listener_part(80)}))

    assert [] == calls_of(whole(path_rule("/b")), got)
    assert [] == calls_of(whole(path_rule("/b")), got, touched)
    assert ["DeleteTargetGroup", "DeleteSecurityGroup"] == calls_of([], got)


def test_a_target_group_of_others_is_left_alone_with_its_targets() -> None:
    """Its name is taken; observe says so."""
    got = [replace(one, owned=one.key != target_group_key("tg")) for one in whole()]

    assert [] == calls_of(swap(whole(), targets_key("tg"), Targets=[]), got)
