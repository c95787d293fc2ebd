"""AWS's answers in the canonical form of `resources`. Pure: dictionaries in, JSON values out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reconciler.values import Json

type Names = Mapping[str, str]
"""Our names by ARN."""

_CONFIGS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
_TARGET_GROUP = (
    "Protocol",
    "ProtocolVersion",
    "Port",
    "TargetType",
    "IpAddressType",
    "VpcId",
    "HealthCheckProtocol",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
)
ALL_ZONES = "all"
ACTIVE = ("active", "active_impaired")


def conditions(items: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return a rule's conditions, sorted as `render` sorts them."""
    found: list[dict[str, Json]] = []
    for item in items:
        field = str(item["Field"])
        config = item.get(_CONFIGS.get(field, ""), {})
        if field == "query-string":
            found.extend(
                {"Field": field, "Values": [[pair.get("Key", ""), pair["Value"]]]} for pair in config.get("Values", ())
            )
            continue
        one: dict[str, Json] = {"Field": field}
        if field == "http-header":
            one["HttpHeaderName"] = config.get("HttpHeaderName", "")
        values = config.get("Values") or item.get("Values") or ()
        if config.get("RegexValues"):
            one["RegexValues"] = sorted(config["RegexValues"])
        elif values:
            one["Values"] = sorted(values)
        found.append(one)
    ordered: list[Json] = [*sorted(found, key=_place)]
    return ordered


def _place(item: Mapping[str, Json]) -> tuple[str, str]:
    return (str(item.get("Field", item.get("Type"))), repr(sorted(item.items())))


def actions(items: Iterable[Mapping[str, Any]], groups: Names) -> list[Json]:
    """Return actions; target groups by our names, those of others by ARN."""
    return [_action(item, groups) for item in items]


def _action(item: Mapping[str, Any], groups: Names) -> Json:
    kind = str(item["Type"])
    if kind == "forward":
        config = item.get("ForwardConfig") or {
            "TargetGroups": [{"TargetGroupArn": item["TargetGroupArn"], "Weight": 1}]
        }
        pairs = [
            [groups.get(one["TargetGroupArn"], one["TargetGroupArn"]), one.get("Weight", 1)]
            for one in config["TargetGroups"]
        ]
        sticky = config.get("TargetGroupStickinessConfig", {})
        seconds = sticky.get("DurationSeconds", 0) if sticky.get("Enabled") else 0
        return {"Type": kind, "TargetGroups": list[Json](sorted(pairs)), "Stickiness": seconds}
    if kind == "redirect":
        config = item["RedirectConfig"]
        names = ("StatusCode", "Protocol", "Host", "Port", "Path", "Query")
        return {"Type": kind, **{name: config.get(name, "") for name in names}}
    if kind == "fixed-response":
        config = item["FixedResponseConfig"]
        content = config.get("ContentType") or "text/plain"
        body = config.get("MessageBody") or ""
        return {"Type": kind, "StatusCode": config["StatusCode"], "ContentType": content, "MessageBody": body}
    return {"Type": kind}


def transforms(items: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return a rule's transforms, sorted by type."""
    found: list[dict[str, Json]] = []
    for item in items:
        config = item.get("UrlRewriteConfig") or item.get("HostHeaderRewriteConfig") or {}
        found.extend(
            {"Type": item["Type"], "Regex": rewrite["Regex"], "Replace": rewrite["Replace"]}
            for rewrite in config.get("Rewrites", ())
        )
    ordered: list[Json] = [*sorted(found, key=_place)]
    return ordered


def target_group(item: Mapping[str, Any]) -> dict[str, Json]:
    """Return a target group's spec."""
    spec: dict[str, Json] = {"Name": item["TargetGroupName"]}
    spec |= {name: item[name] for name in _TARGET_GROUP if name in item}
    if matcher := item.get("Matcher"):
        spec["Matcher"] = {name: value for name, value in matcher.items() if value}
    return spec


def targets(descriptions: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return the registered targets as sorted [address, port, zone], of QUIC with the server id behind.

    Those on their way out count as gone.
    """
    found = []
    for item in descriptions:
        if item.get("TargetHealth", {}).get("State") in ("draining", "unhealthy.draining"):
            continue
        target = item["Target"]
        zone = ALL_ZONES if target.get("AvailabilityZone") == ALL_ZONES else ""
        server = [target["QuicServerId"]] if "QuicServerId" in target else []
        found.append([target["Id"], target["Port"], zone, *server])
    return list[Json](sorted(found))


def health(descriptions: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], str]:
    """Return by (address, port) of a target "" where it is healthy, or never asked, else AWS's reason why it is not."""
    told = {(item["Target"]["Id"], item["Target"]["Port"]): item["TargetHealth"] for item in descriptions}
    fine = ("healthy", "unused", "unavailable")
    return {key: "" if one["State"] in fine else one.get("Reason") or one["State"] for key, one in told.items()}


def load_balancer(item: Mapping[str, Any], managed: str) -> dict[str, Json]:
    """Return a load balancer's spec; `managed` is the id of our own security group, "" if unknown."""
    groups = ("managed" if group == managed else group for group in item.get("SecurityGroups", ()))
    return {
        "Name": item["LoadBalancerName"],
        "Type": item["Type"],
        "Scheme": item["Scheme"],
        "IpAddressType": item.get("IpAddressType", "ipv4"),
        "SecurityGroups": list[Json](sorted(groups)),
        "Subnets": list[Json](sorted(zone["SubnetId"] for zone in item.get("AvailabilityZones", ()))),
        "VpcId": item.get("VpcId", ""),
    }


def listener(item: Mapping[str, Any], groups: Names, certificates: Names) -> dict[str, Json]:
    """Return a listener's spec; certificates of Secrets by their names, others by ARN."""
    spec: dict[str, Json] = {
        "Port": item["Port"],
        "Protocol": item["Protocol"],
        "DefaultActions": actions(item.get("DefaultActions", ()), groups),
    }
    if item["Protocol"] in ("HTTPS", "TLS"):
        held: Sequence[Mapping[str, Any]] = item.get("Certificates", ())
        arn = held[0]["CertificateArn"] if held else ""
        spec |= {"SslPolicy": item.get("SslPolicy", ""), "Certificate": certificates.get(arn, arn)}
    if item["Protocol"] == "HTTPS":
        spec["MutualAuthentication"] = _mutual_authentication(item.get("MutualAuthentication") or {})
    return spec


def _mutual_authentication(item: Mapping[str, Any]) -> dict[str, Json]:
    """Return how clients are validated; the ARN of a trust store tells its name."""
    mode = str(item.get("Mode") or "off")
    if mode != "verify":
        return {"Mode": mode}
    store = str(item.get("TrustStoreArn", "")).rpartition("/")[0].rpartition("/")[2]
    lenient = bool(item.get("IgnoreClientCertificateExpiry", False))
    return {"Mode": mode, "TrustStore": store, "IgnoreClientCertificateExpiry": lenient}


def ingress(permissions: Iterable[Mapping[str, Any]], managed: str = "") -> dict[tuple[int, str], list[str]]:
    """Return by port and transport who may connect, as sorted CIDRs and prefix list ids; all else is not ours.

    `managed`: the id of our own group; what stands in it may connect as `managed`.
    """
    found: dict[tuple[int, str], set[str]] = {}
    for item in permissions:
        if item.get("IpProtocol") not in ("tcp", "udp") or item.get("FromPort") != item.get("ToPort"):
            continue
        sources = found.setdefault((int(item["FromPort"]), str(item["IpProtocol"])), set())
        sources |= {one["CidrIp"] for one in item.get("IpRanges", ())}
        sources |= {one["CidrIpv6"] for one in item.get("Ipv6Ranges", ())}
        sources |= {one["PrefixListId"] for one in item.get("PrefixListIds", ())}
        sources |= {"managed" for one in item.get("UserIdGroupPairs", ()) if one.get("GroupId") == managed}
    return {door: sorted(sources) for door, sources in found.items() if sources}
