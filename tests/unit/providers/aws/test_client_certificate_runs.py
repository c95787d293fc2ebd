"""Clients of HTTPS listeners are verified by trust stores: made first, swapped without a gap, left when nobody asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from providers.aws.provider import AwsProvider
from reconciler.errors import TransientError
from reconciler.events import Cause
from reconciler.reconcile import Result
from tests.aws_world import World, authority, hold, secret, validating
from tests.builders import CLUSTER, backend, exact, gateway, listener, route, rule
from tests.fakes import trigger
from tests.proof.clock import provider_in

HOUR = 3600.0


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

    def settled(self) -> bool:
        """Return whether a deep look finds nothing to do."""
        self.forget()
        self.run(trigger(cause=Cause.DEEP))
        return self.operations() == []


@pytest.fixture(name="world")
def _world() -> Iterator[Clients]:
    with strict_aws() as account:
        yield _opened(account)


def _opened(account: Any) -> Clients:
    world = Clients(account)
    world.open_bucket()
    hold(world, secret("one"))
    world.cluster.bundles = [authority("ca"), authority("other")]
    return world


def test_clients_are_verified_by_one_trust_store_for_all_ports(world: Clients) -> None:
    world.want(validating("ca"), 443, 8443)

    world.run()

    assert {443: "verify", 8443: "verify"} == world.modes()
    assert world.cluster.bundles[0].pem.strip() == world.trusted().strip() == world.trusted(8443).strip()
    assert [f"{name}.pem" for name in world.stores()] == world.bundles()
    assert 1 == len(world.stores())
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert world.settled()


def test_the_trust_store_is_there_before_the_listener_that_needs_it(world: Clients) -> None:
    world.want(validating("ca"))

    world.run()

    made = world.operations()
    assert made.index("PutObject") < made.index("CreateTrustStore") < made.index("CreateListener")
    create = next(one for one in world.account.journal.writes() if one.operation == "CreateListener")
    assert "verify" == create.parameters["MutualAuthentication"]["Mode"]


def test_nothing_to_do_costs_two_reads_also_with_trust_stores(world: Clients) -> None:
    world.want(validating("ca"), 443, 8443)
    world.run()
    world.forget()

    world.run()

    counts = world.account.journal.counts()
    assert (2, 0) == (counts.reads, counts.writes)


def test_a_route_inserted_costs_no_look_at_trust_stores(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    world.forget()
    world.cluster.put(route("more", rules=[rule(backend(), matches=[exact("/more")])]))

    world.run()

    counts = world.account.journal.counts()
    assert {"elbv2.CreateRule"} == {name for name in counts.operations if "Create" in name}
    assert not {"elbv2.DescribeTrustStores", "s3.ListObjectsV2"} & set(counts.operations)


def test_other_authorities_are_another_trust_store_made_before_the_former_one_goes(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    (former,) = world.stores()
    world.forget()
    world.want(validating("other"))

    world.run()

    assert [
        "PutObject",
        "CreateTrustStore",
        "ModifyListener",
        "DeleteObject",
        "DeleteTrustStore",
    ] == world.operations()
    assert former not in world.stores()
    assert 1 == len(world.stores()) == len(world.bundles())
    assert world.cluster.bundles[1].pem.strip() == world.trusted().strip()
    assert world.settled()


def test_a_config_map_that_changed_is_followed(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    world.cluster.bundles = [authority("ca", subjects=2)]

    world.run()

    assert 2 == world.trusted().count("BEGIN CERTIFICATE")
    assert 1 == len(world.stores()) == len(world.bundles())


def test_the_order_and_repetition_of_authorities_are_no_change(world: Clients) -> None:
    world.cluster.bundles.append(authority("many", subjects=6))
    world.want(validating("ca", "many", "other"))
    world.run()
    world.forget()
    world.want(validating("other", "ca", "many", "other"))

    world.run()

    assert [] == world.operations()


def test_a_port_of_its_own_authorities_has_a_trust_store_of_its_own(world: Clients) -> None:
    world.want(validating("ca", per_port={8443: ["other"]}), 443, 8443)

    world.run()

    assert [one.pem.strip() for one in world.cluster.bundles] == [world.trusted(port).strip() for port in (443, 8443)]
    assert 2 == len(world.stores())
    world.forget()
    world.want(validating("ca"), 443, 8443)
    world.run()
    assert ["ModifyListener", "DeleteObject", "DeleteTrustStore"] == world.operations()
    assert world.settled()


def test_a_port_that_comes_later_shares_the_trust_store(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    world.forget()
    world.want(validating("ca"), 443, 8443)

    world.run()

    assert "CreateTrustStore" not in world.operations()
    assert {443: "verify", 8443: "verify"} == world.modes()


def test_the_insecure_fallback_asks_for_a_certificate_and_needs_no_trust_store(world: Clients) -> None:
    world.bucket = ""
    world.want(validating("ca", mode="AllowInsecureFallback"))

    world.run()

    assert {443: "passthrough"} == world.modes()
    assert [] == world.stores()
    assert ("True", "ConfigurationChanged") == world.says()["InsecureFrontendValidationMode"]
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert world.settled()


def test_what_asks_no_more_leaves_nothing_behind(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()

    world.want(None)
    world.run()

    assert ({443: "off"}, [], []) == (world.modes(), world.stores(), world.bundles())
    assert world.settled()


def test_a_gateway_that_goes_takes_its_trust_store_and_its_object_along(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    world.cluster.remove("Gateway", "infra", "gw")

    world.run()

    assert ([], []) == (world.stores(), world.bundles())
    assert [] == world.account.state()["loadBalancers"]
    assert ("Gateway", "infra", "gw") not in world.cluster.objects


def test_without_a_bucket_the_listener_is_refused_and_the_others_are_served(world: Clients) -> None:
    world.bucket = ""
    world.want(validating("ca", per_port={8443: []}), 443)
    item = world.cluster.get("Gateway", "infra", "gw")
    item["spec"]["listeners"].append(listener())
    world.cluster.put(item)

    world.run()

    assert [80] == [one["Port"] for one in world.balancer()["Listeners"]]
    status, reason, message = world.listener_says("https-443")["Accepted"]
    assert ("False", "UnsupportedValue") == (status, reason)
    assert "ROUTEWRIGHT_TRUST_STORE_BUCKET" in message
    assert "True" == world.listener_says("http")["Programmed"][0]


def test_a_third_verified_port_is_refused_and_the_first_two_are_served(world: Clients) -> None:
    world.want(validating("ca"), 9443, 443, 8443)

    world.run()

    assert {9443: "verify", 443: "verify"} == world.modes()
    status, reason, message = world.listener_says("https-8443")["Accepted"]
    assert ("False", "UnsupportedValue") == (status, reason)
    assert "on 2 ports" in message


def test_more_authorities_than_a_trust_store_takes_cost_the_listeners_that_name_them(world: Clients) -> None:
    world.cluster.bundles.append(authority("many", subjects=26))
    world.want(validating("many", per_port={8443: ["ca"]}), 443, 8443)

    world.run()

    assert {8443: "verify"} == world.modes()
    assert "26 certificates" in world.listener_says("https-443")["Accepted"][2]


def test_one_bad_reference_of_two_is_told_and_the_good_one_is_trusted(world: Clients) -> None:
    world.want(validating("ca", "nowhere"))

    world.run()

    assert {443: "verify"} == world.modes()
    told = world.listener_says("https-443")
    assert ("False", "InvalidCACertificateRef") == told["ResolvedRefs"][:2]
    assert "True" == told["Programmed"][0]


def test_without_any_good_reference_the_port_is_closed(world: Clients) -> None:
    world.want(validating("ca"), 443)
    world.run()
    world.want(validating("nowhere"), 443)

    world.run()

    told = world.listener_says("https-443")
    assert ("False", "NoValidCACertificate") == told["Accepted"][:2]
    assert [] == world.balancer()["Listeners"]
    assert ([], []) == (world.stores(), world.bundles())


@pytest.mark.parametrize("operation", ["PutObject", "CreateTrustStore"])
def test_a_trust_store_that_cannot_be_made_opens_no_port_without_it(world: Clients, operation: str) -> None:
    world.account.faults.add(Fault("denied", operation))
    world.want(validating("ca"))

    result = world.run()

    assert [] == world.balancer()["Listeners"]
    assert ("False", "Invalid") == world.says()["Programmed"]
    assert result.retry_after is None  # nothing was tried that had to fail for want of it
    assert (operation == "CreateTrustStore") == ("CreateTrustStore" in world.operations())
    world.run()
    assert {443: "verify"} == world.modes()


def test_authorities_that_aws_refuses_leave_the_former_ones_in_force_and_routes_go_on(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    before = world.trusted()
    world.account.faults.add(Fault("denied", "CreateTrustStore"))
    world.want(validating("other"))
    world.cluster.put(route("more", rules=[rule(backend(), matches=[exact("/more")])]))

    world.run()

    assert before == world.trusted()
    assert 2 == len(world.rules(443))
    assert "False" == world.says()["Programmed"][0]


def test_an_account_that_is_full_says_so(world: Clients) -> None:
    world.account.limits.set("trust-stores", 0)
    world.want(validating("ca"))

    world.run()

    assert ("False", "NoResources") == world.says()["Programmed"]
    assert [] == world.balancer()["Listeners"]


def test_what_somebody_put_into_our_trust_store_is_mended_by_a_deep_look(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    elbv2, s3 = world.account.client("elbv2"), world.account.client("s3")
    s3.put_object(Bucket=world.bucket, Key="theirs", Body=authority("theirs", subjects=2).pem.encode())
    arn = elbv2.describe_trust_stores()["TrustStores"][0]["TrustStoreArn"]
    elbv2.modify_trust_store(
        TrustStoreArn=arn, CaCertificatesBundleS3Bucket=world.bucket, CaCertificatesBundleS3Key="theirs"
    )

    world.run(trigger(cause=Cause.DEEP))

    assert world.cluster.bundles[0].pem.strip() == world.trusted().strip()


def test_a_foreign_trust_store_of_our_name_is_an_error_and_stays_as_it_is(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    elbv2 = world.account.client("elbv2")
    arn = elbv2.describe_trust_stores()["TrustStores"][0]["TrustStoreArn"]
    tags = elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    elbv2.remove_tags(ResourceArns=[arn], TagKeys=[one["Key"] for one in tags])
    world.forget()

    world.run(trigger(cause=Cause.DEEP))

    assert [] == world.operations()
    assert ("False", "Invalid") == world.says()["Programmed"]


def test_a_foreign_trust_store_whose_name_only_begins_like_ours_is_let_be(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    place = {"CaCertificatesBundleS3Bucket": world.bucket, "CaCertificatesBundleS3Key": "theirs"}
    world.account.client("s3").put_object(Bucket=world.bucket, Key="theirs", Body=authority().pem.encode())
    world.account.client("elbv2").create_trust_store(Name=f"{world.stores()[0][:-8]}theirs", **place)

    assert world.settled()
    assert 2 == len(world.stores())


def test_a_deployment_that_may_not_look_at_trust_stores_serves_who_asks_for_none(world: Clients) -> None:
    world.account.faults.add(Fault("denied", "DescribeTrustStores", count=9), Fault("denied", "ListObjectsV2", count=9))
    world.want(None)

    world.run()

    assert ("True", "Programmed") == world.says()["Programmed"]
    assert world.settled()


def test_a_bucket_that_does_not_exist_costs_only_who_needs_it(world: Clients) -> None:
    world.bucket = "a-bucket-that-nobody-made"
    world.want(None)
    world.run()
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert world.settled()

    world.want(validating("ca", per_port={8443: ["nowhere"]}), 443)
    item = world.cluster.get("Gateway", "infra", "gw")
    item["spec"]["listeners"].append(listener())
    world.cluster.put(item)
    world.run()

    assert {443: "off", 80: "none"} == {
        one["Port"]: one.get("MutualAuthentication", {}).get("Mode", "none") for one in world.balancer()["Listeners"]
    }
    status, _, message = world.listener_says("https-443")["Programmed"]
    assert "False" == status
    assert "NoSuchBucket" in message
    assert "True" == world.listener_says("http")["Programmed"][0]


def test_an_object_that_somebody_deleted_is_written_again_by_a_deep_look(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    key = world.account.client("s3").list_objects_v2(Bucket=world.bucket)["Contents"][0]["Key"]
    world.account.client("s3").delete_object(Bucket=world.bucket, Key=key)
    world.forget()

    world.run(trigger(cause=Cause.DEEP))

    assert ["PutObject"] == world.operations()


def test_a_trust_store_that_is_not_active_yet_is_waited_for() -> None:
    with strict_aws(Settings(trust_store_creating=0.4)) as account:
        world = _opened(account)
        world.want(validating("ca"))

        world.run()

        assert {443: "verify"} == world.modes()


def test_a_trust_store_that_takes_longer_comes_back_later_and_is_used_then() -> None:
    with strict_aws(Settings(trust_store_creating=60.0, virtual_clock=True)) as account:
        world = _opened(account)
        world.want(validating("ca"))

        assert (_run(world) or 1) is not None
        assert [] == world.balancer()["Listeners"]
        account.clock.advance(61)
        _run(world)

        assert {443: "verify"} == world.modes()
        assert 1 == len(world.stores())


def _run(world: Clients) -> Result | None:
    try:
        return world.run()
    except TransientError:
        return None


def test_one_that_is_still_in_use_is_left_and_found_by_the_next_deep_look() -> None:
    with strict_aws(Settings(consistency_delay=30.0, virtual_clock=True)) as account:
        world = _opened(account)
        for tls in (validating("ca"), validating("other")):
            world.want(tls)
            for _ in range(6):
                _run(world)
                account.clock.advance(31)

        world.run(trigger(cause=Cause.DEEP))

        assert 1 == len(world.stores()) == len(world.bundles())


def _swept(world: Clients, after: float, *, lives: bool = False) -> dict[str, int]:
    """Sweep so many seconds from now, with an hour's grace."""
    return world.provider.sweep(CLUSTER, lambda *_: lives, HOUR, time.time() + after)


def test_the_sweep_removes_trust_stores_of_gateways_that_are_gone_and_then_their_objects(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()

    assert [{}, {}] == [_swept(world, 9 * HOUR), _swept(world, 10 * HOUR - 60)]
    removed = _swept(world, 10 * HOUR + 60)

    assert (1, 1) == (removed["trust stores"], removed["bundles"])
    assert ([], []) == (world.stores(), world.bundles())


def test_the_sweep_leaves_what_a_gateway_uses_and_what_is_not_under_our_prefix(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    world.account.client("s3").put_object(Bucket=world.bucket, Key="theirs.pem", Body=b"")

    assert [{}, {}] == [_swept(world, after, lives=True) for after in (0, 9 * HOUR)]
    assert 1 == len(world.stores())
    assert 2 == len(world.bundles())


def test_an_object_that_never_became_a_trust_store_goes_when_it_is_old(world: Clients) -> None:
    world.account.faults.add(Fault("cut", "CreateTrustStore"))
    world.want(validating("ca"))
    with pytest.raises(ProcessCut):
        world.run()

    assert {} == _swept(world, HOUR - 60)
    assert "bundles" not in _swept(world, 9 * HOUR, lives=True)
    assert 1 == _swept(world, HOUR + 60)["bundles"]


def test_an_object_of_nobody_is_let_be_wherever_it_stands(world: Clients) -> None:
    key = f"routewright/{CLUSTER}/somebody/theirs.pem"
    world.account.client("s3").put_object(Bucket=world.bucket, Key=key, Body=b"")

    assert {} == _swept(world, 9 * HOUR)


def test_an_object_that_a_cut_run_wrote_in_vain_is_removed_by_the_next_one(world: Clients) -> None:
    world.account.faults.add(Fault("cut", "CreateTrustStore"))
    world.want(validating("ca"))
    with pytest.raises(ProcessCut):
        world.run()
    assert 1 == len(world.bundles())
    world.want(None)

    world.run()

    assert [] == world.bundles()


def test_the_feature_is_claimed_where_the_deployment_can_make_trust_stores(world: Clients) -> None:
    def claimed() -> set[str]:
        world.run(trigger("", "aws"))
        listed = world.cluster.get("GatewayClass", "", "aws")["status"]["supportedFeatures"]
        return {one["name"] for one in listed if "ClientCertificate" in one["name"]}

    both = {
        "GatewayFrontendClientCertificateValidation",
        "GatewayFrontendClientCertificateValidationInsecureFallback",
    }
    assert both == claimed()
    world.bucket = ""
    assert {"GatewayFrontendClientCertificateValidationInsecureFallback"} == claimed()
