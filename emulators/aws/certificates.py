"""Certificates of listeners: what ELBv2 accepts from ACM, the default certificate and the list behind SNI.

Attributes of this module's records: `Listener.certificates[0]` is the default, the rest is the SNI list. The default
may also stand in the list: it is then shown twice.
"""

from __future__ import annotations

from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID, NameOID

from emulators.aws.errors import AwsError, invalid
from emulators.aws.paging import page
from emulators.aws.records import Listener, LoadBalancer, Request
from emulators.aws.region import Region

SECURE = frozenset({"HTTPS", "TLS"})
RSA_BITS = frozenset({2048, 3072, 4096})


def default_certificate(region: Region, certificates: list[dict[str, Any]] | None, protocol: str) -> str:
    """Return the ARN of the one certificate that a secure listener must be given.

    Raises:
        AwsError: ValidationError for none or several, CertificateNotFound, UnsupportedCertificate.
    """
    if not certificates:
        raise invalid(f"A certificate must be specified for {protocol} listeners")
    if len(certificates) > 1:
        raise invalid(f"Exactly one default certificate must be specified, but '{len(certificates)}' were")
    arn = certificates[0].get("CertificateArn", "")
    if "IsDefault" in certificates[0]:
        raise invalid("'IsDefault' cannot be specified for the default certificate of a listener")
    check_certificate(region, arn)
    return str(arn)


def check_certificate(region: Region, arn: str) -> None:
    """Refuse a certificate that ELBv2 cannot see or use.

    Raises:
        AwsError: CertificateNotFound, UnsupportedCertificate.
    """
    pem = region.acm.pem(arn)
    fresh = region.settings.certificate_delay
    if pem is None or (fresh and region.clock.now() < region.acm.imported_at(arn) + fresh):
        raise AwsError("CertificateNotFound", f"Certificate ARN '{arn}' not found")
    certificate = x509.load_pem_x509_certificate(pem["Certificate"].encode())
    named = region.settings.allow_any_certificate or any(map(_is_qualified, _names(certificate)))
    if not named or not _has_supported_key(certificate):
        raise AwsError(
            "UnsupportedCertificate",
            f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, "
            "and a supported key size.",
        )


def add_listener_certificates(region: Region, request: Request) -> dict[str, Any]:
    """Answer AddListenerCertificates: one certificate a call; adding one again changes nothing."""
    listener = region.listener(request["ListenerArn"])
    arn = _single(request)
    _refuse_insecure(listener)
    check_certificate(region, arn)
    if arn not in listener.certificates[1:]:
        _check_room(region, region.owner(listener), arn)
        listener.certificates.append(arn)
    return {"Certificates": [{"CertificateArn": arn, "IsDefault": False}]}


def remove_listener_certificates(region: Region, request: Request) -> dict[str, Any]:
    """Answer RemoveListenerCertificates: takes from the list only; the default certificate cannot be removed."""
    listener = region.listener(request["ListenerArn"])
    arn = _single(request)
    _refuse_insecure(listener)
    if arn in listener.certificates[1:]:
        position = listener.certificates.index(arn, 1)
        del listener.certificates[position]
    elif arn == listener.certificates[0]:
        raise AwsError("OperationNotPermitted", f"The default certificate '{arn}' cannot be removed from the listener")
    return {}


def describe_listener_certificates(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeListenerCertificates: the default first, and once more if it is also in the list."""
    listener = region.listener(request["ListenerArn"])
    items = [{"CertificateArn": arn, "IsDefault": index == 0} for index, arn in enumerate(listener.certificates)]
    return page(items, request, "Certificates")


def users_of_certificate(region: Region, arn: str) -> list[str]:
    """Return the ARNs of the load balancers with a listener that has this certificate."""
    return sorted({listener.load_balancer_arn for listener in region.listeners() if arn in listener.certificates})


def _single(request: Request) -> str:
    certificates = request.get("Certificates", [])
    if len(certificates) != 1:
        raise invalid(f"Exactly one certificate ARN can be specified, but '{len(certificates)}' were")
    if "IsDefault" in certificates[0]:
        raise invalid("'IsDefault' cannot be specified when adding or removing certificates")
    return str(certificates[0].get("CertificateArn", ""))


def _refuse_insecure(listener: Listener) -> None:
    if listener.protocol not in SECURE:
        raise invalid(
            f"Certificates can only be added to or removed from HTTPS and TLS listeners, not {listener.protocol}"
        )


def _check_room(region: Region, balancer: LoadBalancer, arn: str) -> None:
    most = region.limits[f"certificates-per-{balancer.type}-load-balancer"]
    extra = {(listener.arn, one) for listener in balancer.listeners.values() for one in listener.certificates[1:]}
    if len(extra) >= most:
        raise AwsError(
            "TooManyCertificates",
            f"Certificate '{arn}': the limit of {most} certificates per load balancer has been reached",
        )


def _names(certificate: x509.Certificate) -> list[str]:
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    names = [str(attribute.value) for attribute in common]
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except x509.ExtensionNotFound:
        return names
    assert isinstance(extension, x509.SubjectAlternativeName)  # noqa: S101 - narrows the type for mypy
    return names + extension.get_values_for_type(x509.DNSName)


def _is_qualified(name: str) -> bool:
    labels = name.removeprefix("*.").split(".")
    return len(labels) > 1 and all(label and "*" not in label and " " not in label for label in labels)


def _has_supported_key(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in {"secp256r1", "secp384r1", "secp521r1"}
