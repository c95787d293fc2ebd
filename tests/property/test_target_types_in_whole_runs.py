"""Law 5 while Services turn from Pods to Nodes as targets and back, beside other edits, and with runs cut between."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from tests.builders import backend_config, node, node_service
from tests.proof.traffic import Stand, Told, wanted
from tests.proof.wants import NODE_PORTS, SERVICES, Want, edited, first_want

type Plain = dict[str, Any]
STEPS = 4


@dataclass
class OnNodes(Want):
    """A want in which some Services have Nodes as targets.

    Attributes:
        instances: of the Nodes.
        by_nodes: the Services whose BackendConfig asks for them.
    """

    instances: tuple[str, ...] = ()
    by_nodes: set[tuple[str, str]] = field(default_factory=set)

    def objects(self, uid: str = "uid") -> list[Plain]:
        """Return the Kubernetes objects; every Service has a node port, whether it is used or not."""
        found = [item for item in super().objects(uid) if item["kind"] != "Service"]
        for namespace, name in SERVICES:
            found.append(node_service(name, namespace, NODE_PORTS[namespace, name]))
            if (namespace, name) in self.by_nodes:
                found.append(backend_config({"targetType": "instance"}, f"{name}-nodes", namespace, name))
        return [*found, *(node(f"n{number}", one) for number, one in enumerate(self.instances))]


def turned(want: OnNodes, chance: Random) -> OnNodes:
    """Return a want in which one to three Services have turned, and Routes were edited half of the time."""
    fresh = edited(want, chance) if chance.random() < 0.5 else edited(want, Random(0))  # noqa: S311 - chance, not a secret
    assert isinstance(fresh, OnNodes)
    fresh.by_nodes ^= set(chance.sample(SERVICES, chance.randint(1, 3)))
    return fresh


def change(stand: Stand, want: Want) -> None:
    """Bring a want about, every state on the way compared with before and after."""
    new = wanted(want, stand.provider)
    stand.hold(want)
    stand.watched(stand.answers(), new)
    stand.run()
    assert new == stand.answers()


@pytest.mark.parametrize("seed", range(4))
def test_no_request_is_misrouted_while_services_turn_from_pods_to_nodes_and_back(seed: int) -> None:
    chance, told = Random(seed), Told()  # noqa: S311 - chance, not a secret
    with strict_aws(Settings(virtual_clock=True)) as account:
        subnet = account.prepare_network().subnet_ids[0]
        ec2, stand = account.client("ec2"), Stand(account, seed, told)
        made = ec2.run_instances(ImageId="ami-12345678", MinCount=2, MaxCount=2, SubnetId=subnet)["Instances"]
        first = first_want(chance)
        want = OnNodes(first.listeners, first.routes, first.endpoints, tuple(one["InstanceId"] for one in made))
        stand.hold(want)
        stand.run()
        seen: set[str] = set()
        for step in range(STEPS):
            want = turned(want, chance)
            if (seed + step) % 2:
                account.faults.add(Fault("cut", "write", "elbv2", nth=chance.randint(1, 6), effect="after"))
                try:
                    change(stand, want)
                except ProcessCut:
                    want = turned(want, chance)
                account.faults.clear()
            change(stand, want)
            seen |= {one["TargetType"] for one in account.state()["targetGroups"]}

    assert [] == told.misrouted
    assert {"ip", "instance"} == seen
    assert told.states > STEPS
