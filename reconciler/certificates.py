"""What the centre knows of certificates: facts of key pairs, never a key, and authorities to trust."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.keys import ConfigMapRef, SecretRef


def fingerprint(certificates: Iterable[bytes]) -> str:
    """Return the fingerprint of certificates (DER), leaf first: 16 hex digits of sha256 over all of them."""
    return hashlib.sha256(b"".join(certificates)).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What may be known of a TLS Secret outside the cluster edge; never the key.

    Attributes:
        ref: the Secret.
        resource_version: of the Secret as read.
        fingerprint: first 16 hex digits of sha256 over leaf and chain (DER), "" if unreadable.
        names: DNS names of the leaf.
        key_type: e.g. `RSA_2048`, `EC_prime256v1`.
        not_after: RFC 3339 time.
        problem: why it cannot be used, "" if it can.
        warning: what is wrong with it although it is used: it expired, or is not valid yet.
    """

    ref: SecretRef
    resource_version: str = ""
    fingerprint: str = ""
    names: tuple[str, ...] = ()
    key_type: str = ""
    not_after: str = ""
    problem: str = ""
    warning: str = ""


@dataclass(frozen=True, slots=True)
class CaBundle:
    """Certificate authorities that a ConfigMap holds under `ca.crt`; public, so the text may travel.

    Attributes:
        ref: the ConfigMap.
        pem: the certificates, each as PEM, in order; "" if unusable.
        digest: first 16 hex digits of sha256 over the certificates (DER).
        problem: why it cannot be used, "" if it can.
    """

    ref: ConfigMapRef
    pem: str = ""
    digest: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of a frontend: a Secret's (`facts`) or one the cloud holds already (`cloud_id`)."""

    facts: CertificateFacts | None = None
    cloud_id: str = ""


@dataclass(frozen=True, slots=True)
class ClientValidation:
    """Clients of a frontend are asked for a certificate, which must come from one of these authorities.

    Attributes:
        bundles: certificate authorities to trust, at least one.
        mode: AllowValidOnly: without a valid certificate the handshake fails; AllowInsecureFallback: asked for, but
            whatever comes is taken.
    """

    bundles: tuple[CaBundle, ...]
    mode: str = "AllowValidOnly"
