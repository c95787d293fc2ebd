"""Twenty Gateways made at once, whose load balancers take their time: what tests and `make bench` count."""

from __future__ import annotations

from dataclasses import dataclass

from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from reconciler.events import Cause
from tests.builders import gateway, gateway_class, parent, route, with_service
from tests.deployment import Deployment, Said
from tests.fakes import trigger
from tests.virtual_queues import LONGEST_BATCH

_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened.

    Attributes:
        late: by Gateway, seconds from its load balancer being active to its status saying Programmed.
        looks: describe calls of the forwarders; `waited`: seconds in which any load balancer was waited for.
        throttled: calls that AWS refused for their rate.
        most_receives: of any message; 1 where nothing ever went back. `dead`: dead letters.
        meanwhile: what the statuses said before Programmed.
        runs: reconciles.
    """

    late: dict[str, float]
    looks: int
    waited: float
    throttled: int
    most_receives: int
    dead: int
    meanwhile: list[Said]
    runs: int


def wait_for_gateways(
    count: int, provisioning: float, *, events: int = 0, concurrency: int = 4, batch: int = LONGEST_BATCH
) -> Figures:
    """Make Gateways at once; `events` more triggers reach each while it waits."""
    settings = Settings(provisioning=provisioning, virtual_clock=True, throttle=True)
    with strict_aws(settings) as account:
        deployment = Deployment(account, concurrency=concurrency, batch=batch)
        cluster = deployment.cluster
        names = [f"gw{number}" for number in range(count)]
        cluster.put(gateway_class(), *with_service())
        for name in names:
            cluster.put(gateway(name), route(name, parents=[parent(name)], hostnames=[f"{name}.example.com"]))
        for name in names:
            deployment.send(trigger(name=name, cause=Cause.RELIST, run="first"))
        for number in range(events):
            for name in names:
                deployment.send(trigger(name=name, cause=Cause.RESYNC, run=f"more{number}"))
        deployment.run(lambda: len(_programmed(cluster.said)) == count and not deployment.fifo.messages, _PATIENCE)
        return _figures(deployment)


def _programmed(said: list[Said]) -> dict[str, float]:
    """Return when each Gateway first said so."""
    first: dict[str, float] = {}
    for one in said:
        if one.programmed == "True":
            first.setdefault(one.name, one.time)
    return first


def _figures(deployment: Deployment) -> Figures:
    account, said = deployment.account, deployment.cluster.said
    balancers = account.region(account.settings.region).load_balancers.values()
    active = {_gateway(one.tags): one.active_at for one in balancers}
    entries = account.journal.entries()
    programmed = _programmed(said)
    queues = (deployment.fifo, deployment.later)
    return Figures(
        late={name: programmed[name] - active[name] for name in sorted(active)},
        looks=sum("LoadBalancerArns" in one.parameters for one in entries if one.operation == "DescribeLoadBalancers"),
        waited=max(active.values()) - min(one.created for one in balancers),
        throttled=sum(one.error == "ThrottlingException" for one in entries),
        most_receives=max(count for queue in queues for count in queue.receives),
        dead=sum(len(queue.dead) for queue in queues),
        meanwhile=[one for one in said if one.programmed != "True"],
        runs=len(deployment.runs),
    )


def _gateway(tags: dict[str, str]) -> str:
    return tags["routewright.dev/gateway"].partition("/")[2]
