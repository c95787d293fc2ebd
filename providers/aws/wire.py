"""The canonical form as arguments of AWS's calls. Pure: JSON values in, dictionaries for boto3 out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from reconciler.values import Json

type Arn = Callable[[str], str]
"""Our name of a target group or certificate -> its ARN."""

_VALUE_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "source-ip": "SourceIpConfig",
}
_HEALTH = ("HealthyThresholdCount", "UnhealthyThresholdCount")


def items(value: Json) -> Sequence[Any]:
    """Return a JSON list, an empty one for anything else."""
    return value if isinstance(value, (list, tuple)) else ()


def tags(pairs: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as AWS takes them."""
    return [{"Key": name, "Value": value} for name, value in sorted(pairs.items())]


def conditions(canonical: Json) -> list[dict[str, Any]]:
    """Return RuleConditionList."""
    return [_condition(item) for item in items(canonical)]


def _condition(item: Mapping[str, Any]) -> dict[str, Any]:
    field = item["Field"]
    if field == "query-string":
        pairs = [({"Key": key} if key else {}) | {"Value": value} for key, value in item["Values"]]
        return {"Field": field, "QueryStringConfig": {"Values": pairs}}
    values = {name: list(item[name]) for name in ("Values", "RegexValues") if name in item}
    if field == "http-header":
        return {"Field": field, "HttpHeaderConfig": {"HttpHeaderName": item["HttpHeaderName"], **values}}
    return {"Field": field, _VALUE_CONFIGS[field]: values}


def actions(canonical: Json, arn: Arn) -> list[dict[str, Any]]:
    """Return Actions, with the ARNs of target groups."""
    return [_action(item, arn) for item in items(canonical)]


def _action(item: Mapping[str, Any], arn: Arn) -> dict[str, Any]:
    kind = item["Type"]
    if kind == "forward":
        groups = [{"TargetGroupArn": arn(name), "Weight": weight} for name, weight in item["TargetGroups"]]
        config: dict[str, Any] = {"TargetGroups": groups}
        if seconds := item.get("Stickiness"):
            config["TargetGroupStickinessConfig"] = {"Enabled": True, "DurationSeconds": seconds}
        return {"Type": kind, "ForwardConfig": config}
    body = {name: value for name, value in item.items() if name != "Type"}
    name = "RedirectConfig" if kind == "redirect" else "FixedResponseConfig"
    return {"Type": kind, name: body}


def transforms(canonical: Json) -> list[dict[str, Any]]:
    """Return Transforms."""
    return [_transform(item) for item in items(canonical)]


def _transform(item: Mapping[str, Any]) -> dict[str, Any]:
    name = "UrlRewriteConfig" if item["Type"] == "url-rewrite" else "HostHeaderRewriteConfig"
    return {"Type": item["Type"], name: {"Rewrites": [{"Regex": item["Regex"], "Replace": item["Replace"]}]}}


def mutual_authentication(canonical: Mapping[str, Any], arn: Arn) -> dict[str, Any]:
    """Return MutualAuthentication, with the ARN of the trust store."""
    found = {name: value for name, value in canonical.items() if name != "TrustStore"}
    return found | ({"TrustStoreArn": arn(canonical["TrustStore"])} if "TrustStore" in canonical else {})


def target_group(spec: Mapping[str, Json]) -> dict[str, Any]:
    """Return the arguments of CreateTargetGroup, or of ModifyTargetGroup where the spec holds only what changes."""
    return dict(spec)


def targets(canonical: Json) -> list[dict[str, Any]]:
    """Return targets; an address outside of the VPC carries its zone `all`, one of QUIC its server id."""
    return [
        {"Id": address, "Port": port}
        | ({"AvailabilityZone": zone} if zone else {})
        | ({"QuicServerId": server[0]} if server else {})
        for address, port, zone, *server in items(canonical)
    ]


def attributes(spec: Mapping[str, Json]) -> list[dict[str, str]]:
    """Return attributes as keys and values."""
    return [{"Key": name, "Value": str(value)} for name, value in sorted(spec.items())]


def permission(port: int, protocol: str, sources: Iterable[Json], owner: str) -> dict[str, Any]:
    """Return one IpPermission for a port: CIDRs of both families, prefix lists and groups, described by their owner."""
    found: dict[str, Any] = {"IpProtocol": protocol, "FromPort": port, "ToPort": port}
    for source in map(str, sources):
        if source.startswith("sg-"):
            found.setdefault("UserIdGroupPairs", []).append({"GroupId": source, "Description": owner})
        elif source.startswith("pl-"):
            found.setdefault("PrefixListIds", []).append({"PrefixListId": source, "Description": owner})
        elif ":" in source:
            found.setdefault("Ipv6Ranges", []).append({"CidrIpv6": source, "Description": owner})
        else:
            found.setdefault("IpRanges", []).append({"CidrIp": source, "Description": owner})
    return found
