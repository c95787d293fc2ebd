"""The load balancers and target groups that could be ours: those of our names, those tagged as ours, those in use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from providers.aws.clients import PAGE, Clients
from providers.aws.names import load_balancer_name
from providers.aws.ownership import tagged
from providers.aws.resources import LOAD_BALANCER, PART_BASE, PART_POOLS, TARGET_GROUP
from providers.aws.unified import STAND_AS
from reconciler.errors import Conflict, NotReady
from reconciler.plan import Depth, Look, Rendered
from reconciler.ports import Owner

SCHEMES = ("internet-facing", "internal")

type Item = Mapping[str, Any]


def load_balancers(clients: Clients, owner: Owner, want: Rendered, look: Look) -> list[Item]:
    """Return the load balancers of the wanted names; on a full look all that could be ours, by type and scheme.

    Where the load balancers themselves are to change, one that is not wanted any more is looked for as well.
    """
    wanted = [one for key, one in want.resources.items() if key.kind == LOAD_BALANCER]
    names = [str(one.spec["Name"]) for one in wanted]
    deep = look.depth is Depth.ALL
    if not deep and PART_BASE not in look.parts:
        return _named(clients, names)
    schemes = SCHEMES if deep else [str(one.spec["Scheme"]) for one in wanted]
    names += [load_balancer_name(owner.key, owner.uid, one, kind) for one in schemes for kind in STAND_AS]
    return _listed(clients, names)


def _named(clients: Clients, names: Sequence[str]) -> list[Item]:
    """Return load balancers that most likely are there; a single one that is not fails a call for several."""
    if not names:
        return []
    try:
        answer = clients.call("elbv2", "DescribeLoadBalancers", Names=list(names))
    except Conflict:  # LoadBalancerNotFound
        return _listed(clients, names) if len(names) > 1 else []
    return _in_order(answer["LoadBalancers"], names)


def _listed(clients: Clients, names: Sequence[str]) -> list[Item]:
    """Return which of many names are there: one page of all the account's takes fewer calls than one a name."""
    return _in_order(clients.pages("elbv2", "DescribeLoadBalancers", "LoadBalancers", PageSize=PAGE), names)


def _in_order(items: Iterable[Item], names: Sequence[str]) -> list[Item]:
    found = {item["LoadBalancerName"]: item for item in items}
    return [found[name] for name in dict.fromkeys(names) if name in found]


def target_groups(
    clients: Clients, owner: Owner, want: Rendered, look: Look, balancers: Sequence[Item]
) -> Iterator[Item]:
    """Yield the target groups on our load balancers, those wanted, and on a full look all that are tagged as ours."""
    names = {key.name for key in want.resources if key.kind == TARGET_GROUP} | set(look.names)
    if look.depth is Depth.ALL:
        yield from _of_the_account(clients, owner, names, balancers)
        return
    for balancer in balancers:
        arn = balancer["LoadBalancerArn"]
        found = list(clients.pages("elbv2", "DescribeTargetGroups", "TargetGroups", LoadBalancerArn=arn, PageSize=PAGE))
        yield from found
        names -= {item["TargetGroupName"] for item in found}
    if PART_POOLS in look.parts:
        yield from _groups_by_name(clients, names)


def _of_the_account(clients: Clients, owner: Owner, names: set[str], balancers: Sequence[Item]) -> Iterator[Item]:
    ours = {arn for arn, _ in tagged(clients, owner.key.cluster, "elasticloadbalancing:targetgroup", owner.uid)}
    on = {item["LoadBalancerArn"] for item in balancers}
    for item in clients.pages("elbv2", "DescribeTargetGroups", "TargetGroups", PageSize=PAGE):
        held = on & set(item.get("LoadBalancerArns", ()))
        if item["TargetGroupName"] in names or item["TargetGroupArn"] in ours or held:
            yield item


def _groups_by_name(clients: Clients, names: Iterable[str]) -> Iterator[Item]:
    """Yield target groups that nothing forwards to yet; a single unknown name would fail a call for several."""
    for name in sorted(names):
        try:
            yield from clients.call("elbv2", "DescribeTargetGroups", Names=[name])["TargetGroups"]
        except NotReady:  # TargetGroupNotFound
            continue
