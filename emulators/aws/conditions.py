"""Conditions of a listener rule: validated field by field, and written back as the Describe calls show them.

The limits per rule (values, wildcards) are the account's; everything else is fixed by the API. Values and regular
expressions are kept exactly as given.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from copy import deepcopy
from typing import Any

from emulators.aws.errors import AwsError, invalid
from emulators.aws.limits import Limits
from emulators.aws.regexes import LONGEST_CONDITION, check_regex

Condition = dict[str, Any]

CONFIG = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
    "http-request-method": "HttpRequestMethodConfig",
    "query-string": "QueryStringConfig",
    "source-ip": "SourceIpConfig",
}
REPEATABLE = frozenset({"http-header", "query-string"})
TOP_LEVEL = frozenset({"host-header", "path-pattern"})
WITH_REGEX = frozenset({"host-header", "path-pattern", "http-header"})
LONGEST_NAME = 40

_HOST = re.compile(r"[A-Za-z0-9.*?-]+")
_HOST_END = re.compile(r"\.[A-Za-z]+")
_PATH = re.compile(r"""[A-Za-z0-9 _.$/~"'@:+&*?-]+""")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+")
_METHOD = re.compile(r"[A-Z_-]+")
_PRINTABLE = re.compile(r"[\x20-\x7e]+")


def check_conditions(conditions: list[Condition], limits: Limits) -> None:
    """Refuse the conditions of one rule if the API would.

    Raises:
        AwsError: ValidationError.
    """
    if not conditions:
        raise invalid("A rule must have at least one condition")
    counts = Counter(_field(condition) for condition in conditions)
    for field, count in counts.items():
        if count > 1 and field not in REPEATABLE:
            raise invalid(f"A rule can only have one '{field}' condition")
    for condition in conditions:
        _check(condition)
    _check_totals(conditions, limits)


def normalised(condition: Condition, *, echo_both_forms: bool) -> Condition:
    """Return a condition as reads show it: always with its `...Config`, host and path values in the old form too."""
    field = condition["Field"]
    shown: Condition = {"Field": field, CONFIG[field]: deepcopy(condition.get(CONFIG[field], {}))}
    for member in ("Values", "RegexValues"):
        if member in condition:
            shown[CONFIG[field]].setdefault(member, list(condition[member]))
    if echo_both_forms and field in TOP_LEVEL:
        shown |= {m: list(shown[CONFIG[field]][m]) for m in ("Values", "RegexValues") if m in shown[CONFIG[field]]}
    return shown


def _field(condition: Condition) -> str:
    field = condition.get("Field")
    if field not in CONFIG:
        raise invalid(f"Condition field '{field}' must be one of '[{','.join(CONFIG)}]'")
    for other, config in CONFIG.items():
        if other != field and config in condition:
            raise invalid(f"'{config}' cannot be specified for a condition with the field '{field}'")
    return str(field)


def _check(condition: Condition) -> None:
    field = condition["Field"]
    config = condition.get(CONFIG[field], {})
    _check_forms(condition, field)
    if "IpAddressType" in config:
        raise invalid("'IpAddressType' is only supported by rules of Network Load Balancers")
    if field == "http-header":
        _check_header_name(config.get("HttpHeaderName"))
    for value in _values(condition):
        _check_value(field, value)
    for pattern in _regexes(condition):
        check_regex(pattern, LONGEST_CONDITION, f"a '{field}' condition")


def _check_forms(condition: Condition, field: str) -> None:
    config = condition.get(CONFIG[field], {})
    if "Values" in condition and field not in TOP_LEVEL:
        raise invalid(f"'Values' cannot be specified for the field '{field}': use '{CONFIG[field]}'")
    if "Values" in condition and len(condition["Values"]) > 1 and CONFIG[field] not in condition:
        raise invalid(f"A '{field}' condition can only have one value in 'Values': use '{CONFIG[field]}'")
    if ("Values" in condition or "RegexValues" in condition) and config and not _repeats(condition, config):
        raise invalid(f"Specify the values of a '{field}' condition either directly or in '{CONFIG[field]}', not both")
    if _regexes(condition) and field not in WITH_REGEX:
        raise invalid(f"'RegexValues' cannot be specified for the field '{field}'")
    if _values(condition) and _regexes(condition):
        raise invalid(f"A '{field}' condition cannot have both values and regular expressions")
    if not _values(condition) and not _regexes(condition):
        raise invalid(f"A '{field}' condition must have a value")


def _repeats(condition: Condition, config: dict[str, Any]) -> bool:
    return all(config.get(m, condition[m]) == condition[m] for m in ("Values", "RegexValues") if m in condition)


def _values(condition: Condition) -> list[Any]:
    config = condition.get(CONFIG[condition["Field"]], {})
    return list(config.get("Values") or condition.get("Values") or [])


def _regexes(condition: Condition) -> list[str]:
    config = condition.get(CONFIG[condition["Field"]], {})
    return list(config.get("RegexValues") or condition.get("RegexValues") or [])


def _check_header_name(name: str | None) -> None:
    if not name or len(name) > LONGEST_NAME or not _HEADER_NAME.fullmatch(name):
        raise invalid(
            f"The HTTP header name '{name}' is not valid: 1 to {LONGEST_NAME} RFC 7230 characters, no wildcards"
        )
    if name.lower() == "host":
        raise invalid("An HTTP header condition cannot specify the host header: use a 'host-header' condition")


def _check_value(field: str, value: Any) -> None:
    if field == "query-string":
        _check_query(value)
    elif field == "source-ip":
        _check_cidr(value)
    elif field == "http-request-method":
        _check_text(field, value, _METHOD, LONGEST_NAME)
    elif field == "http-header":
        _check_text(field, value, _PRINTABLE, LONGEST_CONDITION)
    elif field == "path-pattern":
        _check_text(field, value, _PATH, LONGEST_CONDITION)
    else:
        _check_host(value)


def _check_text(field: str, value: str, alphabet: re.Pattern[str], longest: int) -> None:
    if not value:
        raise invalid(f"A '{field}' condition value cannot be empty")
    if len(value) > longest:
        raise invalid(f"The '{field}' condition value '{value}' is longer than {longest} characters")
    if not alphabet.fullmatch(value):
        raise invalid(f"The '{field}' condition value '{value}' contains characters that are not valid")


def _check_host(value: str) -> None:
    _check_text("host-header", value, _HOST, LONGEST_CONDITION)
    if "." not in value or not _HOST_END.fullmatch(value[value.rindex(".") :]):
        raise invalid(f"The host name '{value}' must contain a '.' and only letters after the last one")


def _check_query(value: dict[str, str]) -> None:
    _check_text("query-string", value.get("Value", ""), _PRINTABLE, LONGEST_CONDITION)
    if "Key" in value:
        _check_text("query-string", value["Key"], _PRINTABLE, LONGEST_CONDITION)


def _check_cidr(value: str) -> None:
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise invalid(f"The source IP '{value}' is not a valid CIDR block") from error
    if "/" not in value or str(network) == "255.255.255.255/32":
        raise invalid(f"The source IP '{value}' is not a valid CIDR block")


def _check_totals(conditions: list[Condition], limits: Limits) -> None:
    most = limits["condition-values-per-alb-rule"]
    if sum(len(_values(c)) + len(_regexes(c)) for c in conditions) > most:
        raise invalid(f"A rule can only have '{most}' condition values")
    most = limits["condition-wildcards-per-alb-rule"]
    if sum(_wildcards(c) for c in conditions) > most:
        raise invalid(f"A rule can only have '{most}' condition wildcards")


def _wildcards(condition: Condition) -> int:
    texts: list[str] = []
    for value in _values(condition):
        texts += value.values() if isinstance(value, dict) else [value]
    if condition["Field"] == "query-string":
        texts = [re.sub(r"\\[*?\\]", "", text) for text in texts]
    return sum(text.count("*") + text.count("?") for text in texts)


def check_network_conditions(conditions: list[Condition], ip_address_type: str) -> None:
    """Refuse conditions of a Network Load Balancer's rule: one source-ip condition by address type, dual-stack only.

    Raises:
        AwsError: OperationNotPermitted on an IPv4 load balancer, ValidationError otherwise.
    """
    if ip_address_type != "dualstack":
        raise AwsError("OperationNotPermitted", "Rules are only supported on dualstack Network Load Balancers")
    for condition in conditions:
        config = condition.get("SourceIpConfig", {})
        if (
            _field(condition) != "source-ip"
            or config.get("IpAddressType") not in {"ipv4", "ipv6"}
            or "Values" in config
        ):
            raise invalid("Network Load Balancer rules support only 'source-ip' conditions with an 'IpAddressType'")
    if len(conditions) != 1:
        raise invalid("A Network Load Balancer rule must have exactly one condition")
