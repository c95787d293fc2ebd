"""Node ports of the stand-in Node: to which Pods they may lead, and what the table of addresses says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulators.cluster.addresses import AddressTable
from emulators.cluster.node_ports import led_to
from tests.builders import endpoints, node_service, service

type Plain = dict[str, Any]


def test_a_node_port_leads_to_the_ready_endpoints_of_its_service_port() -> None:
    slices = [endpoints(addresses=("10.244.0.2", "10.244.0.3")), endpoints("other", addresses=("10.244.0.9",))]

    assert {30080: (("10.244.0.2", 8080), ("10.244.0.3", 8080))} == led_to([node_service()], slices)


def test_a_service_without_node_ports_leads_nowhere() -> None:
    assert {} == led_to([service()], [endpoints()])


def test_a_node_port_without_endpoints_leads_to_nobody() -> None:
    assert {30080: ()} == led_to([node_service()], [])


@pytest.mark.parametrize(
    ("conditions", "takes"),
    [
        ({"ready": False}, False),
        ({"ready": False, "serving": True, "terminating": True}, True),
        ({"ready": False, "serving": False, "terminating": True}, False),
    ],
)
def test_endpoints_that_end_are_led_to_only_while_they_serve_and_none_is_ready(
    conditions: dict[str, bool],
    takes: bool,  # noqa: FBT001 - a case
) -> None:
    ending = endpoints(addresses=("10.244.0.2",))
    ending["endpoints"][0]["conditions"] = conditions
    ready = endpoints(addresses=("10.244.0.3",))
    ready["endpoints"] += ending["endpoints"]

    assert takes is bool(led_to([node_service()], [ending])[30080])
    assert (("10.244.0.3", 8080),) == led_to([node_service()], [ready])[30080]


def read(table: AddressTable) -> dict[str, str]:
    return dict(json.loads(table.path.read_text()))


def test_the_table_leads_a_node_port_to_the_first_pod_that_has_a_process(tmp_path: Path) -> None:
    table = AddressTable(tmp_path / "addresses.json")
    table.lead("i-0abc", {30080: (("10.244.0.2", 8080), ("10.244.0.3", 8080))})
    assert {} == read(table)
    table.route("10.244.0.3", {8080: 40003})
    assert "127.0.0.1:40003" == read(table)["i-0abc:30080"]
    table.route("10.244.0.2", {8080: 40002})
    assert "127.0.0.1:40002" == read(table)["i-0abc:30080"]
    table.give_back("10.244.0.2")
    assert "127.0.0.1:40003" == read(table)["i-0abc:30080"]


def test_a_node_port_that_goes_leaves_the_table(tmp_path: Path) -> None:
    table = AddressTable(tmp_path / "addresses.json")
    table.route("10.244.0.3", {8080: 40003})
    table.lead("i-0abc", {30080: (("10.244.0.3", 8080),)})
    table.lead("i-0abc", {})

    assert {"10.244.0.3:8080": "127.0.0.1:40003"} == read(table)
