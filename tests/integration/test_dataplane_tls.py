"""HTTPS listeners: which certificate a client gets, and which versions of HTTP are spoken to it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.certificates import of_server
from tests.integration.dataplane_world import World, fixed, forward, opened_world, when

pytestmark = pytest.mark.integration

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS, _HEADERS = 4, 1
_STATUS_200, _STATUS_404 = 0x88, 0x8D


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    with opened_world(tmp_path) as world:
        yield world


@pytest.fixture(name="secure")
def _secure(world: World) -> World:
    """A HTTPS listener with a default certificate and two more."""
    first, *others = [certificate(world, name) for name in ("default.example.com", "a.example.com", "*.b.example.com")]
    world.open("HTTPS", Certificates=[{"CertificateArn": first}])
    for other in others:
        world.elbv2.add_listener_certificates(ListenerArn=world.listener_arn, Certificates=[{"CertificateArn": other}])
    world.settle()
    return world


def certificate(world: World, name: str) -> str:
    """Import a self-signed certificate and return its ARN."""
    made = of_server(name, key=_KEY)
    acm = world.account.client("acm")
    return str(acm.import_certificate(Certificate=made.pem.encode(), PrivateKey=made.key_pem)["CertificateArn"])


def connect(world: World, server_name: str | None, *protocols: str) -> ssl.SSLSocket:
    """Open a TLS connection that trusts everything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(list(protocols))
    raw = socket.create_connection(world.plane.address(world.dns_name, world.port), timeout=10)
    return context.wrap_socket(raw, server_hostname=server_name)


def shown_name(world: World, server_name: str | None) -> str:
    """Return the DNS name in the certificate that a client of `server_name` gets."""
    with connect(world, server_name) as connection:
        shown = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    value = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return value.get_values_for_type(x509.DNSName)[0]


def frames(connection: ssl.SSLSocket, *, most: int = 10) -> Iterator[tuple[int, bytes]]:
    """Yield HTTP/2 frames as type and payload."""
    reader = connection.makefile("rb")
    for _ in range(most):
        head = reader.read(9)
        yield head[3], reader.read(int.from_bytes(head[:3]))


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("a.example.com", "a.example.com"),
        ("x.b.example.com", "*.b.example.com"),
        ("default.example.com", "default.example.com"),
        ("unknown.example.org", "default.example.com"),
        (None, "default.example.com"),
    ],
)
def test_the_server_name_chooses_the_certificate_and_unknown_ones_get_the_default(
    secure: World, asked: str | None, shown: str
) -> None:
    assert shown == shown_name(secure, asked)


def test_a_new_default_certificate_is_shown(secure: World) -> None:
    arn = certificate(secure, "new.example.com")
    secure.elbv2.modify_listener(ListenerArn=secure.listener_arn, Certificates=[{"CertificateArn": arn}])
    secure.settle()
    assert "new.example.com" == shown_name(secure, "unknown.example.org")


def status_over_http2(world: World, host: str, path: str) -> int:
    """Ask by HTTP/2 and return the first byte of the header block: an index that stands for a status."""
    with connect(world, host, "h2", "http/1.1") as connection:
        assert "h2" == connection.selected_alpn_protocol()
        block = b"\x82\x87" + b"".join(
            bytes([index, len(text)]) + text for index, text in ((0x41, host.encode()), (0x44, path.encode()))
        )
        settings = bytes([0, 0, 0, _SETTINGS, 0, 0, 0, 0, 0])
        headers = bytes([0, 0, len(block), _HEADERS, 0x05, 0, 0, 0, 1]) + block
        connection.sendall(_PREFACE + settings + headers)
        return next(payload for kind, payload in frames(connection) if kind == _HEADERS)[0]


def status_over_http1(world: World, host: str, path: str) -> int:
    """Ask by HTTP/1.1 over TLS and return the status."""
    with connect(world, host, "http/1.1") as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return int(connection.makefile("rb").readline().split()[1])


def test_a_client_that_offers_http2_gets_it_and_an_answer(secure: World) -> None:
    assert _STATUS_404 == status_over_http2(secure, "a.example.com", "/")


def test_requests_reach_an_encrypted_target_that_speaks_http2(secure: World) -> None:
    # The target is our own listener: it speaks HTTP/2 over TLS, with a certificate that nobody verifies.
    host, port = secure.plane.address(secure.dns_name, secure.port)
    secure.pods["10.244.0.7:8080"] = f"{host}:{port}"
    secure.write_table()
    group = secure.group("self", "10.244.0.7", Protocol="HTTPS", ProtocolVersion="HTTP2")
    secure.rule(fixed(200), when("path-pattern", "PathPatternConfig", Values=["/in"]), priority=1)
    rewrite = {"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/out$", "Replace": "/in"}]}}
    secure.rule(forward(group), priority=2, Transforms=[rewrite])
    secure.settle()
    assert _STATUS_200 == status_over_http2(secure, "a.example.com", "/out")


@pytest.mark.parametrize("version", ["HTTP2", "GRPC"])
def test_a_client_of_another_version_than_the_target_group_gets_464(secure: World, version: str) -> None:
    secure.rule(forward(secure.group("pods", secure.pod(7), ProtocolVersion=version)))
    secure.settle()
    assert 464 == status_over_http1(secure, "a.example.com", "/")


def test_a_client_without_http2_is_served_by_rules_all_the_same(secure: World) -> None:
    secure.rule(fixed(418), when("host-header", "HostHeaderConfig", Values=["a.example.com"]))
    secure.settle()
    assert 418 == status_over_http1(secure, "a.example.com", "/")


def test_http2_without_tls_is_refused(world: World) -> None:
    world.open()
    world.settle()
    with socket.create_connection(world.plane.address(world.dns_name, world.port), timeout=10) as connection:
        connection.sendall(_PREFACE)
        answer = connection.makefile("rb").readline()
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505")) or answer == b""
