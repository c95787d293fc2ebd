"""Secrets' certificates in ACM: found by tags, imported, re-imported to the same ARN. They belong to the cluster.

The fingerprint tag is written after the import, so that a crash in between only costs one more import of the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from providers.aws.clients import Clients
from providers.aws.names import CLUSTER, ID, PREFIX, cluster_tags, logical_id
from providers.aws.ownership import plain
from providers.aws.resources import certificate_key
from reconciler.ir import Json
from reconciler.plan import Resource, ResourceKey, differing
from reconciler.ports import KeyPair

FINGERPRINT = f"{PREFIX}fingerprint"
KEY_TYPE = f"{PREFIX}key-type"
_KIND = "acm:certificate"


def read_certificates(clients: Clients, cluster: str, wanted: Mapping[str, Resource]) -> Iterator[Resource]:
    """Yield what ACM holds for the cluster of these Secrets' certificates (by `namespace/name`), by their tags.

    Of a Secret that changed its type of key the former certificate may still be there: of several, the one most like
    the wanted one counts. The others are nobody's, and left to the sweep.
    """
    ids = {logical_id(certificate_key(name)): name for name in wanted}
    found: dict[str, list[Resource]] = {}
    for arn, tags in sorted(tagged_certificates(clients, cluster)):
        if name := ids.get(tags.get(ID, "")):
            spec: dict[str, Json] = {"Fingerprint": tags.get(FINGERPRINT, ""), "KeyType": tags.get(KEY_TYPE, "")}
            found.setdefault(name, []).append(Resource(certificate_key(name), spec, cloud_id=arn))
    for name, several in found.items():
        yield min(several, key=partial(_distance, wanted[name]))


def _distance(want: Resource, got: Resource) -> int:
    return len(differing(want.spec, got.spec))


def tagged_certificates(clients: Clients, cluster: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (ARN, tags) of all certificates of a cluster."""
    filters = [{"Key": CLUSTER, "Values": [cluster]}]
    token: dict[str, str] = {}
    while True:
        answer = clients.call(
            "resourcegroupstaggingapi", "GetResources", TagFilters=filters, ResourceTypeFilters=[_KIND], **token
        )
        for item in answer["ResourceTagMappingList"]:
            yield item["ResourceARN"], plain(item["Tags"])
        if not answer.get("PaginationToken"):
            return
        token = {"PaginationToken": answer["PaginationToken"]}


def import_anew(clients: Clients, cluster: str, want: Resource, pair: KeyPair) -> str:
    """Import a key pair as a new certificate of the cluster; return its ARN."""
    tags = {**cluster_tags(cluster), ID: logical_id(want.key), **fact_tags(want)}
    listed = [{"Key": name, "Value": value} for name, value in tags.items()]
    return str(clients.call("acm", "ImportCertificate", **_material(pair), Tags=listed)["CertificateArn"])


def import_again(clients: Clients, arn: str, pair: KeyPair) -> None:
    """Import a renewed key pair into the same certificate; listeners that use it need no change."""
    clients.call("acm", "ImportCertificate", CertificateArn=arn, **_material(pair))


def tag_again(clients: Clients, arn: str, want: Resource) -> None:
    """Note on a certificate what it now holds."""
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
