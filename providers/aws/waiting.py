"""Load balancers that AWS is still making, looked at together: twenty ARNs a call, whoever's they are.

Making one takes AWS from half a minute to four. Until then a look a second finds it in time, and costs one call for
all; one that takes much longer than any should is looked at ever more rarely.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

from providers.aws.clients import Clients
from reconciler.config import Placement
from reconciler.errors import Conflict, Misconfigured
from reconciler.plan import Awaited

PROVISIONING, FAILED = "provisioning", "failed"
BATCH = 20
"""ARNs that DescribeLoadBalancers takes (ELBv2 API model)."""
EVERY, LONGEST = 1.0, 60.0
"""Seconds between two looks."""
USUAL = 300.0
"""Seconds after which a load balancer is late; the pause then grows with its age."""
_ID = re.compile(r"(?:(arn:[a-z-]+:iam::\S+) )?(arn:[a-z-]+:elasticloadbalancing:([a-z0-9-]+):\S+)")


def awaited(placement: Placement, item: Mapping[str, Any]) -> Awaited:
    """Return what stands for a load balancer that is being made: its ARN, and before it the role that may see it."""
    arn = item["LoadBalancerArn"]
    text = f"load balancer {item['LoadBalancerName']} is {item['State']['Code']}"
    return Awaited(f"{placement.role} {arn}" if placement.role else arn, text)


def unready(items: Sequence[Mapping[str, Any]], addresses: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the load balancers that AWS is making; an NLB's addresses may be the last of it that is to be seen."""
    if making := [item for item in items if item["State"]["Code"] == PROVISIONING]:
        yield from making
    elif not addresses:
        yield from (item for item in items if item["Type"] == "network")


def check_made(item: Mapping[str, Any]) -> None:
    """Raise Misconfigured for a wanted load balancer that AWS gave up making."""
    if item["State"]["Code"] == FAILED:
        reason = item["State"].get("Reason") or "no reason is given"
        name = item["LoadBalancerName"]
        raise Misconfigured(f"load balancer {name}: AWS could not make it ({reason}); mend that and delete it")


def waits(clients_of: Callable[[Placement], Clients], ids: Collection[str], now: float) -> dict[str, float]:
    """Return, of those that AWS is still making, the seconds until the next look. Raises ReconcilerError."""
    by_place: dict[Placement, dict[str, str]] = {}
    for one in sorted(ids):
        if found := _ID.fullmatch(one):
            role, arn, region = found.groups()
            by_place.setdefault(Placement(region=region, role=role or ""), {})[arn] = one
    return {
        names[item["LoadBalancerArn"]]: _pause(now - item["CreatedTime"].timestamp())
        for placement, names in by_place.items()
        for item in _described(clients_of(placement), names)
        if item["State"]["Code"] == PROVISIONING
    }


def _described(clients: Clients, arns: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for batch in batched(arns, BATCH):
        try:
            yield from _describe(clients, batch)
        except Conflict:  # one of them is gone, and AWS does not say which
            for arn in batch:
                try:
                    yield from _describe(clients, [arn])
                except Conflict:
                    continue


def _describe(clients: Clients, arns: Collection[str]) -> Iterable[Mapping[str, Any]]:
    found: Iterable[Mapping[str, Any]] = clients.call("elbv2", "DescribeLoadBalancers", LoadBalancerArns=list(arns))[
        "LoadBalancers"
    ]
    return found


def _pause(age: float) -> float:
    """Return whole seconds, so that those who wait equally long go on together."""
    return min(LONGEST, max(EVERY, float(round((age - USUAL) / 10))))
