"""Trust stores and the objects in S3 that they are made from: found, made, deleted.

Trust stores are proven ours by their tags. An object is a Gateway's by its key, which begins with the cluster and a
digest of the Gateway's UID; whose it is stands in its metadata as well, for the sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from providers.aws import calls
from providers.aws.clients import PAGE, Clients
from providers.aws.made import Made
from providers.aws.names import bundle_key, gateway_value, trust_store_names
from providers.aws.resources import ca_bundle_key, trust_store_key
from reconciler.errors import Misconfigured, PermissionDenied
from reconciler.plan import Change, Resource
from reconciler.ports import Owner

SUFFIX = ".pem"
_LOG = logging.getLogger(__name__)
_GATEWAY, _UID = "gateway", "gateway-uid"


def read_trust_stores(clients: Clients, owner: Owner, *, needed: bool) -> Iterator[Resource]:
    """Yield the trust stores that can be this Gateway's by their names; only their tags prove it.

    All of an account are listed: they are few. A deployment that may not list them has none, unless they are needed.
    """
    begins = trust_store_names(owner.key)
    try:
        found = list(clients.pages("elbv2", "DescribeTrustStores", "TrustStores", PageSize=PAGE))
    except PermissionDenied:
        if needed:
            raise
        return
    for item in found:
        if item["Name"].startswith(begins):
            spec = {"Name": item["Name"], "Certificates": item.get("NumberOfCaCertificates", 0)}
            yield Resource(trust_store_key(item["Name"]), spec, cloud_id=item["TrustStoreArn"])


def read_bundles(clients: Clients, owner: Owner, bucket: str) -> Iterator[Resource]:
    """Yield the objects that this Gateway's trust stores are made from.

    None where there is no such bucket or it may not be listed: who needs a trust store is told when one is to be made,
    and nobody else suffers.
    """
    try:
        for item in list_bundles(clients, bucket, bundle_key(owner.key, owner.uid)):
            name = name_of(item["Key"])
            yield Resource(ca_bundle_key(name), {"Bucket": bucket, "Key": item["Key"]}, cloud_id=item["Key"])
    except (Misconfigured, PermissionDenied) as error:
        _LOG.warning("bucket %s of ROUTEWRIGHT_TRUST_STORE_BUCKET cannot be listed: %s", bucket, error.message)


def list_bundles(clients: Clients, bucket: str, prefix: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a bucket whose keys begin with a prefix. Raises ReconcilerError."""
    token: dict[str, str] = {}
    while True:
        answer = clients.call("s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix, **token)
        yield from answer.get("Contents", ())
        if not answer.get("IsTruncated"):
            return
        token = {"ContinuationToken": answer["NextContinuationToken"]}


def owner_of(clients: Clients, bucket: str, key: str) -> tuple[str, str]:
    """Return the Gateway that an object is for, as the tags of its trust store name it, and its UID; "" if unknown."""
    found = clients.call("s3", "HeadObject", Bucket=bucket, Key=key)["Metadata"]
    return found.get(_GATEWAY, ""), found.get(_UID, "")


def name_of(key: str) -> str:
    """Return the name of the trust store that an object is for."""
    return key.rpartition("/")[2].removesuffix(SUFFIX)


def _put_bundle(clients: Clients, made: Made, change: Change) -> None:
    spec: Mapping[str, Any] = change.want.spec if change.want else {}
    place = {"Bucket": spec["Bucket"], "Key": spec["Key"]}
    whose = {_GATEWAY: gateway_value(made.owner.key), _UID: made.owner.uid}
    clients.call("s3", "PutObject", **place, Body=str(spec["Pem"]).encode(), Metadata=whose)


def _delete_bundle(clients: Clients, made: Made, change: Change) -> None:
    """Delete an object; S3 answers for one that is gone as for one that goes."""
    del made
    spec: Mapping[str, Any] = change.got.spec if change.got else {}
    clients.call("s3", "DeleteObject", Bucket=spec["Bucket"], Key=spec["Key"])


def _create(clients: Clients, made: Made, change: Change) -> None:
    if change.want is not None:
        name, tags = str(change.want.spec["Name"]), made.tags(change.want)
        answer = clients.call("elbv2", "CreateTrustStore", Name=name, **_place(change.want.spec), Tags=tags)
        made.ids[change.key] = answer["TrustStores"][0]["TrustStoreArn"]


def _modify(clients: Clients, made: Made, change: Change) -> None:
    if change.want is not None:
        arn = made.id_of(change.key)
        clients.call("elbv2", "ModifyTrustStore", TrustStoreArn=arn, **_place(change.want.spec))


def _delete(clients: Clients, made: Made, change: Change) -> None:
    clients.call("elbv2", "DeleteTrustStore", TrustStoreArn=made.id_of(change.key))


def _place(spec: Mapping[str, Any]) -> dict[str, str]:
    return {"CaCertificatesBundleS3Bucket": spec["Bucket"], "CaCertificatesBundleS3Key": spec["Key"]}


CALLS: Mapping[str, Callable[[Clients, Made, Change], None]] = {
    calls.PUT_BUNDLE: _put_bundle,
    calls.DELETE_BUNDLE: _delete_bundle,
    calls.CREATE_TRUST_STORE: _create,
    calls.MODIFY_TRUST_STORE: _modify,
    calls.DELETE_TRUST_STORE: _delete,
}
