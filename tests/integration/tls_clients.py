"""TLS clients with and without certificates, and the authorities that vouch for them."""

from __future__ import annotations

import datetime as dt
import json
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        """The key, PEM."""
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, none)

    def file(self, folder: Path) -> Path:
        """Write both into one file, as a TLS client wants them."""
        path = folder / f"{self.certificate.serial_number}.pem"
        path.write_bytes(self.pem.encode() + self.key_pem)
        return path


def issued(name: str, by: Pair | None = None, *, days: int = 30) -> Pair:
    """Return a certificate for a name; without an issuer that of an authority. Fewer than 0 days: expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = by.certificate.subject if by else subject
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(days=60))
    builder = builder.not_valid_after(now + dt.timedelta(days=days))
    builder = builder.add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return Pair(builder.sign(by.key if by else key, hashes.SHA256()), key)


def ask(
    address: tuple[str, int], client: Pair | None, folder: Path, name: str = "a.example.com", **headers: str
) -> dict[str, str] | None:
    """Ask by HTTPS on a new connection; return the headers that the target saw, None if it was refused.

    Underscores in header names stand for hyphens; what a client needs on disk is written to `folder`.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if client is not None:
        context.load_cert_chain(client.file(folder))
    lines = "".join(f"{header.replace('_', '-')}: {value}\r\n" for header, value in headers.items())
    request = f"GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n{lines}\r\n"
    try:
        with (
            socket.create_connection(address, timeout=10) as raw,
            context.wrap_socket(raw, server_hostname=name) as connection,
        ):
            connection.sendall(request.encode())
            answer = connection.makefile("rb").read()
    except (ssl.SSLError, ConnectionError):
        return None
    if not answer:
        return None
    found: dict[str, str] = json.loads(answer.partition(b"\r\n\r\n")[2])["headers"]
    return found
