"""A Gateway whose addresses matter, on the emulated AWS: what the tests of unified addresses start from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from reconciler.plan import Failure
from reconciler.reconcile import ALLOW_DISRUPTION, Result
from tests.aws_world import World
from tests.builders import config, config_ref, gateway, gateway_class, listener

CLASS_REF = config_ref("class")
ANY: dict[str, str] = {"type": "IPAddress"}

type Plain = dict[str, Any]


class Unified(World):
    """Runs of Gateway infra/gw under a class that is internet-facing unless told otherwise."""

    def of_class(self, **spec: Any) -> None:
        """Give the class these settings."""
        settings = config({"scheme": "internet-facing", **spec}, "class")
        self.cluster.put(gateway_class(parametersRef=CLASS_REF), settings)

    def ask(self, *addresses: Plain | str, listeners: list[Plain] | None = None, allow: bool = False) -> Result:
        """Let the Gateway ask for these addresses (a text is an IPAddress), then reconcile until nothing waits."""
        item = gateway(listeners=listeners if listeners is not None else [listener()])
        item["spec"]["addresses"] = [{"type": "IPAddress", "value": a} if isinstance(a, str) else a for a in addresses]
        self.cluster.put(item)
        if allow:
            self.cluster.get("Gateway", "infra", "gw")["metadata"]["annotations"][ALLOW_DISRUPTION] = "true"
        return self.settle()

    def settle(self) -> Result:
        """Reconcile, and once more where the cloud was still making something."""
        result = self.run()
        return self.run() if result.outcome.waiting else result

    def pass_time(self, seconds: float) -> None:
        """Let the emulated clock run."""
        self.account.clock.advance(seconds)

    def elastic(self) -> str:
        """Allocate an Elastic IP and return its address."""
        return str(self.account.client("ec2").allocate_address(Domain="vpc")["PublicIp"])

    def balancers(self) -> dict[str, Plain]:
        """Return the load balancers by type."""
        return {one["Type"]: one for one in self.account.state()["loadBalancers"]}

    def ports(self, kind: str) -> dict[int, str]:
        """Return the listeners of a load balancer: port and protocol."""
        return {one["Port"]: one["Protocol"] for one in self.balancers()[kind]["Listeners"]}

    def behind(self, port: int) -> list[str]:
        """Return the ids of the targets that a port of the NLB leads to."""
        groups = {one["TargetGroupArn"]: one for one in self.account.state()["targetGroups"]}
        (found,) = [one for one in self.balancers()["network"]["Listeners"] if one["Port"] == port]
        (pair,) = found["Rules"][-1]["Actions"][0]["ForwardConfig"]["TargetGroups"]
        return [target["Id"] for target in groups[pair["TargetGroupArn"]]["Targets"]]

    def published(self) -> list[tuple[str, str]]:
        """Return status.addresses as (type, value)."""
        status = self.cluster.get("Gateway", "infra", "gw")["status"]
        return [(one["type"], one["value"]) for one in status.get("addresses", ())]

    def serving(self) -> list[Plain]:
        """Return what each active load balancer listens on, and which targets that leads to, by port."""
        state = self.account.state()
        groups = {one["TargetGroupArn"]: one for one in state["targetGroups"]}
        return [
            {"Arn": one["LoadBalancerArn"], "Scheme": one["Scheme"], "Ports": _led(one, groups)}
            for one in state["loadBalancers"]
            if one["State"]["Code"] == "active"
        ]


def _led(balancer: Plain, groups: dict[str, Plain]) -> dict[int, list[str]]:
    """Return by port the ids of the targets that a load balancer's rules lead to."""
    return {
        one["Port"]: [
            target["Id"]
            for rule in one["Rules"]
            for action in rule["Actions"]
            for pair in action.get("ForwardConfig", {}).get("TargetGroups", ())
            for target in groups[pair["TargetGroupArn"]]["Targets"]
            if target["State"] != "draining"
        ]
        for one in balancer["Listeners"]
    }


def told(failures: tuple[Failure, ...]) -> str:
    """Return what was said of what failed."""
    return "; ".join(one.error.message for one in failures)


@pytest.fixture(name="world")
def unified_world() -> Iterator[Unified]:
    """Give an account, and a class of internet-facing load balancers."""
    with strict_aws() as account:
        found = Unified(account)
        found.of_class()
        yield found
