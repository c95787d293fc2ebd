"""ACM's rules for imported certificates, on top of moto: what an import must be, and what a re-import keeps.

A re-import must have the same key type and size, refuses tags and keeps those that are there; a certificate in use
cannot be deleted; ListCertificates hides key types that were not asked for.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from emulators.aws.backing import MotoCertificates
from emulators.aws.certificates import users_of_certificate
from emulators.aws.errors import AwsError
from emulators.aws.region import Region

if TYPE_CHECKING:
    from werkzeug.wrappers import Response

SHOWN_BY_DEFAULT = ["RSA_1024", "RSA_2048"]
LARGEST_KEY = 5120
MOST_TAGS = 50
MOST_LISTED = 1000
EC_NAMES = {"secp256r1": "EC_prime256v1", "secp384r1": "EC_secp384r1", "secp521r1": "EC_secp521r1"}


def answer_acm(
    region: Region, store: MotoCertificates, operation: str, request: dict[str, Any], ask: Callable[[bytes], Response]
) -> Response:
    """Answer an ACM call: refuse what moto would accept, fill in what ACM assumes, keep what moto forgets.

    Args:
        region: where ELBv2 may use the certificate.
        store: moto's certificates.
        operation: the operation's name.
        request: its parameters, as JSON.
        ask: lets moto answer a JSON body.

    Raises:
        AwsError: ValidationException, ResourceInUseException, ResourceNotFoundException, TooManyTagsException.
    """
    arn = request.get("CertificateArn", "")
    if operation == "DeleteCertificate" and users_of_certificate(region, arn):
        raise AwsError("ResourceInUseException", f"Certificate {arn} is in use.")
    if operation == "ListCertificates":
        request = request | {"Includes": {"keyTypes": SHOWN_BY_DEFAULT} | request.get("Includes", {})}
    if operation == "DescribeCertificate" and (bundle := store.bundle(arn)) is not None:
        bundle.in_use_by = users_of_certificate(region, arn)
    if operation != "ImportCertificate":
        return _dated(store, operation, request, ask(json.dumps(request).encode()))
    _check_import(store, request, region.settings.imported_certificates)
    tags = dict(store.bundle(arn).tags) if arn else {}
    response = ask(json.dumps(request).encode())
    if response.status_code == HTTPStatus.OK:
        made = json.loads(response.get_data())["CertificateArn"]
        store.bundle(made).tags.update(tags)
        store.chains[made] = _text(request.get("CertificateChain", ""))
        store.imported.setdefault(made, region.clock.now())
        store.renewed[made] = region.clock.now()
    return response


def _dated(store: MotoCertificates, operation: str, request: dict[str, Any], response: Response) -> Response:
    """Date certificates by the emulated clock; sort and page a list, the oldest first unless asked otherwise."""
    if response.status_code != HTTPStatus.OK or operation not in {"DescribeCertificate", "ListCertificates"}:
        return response
    found = json.loads(response.get_data())
    items = [found["Certificate"]] if "Certificate" in found else found["CertificateSummaryList"]
    for item in items:
        if item["CertificateArn"] in store.renewed:
            item["ImportedAt"] = store.renewed[item["CertificateArn"]]
    if operation == "ListCertificates":
        found = _page(store, request, items)
    response.set_data(json.dumps(found))
    return response


def _page(store: MotoCertificates, request: dict[str, Any], items: list[dict[str, Any]]) -> dict[str, Any]:
    latest_first = request.get("SortOrder") == "DESCENDING"
    items.sort(key=lambda item: store.imported_at(item["CertificateArn"]), reverse=latest_first)
    start, size = int(request.get("NextToken") or 0), int(request.get("MaxItems") or MOST_LISTED)
    more = {"NextToken": str(start + size)} if start + size < len(items) else {}
    return {"CertificateSummaryList": items[start : start + size], **more}


def _check_import(store: MotoCertificates, request: dict[str, Any], most: int) -> None:
    certificate, key = _pair(request)
    if "CertificateArn" not in request:
        if len(request.get("Tags", [])) > MOST_TAGS:
            raise AwsError("TooManyTagsException", "A certificate can have at most 50 tags")
        if store.imported_count() >= most:
            raise AwsError("LimitExceededException", f"You have reached the maximum number of certificates ({most}).")
        return
    if request.get("Tags"):
        raise AwsError("ValidationException", "Tagging is not permitted on re-import.")
    present = store.bundle(request["CertificateArn"])
    if present is None:
        raise AwsError("ResourceNotFoundException", f"Could not find certificate {request['CertificateArn']}.")
    if present.type != "IMPORTED":
        raise AwsError("ValidationException", "Only imported certificates can be imported again.")
    before = x509.load_pem_x509_certificate(present.cert)
    if _key_name(before.public_key()) != _key_name(key.public_key()):
        raise AwsError(
            "ValidationException", "The key type or size of the certificate differs from the one being replaced."
        )
    _check_usage(before, certificate)


def _pair(request: dict[str, Any]) -> tuple[x509.Certificate, Any]:
    key_text = _text(request.get("PrivateKey", ""))
    if len(key_text) > LARGEST_KEY:
        raise AwsError("ValidationException", "The private key must have at most 5 KB.")
    try:
        certificate = x509.load_pem_x509_certificate(_text(request.get("Certificate", "")).encode())
    except ValueError as error:
        raise AwsError("ValidationException", "The certificate field contains an invalid certificate.") from error
    try:
        key = serialization.load_pem_private_key(key_text.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise AwsError("ValidationException", "The private key is not PEM-encoded or is not valid.") from error
    if _spki(certificate.public_key()) != _spki(key.public_key()):
        raise AwsError("ValidationException", "The certificate and the private key do not match.")
    return certificate, key


def _check_usage(before: x509.Certificate, after: x509.Certificate) -> None:
    for extension in (x509.KeyUsage, x509.ExtendedKeyUsage):
        old, new = _extension(before, extension), _extension(after, extension)
        if isinstance(old, x509.ExtendedKeyUsage) and isinstance(new, x509.ExtendedKeyUsage):
            shrunk = bool(set(old) - set(new))
        else:
            shrunk = old is not None and old != new
        if shrunk:
            raise AwsError(
                "ValidationException", f"The certificate must keep the {extension.__name__} of the one being replaced."
            )


def _extension(certificate: x509.Certificate, kind: type[Any]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _key_name(key: Any) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        return f"RSA_{key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return EC_NAMES.get(key.curve.name, key.curve.name)
    raise AwsError("ValidationException", "The key algorithm of the certificate is not supported.")


def _spki(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return encoded


def _text(blob: str) -> str:
    return base64.b64decode(blob).decode("utf-8", "replace") if blob else ""
