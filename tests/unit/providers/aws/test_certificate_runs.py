"""Secrets become certificates of listeners: imported, renewed in place, swapped, never when they changed meanwhile."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from emulators.aws.faults import Fault
from providers.aws.clients import ATTEMPTS
from reconciler.certificates import CertificateFacts
from reconciler.errors import TransientError
from tests.aws_world import World, hold, secret, secure
from tests.builders import gateway, listener


def test_secrets_become_certificates_the_first_one_the_default(world: World) -> None:
    hold(world, secret("one"), secret("two"))
    secure(world, "one", "two")

    world.run()

    held = world.balancer()["Listeners"][0]["Certificates"]
    assert [True, False] == [one["IsDefault"] for one in held]
    assert ("True", "Programmed") == world.says()["Programmed"]
    assert [] == world.deep()


def test_a_renewed_secret_goes_into_the_same_arn_and_no_listener_is_touched(world: World) -> None:
    hold(world, secret("one"))
    secure(world, "one")
    world.run()
    before = world.balancer()["Listeners"][0]["Certificates"][0]["CertificateArn"]
    world.forget()
    hold(world, secret("one"))

    world.run()

    assert ["AddTagsToCertificate", "ImportCertificate"] == world.operations()
    assert before == world.balancer()["Listeners"][0]["Certificates"][0]["CertificateArn"]
    assert [] == world.deep()


def test_a_secret_with_another_key_type_is_imported_anew_and_swapped_without_a_gap(world: World) -> None:
    hold(world, secret("one"))
    secure(world, "one")
    world.run()
    before = world.balancer()["Listeners"][0]["Certificates"][0]["CertificateArn"]
    hold(world, secret("one", key=rsa.generate_private_key(public_exponent=65537, key_size=2048)))

    world.run()

    after = [one["CertificateArn"] for one in world.balancer()["Listeners"][0]["Certificates"]]
    assert before not in after[:1]
    assert 1 == len(set(after) - {before})


@pytest.mark.parametrize("renewed", [True, False])
@pytest.mark.parametrize("operation", ["ImportCertificate", "AddTagsToCertificate"])
@pytest.mark.parametrize("nth", [1, 2])
def test_what_is_served_is_what_the_secret_says_wherever_a_renewal_failed(
    world: World, operation: str, nth: int, *, renewed: bool
) -> None:
    """Whether the Secret stays renewed or is reverted: a tag never vouches for a content that is not there."""
    old, new = secret("one"), secret("one")
    hold(world, old)
    secure(world, "one")
    world.run()
    hold(world, new)
    world.account.faults.add(Fault("500", operation, nth=nth, count=ATTEMPTS))
    with suppress(TransientError):
        world.run()
    world.account.faults.clear()
    hold(world, new if renewed else old)

    world.run()

    served = world.balancer()["Listeners"][0]["Certificates"][0]["Certificate"]
    assert (new if renewed else old)["data"]["tls.crt"] == base64.b64encode(served.encode()).decode()
    assert [] == world.deep()


@pytest.mark.parametrize("turn", range(3))
def test_the_former_certificate_of_another_key_type_confuses_no_later_run(world: World, turn: int) -> None:
    """It stays until the sweep; which of the two ACM lists first is chance."""
    elliptic, rsa_key = secret("one"), secret("one", key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    for number in range(turn + 2):
        hold(world, (elliptic, rsa_key)[number % 2])
        secure(world, "one")
        world.run()

    assert [] == world.deep()


def test_a_secret_that_changed_since_the_plan_is_not_imported_and_looked_at_again(world: World) -> None:
    planned = secret("one")
    hold(world, planned)
    secure(world, "one")
    facts = world.cluster.certificates
    world.cluster.certificates = Turning(facts)

    result = world.run()

    assert result.retry_after is not None
    assert "ImportCertificate" not in world.operations()
    assert ("False", "Pending") == world.says()["Programmed"]


class Turning(list[CertificateFacts]):
    """Facts that are another Secret's from the second look on."""

    def __init__(self, facts: list[CertificateFacts]) -> None:
        super().__init__(facts)
        self._looks = 0

    def __iter__(self) -> Iterator[CertificateFacts]:
        self._looks += 1
        changed = [replace(one, fingerprint="another") for one in list.__iter__(self)]
        return iter(changed) if self._looks > 1 else list.__iter__(self)


def test_a_certificate_is_withdrawn_from_a_listener_whatever_aws_refused_elsewhere(world: World) -> None:
    hold(world, secret("one"), secret("two"), secret("three"))
    offer(world, {443: ("one", "two")})
    world.run()
    hold(world, secret("one"), secret("three"))
    offer(world, {443: ("one",), 8443: ("three",)})
    world.account.faults.add(Fault("denied", "CreateListener", "elbv2", nth=1, count=1000))

    world.run()

    assert 1 == len(world.balancer()["Listeners"][0]["Certificates"])


def test_a_certificate_stays_where_the_one_in_its_place_is_refused(world: World) -> None:
    hold(world, secret("one"), secret("two"), secret("three"))
    offer(world, {443: ("one", "two")})
    world.run()
    offer(world, {443: ("one", "three")})
    world.account.faults.add(Fault("denied", "ImportCertificate", "acm", nth=1, count=1000))

    world.run()

    assert 2 == len(world.balancer()["Listeners"][0]["Certificates"])


def offer(world: World, by_port: Mapping[int, Sequence[str]]) -> None:
    """Give the Gateway an HTTPS listener a port, each with these certificates."""
    every = [
        listener(
            f"on-{port}", port, "HTTPS", tls={"mode": "Terminate", "certificateRefs": [{"name": one} for one in names]}
        )
        for port, names in by_port.items()
    ]
    world.cluster.put(gateway(listeners=every))
