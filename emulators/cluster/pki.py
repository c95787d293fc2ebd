"""A certificate authority for one run: server certificates for loopback, client certificates for users and groups."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = dt.timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Pair:
    """Paths of a certificate and its key, PEM."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("routewright-emulator-ca", ())
        basic = (x509.BasicConstraints(ca=True, path_length=None), True)
        usage = (_signing(), True)
        self._certificate = _sign(self._name, self._name, self._key, self._key, [basic, usage])
        self.bundle = self._write("ca", self._certificate, self._key).certificate

    def server(self, name: str, hosts: tuple[str, ...] = ("localhost", "kubernetes.default.svc")) -> Pair:
        """Issue a server certificate for 127.0.0.1 and the names given."""
        addresses = [x509.IPAddress(ipaddress.ip_address(ip)) for ip in ("127.0.0.1", "10.96.0.1")]
        names = x509.SubjectAlternativeName([*(x509.DNSName(host) for host in hosts), *addresses])
        return self._issue(name, _name(name, ()), [(names, False), _usage(ExtendedKeyUsageOID.SERVER_AUTH)])

    def client(self, user: str, groups: tuple[str, ...]) -> Pair:
        """Issue a client certificate: common name is the user, organisations are the groups."""
        return self._issue(user.replace(":", "-"), _name(user, groups), [_usage(ExtendedKeyUsageOID.CLIENT_AUTH)])

    def key_pair(self, name: str) -> Pair:
        """Make a bare key pair (ServiceAccount tokens); `certificate` is the public key."""
        key = ec.generate_private_key(ec.SECP256R1())
        pair = Pair(self._folder / f"{name}.pub", self._folder / f"{name}.key")
        pair.key.write_bytes(_key_pem(key))
        pair.key.chmod(0o600)
        pair.certificate.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return pair

    def _issue(self, file: str, subject: x509.Name, extensions: list[tuple[x509.ExtensionType, bool]]) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(file, _sign(subject, self._name, key, self._key, extensions), key)

    def _write(self, file: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
        pair = Pair(self._folder / f"{file}.crt", self._folder / f"{file}.key")
        pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        pair.key.write_bytes(_key_pem(key))
        pair.key.chmod(0o600)
        return pair


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(common: str, groups: tuple[str, ...]) -> x509.Name:
    organisations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organisations, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(oid: x509.ObjectIdentifier) -> tuple[x509.ExtensionType, bool]:
    return x509.ExtendedKeyUsage([oid]), False


def _signing() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + _LIFE)
    )
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    subject_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    for extension, critical in [*extensions, (issuer_id, False), (subject_id, False)]:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuer_key, hashes.SHA256())
