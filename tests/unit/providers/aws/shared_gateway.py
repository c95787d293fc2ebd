"""A shared Gateway with good Routes of five teams on the emulated AWS, under our own rate limits on a virtual clock."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from emulators.aws.account import Account
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from kube.certificates import facts_of, key_pair_of
from providers.aws import make
from providers.aws.limiter import RECONCILE, Limiter, Limits, Rate
from reconciler.events import Seen, Trigger
from reconciler.matches import Request
from reconciler.reconcile import Result, Room, reconcile
from tests.aws_settings import CLASS_REF
from tests.aws_world import World, secret
from tests.broken import HOST, PER_NAMESPACE, RULES, TARGET_GROUPS, Sort
from tests.builders import (
    backend,
    config,
    endpoints,
    gateway_class,
    listener,
    open_gateway,
    parent,
    prefix,
    route,
    route_of,
    rule,
    service,
    with_service,
)
from tests.fakes import trigger
from tests.proof.alb import Evaluator

type Plain = dict[str, Any]

ADDRESSES = {"10.244.1.1": "shop", "10.244.1.2": "api", "10.244.1.3": "db", "10.244.1.4": "mail", "10.244.1.5": "dns"}
"""Service behind each good Pod; each of a team, and of a namespace, of its name."""
ROUTES = (("HTTPRoute", "shop"), ("HTTPRoute", "api"), ("TCPRoute", "db"), ("TLSRoute", "mail"), ("UDPRoute", "dns"))
LISTENERS = (
    listener("http", 80),
    listener(
        "https",
        443,
        "HTTPS",
        hostname="*.example.com",
        tls={"mode": "Terminate", "certificateRefs": [{"name": "shared"}]},
    ),
    listener("tls", 8443, "TLS", hostname="*.example.com", tls={"mode": "Passthrough"}),
    listener("tcp", 9000, "TCP"),
    listener("udp", 9053, "UDP"),
)
PORTS = {"application": (80, 443), "network": (8443, 9000, 9053)}
REQUESTS = (Request(HOST, "/"), Request(HOST, "/vip", headers=(("x-tier", "gold"),)), Request("api.example.com", "/v1"))


class _Services(dict[str, str]):
    """Service by address; whatever else stands behind a target group is no good Route's."""

    def __missing__(self, address: str) -> str:
        return f"somebody at {address}"


class Shared(World):
    """The Gateway of the infrastructure team, and whoever else puts Routes on it."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._keep(secret("shared"))
        quotas = {"rulesPerLoadBalancer": RULES, "targetGroupsPerLoadBalancer": TARGET_GROUPS}
        settings = {"aws": {"quotas": quotas}, "maxRulesPerNamespace": PER_NAMESPACE}
        self.cluster.objects.clear()
        self.cluster.put(gateway_class(parametersRef=CLASS_REF), config(settings), open_gateway(LISTENERS), *good())

    def put(self, sort: Sort) -> None:
        """Let a team put what is broken; what AWS refuses of it, it refuses from now on."""
        self.cluster.put(*sort.objects)
        self.account.faults.add(*sort.faults)

    def prepare(self, sort: Sort) -> None:
        """Let a team put what it had while all was well."""
        for name in (*sort.pairs, *sort.garbage, *sort.local):
            item = secret(name, host="localhost" if name in sort.local else f"{sort.slug}.example.com")
            item["metadata"]["namespace"] = sort.namespace
            item["data"] |= {"tls.crt": "AAAA"} if name in sort.garbage else {}
            self._keep(item)
        self.cluster.put(*sort.before)

    def _keep(self, item: Plain) -> None:
        """Let the cluster hold a Secret, whatever stands in it."""
        facts = facts_of(item, datetime.now(UTC))
        self.cluster.certificates.append(facts)
        if not facts.problem:
            self.cluster.pairs[facts.ref] = key_pair_of(item)[0]

    def go(self, one: Trigger) -> Result:
        """Reconcile as a fresh process would whose buckets are empty: every call takes its time."""
        clock = self.account.clock
        rates = {kind: Rate(rate.per_second, 1.0) for kind, rate in RECONCILE.items()}
        limits = Limits(Limiter(rates, clock=clock.now, sleep=self._pass_time))
        provider = replace(self.provider, limits=limits, sleep=self._pass_time, now=clock.now, _clients={})
        return reconcile(one, Room(self.cluster, provider, lambda: "nonce"))

    def _pass_time(self, seconds: float) -> None:
        self.account.clock.advance(seconds)

    def settle(self) -> None:
        """Reconcile until nothing is open any more."""
        one = trigger(seen=(Seen("HTTPRoute", "uid", "9"),))
        for _ in range(5):
            if self.go(one).retry_after is None:
                return
            one = one.again()
        raise AssertionError("it does not settle")

    def change(self, *objects: Plain, **more: Any) -> tuple[list[str], float]:
        """Put objects of a good team and reconcile once: the calls that it took, and its time."""
        self.cluster.put(*objects)
        self.forget()
        start = self.account.clock.now()
        self.go(trigger(seen=tuple(Seen(one["kind"], one["metadata"]["uid"], "10") for one in objects), **more))
        return [one.name for one in self.account.journal.entries()], round(self.account.clock.now() - start, 3)

    def answers(self) -> dict[int, list[str]]:
        """Return who answers on each port."""
        state = self.account.state()
        balancers = {one["Type"]: one for one in state["loadBalancers"]}
        evaluator = Evaluator(REQUESTS, _Services(ADDRESSES))
        ports = frozenset(PORTS["application"])
        found = {
            port: evaluator.answers(balancers["application"], state["targetGroups"], ports, port) for port in ports
        }
        groups = {one["TargetGroupArn"]: [t["Id"] for t in one["Targets"]] for one in state["targetGroups"]}
        for one in balancers["network"]["Listeners"]:
            if one["Port"] in PORTS["network"]:
                (forward,) = one["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"]
                found[one["Port"]] = [ADDRESSES.get(target, "somebody") for target in groups[forward["TargetGroupArn"]]]
        return found

    def parents(self, kind: str, namespace: str, name: str) -> list[Plain]:
        """Return the entries in a Route's status."""
        return list(self.cluster.get(kind, namespace, name).get("status", {}).get("parents", ()))


@contextmanager
def shared_gateway() -> Iterator[Shared]:
    """Give an account with the Gateway; nothing has run yet. No certificate is too young to be refused for good."""
    with strict_aws(Settings(virtual_clock=True)) as account, patch.object(make, "YOUNG", -math.inf):
        yield Shared(account)


def good() -> list[Plain]:
    """Return the good Routes with their Services."""
    found = [
        item for address, name in ADDRESSES.items() if name != "dns" for item in with_service(name, name, [address])
    ]
    dns, pods = service("dns", "dns", ports=(53,)), endpoints("dns", "dns", ["10.244.1.5"], port=53)
    dns["spec"]["ports"][0]["protocol"] = pods["ports"][0]["protocol"] = "UDP"
    return [*found, dns, pods, shop(), api(), db(), mail(), udp()]


def shop(*more: Plain) -> Plain:
    """Return the Route of HTTP requests; `more` are further matches."""
    vip = {"headers": [{"name": "x-tier", "value": "gold"}]}
    rules = [rule(backend("shop"), matches=[vip]), rule(backend("shop"), matches=[prefix("/"), *more])]
    return route("shop", "shop", rules, [HOST], [parent(sectionName="http")])


def api(*backends: Plain) -> Plain:
    """Return the Route of HTTPS requests."""
    found = [rule(*(backends or (backend("api"),)), matches=[prefix("/v1")])]
    return route("api", "api", found, ["api.example.com"], [parent(sectionName="https")])


def db(*backends: Plain) -> Plain:
    """Return the Route of TCP."""
    found = {"rules": [rule(*(backends or (backend("db"),)))], "parentRefs": [parent(sectionName="tcp")]}
    return route_of("TCPRoute", "db", "db", found)


def mail() -> Plain:
    """Return the Route of TLS that is passed on."""
    found = {
        "rules": [rule(backend("mail"))],
        "parentRefs": [parent(sectionName="tls")],
        "hostnames": ["mail.example.com"],
    }
    return route_of("TLSRoute", "mail", "mail", found)


def udp() -> Plain:
    """Return the Route of UDP."""
    return route_of(
        "UDPRoute", "dns", "dns", {"rules": [rule(backend("dns", 53))], "parentRefs": [parent(sectionName="udp")]}
    )
