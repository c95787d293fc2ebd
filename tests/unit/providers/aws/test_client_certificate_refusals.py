"""Where clients cannot be verified as asked, no port opens without it, and the rest is served."""

from __future__ import annotations

import pytest

from emulators.aws.faults import Fault
from tests.aws_world import authority, validating
from tests.builders import backend, exact, listener, route, rule
from tests.fakes import trigger
from tests.unit.providers.aws.trust_world import Clients, trust_world

__all__ = ["trust_world"]


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


def test_a_deployment_that_may_not_look_at_trust_stores_serves_who_asks_for_none(world: Clients) -> None:
    world.account.faults.add(Fault("denied", "DescribeTrustStores", count=9), Fault("denied", "ListObjectsV2", count=9))
    world.want(None)

    world.run()

    assert ("True", "Programmed") == world.says()["Programmed"]
    assert world.is_settled()


def test_a_bucket_that_does_not_exist_costs_only_who_needs_it(world: Clients) -> None:
    world.bucket = "a-bucket-that-nobody-made"
    world.want(None)
    world.run()
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert world.is_settled()

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
