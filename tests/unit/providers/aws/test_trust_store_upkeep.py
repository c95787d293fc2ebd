"""Trust stores and their objects in the bucket: mended, told from those of others, removed when nobody owns them."""

from __future__ import annotations

import time

import pytest

from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from providers.aws.names import CLUSTER as CLUSTER_TAG
from providers.aws.names import GATEWAY, GATEWAY_UID
from reconciler.events import Cause
from tests.aws_world import authority, validating
from tests.builders import CLUSTER
from tests.fakes import trigger
from tests.unit.providers.aws.trust_world import Clients, opened, run_or_wait, trust_world

__all__ = ["trust_world"]

HOUR = 3600.0


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

    assert [] == world.deep()
    assert ("False", "Invalid") == world.says()["Programmed"]


def test_a_foreign_trust_store_whose_name_only_begins_like_ours_is_let_be(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    place = {"CaCertificatesBundleS3Bucket": world.bucket, "CaCertificatesBundleS3Key": "theirs"}
    world.account.client("s3").put_object(Bucket=world.bucket, Key="theirs", Body=authority().pem.encode())
    world.account.client("elbv2").create_trust_store(Name=f"{world.stores()[0][:-8]}theirs", **place)

    assert world.is_settled()
    assert 2 == len(world.stores())


@pytest.mark.parametrize("tag", [CLUSTER_TAG, GATEWAY, GATEWAY_UID])
def test_a_trust_store_that_one_tag_gives_to_somebody_else_is_let_be(world: Clients, tag: str) -> None:
    """The names of a namesake's begin like ours."""
    world.want(validating("ca"))
    world.run()
    (former,) = world.account.client("elbv2").describe_trust_stores()["TrustStores"]
    tags = [{"Key": tag, "Value": "another"}]
    world.account.client("elbv2").add_tags(ResourceArns=[former["TrustStoreArn"]], Tags=tags)
    world.want(validating("other"))

    world.run()
    world.run(trigger(cause=Cause.DEEP))

    assert former["Name"] in world.stores()
    assert 2 == len(world.stores())


def test_an_object_that_somebody_deleted_is_written_again_by_a_deep_look(world: Clients) -> None:
    world.want(validating("ca"))
    world.run()
    key = world.account.client("s3").list_objects_v2(Bucket=world.bucket)["Contents"][0]["Key"]
    world.account.client("s3").delete_object(Bucket=world.bucket, Key=key)

    assert ["PutObject"] == world.deep()


def test_one_that_is_still_in_use_is_left_and_found_by_the_next_deep_look() -> None:
    with strict_aws(Settings(consistency_delay=30.0, virtual_clock=True)) as account:
        world = opened(account)
        for tls in (validating("ca"), validating("other")):
            world.want(tls)
            for _ in range(6):
                run_or_wait(world)
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
