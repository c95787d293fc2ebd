"""Whose a resource is: proven by tags, read in batches of twenty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import batched

from providers.aws.clients import Clients
from providers.aws.names import CLUSTER, GATEWAY, GATEWAY_UID, owner_tags
from reconciler.errors import NotReady
from reconciler.ports import Owner

BATCH = 20
"""ARNs that DescribeTags takes (ELBv2 API model)."""

type Tags = Mapping[str, str]


def read_tags(clients: Clients, arns: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the tags of ELBv2 resources by ARN; what is gone meanwhile has none. Raises ReconcilerError."""
    found: dict[str, dict[str, str]] = {}
    for batch in batched(dict.fromkeys(arns), BATCH):
        try:
            found |= _read(clients, list(batch))
        except NotReady:  # one of them was deleted since we saw it
            for arn in batch:
                try:
                    found |= _read(clients, [arn])
                except NotReady:
                    found[arn] = {}
    return found


def _read(clients: Clients, arns: list[str]) -> dict[str, dict[str, str]]:
    answer = clients.call("elbv2", "DescribeTags", ResourceArns=arns)
    return {item["ResourceArn"]: plain(item["Tags"]) for item in answer["TagDescriptions"]}


def tagged(clients: Clients, cluster: str, kind: str, uid: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (ARN, tags) of all resources of a cluster of one of the tagging API's types; with `uid`, of that Gateway.

    Raises ReconcilerError.
    """
    filters = [{"Key": CLUSTER, "Values": [cluster]}, *([{"Key": GATEWAY_UID, "Values": [uid]}] if uid else [])]
    token: dict[str, str] = {}
    while True:
        answer = clients.call(
            "resourcegroupstaggingapi", "GetResources", TagFilters=filters, ResourceTypeFilters=[kind], **token
        )
        for item in answer["ResourceTagMappingList"]:
            yield item["ResourceARN"], plain(item["Tags"])
        if not answer.get("PaginationToken"):
            return
        token = {"PaginationToken": answer["PaginationToken"]}


def plain(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return a list of Key and Value as a mapping."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags}


def is_owned(tags: Tags, owner: Owner) -> bool:
    """Return whether tags prove that a resource is this Gateway's: cluster, name and UID."""
    wanted = owner_tags(owner)
    return all(tags.get(name) == wanted[name] for name in (CLUSTER, GATEWAY, GATEWAY_UID))
