"""TLS Secrets become facts (never with the key) and, at the moment of import, key pairs; ConfigMaps become bundles.

Pure: no cluster, no clock.

What cannot be used is a fact as well: `problem` is a stable sentence that says what to change. A certificate out of its
time is no such problem but a `warning`: the reference is valid, and clients that look away are better served than none.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from reconciler.certificates import CaBundle, CertificateFacts, fingerprint
from reconciler.gatewayapi.values import mapping, text
from reconciler.keys import ConfigMapRef, SecretRef
from reconciler.ports import KeyPair

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes, PrivateKeyTypes

SECRET_TYPE = "kubernetes.io/tls"  # noqa: S105 - the name of a Secret's type
CA_KEY = "ca.crt"
_CURVES = {"secp256r1": "prime256v1"}
"""Curves whose usual name in certificates (OpenSSL, ACM) differs from the library's."""
_UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)


class _UnusableError(Exception):
    """Why a Secret cannot be used; becomes `CertificateFacts.problem`."""


def facts_of(secret: Mapping[str, Any], now: datetime) -> CertificateFacts:
    """Return what may be known of a Secret (plain dict, `data` or, in a manifest, `stringData`) at a time."""
    meta = mapping(secret.get("metadata"))
    ref = SecretRef(text(meta.get("namespace")), text(meta.get("name")))
    version = text(meta.get("resourceVersion"))
    try:
        certificates = _certificates(secret)
        leaf = certificates[0]
        names, key_type = _names(leaf), _key_type(leaf.public_key())
    except (_UnusableError, *_UNREADABLE) as error:
        problem = str(error) if isinstance(error, _UnusableError) else "tls.crt holds a certificate that is malformed"
        return CertificateFacts(ref, version, problem=problem)
    return CertificateFacts(
        ref=ref,
        resource_version=version,
        fingerprint=_fingerprint(certificates),
        names=names,
        key_type=key_type,
        not_after=_rfc3339(leaf.not_valid_after_utc),
        problem=_problem(secret, certificates),
        warning=_out_of_time(leaf, now),
    )


def key_pair_of(secret: Mapping[str, Any]) -> tuple[KeyPair, str]:
    """Return the key pair of a Secret and its fingerprint; the key as unencrypted PKCS #8.

    Raises ValueError, saying what is wrong without any of the content, for a Secret that cannot be used.
    """
    try:
        certificates, key = _certificates(secret), _private_key(secret)
    except _UnusableError as error:
        raise ValueError(str(error)) from None
    pem = [one.public_bytes(serialization.Encoding.PEM).decode() for one in certificates]
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return KeyPair(pem[0], "".join(pem[1:]), private.decode()), _fingerprint(certificates)


def bundle_of(config_map: Mapping[str, Any]) -> CaBundle:
    """Return the certificate authorities of a ConfigMap (plain dict) with the key `ca.crt`."""
    meta = mapping(config_map.get("metadata"))
    ref = ConfigMapRef(text(meta.get("namespace")), text(meta.get("name")))
    content = mapping(config_map.get("data")).get(CA_KEY)
    if not isinstance(content, str) or not content.strip():
        return CaBundle(ref, problem=f"{CA_KEY} is missing or empty; put the authorities' certificates there, as PEM")
    try:
        found = list(dict.fromkeys(x509.load_pem_x509_certificates(content.encode())))
    except _UNREADABLE:
        return CaBundle(ref, problem=f"{CA_KEY} holds no PEM certificate; put the authorities' certificates there")
    pem = "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in found)
    return CaBundle(ref, pem, _fingerprint(found))


def _problem(secret: Mapping[str, Any], certificates: Sequence[x509.Certificate]) -> str:
    if (kind := secret.get("type") or "Opaque") != SECRET_TYPE:
        return f"type is {kind}; create it anew with type {SECRET_TYPE}"
    try:
        _check_key(_private_key(secret), certificates)
    except _UnusableError as error:
        return str(error)
    return ""


def _out_of_time(leaf: x509.Certificate, now: datetime) -> str:
    if now >= leaf.not_valid_after_utc:
        return f"the certificate expired at {_rfc3339(leaf.not_valid_after_utc)}; renew it"
    if now < leaf.not_valid_before_utc:
        return f"the certificate is not valid before {_rfc3339(leaf.not_valid_before_utc)}; use one that is valid now"
    return ""


def _certificates(secret: Mapping[str, Any]) -> list[x509.Certificate]:
    content = _content(secret, "tls.crt")
    try:
        return x509.load_pem_x509_certificates(content)
    except _UNREADABLE:
        raise _UnusableError("tls.crt holds no PEM certificate; put the leaf there, then its chain") from None


def _private_key(secret: Mapping[str, Any]) -> PrivateKeyTypes:
    content = _content(secret, "tls.key")
    try:
        return serialization.load_pem_private_key(content, password=None)
    except _UNREADABLE:
        raise _UnusableError("tls.key holds no unencrypted PEM private key; put the leaf's key there") from None


def _content(secret: Mapping[str, Any], name: str) -> bytes:
    plain, encoded = mapping(secret.get("stringData")).get(name), mapping(secret.get("data")).get(name)
    if isinstance(plain, str) and plain:
        return plain.encode()
    if not isinstance(encoded, str) or not encoded:
        raise _UnusableError(f"{name} is missing or empty; a Secret of type {SECRET_TYPE} holds tls.crt and tls.key")
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _UnusableError(f"{name} is not base64; encode its content once") from None


def _check_key(key: PrivateKeyTypes, certificates: Sequence[x509.Certificate]) -> None:
    mine = _public_bytes(key.public_key())
    matching = [place for place, one in enumerate(certificates) if _public_bytes(one.public_key()) == mine]
    if not matching:
        raise _UnusableError(
            "tls.key does not belong to the certificate in tls.crt; put the pair that belongs together"
        )
    if matching[0] > 0:
        raise _UnusableError(f"tls.key belongs to certificate {matching[0] + 1} of tls.crt; put that one first")


def _public_bytes(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _names(leaf: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(sorted({name.lower() for name in extension.value.get_values_for_type(x509.DNSName)}))


def _key_type(key: CertificatePublicKeyTypes) -> str:
    """Return the name that clouds use: RSA_2048, EC_prime256v1; else the algorithm, e.g. ED25519."""
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA_{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return f"EC_{_CURVES.get(key.curve.name, key.curve.name)}"
    return type(key).__name__.removesuffix("PublicKey").lstrip("_").upper()


def _fingerprint(certificates: Sequence[x509.Certificate]) -> str:
    return fingerprint(one.public_bytes(serialization.Encoding.DER) for one in certificates)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
