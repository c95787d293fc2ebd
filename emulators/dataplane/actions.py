"""The actions and transforms of a listener rule as what an Envoy route does.

What cannot be expressed faithfully answers 501 and says so, instead of serving something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulators.dataplane.target_groups import cluster_name

Json = dict[str, Any]

_WHOLE_HOST = frozenset({".*", "^.*$", "^.*", ".+", "^.+$"})
_REDIRECT_DEFAULTS = {"Protocol": "#{protocol}", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}"}
_PATH_TEMPLATE = re.compile(r"(?P<prefix>/?[^#]*)/#\{path\}")
_KEYWORD = "#{"


@dataclass(frozen=True, slots=True)
class Frontend:
    """What an action needs to know of its surroundings.

    Attributes:
        protocol: `http` or `https`, of the listener.
        port: of the listener, as its clients know it.
        attributes: of the load balancer.
        groups: every target group by ARN.
    """

    protocol: str
    port: int
    attributes: Mapping[str, str]
    groups: Mapping[str, Mapping[str, Any]]


def idle_timeout(attributes: Mapping[str, str]) -> int:
    """Return the idle timeout of an application load balancer, in seconds."""
    return int(attributes.get("idle_timeout.timeout_seconds", "60"))


@dataclass(frozen=True, slots=True)
class Answer:
    """Part of an Envoy `Route`, and what the Lua filter has to know when it comes this way."""

    route: Json
    hints: Json


class Unsupported(Exception):
    """The data plane cannot do this as an ALB would; says what."""


def answer(rule: Mapping[str, Any], frontend: Frontend) -> Answer:
    """Return what the rule does with a request that it has matched."""
    try:
        return _answer(rule["Actions"], rule.get("Transforms") or (), frontend)
    except Unsupported as unsupported:
        return Answer(_direct(501, f"not emulated: {unsupported}\n"), {})


def _answer(actions: Sequence[Mapping[str, Any]], transforms: Sequence[Json], frontend: Frontend) -> Answer:
    ordered = sorted(actions, key=lambda action: int(action.get("Order", 1)))
    if len(ordered) != 1:
        raise Unsupported(f"the action '{ordered[0]['Type']}'")
    action = ordered[0]
    match action["Type"]:
        case "forward":
            return _forward(action["ForwardConfig"], transforms, frontend)
        case "redirect":
            return _redirect(action["RedirectConfig"], transforms, frontend)
        case "fixed-response":
            return _fixed(action["FixedResponseConfig"])
        case other:
            raise Unsupported(f"the action '{other}'")


def _fixed(config: Mapping[str, str]) -> Answer:
    made = _direct(int(config["StatusCode"]), config.get("MessageBody") or "")
    if content_type := config.get("ContentType"):
        made["response_headers_to_add"] = [overwrite("content-type", content_type)]
    return Answer(made, {})


def _direct(status: int, body: str) -> Json:
    return {"direct_response": {"status": status} | ({"body": {"inline_string": body}} if body else {})}


def overwrite(name: str, value: str) -> Json:
    """Return a `HeaderValueOption` that sets a header to this very text."""
    header = {"key": name, "value": value.replace("%", "%%")}
    return {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _forward(config: Mapping[str, Any], transforms: Sequence[Json], frontend: Frontend) -> Answer:
    if config.get("TargetGroupStickinessConfig", {}).get("Enabled"):
        raise Unsupported("stickiness between target groups")
    weights = {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in config["TargetGroups"]}
    if not any(weights.values()):
        return Answer(_direct(503, ""), {})
    groups = [frontend.groups[arn] for arn in weights]
    for group in groups:
        _check_group(group)
    # No timeout of its own: an ALB knows only idle time.
    route: Json = {"timeout": "0s", "idle_timeout": f"{idle_timeout(frontend.attributes)}s"}
    route |= _destination(weights) | _rewrites(transforms)
    return Answer({"route": route}, {"version": groups[0].get("ProtocolVersion") or "HTTP1"})


def _check_group(group: Mapping[str, Any]) -> None:
    if group.get("Attributes", {}).get("stickiness.enabled") == "true":
        raise Unsupported(f"stickiness of target group '{group['TargetGroupName']}'")
    if group.get("TargetType") == "lambda":
        raise Unsupported(f"target group '{group['TargetGroupName']}' with a function as its target")


def _destination(weights: Mapping[str, int]) -> Json:
    if len(weights) == 1:
        return {"cluster": cluster_name(next(iter(weights)))}
    clusters = [{"name": cluster_name(arn), "weight": weight} for arn, weight in weights.items()]
    return {"weighted_clusters": {"clusters": clusters}}


def _rewrites(transforms: Sequence[Json]) -> Json:
    made: Json = {}
    for transform in transforms:
        if transform["Type"] == "url-rewrite":
            made["regex_rewrite"] = _path_rewrite(transform)
        else:
            made["host_rewrite_literal"] = _new_host(transform)
    return made


def _path_rewrite(transform: Json, prefix: str = "") -> Json:
    """Return a `RegexMatchAndSubstitute` that puts `prefix` before what it replaces; Envoy leaves the query alone."""
    rewrite = transform["UrlRewriteConfig"]["Rewrites"][0]
    regex, replacement = rewrite["Regex"], rewrite.get("Replace", "")
    if r"\?" in regex or "?" in replacement:
        raise Unsupported(f"a url-rewrite that touches the query: '{regex}' to '{replacement}'")
    substitution = re.sub(r"\$([0-9])", r"\\\1", replacement.replace("\\", "\\\\"))
    return {"pattern": {"regex": regex}, "substitution": prefix + substitution}


def _new_host(transform: Json) -> str:
    rewrite = transform["HostHeaderRewriteConfig"]["Rewrites"][0]
    regex, replacement = rewrite["Regex"], rewrite.get("Replace", "")
    if regex not in _WHOLE_HOST or "$" in replacement:
        raise Unsupported(f"a host-header-rewrite of a part of the host: '{regex}' to '{replacement}'")
    return str(replacement)


def _redirect(config: Mapping[str, str], transforms: Sequence[Json], frontend: Frontend) -> Answer:
    status = int(config["StatusCode"].removeprefix("HTTP_"))
    template = _REDIRECT_DEFAULTS | {"Query": "#{query}"} | {k: v for k, v in config.items() if k != "StatusCode"}
    if transforms:
        return Answer({"redirect": _rewritten_redirect(status, template, transforms, frontend)}, {})
    known = {"protocol": frontend.protocol, "port": str(frontend.port)}
    # The Lua filter answers first, with the keywords resolved; Envoy's own redirect knows no keywords.
    return Answer(_direct(500, ""), {"redirect": template | {"Status": str(status)}, "known": known})


def _rewritten_redirect(
    status: int, template: Mapping[str, str], transforms: Sequence[Json], frontend: Frontend
) -> Json:
    """Return a `RedirectAction` for the one shape of transform and redirect that Envoy can follow exactly."""
    path = _PATH_TEMPLATE.fullmatch(template["Path"])
    kinds = [transform["Type"] for transform in transforms]
    if path is None or template["Query"] != "#{query}" or kinds != ["url-rewrite"]:
        raise Unsupported(f"a redirect to '{template['Path']}' after {', '.join(kinds)}")
    rewrite = _path_rewrite(transforms[0], path["prefix"])
    replaced = transforms[0]["UrlRewriteConfig"]["Rewrites"][0]
    if not (replaced["Regex"].startswith("^") and replaced.get("Replace", "").startswith("/")):
        raise Unsupported(
            f"a redirect after the url-rewrite '{replaced['Regex']}', which does not start at '^' with '/'"
        )
    return {
        "response_code": {301: "MOVED_PERMANENTLY", 302: "FOUND"}[status],
        "scheme_redirect": _literal(template["Protocol"], frontend.protocol).lower(),
        "port_redirect": int(_literal(template["Port"], str(frontend.port))),
        "regex_rewrite": rewrite,
    } | ({} if template["Host"] == "#{host}" else {"host_redirect": _literal(template["Host"], "")})


def _literal(value: str, keyword_value: str) -> str:
    if value in {"#{protocol}", "#{port}"}:
        return keyword_value
    if _KEYWORD in value:
        raise Unsupported(f"a redirect to '{value}' after a transform")
    return value
