"""The conditions of a listener rule as one Envoy route match: values in a condition are OR, conditions are AND.

Envoy joins a repeated header by commas before it matches, so a header condition looks at each item of such a list;
a single header that holds a comma is therefore looked at item by item as well, which an ALB does not do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emulators.dataplane.patterns import any_of, glob, in_any_case, literally, search

Json = dict[str, Any]

SOURCE_ADDRESS = "envoy.network.source"
"""Filter state in which a listener keeps the address of its peer."""

_ANYTHING: Json = {"prefix": "/"}
_CONFIG = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}


def route_match(conditions: Iterable[Mapping[str, Any]]) -> Json:
    """Return the `RouteMatch` under which all conditions hold; no condition matches everything.

    Raises:
        KeyError: a condition has a field that ALB rules do not know.
    """
    match: Json = {}
    for condition in conditions:
        field = condition["Field"]
        config = condition[_CONFIG[field]]
        if field == "path-pattern":
            match["safe_regex"] = {"regex": _path(config)}
        elif field == "source-ip":
            match.setdefault("filter_state", []).append(_source(config))
        else:
            match.setdefault("headers", []).append(_HEADER[field](config))
    return match if "safe_regex" in match else _ANYTHING | match


def header(name: str, pattern: str) -> Json:
    """Match a request header as a whole."""
    return {"name": name, "string_match": {"safe_regex": {"regex": pattern}}}


def _path(config: Mapping[str, Any]) -> str:
    return any_of([*map(glob, _values(config)), *map(search, _regexes(config))])


def _host(config: Mapping[str, Any]) -> Json:
    patterns = [*map(glob, _values(config)), *map(search, _regexes(config))]
    return header(":authority", in_any_case(any_of(patterns)))


def _field(config: Mapping[str, Any]) -> Json:
    patterns = [*(_item(glob(value)) for value in _values(config)), *map(search, _regexes(config))]
    return header(config["HttpHeaderName"].lower(), in_any_case(any_of(patterns)))


def _item(pattern: str) -> str:
    return rf"(?:.*,)?\s*(?:{pattern})\s*(?:,.*)?"


def _method(config: Mapping[str, Any]) -> Json:
    return header(":method", any_of(map(literally, _values(config))))


def _query(config: Mapping[str, Any]) -> Json:
    pairs = any_of(_pair(value) for value in _values(config))
    return header(":path", in_any_case(rf"[^?]*\?(?:.*&)?(?:{pairs})(?:&.*)?"))


def _pair(value: Mapping[str, str]) -> str:
    key = glob(value["Key"], "[^&=]", escapes=True) if "Key" in value else "[^&=]*"
    return f"{key}={glob(value['Value'], '[^&]', escapes=True)}"


def _source(config: Mapping[str, Any]) -> Json:
    return {"key": SOURCE_ADDRESS, "address_match": {"ranges": list(_ranges(_values(config)))}}


def _ranges(blocks: Iterable[str]) -> Iterator[Json]:
    for block in blocks:
        address, _, length = block.partition("/")
        yield {"address_prefix": address, "prefix_len": int(length)}


def _values(config: Mapping[str, Any]) -> list[Any]:
    return list(config.get("Values") or ())


def _regexes(config: Mapping[str, Any]) -> list[str]:
    return list(config.get("RegexValues") or ())


_HEADER = {"host-header": _host, "http-header": _field, "http-request-method": _method, "query-string": _query}
