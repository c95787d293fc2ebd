"""What stands in the account beside the Gateway under test: things of other people, and another Gateway of ours."""

from __future__ import annotations

from emulators.aws.account import Account
from reconciler.reconcile import Room, reconcile
from tests.builders import backend, gateway, gateway_class, parent, route, rule, with_service
from tests.fakes import FakeCluster, trigger
from tests.proof.clock import provider_in

NAME = "neighbour"
MINUTE = 60.0
"""After which everything that was made can be seen."""


def settle_others(account: Account) -> None:
    """Make them."""
    _of_other_people(account)
    cluster = FakeCluster(provider="aws")
    mine = route("theirs", "b", [rule(backend("theirs"))], parents=[parent(NAME)])
    cluster.put(gateway_class(), gateway(NAME), mine, *with_service("theirs", "b", ["10.244.9.1"]))
    room = Room(cluster, provider_in(account), lambda: "of-neighbour")
    while reconcile(trigger(name=NAME), room).retry_after is not None:
        account.clock.advance(MINUTE)


def _of_other_people(account: Account) -> None:
    network, elbv2, ec2 = account.prepare_network(), account.client("elbv2"), account.client("ec2")
    made = elbv2.create_target_group(Name="theirs", Protocol="HTTP", Port=80, VpcId=network.vpc_id, TargetType="ip")
    group = made["TargetGroups"][0]["TargetGroupArn"]
    account.clock.advance(MINUTE)
    elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.244.0.1", "Port": 8080}])
    tags = [{"Key": "routewright.dev/cluster", "Value": "another"}]
    balancer = elbv2.create_load_balancer(Name="theirs", Subnets=list(network.subnet_ids), Tags=tags)
    account.clock.advance(MINUTE)
    arn, answer = balancer["LoadBalancers"][0]["LoadBalancerArn"], [{"Type": "forward", "TargetGroupArn": group}]
    made = elbv2.create_listener(LoadBalancerArn=arn, Protocol="HTTP", Port=80, DefaultActions=answer)
    path = [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api"]}}]
    listener = made["Listeners"][0]["ListenerArn"]
    account.clock.advance(MINUTE)
    elbv2.create_rule(ListenerArn=listener, Priority=1000, Conditions=path, Actions=answer)
    ec2.create_security_group(GroupName="theirs", Description="theirs", VpcId=network.vpc_id)
