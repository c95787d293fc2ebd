"""TLS Secrets: facts for those that can be used, one clear sentence for those that cannot, never the key."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from kube.certificates import facts_of, key_pair_of
from reconciler.keys import SecretRef

NOW = datetime(2026, 1, 1, tzinfo=UTC)
type Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """The certificate, PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key, PEM (PKCS #8)."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def der(self) -> bytes:
        """The certificate, DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)


def issue(*names: str, key: Key | None = None, start: datetime = NOW, days: int = 90) -> Issued:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=days))
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Issued(builder.sign(key, algorithm), key)


def secret(crt: bytes | None, key: bytes | None, kind: str = "kubernetes.io/tls") -> dict[str, Any]:
    contents = {"tls.crt": crt, "tls.key": key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": kind,
        "metadata": {"namespace": "shop", "name": "cert", "resourceVersion": "12"},
        "data": {name: base64.b64encode(content).decode() for name, content in contents.items() if content is not None},
    }


def problem(item: dict[str, Any]) -> str:
    return facts_of(item, NOW).problem


def test_a_good_secret_gives_its_facts() -> None:
    leaf, chain = issue("b.example.com", "*.A.example.com"), issue()
    facts = facts_of(secret(leaf.pem + chain.pem, leaf.key_pem), NOW)
    assert SecretRef("shop", "cert") == facts.ref
    assert facts.resource_version == "12"
    assert facts.names == ("*.a.example.com", "b.example.com")
    assert facts.key_type == "EC_prime256v1"
    assert facts.not_after == "2026-04-01T00:00:00Z"
    assert facts.problem == ""
    assert hashlib.sha256(leaf.der + chain.der).hexdigest()[:16] == facts.fingerprint


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (rsa.generate_private_key(65537, 2048), "RSA_2048"),
        (ec.generate_private_key(ec.SECP384R1()), "EC_secp384r1"),
        (ec.generate_private_key(ec.SECP521R1()), "EC_secp521r1"),
        (ed25519.Ed25519PrivateKey.generate(), "ED25519"),
    ],
)
def test_key_types_have_the_names_that_clouds_use(key: Key, expected: str) -> None:
    one = issue("a.example.com", key=key)
    facts = facts_of(secret(one.pem, one.key_pem), NOW)
    assert (expected, "") == (facts.key_type, facts.problem)


def test_a_manifest_may_hold_its_content_as_plain_text() -> None:
    one = issue("a.example.com")
    plain = {"tls.crt": one.pem.decode(), "tls.key": one.key_pem.decode()}
    item = {"metadata": {"name": "cert"}, "type": "kubernetes.io/tls", "stringData": plain}
    assert problem(item) == ""


def test_a_certificate_without_names_is_no_problem_here() -> None:
    one = issue()
    facts = facts_of(secret(one.pem, one.key_pem), NOW)
    assert ((), "") == (facts.names, facts.problem)


def test_another_type_of_secret_is_refused() -> None:
    one = issue()
    assert "type is Opaque; create it anew with type kubernetes.io/tls" == problem(
        secret(one.pem, one.key_pem, kind="Opaque")
    )


def test_a_missing_certificate_is_named() -> None:
    expected = "tls.crt is missing or empty; a Secret of type kubernetes.io/tls holds tls.crt and tls.key"
    assert expected == problem(secret(None, issue().key_pem))


def test_a_missing_key_is_named_and_the_certificate_known_all_the_same() -> None:
    facts = facts_of(secret(issue("a.example.com").pem, b""), NOW)
    assert facts.problem == "tls.key is missing or empty; a Secret of type kubernetes.io/tls holds tls.crt and tls.key"
    assert facts.names == ("a.example.com",)


def test_text_that_is_no_certificate_is_refused() -> None:
    expected = "tls.crt holds no PEM certificate; put the leaf there, then its chain"
    assert expected == problem(secret(b"hello", issue().key_pem))
    broken = b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"
    assert expected == problem(secret(broken, issue().key_pem))


def test_data_that_is_not_base64_is_refused() -> None:
    item = secret(None, None)
    item["data"] = {"tls.crt": "%%%"}
    assert problem(item) == "tls.crt is not base64; encode its content once"


def test_an_encrypted_key_is_refused() -> None:
    one = issue()
    locked = one.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"word"),
    )
    expected = "tls.key holds no unencrypted PEM private key; put the leaf's key there"
    assert expected == problem(secret(one.pem, locked))


def test_a_key_of_another_certificate_is_refused() -> None:
    expected = "tls.key does not belong to the certificate in tls.crt; put the pair that belongs together"
    assert expected == problem(secret(issue().pem, issue().key_pem))


def test_a_chain_before_its_leaf_is_refused() -> None:
    leaf, chain = issue("a.example.com"), issue()
    expected = "tls.key belongs to certificate 2 of tls.crt; put that one first"
    assert expected == problem(secret(chain.pem + leaf.pem, leaf.key_pem))


def test_an_expired_certificate_is_used_and_told_from_its_last_moment_on() -> None:
    one = issue(start=NOW - timedelta(days=90), days=90)
    facts = facts_of(secret(one.pem, one.key_pem), NOW)
    assert ("", "the certificate expired at 2026-01-01T00:00:00Z; renew it") == (facts.problem, facts.warning)


def test_a_certificate_of_tomorrow_is_used_and_told() -> None:
    one = issue(start=NOW + timedelta(days=1))
    facts = facts_of(secret(one.pem, one.key_pem), NOW)
    expected = "the certificate is not valid before 2026-01-02T00:00:00Z; use one that is valid now"
    assert ("", expected) == (facts.problem, facts.warning)


def test_a_key_pair_is_leaf_chain_and_key_apart() -> None:
    leaf, chain = issue("a.example.com"), issue()
    item = secret(leaf.pem + chain.pem, leaf.key_pem)
    pair, fingerprint = key_pair_of(item)
    assert (leaf.pem.decode(), chain.pem.decode(), leaf.key_pem.decode()) == (
        pair.certificate,
        pair.chain,
        pair.private_key,
    )
    assert facts_of(item, NOW).fingerprint == fingerprint


def test_neither_facts_nor_pairs_print_the_key() -> None:
    one = issue("a.example.com")
    item = secret(one.pem, one.key_pem)
    shown = repr(facts_of(item, NOW)) + repr(key_pair_of(item)[0])
    assert "PRIVATE" not in shown


def test_a_pair_that_cannot_be_used_says_why_without_its_content() -> None:
    with pytest.raises(ValueError, match=r"tls\.key holds no unencrypted PEM private key") as caught:
        key_pair_of(secret(issue().pem, b"my secret words"))
    assert "my secret words" not in str(caught.value)
