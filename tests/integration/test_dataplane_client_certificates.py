"""Mutual TLS with real handshakes: who gets in by which mode, what the target is told, and what a change changes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.aws_account import open_bucket
from tests.certificates import Pair
from tests.integration.dataplane_world import World, forward, opened_world
from tests.integration.tls_clients import ask, issued

pytestmark = pytest.mark.integration

_HEADER = "x-amzn-mtls-clientcert"


AUTHORITY, OTHER = issued("authority"), issued("another authority")
CLIENT, STRANGER = issued("client.example.com", AUTHORITY), issued("stranger.example.com", OTHER)
EXPIRED = issued("late.example.com", AUTHORITY, days=-1)


class Doors:
    """An HTTPS listener whose clients are validated, and clients with and without certificates."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.bucket = open_bucket(world.account)
        self.s3 = world.account.client("s3")
        served = issued("a.example.com")
        acm = world.account.client("acm")
        self.arn = acm.import_certificate(Certificate=served.pem.encode(), PrivateKey=served.key_pem)["CertificateArn"]

    def open(self, **block: Any) -> None:
        """Make the listener, with a target behind it."""
        self.world.open("HTTPS", Certificates=[{"CertificateArn": self.arn}], MutualAuthentication=block)
        self.world.rule(forward(self.world.group("pods", self.world.pod(7))))
        self.world.settle()

    def turn(self, **block: Any) -> None:
        """Validate clients in another way."""
        self.world.elbv2.modify_listener(ListenerArn=self.world.listener_arn, MutualAuthentication=block)
        self.world.settle()

    def store(self, name: str, *authorities: Pair) -> str:
        """Make a trust store; return its ARN."""
        return str(
            self.world.elbv2.create_trust_store(Name=name, **self._put(*authorities))["TrustStores"][0]["TrustStoreArn"]
        )

    def fill(self, arn: str, *authorities: Pair) -> None:
        """Put other authorities into a trust store."""
        self.world.elbv2.modify_trust_store(TrustStoreArn=arn, **self._put(*authorities))
        self.world.settle()

    def _put(self, *authorities: Pair) -> dict[str, str]:
        self.s3.put_object(Bucket=self.bucket, Key="ca.pem", Body="".join(one.pem for one in authorities).encode())
        return {"CaCertificatesBundleS3Bucket": self.bucket, "CaCertificatesBundleS3Key": "ca.pem"}

    def ask(self, client: Pair | None, **headers: str) -> dict[str, str] | None:
        """Return the headers that the target saw; None if the connection was refused."""
        return ask(self.world.plane.address(self.world.dns_name, self.world.port), client, self.folder, **headers)


@pytest.fixture(name="doors")
def _doors(tmp_path: Path) -> Iterator[Doors]:
    with opened_world(tmp_path) as world:
        yield Doors(world, tmp_path)


def test_verify_lets_in_whom_an_authority_vouches_for_and_nobody_else(doors: Doors) -> None:
    doors.open(Mode="verify", TrustStoreArn=doors.store("authorities", AUTHORITY))

    assert doors.ask(CLIENT) is not None
    assert [None] * 3 == [doors.ask(one) for one in (None, STRANGER, EXPIRED)]


def test_verify_tells_the_target_of_the_clients_certificate(doors: Doors) -> None:
    doors.open(Mode="verify", TrustStoreArn=doors.store("authorities", AUTHORITY))

    seen = doors.ask(CLIENT, X_Amzn_Mtls_Clientcert_Subject="CN=somebody.else") or {}

    certificate = CLIENT.certificate
    first, last = (
        moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        for moment in (certificate.not_valid_before_utc, certificate.not_valid_after_utc)
    )
    assert f"{certificate.serial_number:X}" == seen[f"{_HEADER}-serial-number"].lstrip("0")
    assert ("CN=authority", "CN=client.example.com") == (seen[f"{_HEADER}-issuer"], seen[f"{_HEADER}-subject"])
    assert f"NotBefore={first};NotAfter={last}" == seen[f"{_HEADER}-validity"]
    leaf = seen[f"{_HEADER}-leaf"]
    assert CLIENT.pem == unquote(leaf)
    assert not {"%2B", "%2F", "%3D"} & {leaf[place : place + 3] for place in range(len(leaf))}
    assert _HEADER not in seen


def test_verify_may_ignore_that_a_certificate_expired(doors: Doors) -> None:
    store = doors.store("authorities", AUTHORITY)
    doors.open(Mode="verify", TrustStoreArn=store, IgnoreClientCertificateExpiry=True)

    assert doors.ask(EXPIRED) is not None
    assert doors.ask(STRANGER) is None


def test_passthrough_asks_for_a_certificate_and_hands_any_on(doors: Doors) -> None:
    doors.open(Mode="passthrough")

    for one in (CLIENT, STRANGER, EXPIRED):
        assert one.pem == unquote((doors.ask(one) or {})[_HEADER])


def test_passthrough_lets_in_who_has_none_and_believes_no_header(doors: Doors) -> None:
    doors.open(Mode="passthrough")

    seen = doors.ask(None, X_Amzn_Mtls_Clientcert="forged")

    assert seen is not None
    assert _HEADER not in seen


def test_off_asks_for_no_certificate_and_tells_of_none(doors: Doors) -> None:
    doors.open(Mode="off")

    seen = doors.ask(CLIENT) or {"": "refused"}

    assert [] == [name for name in seen if not name or name.startswith(_HEADER)]


def test_a_change_of_the_trust_store_or_of_what_is_in_it_holds_for_the_next_connection(doors: Doors) -> None:
    first, second = doors.store("first", AUTHORITY), doors.store("second", OTHER)
    doors.open(Mode="verify", TrustStoreArn=first)
    assert (True, False) == tuple(doors.ask(one) is not None for one in (CLIENT, STRANGER))

    doors.turn(Mode="verify", TrustStoreArn=second)
    assert (False, True) == tuple(doors.ask(one) is not None for one in (CLIENT, STRANGER))

    doors.fill(second, AUTHORITY, OTHER)
    assert (True, True) == tuple(doors.ask(one) is not None for one in (CLIENT, STRANGER))

    doors.turn(Mode="off")
    assert doors.ask(None) is not None


def test_no_session_is_resumed_past_the_authorities(doors: Doors) -> None:
    doors.open(Mode="verify", TrustStoreArn=doors.store("first", AUTHORITY))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # its sessions are known as soon as hands are shaken
    context.load_cert_chain(CLIENT.file(doors.folder))
    address = doors.world.plane.address(doors.world.dns_name, doors.world.port)

    def again(session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool | None]:
        with (
            socket.create_connection(address, timeout=10) as raw,
            context.wrap_socket(raw, server_hostname="a.example.com", session=session) as connection,
        ):
            return connection.session, connection.session_reused

    session, _ = again(None)
    assert again(session)[1] is False
