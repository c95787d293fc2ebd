"""Secrets' certificates in ACM: found by tags, imported, re-imported to the same ARN. They belong to the cluster.

Before a renewed one is imported to the same ARN, its tag comes to name both contents, the former and the new,
and stays so.
A tag that names two is settled by the certificate itself: a run may have been cut between the tag and the import.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from providers.aws.clients import Clients
from providers.aws.names import CLUSTER, ID, OR, PREFIX, cluster_tags, logical_id
from providers.aws.ownership import plain, tagged
from providers.aws.resources import certificate_key
from reconciler.certificates import fingerprint
from reconciler.errors import Conflict, PermissionDenied
from reconciler.plan import Resource, ResourceKey, differing
from reconciler.ports import KeyPair
from reconciler.values import Json

FINGERPRINT = f"{PREFIX}fingerprint"
KEY_TYPE = f"{PREFIX}key-type"
TAGGING_LAG = 600.0
"""Seconds for which a certificate that the tagging API does not list is looked for in ACM itself."""
MOST_LATEST = 50
ALL_KEY_TYPES = [f"RSA_{bits}" for bits in (1024, 2048, 3072, 4096)] + [
    f"EC_{curve}" for curve in ("prime256v1", "secp384r1", "secp521r1")
]
_KIND = "acm:certificate"
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def read_certificates(clients: Clients, cluster: str, wanted: Mapping[str, Resource]) -> Iterator[Resource]:
    """Yield what ACM holds for the cluster of these Secrets' certificates (by `namespace/name`), by their tags.

    Of a Secret that changed its type of key the former certificate may still be there: of several, the one most like
    the wanted one counts. The others are nobody's, and left to the sweep.
    """
    ids = {logical_id(certificate_key(name)): name for name in wanted}
    found: dict[str, dict[str, Resource]] = {name: {} for name in wanted}
    for look in (_tagged_certificates, _latest_certificates):
        if all(_best(wanted[name], several) is not None for name, several in found.items()):
            break
        for arn, tags in sorted(look(clients, cluster)):
            if name := ids.get(tags.get(ID, "")):
                known = _content(clients, arn, tags.get(FINGERPRINT, ""))
                spec: dict[str, Json] = {"Fingerprint": known, "KeyType": tags.get(KEY_TYPE, "")}
                found[name][arn] = Resource(certificate_key(name), spec, cloud_id=arn)
    for name, several in found.items():
        if several:
            yield min(several.values(), key=partial(_distance, wanted[name]))


def _content(clients: Clients, arn: str, tag: str) -> str:
    """Return the fingerprint of what a certificate holds, by its tag, or by itself where the tag names two.

    ACM may add its root to the chain that was imported: the longest beginning that has one of both fingerprints counts.
    "" for neither.
    """
    if OR not in tag:
        return tag
    held = clients.call("acm", "GetCertificate", CertificateArn=arn)
    chain = [
        ssl.PEM_cert_to_DER_cert(one) for one in _PEM.findall(held["Certificate"] + held.get("CertificateChain", ""))
    ]
    beginnings = (fingerprint(chain[:size]) for size in range(len(chain), 0, -1))
    return next((one for one in beginnings if one in tag.split(OR)), "")


def _best(want: Resource, several: Mapping[str, Resource]) -> Resource | None:
    """Return the one that is just as wanted, None if there is none (yet)."""
    return next((one for one in several.values() if not _distance(want, one)), None)


def _distance(want: Resource, got: Resource) -> int:
    return len(differing(want.spec, got.spec))


def _tagged_certificates(clients: Clients, cluster: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (ARN, tags) of a cluster's certificates."""
    return tagged(clients, cluster, _KIND)


def _latest_certificates(clients: Clients, cluster: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (ARN, tags) of a cluster's certificates that the tagging API, which lags, may not list yet."""
    order: dict[str, Any] = {"SortBy": "CREATED_AT", "SortOrder": "DESCENDING", "MaxItems": MOST_LATEST}
    listed = clients.call("acm", "ListCertificates", Includes={"keyTypes": ALL_KEY_TYPES}, **order)
    for item in listed["CertificateSummaryList"]:
        if "ImportedAt" in item and time.time() - item["ImportedAt"].timestamp() < TAGGING_LAG:
            tags = _tags(clients, item["CertificateArn"])
            if tags.get(CLUSTER) == cluster:
                yield item["CertificateArn"], tags


def _tags(clients: Clients, arn: str) -> dict[str, str]:
    """Return a certificate's tags; none if it is gone, or somebody else's that we may not look at."""
    try:
        return plain(clients.call("acm", "ListTagsForCertificate", CertificateArn=arn)["Tags"])
    except (Conflict, PermissionDenied):
        return {}


def import_anew(clients: Clients, cluster: str, want: Resource, pair: KeyPair) -> str:
    """Import a key pair as a new certificate of the cluster; return its ARN."""
    tags = {**cluster_tags(cluster), ID: logical_id(want.key), **fact_tags(want)}
    listed = [{"Key": name, "Value": value} for name, value in tags.items()]
    return str(clients.call("acm", "ImportCertificate", **_material(pair), Tags=listed)["CertificateArn"])


def import_again(clients: Clients, arn: str, pair: KeyPair) -> None:
    """Import a renewed key pair into the same certificate; listeners that use it need no change."""
    clients.call("acm", "ImportCertificate", CertificateArn=arn, **_material(pair))


def imported_at(clients: Clients, arn: str) -> float:
    """Return when a certificate was imported, in seconds since the epoch; 0 if ACM does not say."""
    found = clients.call("acm", "DescribeCertificate", CertificateArn=arn)["Certificate"]
    return float(found["ImportedAt"].timestamp()) if "ImportedAt" in found else 0.0


def tag_again(clients: Clients, arn: str, want: Resource) -> None:
    """Note on a certificate what it holds, or may hold once it is imported."""
    listed = [{"Key": name, "Value": value} for name, value in fact_tags(want).items()]
    clients.call("acm", "AddTagsToCertificate", CertificateArn=arn, Tags=listed)


def fact_tags(want: Resource) -> dict[str, str]:
    """Return the tags that tell a certificate's content."""
    return {FINGERPRINT: str(want.spec["Fingerprint"]), KEY_TYPE: str(want.spec["KeyType"])}


def secret_of(key: ResourceKey) -> tuple[str, str]:
    """Return (namespace, name) of the Secret behind a certificate's key."""
    namespace, _, name = key.name.partition("/")
    return namespace, name


def _material(pair: KeyPair) -> dict[str, bytes]:
    material = {"Certificate": pair.certificate.encode(), "PrivateKey": pair.private_key.encode()}
    return material | ({"CertificateChain": pair.chain.encode()} if pair.chain.strip() else {})
