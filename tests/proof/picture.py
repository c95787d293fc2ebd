"""How an account looks, for comparison: everything that counts, without what chance or the clock decides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from emulators.aws.account import Account

type Plain = dict[str, Any]

_TIMES = frozenset({"CreatedTime", "CreatedAt", "ImportedAt", "NotBefore", "NotAfter", "IssuedAt"})
_CHANCE = _TIMES | {"DNSName", "Priority", "Address", "Addresses"}
"""Fields that differ between two ways to the same end; rules are compared by their order, not their numbers."""
_UNORDERED = frozenset(
    {
        "loadBalancers",
        "targetGroups",
        "securityGroups",
        "certificates",
        "trustStores",
        "objects",
        "Listeners",
        "Targets",
        "Tags",
    }
    | {"IpPermissions", "IpRanges", "LoadBalancerArns", "Certificates"}
)
_FEW = 8
"""Differences that are told."""
_ID = re.compile(r"arn:aws:[a-z]+:[^\"]+|sg-[0-9a-f]+")


def raw(account: Account) -> Plain:
    """Return all of an account's load balancing, security groups, certificates and objects, to the byte."""
    with account.journal.silent():
        state = account.state()
        groups = account.client("ec2").describe_security_groups()["SecurityGroups"]
        acm = account.client("acm")
        certificates = [
            {**one, "Tags": acm.list_tags_for_certificate(CertificateArn=one["CertificateArn"])["Tags"]}
            for one in acm.list_certificates()["CertificateSummaryList"]
        ]
        trust_stores, objects = _trust_stores(account), list(_objects(account))
    return {
        "loadBalancers": state["loadBalancers"],
        "targetGroups": state["targetGroups"],
        "securityGroups": groups,
        "certificates": certificates,
        "trustStores": trust_stores,
        "objects": objects,
    }


def _trust_stores(account: Account) -> list[Plain]:
    elbv2 = account.client("elbv2")
    found = elbv2.describe_trust_stores()["TrustStores"]
    tags = {
        arn: elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
        for arn in (one["TrustStoreArn"] for one in found)
    }
    return [{**one, "Tags": tags[one["TrustStoreArn"]]} for one in found]


def _objects(account: Account) -> Iterator[Plain]:
    s3 = account.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", ()):
            yield {"ObjectKey": item["Key"], "Size": item["Size"]}


def as_text(found: Plain) -> str:
    """Return an account as one text, to the byte."""
    return json.dumps(found, sort_keys=True, default=str)


def of_others(found: Plain, before: Plain) -> Plain:
    """Return what was there `before`, as it is now."""
    known = {str(_id(one)) for items in before.values() for one in items}
    return {kind: [one for one in items if _id(one) in known] for kind, items in found.items()}


def pictured(found: Plain) -> Plain:
    """Return an account with names in place of ids, and nothing that chance or the clock decides."""
    picture: Plain = _sorted(json.loads(_named(found, as_text(_without_chance(found)))))
    return picture


def at_rest(found: Plain) -> str:
    """Return an account as one text, with names in place of ids and without the times at which things were made."""
    return _named(found, as_text(_without(_TIMES, found)))


def _named(found: Plain, text: str) -> str:
    names = {_id(one): _name(one) for items in found.values() for one in items}
    for balancer in found["loadBalancers"]:
        names |= {one["ListenerArn"]: f"listener {one['Port']}" for one in balancer["Listeners"]}
    return _ID.sub(lambda match: names.get(match[0], "an id"), text)


def _without(names: frozenset[str], value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(names, item) for name, item in value.items() if name not in names}
    return [_without(names, item) for item in value] if isinstance(value, list) else value


def difference(expected: Plain, found: Plain) -> str:
    """Return in words where two pictures differ; "" if nowhere."""
    one, other = dict(_leaves(expected)), dict(_leaves(found))
    places = [place for place in {**one, **other} if one.get(place) != other.get(place)]
    return "; ".join(f"{place}: expected {one.get(place)!r}, found {other.get(place)!r}" for place in places[:_FEW])


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (place, value) of everything that holds nothing."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _leaves(item, f"{place}.{key}")
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{place}[{index}]")
    else:
        yield place, value


def _id(one: Plain) -> str:
    ids = ("LoadBalancerArn", "TargetGroupArn", "CertificateArn", "TrustStoreArn", "ObjectKey", "GroupId")
    return next(str(one[name]) for name in ids if name in one)


def _name(one: Plain) -> str:
    named = one.get("LoadBalancerName") or one.get("TargetGroupName") or one.get("GroupName") or one.get("Name")
    named = named or one.get("ObjectKey")
    return str(named or json.dumps(sorted(tag["Value"] for tag in one["Tags"])).replace('"', "'"))


def _without_chance(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: _without_chance(item) for name, item in value.items() if name not in _CHANCE}
        kept.pop("routewright.dev/nonce", None)
        if "Rules" in kept:
            kept["Rules"] = [_without_chance(one) for one in sorted(value["Rules"], key=_priority)]
        return kept
    return [_without_chance(item) for item in value] if isinstance(value, list) else value


def _priority(rule: Plain) -> int:
    return 1_000_000 if rule["IsDefault"] else int(rule["Priority"])


def _sorted(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _sorted(item, key) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [_sorted(item) for item in value]
    return sorted(items, key=lambda one: json.dumps(one, sort_keys=True)) if name in _UNORDERED else items
