"""A world of EC2 instances, a Node each, and a Service whose BackendConfig asks for them."""

from __future__ import annotations

from typing import Any

from reconciler.events import Cause, Seen, Trigger
from tests.aws_world import World
from tests.builders import backend_config, node, node_service
from tests.fakes import trigger

type Plain = dict[str, Any]
NODE_EVENT = (Seen("Node", "uid--n1", "9"),)
SERVICE_EVENT = trigger(seen=(Seen("Service", "uid-a-web", "9"),), services=("a/web",))


class Fleet(World):
    """A world with running instances, a Node each, and a Service whose BackendConfig asks for them."""

    def __init__(self, account: Any, size: int = 3) -> None:
        super().__init__(account)
        self.ec2 = account.client("ec2")
        self.subnet = account.prepare_network().subnet_ids[0]
        self.instances = self.launch(size)
        for number, instance in enumerate(self.instances):
            self.cluster.put(node(f"n{number}", instance))
        self.cluster.put(node_service(), backend_config({"targetType": "instance"}))

    def launch(self, count: int, subnet: str = "") -> list[str]:
        """Start instances, in the VPC of the load balancers unless a subnet is given; return their ids."""
        more = {"ImageId": "ami-12345678", "SubnetId": subnet or self.subnet}
        with self.account.journal.silent():
            made = self.ec2.run_instances(MinCount=count, MaxCount=count, **more)
        return [one["InstanceId"] for one in made["Instances"]]

    def turn(self, number: int, **state: Any) -> None:
        """Replace a Node, its status too, which `put` would leave as it was."""
        name = f"n{number}"
        self.cluster.remove("Node", "", name)
        self.cluster.put(node(name, self.instances[number], **state))

    def groups(self) -> list[Plain]:
        """Return the target groups of pools."""
        every = self.account.state()["targetGroups"]
        return [dict(one) for one in every if "no-backend" not in one["TargetGroupName"]]

    def group(self) -> Plain:
        """Return the only one."""
        (found,) = self.groups()
        return found

    def targets(self) -> set[tuple[str, int]]:
        """Return what is registered and does not drain."""
        listed = self.group()["Targets"]
        return {(one["Id"], one["Port"]) for one in listed if one["State"] != "draining"}

    def told(self, type_: str = "Accepted") -> tuple[str, str, str]:
        """Return status, reason and message of what is said of the BackendConfig."""
        (ancestor,) = self.cluster.objects["BackendConfig", "a", "settings"]["status"]["ancestors"]
        (found,) = [one for one in ancestor["conditions"] if one["type"] == type_]
        return found["status"], found["reason"], found["message"]

    def route_told(self, type_: str) -> tuple[str, str, str]:
        """Return status, reason and message of a condition of Route a/web."""
        (found,) = [
            one
            for one in self.cluster.objects["HTTPRoute", "a", "web"]["status"]["parents"][0]["conditions"]
            if one["type"] == type_
        ]
        return found["status"], found["reason"], found["message"]

    def writes(self, one: Trigger | None = None) -> list[str]:
        """Return what a run writes, and see that a deep one after it writes nothing."""
        self.forget()
        self.run(one)
        done = self.operations()
        self.forget()
        self.run(trigger(cause=Cause.DEEP))
        assert [] == self.operations()
        return done


def nodes_changed() -> Trigger:
    """Return the event of a Node."""
    return trigger(seen=NODE_EVENT)


def local(**spec: Any) -> Plain:
    """Return the Service with the traffic policy `Local`."""
    return node_service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=32500, **spec)
