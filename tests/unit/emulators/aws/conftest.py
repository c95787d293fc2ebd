"""A fresh emulated account for each test, plain boto3 clients for it, and short ways to build what a test needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from tests.certificates import of_server
from tests.unit.emulators.aws.queue_world import QueueWorld

if TYPE_CHECKING:
    from emulators.aws.account import Account

NOT_FOUND: list[dict[str, Any]] = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


@contextmanager
def refused(code: str, text: str = "") -> Iterator[None]:
    """Expect the call inside to be refused with this wire code, its message containing `text`."""
    with pytest.raises(ClientError) as caught:
        yield
    assert code == caught.value.response["Error"]["Code"]
    assert text in caught.value.response["Error"]["Message"]


class World:
    """An account and what tests build in it; every method returns the ARN of what it made."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.network = account.prepare_network()
        self.elbv2 = account.client("elbv2")

    @cached_property
    def ec2(self) -> Any:
        """EC2."""
        return self.account.client("ec2")

    @cached_property
    def acm(self) -> Any:
        """ACM."""
        return self.account.client("acm")

    @cached_property
    def unchecked(self) -> Any:
        """ELBv2 by a client that lets the service check the parameters."""
        config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
        return self.account.client("elbv2", config=config)

    def balancer(self, name: str = "web", **options: Any) -> str:
        """Make a load balancer in both subnets."""
        options.setdefault("Subnets", list(self.network.subnet_ids))
        return str(self.elbv2.create_load_balancer(Name=name, **options)["LoadBalancers"][0]["LoadBalancerArn"])

    def listener(self, balancer: str, port: int = 80, protocol: str = "HTTP", **options: Any) -> str:
        """Make a listener, with a 404 as its default action."""
        options.setdefault("DefaultActions", NOT_FOUND)
        made = self.elbv2.create_listener(LoadBalancerArn=balancer, Port=port, Protocol=protocol, **options)
        return str(made["Listeners"][0]["ListenerArn"])

    def group(self, name: str = "pods", **options: Any) -> str:
        """Make an HTTP target group for IP addresses."""
        wanted = {"Protocol": "HTTP", "Port": 80, "VpcId": self.network.vpc_id, "TargetType": "ip"} | options
        made = self.elbv2.create_target_group(Name=name, **wanted)
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def rule(self, listener: str, priority: int = 1, **options: Any) -> str:
        """Make a rule for the path /x with a 404."""
        options.setdefault("Conditions", [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/x"]}}])
        options.setdefault("Actions", NOT_FOUND)
        made = self.elbv2.create_rule(ListenerArn=listener, Priority=priority, **options)
        return str(made["Rules"][0]["RuleArn"])

    def certificate(self, *names: str, key: Any = RSA_KEY, **options: Any) -> str:
        """Import a self-signed certificate with these names."""
        certificate, private = certificate_pem(*names, key=key)
        made = self.acm.import_certificate(Certificate=certificate, PrivateKey=private, **options)
        return str(made["CertificateArn"])

    def priorities(self, listener: str) -> dict[str, str]:
        """Return the priority of each rule by ARN."""
        rules = self.elbv2.describe_rules(ListenerArn=listener)["Rules"]
        return {rule["RuleArn"]: rule["Priority"] for rule in rules}


def forward(*groups: str) -> list[dict[str, Any]]:
    """Return a forward action to these target groups, equally weighted."""
    entries = [{"TargetGroupArn": group, "Weight": 1} for group in groups]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": entries}}]


def listed(world: World) -> set[str]:
    """Return the ARNs of what GetResources of the tagging API knows of load balancing."""
    found = world.account.client("resourcegroupstaggingapi").get_resources(
        ResourceTypeFilters=["elasticloadbalancing"]
    )["ResourceTagMappingList"]
    return {one["ResourceARN"] for one in found}


def certificate_pem(*names: str, key: Any = RSA_KEY) -> tuple[bytes, bytes]:
    """Return a self-signed certificate for DNS names and its key, both PEM."""
    pair = of_server(*names, key=key)
    return pair.pem.encode(), pair.key_pem


@pytest.fixture(name="world")
def _world() -> Iterator[World]:
    with strict_aws(Settings(virtual_clock=True)) as account:
        yield World(account)


@pytest.fixture(name="elbv2")
def _elbv2(world: World) -> Any:
    return world.elbv2


@pytest.fixture(name="balancer")
def _balancer(world: World) -> str:
    return world.balancer()


@pytest.fixture(name="listener")
def _listener(world: World, balancer: str) -> str:
    return world.listener(balancer)


@pytest.fixture(name="queues")
def _queues() -> Iterator[QueueWorld]:
    with strict_aws(Settings(virtual_clock=True)) as account:
        yield QueueWorld(account)
