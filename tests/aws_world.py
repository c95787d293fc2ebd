"""Whole runs against the emulated AWS in this process: an account, a cluster in memory, and Secrets in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from emulators.aws.account import Account
from kube.certificates import bundle_of, facts_of, key_pair_of
from providers.aws.provider import AwsProvider
from reconciler.certificates import CaBundle
from reconciler.events import Cause, Seen, Trigger
from reconciler.reconcile import Result, Room, reconcile
from tests.aws_account import open_bucket
from tests.aws_provider import provider_for
from tests.builders import (
    CONTROLLER,
    gateway,
    gateway_class,
    listener,
    route,
    with_service,
)
from tests.certificates import of_authority, of_server
from tests.fakes import FakeCluster, trigger

CHANGED = (Seen("HTTPRoute", "uid-a-web", "9"),)
type Plain = dict[str, Any]


class World:
    """An account with a network, a cluster with a Gateway and a Route, and runs in between."""

    def __init__(self, account: Account, *, network: bool = True) -> None:
        self.account = account
        self.bucket = ""
        if network:
            account.prepare_network()
        self.cluster = FakeCluster(provider="aws")
        self.cluster.put(gateway_class(), gateway(), route(), *with_service())

    def run(self, one: Trigger | None = None) -> Result:
        """Reconcile once, as a fresh process would."""
        return reconcile(one or trigger(seen=CHANGED), Room(self.cluster, self.provider, lambda: "nonce"))

    @property
    def provider(self) -> AwsProvider:
        """A provider with clients of its own."""
        return provider_for(CONTROLLER, rate=1000, bucket=self.bucket)

    def open_bucket(self) -> str:
        """Give the deployment a bucket for the authorities of clients, and return its name."""
        self.bucket = open_bucket(self.account)
        return self.bucket

    def operations(self) -> list[str]:
        """Return the writes since the journal was reset."""
        return [entry.operation for entry in self.account.journal.writes()]

    def forget(self) -> None:
        """Reset the journal."""
        self.account.journal.reset()

    def deep(self) -> list[str]:
        """Return what a look at everything writes."""
        self.forget()
        self.run(trigger(cause=Cause.DEEP))
        return self.operations()

    def complete(self) -> list[str]:
        """Return what a run writes, and see that a look at everything after it writes nothing."""
        self.forget()
        self.run()
        done = self.operations()
        assert [] == self.deep()
        return done

    def is_settled(self) -> bool:
        """Return whether a look at everything writes nothing, neither to the cloud nor to the cluster (Law 2)."""
        self.cluster.writes.clear()
        return ([], []) == (self.deep(), self.cluster.writes)

    def balancer(self) -> Plain:
        """Return the only load balancer, as the data plane sees it."""
        (found,) = self.account.state()["loadBalancers"]
        return dict(found)

    def rules(self, port: int = 80) -> list[Plain]:
        """Return the rules of a listener but its default one."""
        (found,) = [one for one in self.balancer()["Listeners"] if one["Port"] == port]
        return [one for one in found["Rules"] if not one["IsDefault"]]

    def says(self, kind: str = "Gateway", namespace: str = "infra", name: str = "gw") -> dict[str, tuple[str, str]]:
        """Return conditions as {type: (status, reason)}."""
        return self.cluster.conditions(kind, namespace, name)


def authority(name: str = "ca", *, subjects: int = 1) -> CaBundle:
    """Return the bundle of ConfigMap infra/<name> with so many authorities of its own."""
    pem = "".join(of_authority(f"{name}-{number}").pem for number in range(subjects))
    meta = {"name": name, "namespace": "infra"}
    return bundle_of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"ca.crt": pem}})


def validating(*names: str, mode: str = "AllowValidOnly", per_port: Mapping[int, Sequence[str]] | None = None) -> Plain:
    """Return `spec.tls` of a Gateway whose clients need a certificate of these ConfigMaps; of others on some ports."""

    def refs(of: Sequence[str]) -> list[Plain]:
        return [{"group": "", "kind": "ConfigMap", "name": name} for name in of]

    ports = [
        {"port": port, "tls": {"validation": {"caCertificateRefs": refs(of)}}} for port, of in (per_port or {}).items()
    ]
    default = {"validation": {"caCertificateRefs": refs(names), "mode": mode}}
    return {"frontend": {"default": default, **({"perPort": ports} if ports else {})}}


def secret(name: str, *, key: Any = None, host: str = "a.example.com") -> Plain:
    """Return a TLS Secret of namespace infra with a certificate for a host."""
    data = of_server(host, key=key).secret_data
    meta = {"name": name, "namespace": "infra", "resourceVersion": "1"}
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": meta, "data": data}


def hold(world: World, *secrets: Plain) -> None:
    """Let the cluster hold these Secrets and no others."""
    world.cluster.certificates = [facts_of(one, datetime.now(UTC)) for one in secrets]
    world.cluster.pairs = {facts_of(one, datetime.now(UTC)).ref: key_pair_of(one)[0] for one in secrets}


def secure(world: World, *names: str) -> None:
    """Give the Gateway one HTTPS listener with these certificates."""
    tls = {"mode": "Terminate", "certificateRefs": [{"name": name} for name in names]}
    world.cluster.put(gateway(listeners=[listener("https", 443, "HTTPS", tls=tls)]))
