"""Clients of HTTPS listeners are verified by trust stores: made first, swapped without a gap, left when nobody asks."""

from __future__ import annotations

from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from tests.aws_world import authority, validating
from tests.builders import backend, exact, route, rule
from tests.unit.providers.aws.trust_world import Clients, opened, trust_world

__all__ = ["trust_world"]


def test_clients_are_verified_by_one_trust_store_for_all_ports(world: Clients) -> None:
    world.want(validating("ca"), 443, 8443)

    world.run()

    assert {443: "verify", 8443: "verify"} == world.modes()
    assert world.cluster.bundles[0].pem.strip() == world.trusted().strip() == world.trusted(8443).strip()
    assert [f"{name}.pem" for name in world.stores()] == world.bundles()
    assert 1 == len(world.stores())
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert world.is_settled()


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
    assert world.is_settled()


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
    assert world.is_settled()


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
    assert world.is_settled()


def test_what_asks_no_more_leaves_nothing_behind(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()

    world.want(None)
    world.run()

    assert ({443: "off"}, [], []) == (world.modes(), world.stores(), world.bundles())
    assert world.is_settled()


def test_a_gateway_that_goes_takes_its_trust_store_and_its_object_along(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    world.cluster.remove("Gateway", "infra", "gw")

    world.run()

    assert ([], []) == (world.stores(), world.bundles())
    assert [] == world.account.state()["loadBalancers"]
    assert ("Gateway", "infra", "gw") not in world.cluster.objects


def test_a_trust_store_that_is_not_active_yet_is_waited_for() -> None:
    with strict_aws(Settings(trust_store_creating=0.4)) as account:
        world = opened(account)
        world.want(validating("ca"))

        world.run()

        assert {443: "verify"} == world.modes()


def test_a_trust_store_that_takes_longer_comes_back_later_and_is_used_then() -> None:
    with strict_aws(Settings(trust_store_creating=60.0, virtual_clock=True)) as account:
        world = opened(account)
        world.want(validating("ca"))

        assert world.run().retry_after is not None
        assert ("False", "Pending") == world.says()["Programmed"]
        assert [] == world.balancer()["Listeners"]
        account.clock.advance(61)
        assert world.run().retry_after is None

        assert {443: "verify"} == world.modes()
        assert 1 == len(world.stores())
