"""GetResources of the Resource Groups Tagging API: ELBv2 from our own records, all else from moto.

Source: Tagging API reference, GetResources. A filter's values are alternatives, filters are conjunctive, a filter
without values asks for the key alone; `ResourceTypeFilters` names a service or `service:type`. It may lag: what was
made is missing for a while, what was deleted is still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from emulators.aws.backing import tagged_by_moto
from emulators.aws.errors import AwsError
from emulators.aws.region import Region, Tagged
from emulators.aws.tags import tag_list

MOST_FILTERS = 50
MOST_VALUES = 20
MOST_ARNS = 100
PAGE = 100


def get_resources(region: Region, request: dict[str, Any]) -> dict[str, Any]:
    """Return a page of tagged resources, by ARN. Raises AwsError (InvalidParameterException) for wrong filters."""
    _check(request)
    found = sorted(item for item in _seen(region) if _fits(item, request))
    start = int(request.get("PaginationToken") or 0)
    size = int(request.get("ResourcesPerPage") or PAGE)
    page = found[start : start + size]
    following = str(start + size) if start + size < len(found) else ""
    listed = [{"ResourceARN": arn, "Tags": tag_list(tags)} for arn, _, tags in page]
    return {"PaginationToken": following, "ResourceTagMappingList": listed}


def remember(region: Region) -> None:
    """Note what GetResources is to show once its lag is over; to be called after every change."""
    if not region.settings.tagging_delay:
        return
    region.tag_log.append((region.clock.now(), list(_resources(region))))
    due = _due(region)
    del region.tag_log[: max(0, due - 1)]


def _seen(region: Region) -> Iterable[Tagged]:
    if not region.settings.tagging_delay:
        return _resources(region)
    due = _due(region)
    return region.tag_log[due - 1][1] if due else []


def _due(region: Region) -> int:
    """Return how many notes are old enough to be seen."""
    horizon = region.clock.now() - region.settings.tagging_delay
    return sum(moment <= horizon for moment, _ in region.tag_log)


def _check(request: dict[str, Any]) -> None:
    filters = request.get("TagFilters", [])
    if len(filters) > MOST_FILTERS or any(len(one.get("Values", [])) > MOST_VALUES for one in filters):
        raise _invalid(f"at most {MOST_FILTERS} filters of {MOST_VALUES} values each")
    arns = request.get("ResourceARNList", [])
    if len(arns) > MOST_ARNS or (arns and (filters or request.get("ResourceTypeFilters"))):
        raise _invalid(f"ResourceARNList takes at most {MOST_ARNS} ARNs and no other filter beside it")
    if not 1 <= int(request.get("ResourcesPerPage") or PAGE) <= PAGE:
        raise _invalid(f"ResourcesPerPage is 1 to {PAGE}")


def _invalid(text: str) -> AwsError:
    return AwsError("InvalidParameterException", text)


def _fits(item: Tagged, request: dict[str, Any]) -> bool:
    arn, kind, tags = item
    if not tags:
        return False
    if wanted := request.get("ResourceARNList"):
        return arn in wanted
    types = request.get("ResourceTypeFilters", [])
    if types and not any(kind == one or kind.startswith(f"{one}:") for one in types):
        return False
    return all(
        one["Key"] in tags and (not one.get("Values") or tags[one["Key"]] in one["Values"])
        for one in request.get("TagFilters", [])
    )


def _resources(region: Region) -> Iterator[Tagged]:
    for arn, kind, tags in tagged_by_moto(region.account_id, region.name):
        if not kind.startswith("elasticloadbalancing"):
            yield arn, kind, tags
    service = "elasticloadbalancing"
    for balancer in region.load_balancers.values():
        yield balancer.arn, f"{service}:loadbalancer", dict(balancer.tags)
    for group in region.target_groups.values():
        yield group.arn, f"{service}:targetgroup", dict(group.tags)
    for store in region.trust_stores.values():
        yield store.arn, f"{service}:truststore", dict(store.tags)
    if region.settings.list_listeners:
        for listener in region.listeners():
            yield listener.arn, f"{service}:listener", dict(listener.tags)
            for rule in listener.rules.values():
                yield rule.arn, f"{service}:listener-rule", dict(rule.tags)
