"""How our status goes between what others say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.gatewayapi.conditions import CATALOGUE, MAX_MESSAGE, Conditions
from reconciler.gatewayapi.resources import GROUP, Holder, ParentRef
from reconciler.gatewayapi.status import (
    ClassStatus,
    Condition,
    GatewayStatus,
    ListenerStatus,
    ParentStatus,
    RouteStatus,
    StatusUpdate,
    merge_status,
)

HOLDERS = frozenset({Holder("Gateway", "infra", "gw")})
OURS = "routewright.dev/aws"
NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"
PARENT = ParentRef(GROUP, "Gateway", "infra", "gw")
YES = Condition("Accepted", "True", "Accepted", "", 1)
STRANGE = {"type": "example.com/Odd", "status": "True", "reason": "X", "message": "", "lastTransitionTime": "t"}


def on_route(*parents: ParentStatus, generation: int = 1) -> StatusUpdate:
    return StatusUpdate("HTTPRoute", "a", "web", "uid", generation, RouteStatus(OURS, HOLDERS, parents))


def on_gateway(*conditions: Condition, addresses: tuple[tuple[str, str], ...] | None = ()) -> StatusUpdate:
    body = GatewayStatus(addresses, conditions, (ListenerStatus("http", ("HTTPRoute",), 1, conditions),))
    return StatusUpdate("Gateway", "infra", "gw", "uid", 1, body)


def merged(update: StatusUpdate, current: dict[str, Any], now: str = NOW) -> dict[str, Any]:
    found = merge_status(update, current, now)
    assert found is not None
    return found


def test_what_is_already_written_is_not_written_again() -> None:
    update = on_route(ParentStatus(PARENT, (YES,)))

    assert merge_status(update, merged(update, {}), LATER) is None


def test_parents_of_others_stay_equal_and_in_place() -> None:
    foreign = {"parentRef": {"name": "gw", "namespace": "infra"}, "controllerName": "example.com/x", "conditions": []}
    mine = on_route(ParentStatus(PARENT, (YES,)))

    found = merged(mine, {"parents": [foreign]})

    assert foreign == found["parents"][0]
    assert OURS == found["parents"][1]["controllerName"]


def test_an_entry_of_ours_for_another_gateway_is_another_runs_business() -> None:
    other = {"parentRef": {"name": "other", "namespace": "infra"}, "controllerName": OURS, "conditions": []}

    found = merged(on_route(ParentStatus(PARENT, (YES,))), {"parents": [other]})

    assert other == found["parents"][0]


def test_our_entry_that_is_no_longer_wanted_is_removed() -> None:
    before = merged(on_route(ParentStatus(PARENT, (YES,))), {})

    assert [] == merged(on_route(), before)["parents"]


def test_a_parent_ref_is_echoed_as_written_with_group_and_kind() -> None:
    local = replace(PARENT, namespace="", section_name="http", port=80)
    update = StatusUpdate(
        "HTTPRoute", "infra", "web", "uid", 1, RouteStatus(OURS, HOLDERS, (ParentStatus(local, (YES,)),))
    )

    (entry,) = merged(update, {})["parents"]

    expected = {"group": GROUP, "kind": "Gateway", "name": "gw", "sectionName": "http", "port": 80}
    assert expected == entry["parentRef"]


def test_the_transition_time_moves_only_with_the_status() -> None:
    before = merged(on_gateway(YES), {})
    changed = merged(on_gateway(replace(YES, message="more to say")), before, LATER)
    turned = merged(on_gateway(replace(YES, status="False", reason="Invalid")), before, LATER)

    assert NOW == changed["conditions"][0]["lastTransitionTime"]
    assert LATER == turned["conditions"][0]["lastTransitionTime"]


def test_condition_types_of_others_stay_where_they_are() -> None:
    before: dict[str, Any] = {"conditions": [STRANGE], "listeners": [{"name": "http", "conditions": [STRANGE]}]}

    found = merged(on_gateway(YES), before)

    assert STRANGE == found["conditions"][0]
    assert STRANGE == found["listeners"][0]["conditions"][0]


def test_a_condition_of_ours_that_no_longer_holds_is_removed() -> None:
    conflicted = Condition("Conflicted", "True", "ProtocolConflict", "", 1)
    before = merged(on_gateway(YES, conflicted), {})

    found = merged(on_gateway(YES), before, LATER)

    assert ["Accepted"] == [one["type"] for one in found["listeners"][0]["conditions"]]


def test_defaults_of_the_crd_are_overwritten_by_type() -> None:
    pending = {
        "type": "Accepted",
        "status": "Unknown",
        "reason": "Pending",
        "lastTransitionTime": "1970-01-01T00:00:00Z",
    }

    found = merged(on_gateway(YES), {"conditions": [pending]})

    assert [("Accepted", "True", NOW)] == [
        (one["type"], one["status"], one["lastTransitionTime"]) for one in found["conditions"]
    ]


def test_a_full_list_of_conditions_keeps_what_others_wrote() -> None:
    full = [STRANGE | {"type": f"example.com/{number}"} for number in range(8)]

    assert merge_status(on_gateway(YES), {"conditions": full, "listeners": []}, NOW) is not None
    assert full == merged(on_gateway(YES), {"conditions": full})["conditions"]


def test_a_full_list_of_parents_keeps_what_others_wrote() -> None:
    full = [{"parentRef": {"name": f"g{n}"}, "controllerName": "example.com/x", "conditions": []} for n in range(32)]

    assert merge_status(on_route(ParentStatus(PARENT, (YES,))), {"parents": full}, NOW) is None


def test_a_status_that_speaks_of_a_newer_generation_is_left_alone() -> None:
    newer = merged(on_route(ParentStatus(PARENT, (replace(YES, generation=2),)), generation=2), {})

    assert merge_status(on_route(ParentStatus(PARENT, (YES,))), newer, LATER) is None


def test_addresses_that_are_not_known_leave_the_published_ones() -> None:
    before = merged(on_gateway(YES, addresses=(("Hostname", "x.example.com"),)), {})

    found = merged(on_gateway(replace(YES, status="False", reason="Invalid"), addresses=None), before, LATER)

    assert [{"type": "Hostname", "value": "x.example.com"}] == found["addresses"]


def test_a_listener_that_left_the_spec_leaves_the_status() -> None:
    before: dict[str, Any] = {"listeners": [{"name": "old", "conditions": []}]}

    assert ["http"] == [one["name"] for one in merged(on_gateway(YES), before)["listeners"]]


def test_features_of_a_class_are_sorted_by_name() -> None:
    update = StatusUpdate("GatewayClass", "", "aws", "uid", 1, ClassStatus((YES,), ("HTTPRoute", "Gateway")))

    assert [{"name": "Gateway"}, {"name": "HTTPRoute"}] == merged(update, {})["supportedFeatures"]


def test_a_reason_that_the_specification_does_not_know_cannot_be_made() -> None:
    with pytest.raises(KeyError):
        Conditions("Gateway", 1).false("Accepted", "NoMood", "")


def test_every_message_fits_the_schema_and_hundreds_of_them_into_one_object() -> None:
    message = Conditions("Route", 1).false("Accepted", "NoMatchingParent", "x" * 40_000).message

    assert MAX_MESSAGE == len(message)


def test_conditions_that_are_only_written_while_true_have_no_false_reason() -> None:
    only_true = {t for types in CATALOGUE.values() for t, reasons in types.items() if not reasons["False"]}

    assert {
        "Conflicted",
        "OverlappingTLSConfig",
        "PartiallyInvalid",
        "InsecureFrontendValidationMode",
    } == only_true
