"""Certificates for tests: of servers, clients and authorities, signed by themselves or by one of these."""

from __future__ import annotations

import base64
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> str:
        """The certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        """The key, PEM."""
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, none)

    @property
    def secret_data(self) -> dict[str, str]:
        """Return what a TLS Secret holds of both."""
        parts = {"tls.crt": self.pem.encode(), "tls.key": self.key_pem}
        return {name: base64.b64encode(part).decode() for name, part in parts.items()}

    def file(self, folder: Path) -> Path:
        """Write both into one file, as a TLS client wants them."""
        path = folder / f"{self.certificate.serial_number}.pem"
        path.write_bytes(self.pem.encode() + self.key_pem)
        return path


def signed(
    name: str, *extensions: x509.ExtensionType, key: Key | None = None, by: Pair | None = None, days: int = 30
) -> Pair:
    """Return a certificate of a common name that is valid for so many days; fewer than 0: that expired.

    Without a key it gets a new one; without an issuer it signs itself. What it says of authorities is critical.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    builder = builder.issuer_name(by.certificate.subject if by else subject)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=60)).not_valid_after(now + dt.timedelta(days=days))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
    signer = by.key if by else key
    return Pair(builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()), key)


def of_server(*names: str, key: Key | None = None) -> Pair:
    """Return a certificate for DNS names that signs itself."""
    return signed(names[0], hosts(*names), key=key)


def of_authority(name: str, *extensions: x509.ExtensionType, key: Key | None = None) -> Pair:
    """Return the certificate of an authority."""
    return signed(name, x509.BasicConstraints(ca=True, path_length=None), *extensions, key=key)


def hosts(*names: str) -> x509.SubjectAlternativeName:
    """Return what says for which DNS names a certificate stands."""
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
