"""A Gateway that asks its clients for certificates, on the emulated AWS, and a deployment with a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.account import Account
from emulators.aws.inprocess import strict_aws
from providers.aws.provider import AwsProvider
from reconciler.errors import TransientError
from reconciler.reconcile import Result
from tests.aws_world import World, authority, hold, secret
from tests.builders import gateway, listener
from tests.proof.clock import provider_in


class Clients(World):
    """A world whose Gateway has HTTPS ports, and a deployment with a bucket."""

    @property
    def provider(self) -> AwsProvider:
        """A provider that pauses on the account's clock where that does not run by itself."""
        return provider_in(self.account, self.bucket) if self.account.settings.virtual_clock else super().provider

    def want(self, tls: dict[str, Any] | None, *ports: int) -> None:
        """Let the Gateway have these HTTPS ports and this `spec.tls`."""
        ends = {"mode": "Terminate", "certificateRefs": [{"name": "one"}]}
        item = gateway(listeners=[listener(f"https-{one}", one, "HTTPS", tls=ends) for one in ports or (443,)])
        item["spec"] |= {"tls": tls} if tls else {}
        self.cluster.put(item)

    def stores(self) -> list[str]:
        """Return the names of all trust stores."""
        with self.account.journal.silent():
            return [one["Name"] for one in self.account.client("elbv2").describe_trust_stores()["TrustStores"]]

    def bundles(self) -> list[str]:
        """Return the names of all objects in the bucket, without the path before them."""
        with self.account.journal.silent():
            listed = self.account.client("s3").list_objects_v2(Bucket=self.bucket)
        return [one["Key"].rpartition("/")[2] for one in listed.get("Contents", ())]

    def modes(self) -> dict[int, str]:
        """Return how clients of each port are validated."""
        return {one["Port"]: one["MutualAuthentication"]["Mode"] for one in self.balancer()["Listeners"]}

    def trusted(self, port: int = 443) -> str:
        """Return the authorities that clients of a port are verified by."""
        (found,) = [one for one in self.balancer()["Listeners"] if one["Port"] == port]
        return str(found["CaCertificates"])

    def listener_says(self, name: str) -> dict[str, tuple[str, str, str]]:
        """Return status, reason and message of a listener's conditions."""
        listed = self.cluster.get("Gateway", "infra", "gw")["status"]["listeners"]
        (found,) = [one for one in listed if one["name"] == name]
        return {one["type"]: (one["status"], one["reason"], one["message"]) for one in found["conditions"]}


def opened(account: Account) -> Clients:
    """Return a world with a bucket, a key pair `one`, and the authorities `ca` and `other`."""
    world = Clients(account)
    world.open_bucket()
    hold(world, secret("one"))
    world.cluster.bundles = [authority("ca"), authority("other")]
    return world


def run_or_wait(world: Clients) -> Result | None:
    """Return what came of a run, None where it has to be tried again."""
    try:
        return world.run()
    except TransientError:
        return None


@pytest.fixture(name="world")
def trust_world() -> Iterator[Clients]:
    """Give an account with a bucket, a key pair and two authorities."""
    with strict_aws() as account:
        yield opened(account)
