"""Trust stores: made and filled from a PEM bundle in S3, named once, deleted only when no listener uses them.

Sources: ELBv2 API model, CreateTrustStore and its neighbours; user guide, mutual authentication (certificates) and
quotas. A trust store keeps its own copy: what becomes of the object later changes nothing. A bundle with more or larger
certificates than the quotas allow has no error of its own in the model: it counts as invalid.
"""

from __future__ import annotations

import re
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from emulators.aws.errors import AwsError, invalid
from emulators.aws.paging import page
from emulators.aws.records import Listener, Request, TrustStore
from emulators.aws.region import Region
from emulators.aws.tags import read_tags

NAME = re.compile(r"([a-zA-Z0-9]+-)*[a-zA-Z0-9]+")
LONGEST_NAME = 32
LARGEST_CERTIFICATE = 16 * 1024
RSA_BITS = range(2048, 8193)
CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def create_trust_store(region: Region, request: Request) -> dict[str, Any]:
    """Answer CreateTrustStore; a name that is taken is refused, whatever the other one holds."""
    name, tags = request["Name"], read_tags(request.get("Tags"))
    if len(name) > LONGEST_NAME or not NAME.fullmatch(name):
        raise invalid(f"Trust store name '{name}' must have up to 32 letters, digits and single hyphens between them")
    if any(one.name == name for one in region.trust_stores.values()):
        raise AwsError("DuplicateTrustStoreName", f"A trust store with the name '{name}' already exists")
    most = region.limits["trust-stores"]
    if len(region.trust_stores) >= most:
        raise AwsError("TooManyTrustStores", f"The maximum number of trust stores ({most}) has been reached")
    made = TrustStore(
        arn=region.arn(f"truststore/{name}/{region.new_id()}"),
        name=name,
        certificates=_bundle(region, request),
        active_at=region.clock.now() + region.settings.trust_store_creating,
        tags=tags,
        visible_at=region.visible_at(),
    )
    region.trust_stores[made.arn] = made
    return {"TrustStores": [_shown(region, made)]}


def modify_trust_store(region: Region, request: Request) -> dict[str, Any]:
    """Answer ModifyTrustStore: all that it holds is replaced at once, or nothing."""
    store = region.trust_store(request["TrustStoreArn"])
    store.certificates = _bundle(region, request)
    return {"TrustStores": [_shown(region, store)]}


def delete_trust_store(region: Region, request: Request) -> dict[str, Any]:
    """Answer DeleteTrustStore; TrustStoreInUse while a listener uses it, or did a moment ago."""
    store = region.trust_store(request["TrustStoreArn"])
    if store.attached or region.clock.now() < store.in_use_until:
        raise AwsError("TrustStoreInUse", f"Trust store '{store.arn}' is currently in use by a listener")
    del region.trust_stores[store.arn]
    return {}


def describe_trust_stores(region: Region, request: Request) -> dict[str, Any]:
    """Answer DescribeTrustStores: all, or those named, each of which has to be there."""
    arns, names = request.get("TrustStoreArns", []), request.get("Names", [])
    if arns and names:
        raise invalid("You cannot specify both trust store ARNs and names")
    seen = [one for one in region.trust_stores.values() if region.visible(one)]
    if arns:
        seen = [region.trust_store(arn) for arn in arns]
    if names:
        by_name = {one.name: one for one in seen}
        if missing := [name for name in names if name not in by_name]:
            raise AwsError("TrustStoreNotFound", f"One or more trust stores not found: {', '.join(missing)}")
        seen = [by_name[name] for name in names]
    answer = page(seen, request, "TrustStores")
    return answer | {"TrustStores": [_shown(region, one) for one in answer["TrustStores"]]}


def authorities_of(region: Region, listener: Listener) -> str:
    """Return the certificates that a listener verifies its clients by, PEM; none unless it does."""
    arn = (listener.mutual_authentication or {}).get("TrustStoreArn", "")
    return "\n".join(region.trust_stores[arn].certificates) if arn in region.trust_stores else ""


def _shown(region: Region, store: TrustStore) -> dict[str, Any]:
    return {
        "Name": store.name,
        "TrustStoreArn": store.arn,
        "Status": "ACTIVE" if region.clock.now() >= store.active_at else "CREATING",
        "NumberOfCaCertificates": len(store.certificates),
        "TotalRevokedEntries": 0,
    }


def _bundle(region: Region, request: Request) -> list[str]:
    bucket, key = request["CaCertificatesBundleS3Bucket"], request["CaCertificatesBundleS3Key"]
    content = region.objects.read(bucket, key, request.get("CaCertificatesBundleS3ObjectVersion"))
    if content is None:
        raise AwsError("CaCertificatesBundleNotFound", f"The CA certificates bundle '{bucket}/{key}' does not exist")
    found = _PEM.findall(content)
    if not found:
        raise _wrong("it holds no PEM certificate")
    if len(found) > region.limits["ca-certificates-per-trust-store"]:
        raise _wrong(f"it holds {len(found)} certificates")
    for one in found:
        _check_authority(one)
    return [one.decode() for one in found]


def _check_authority(pem: bytes) -> None:
    if len(pem) > LARGEST_CERTIFICATE:
        raise _wrong("a certificate has more than 16 KB")
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise _wrong("a certificate cannot be read") from error
    fits = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES
    if certificate.version is not x509.Version.v3:
        raise _wrong("a certificate is not of version 3")
    if not fits and not (isinstance(key, rsa.RSAPublicKey) and key.key_size in RSA_BITS):
        raise _wrong("the key of a certificate has an unsupported type or size")


def _wrong(what: str) -> AwsError:
    return AwsError("InvalidCaCertificatesBundle", f"The CA certificates bundle is not valid: {what}")
