"""Trust stores and the listeners that verify clients by them, by plain boto3; the table is in the emulator's README."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from tests.aws_account import open_bucket
from tests.certificates import of_authority
from tests.unit.emulators.aws.conftest import EC_KEY, World, refused


class Trust:
    """A world with a bucket, and short ways to fill it and to make trust stores."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.elbv2 = world.elbv2
        self.s3 = world.account.client("s3")
        self.bucket = open_bucket(world.account)

    def put(self, content: bytes, key: str = "ca.pem") -> str:
        """Write an object; return its key."""
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content)
        return key

    def store(self, name: str = "authorities", key: str = "ca.pem", **options: Any) -> str:
        """Make a trust store; return its ARN."""
        made = self.elbv2.create_trust_store(Name=name, **self.place(key), **options)
        return str(made["TrustStores"][0]["TrustStoreArn"])

    def place(self, key: str = "ca.pem") -> dict[str, str]:
        """Return where an object stands."""
        return {"CaCertificatesBundleS3Bucket": self.bucket, "CaCertificatesBundleS3Key": key}

    def listener(self, balancer: str, port: int, **block: Any) -> str:
        """Make an HTTPS listener with this block; return its ARN."""
        certificate = self.world.certificate("a.example.com")
        options = {"Certificates": [{"CertificateArn": certificate}], "MutualAuthentication": block}
        return self.world.listener(balancer, port, "HTTPS", **options)

    def verify(self, balancer: str, port: int, store: str) -> str:
        """Make a listener that verifies its clients; return its ARN."""
        return self.listener(balancer, port, Mode="verify", TrustStoreArn=store)


@pytest.fixture(name="trust")
def _trust(world: World) -> Trust:
    found = Trust(world)
    found.put(authority("ca"))
    return found


@pytest.fixture(name="slow")
def _slow() -> Iterator[Trust]:
    with strict_aws(Settings(virtual_clock=True, trust_store_creating=5.0, consistency_delay=3.0)) as account:
        found = Trust(World(account))
        found.put(authority("ca"))
        yield found


def authority(name: str, key: Any = EC_KEY, extra: int = 0) -> bytes:
    """Return the certificate of an authority, PEM, with so many bytes more in an extension."""
    note = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(extra))
    return of_authority(name, *([note] if extra else []), key=key).pem.encode()


def test_trust_stores_are_shown_with_the_number_of_their_certificates_and_carry_tags(trust: Trust) -> None:
    trust.put(authority("one") + authority("two"), "two.pem")
    arn = trust.store("two", "two.pem", Tags=[{"Key": "team", "Value": "a"}])

    (shown,) = trust.elbv2.describe_trust_stores(Names=["two"])["TrustStores"]
    (tags,) = trust.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]

    assert f":truststore/two/{arn.rpartition('/')[2]}" in arn
    told = shown["Name"], shown["Status"], shown["NumberOfCaCertificates"], shown["TrustStoreArn"]
    assert ("two", "ACTIVE", 2, arn) == told
    assert [{"Key": "team", "Value": "a"}] == tags["Tags"]
    tagging = trust.world.account.client("resourcegroupstaggingapi")
    listed = tagging.get_resources(ResourceTypeFilters=["elasticloadbalancing:truststore"])["ResourceTagMappingList"]
    assert [arn] == [one["ResourceARN"] for one in listed]


@pytest.mark.parametrize("name", ["-a", "a-", "a--b", "a_b", "a" * 33])
def test_trust_stores_have_names_of_letters_digits_and_single_hyphens(trust: Trust, name: str) -> None:
    with refused("ValidationError"):
        trust.world.unchecked.create_trust_store(Name=name, **trust.place())


def test_trust_stores_have_names_of_their_own_even_for_the_same_content(trust: Trust) -> None:
    trust.store()

    with refused("DuplicateTrustStoreName"):
        trust.store()


def test_trust_stores_are_at_most_twenty_in_an_account(trust: Trust) -> None:
    for number in range(20):
        trust.store(f"store-{number}")

    with refused("TooManyTrustStores"):
        trust.store("one-more")


def test_trust_stores_are_made_from_objects_that_exist(trust: Trust) -> None:
    with refused("CaCertificatesBundleNotFound"):
        trust.store(key="other.pem")
    with refused("CaCertificatesBundleNotFound"):
        trust.elbv2.create_trust_store(
            Name="a", CaCertificatesBundleS3Bucket="another-bucket", CaCertificatesBundleS3Key="ca.pem"
        )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no certificate",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        authority("small", rsa.generate_private_key(public_exponent=65537, key_size=1024)),  # noqa: S505 - what AWS refuses
        authority("curve", ec.generate_private_key(ec.SECP256K1())),
        authority("edwards", ed25519.Ed25519PrivateKey.generate()),
        authority("large", extra=16 * 1024),
        b"".join(authority(str(number)) for number in range(26)),
        authority("good") + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ],
    ids=["empty", "no PEM", "no DER", "RSA 1024", "secp256k1", "Ed25519", "over 16 KB", "26", "one of two"],
)
def test_trust_stores_take_a_bundle_whole_or_not_at_all(trust: Trust, content: bytes) -> None:
    store = trust.store()
    trust.put(content)

    with refused("InvalidCaCertificatesBundle"):
        trust.store("another")
    with refused("InvalidCaCertificatesBundle"):
        trust.elbv2.modify_trust_store(TrustStoreArn=store, **trust.place())
    assert 1 == trust.elbv2.describe_trust_stores()["TrustStores"][0]["NumberOfCaCertificates"]


def test_trust_stores_take_twenty_five_certificates(trust: Trust) -> None:
    trust.put(b"".join(authority(str(number)) for number in range(25)))

    trust.store()

    assert 25 == trust.elbv2.describe_trust_stores()["TrustStores"][0]["NumberOfCaCertificates"]


def test_trust_stores_keep_their_own_copy_until_they_are_modified(trust: Trust, balancer: str) -> None:
    first = authority("first")
    trust.put(first)
    store = trust.store()
    trust.verify(balancer, 443, store)
    trust.put(authority("one") + authority("two"))
    trust.s3.delete_object(Bucket=trust.bucket, Key="ca.pem")

    def served() -> str:
        (found,) = trust.world.account.state()["loadBalancers"][0]["Listeners"]
        return str(found["CaCertificates"])

    assert first.decode().strip() == served()
    trust.put(second := authority("second"))
    trust.elbv2.modify_trust_store(TrustStoreArn=store, **trust.place())
    assert second.decode().strip() == served()


def test_trust_stores_that_nobody_has_are_not_found(trust: Trust, balancer: str) -> None:
    gone = trust.store()
    trust.elbv2.delete_trust_store(TrustStoreArn=gone)

    for call in (trust.elbv2.delete_trust_store, lambda **one: trust.elbv2.modify_trust_store(**one, **trust.place())):
        with refused("TrustStoreNotFound"):
            call(TrustStoreArn=gone)
    with refused("TrustStoreNotFound"):
        trust.elbv2.describe_trust_stores(TrustStoreArns=[gone])
    with refused("TrustStoreNotFound"):
        trust.elbv2.describe_trust_stores(Names=["authorities"])
    with refused("TrustStoreNotFound"):
        trust.verify(balancer, 443, gone)
    assert [] == trust.elbv2.describe_trust_stores()["TrustStores"]


def test_trust_stores_are_paged(trust: Trust) -> None:
    for number in range(3):
        trust.store(f"store-{number}")

    first = trust.elbv2.describe_trust_stores(PageSize=2)
    second = trust.elbv2.describe_trust_stores(PageSize=2, Marker=first["NextMarker"])

    assert [2, 1] == [len(one["TrustStores"]) for one in (first, second)]


def test_trust_stores_are_no_use_until_they_are_active(slow: Trust) -> None:
    store, balancer = slow.store(), slow.world.balancer()
    slow.world.account.clock.advance(4)
    assert "CREATING" == slow.elbv2.describe_trust_stores()["TrustStores"][0]["Status"]
    with refused("TrustStoreNotReady"):
        slow.verify(balancer, 443, store)
    slow.world.account.clock.advance(1)

    slow.verify(balancer, 443, store)


def test_trust_stores_are_unseen_at_first_and_in_use_a_moment_longer_than_they_are(slow: Trust) -> None:
    store, balancer = slow.store(), slow.world.balancer()
    assert [] == slow.elbv2.describe_trust_stores()["TrustStores"]
    slow.world.account.clock.advance(5)
    listener = slow.verify(balancer, 443, store)
    slow.world.account.clock.advance(5)
    with refused("TrustStoreInUse"):
        slow.elbv2.delete_trust_store(TrustStoreArn=store)
    slow.elbv2.modify_listener(ListenerArn=listener, MutualAuthentication={"Mode": "off"})
    with refused("TrustStoreInUse"):
        slow.elbv2.delete_trust_store(TrustStoreArn=store)
    slow.world.account.clock.advance(3)

    slow.elbv2.delete_trust_store(TrustStoreArn=store)


def test_trust_stores_are_free_again_when_the_load_balancer_is_gone(trust: Trust, balancer: str) -> None:
    store = trust.store()
    trust.verify(balancer, 443, store)
    with refused("TrustStoreInUse"):
        trust.elbv2.delete_trust_store(TrustStoreArn=store)

    trust.elbv2.delete_load_balancer(LoadBalancerArn=balancer)

    trust.elbv2.delete_trust_store(TrustStoreArn=store)


def test_trust_stores_verify_the_clients_of_at_most_two_listeners_of_a_load_balancer(
    trust: Trust, balancer: str
) -> None:
    store = trust.store()
    first = trust.verify(balancer, 443, store)
    trust.verify(balancer, 444, store)
    with refused("ValidationError", "at most '2'"):
        trust.verify(balancer, 445, store)
    third = trust.listener(balancer, 445, Mode="passthrough")
    verify = {"Mode": "verify", "TrustStoreArn": store}
    with refused("ValidationError", "at most '2'"):
        trust.elbv2.modify_listener(ListenerArn=third, MutualAuthentication=verify)

    trust.elbv2.modify_listener(ListenerArn=first, MutualAuthentication={"Mode": "passthrough"})
    shown = trust.elbv2.modify_listener(ListenerArn=third, MutualAuthentication=verify)["Listeners"][0]

    assert {**verify, "IgnoreClientCertificateExpiry": False} == {
        name: value for name, value in shown["MutualAuthentication"].items() if name != "AdvertiseTrustStoreCaNames"
    }


def test_trust_stores_belong_to_the_mode_verify_alone(trust: Trust, balancer: str) -> None:
    store = trust.store()
    listener = trust.listener(balancer, 443, Mode="off")
    for block in (
        {"Mode": "passthrough", "TrustStoreArn": store},
        {"Mode": "off", "IgnoreClientCertificateExpiry": True},
        {"Mode": "verify"},
        {"Mode": "verify", "TrustStoreArn": store, "AdvertiseTrustStoreCaNames": "perhaps"},
    ):
        with refused("ValidationError"):
            trust.world.unchecked.modify_listener(ListenerArn=listener, MutualAuthentication=block)
