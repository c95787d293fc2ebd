"""Matches as the conditions of an ALB rule: what each part costs, how it is written, and what an ALB cannot compare.

Sources: ELBv2 API model (RuleCondition), the guide's "Condition types for listener rules". An ALB compares paths and
methods by case, hosts, header and query values without; regular expressions are searched, so ours are always anchored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from providers.aws.dialect import anchored, wrong_regex
from reconciler.matches import GRPC, Match, PathMatch, PathType, ValueMatch, ValueType
from reconciler.values import Json

MAX_TEXT = 128
MAX_HEADER_NAME = 40
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&]+")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'+.^_`|~-]+")
_ALPHABETS = {
    "host-header": re.compile(r"[A-Za-z0-9.*?-]*\.[A-Za-z]+"),
    "path-pattern": re.compile(r"""[A-Za-z0-9 _.$/~"'@:+&*?-]+"""),
    "http-request-method": re.compile(r"[A-Z_-]{1,40}"),
    "query-string": re.compile(r"[ -~]+"),
}
"""What the plain values of a field may be (ELBv2 API reference, RuleCondition)."""
_GRPC = ValueMatch("content-type", f"{GRPC}.*", ValueType.REGULAR_EXPRESSION)
_PORT = "(:[0-9]+)?"


class Kind(StrEnum):
    """How a path is compared. SUBTREE is a prefix without the prefix itself: `/old/*`."""

    EXACT = "exact"
    PREFIX = "prefix"
    SUBTREE = "subtree"
    REGEX = "regex"


@dataclass(frozen=True, slots=True, order=True)
class Path:
    """A path condition; prefixes without a trailing slash, "" for the root."""

    kind: Kind
    value: str


ROOT = Path(Kind.PREFIX, "")
_ENDS: Mapping[Kind, str] = {Kind.EXACT: "$", Kind.PREFIX: "(/.*)?$", Kind.SUBTREE: "/.*$"}
"""What follows a path in its expression, by how it is compared."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that a rule compares; empty hosts, paths or methods mean any. Values of one dimension are alternatives."""

    hosts: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[ValueMatch, ...] = ()
    query: tuple[ValueMatch, ...] = ()


def conditions_of(hostname: str, match: Match, *, grpc_apart: bool = True) -> Conditions:
    """Return the conditions of an entry; gRPC requests are told by their content type only where others come too."""
    path = path_of(match.path)
    kind = (_GRPC,) if match.grpc and grpc_apart else ()
    return Conditions(
        hosts=(hostname,) if hostname else (),
        paths=() if path == ROOT else (path,),
        methods=(match.method,) if match.method else (),
        headers=tuple(sorted((*match.headers, *kind))),
        query=match.query,
    )


def path_of(path: PathMatch) -> Path:
    """Return a match's path: `/foo/` as a prefix means `/foo`."""
    if path.type is PathType.EXACT:
        return Path(Kind.EXACT, path.value)
    if path.type is PathType.PREFIX:
        return Path(Kind.PREFIX, path.value.rstrip("/"))
    if path.type is PathType.METHOD:
        return Path(Kind.REGEX, f"/[^/]+/{escape(path.value)}")
    return Path(Kind.REGEX, path.value)


# --- what an ALB cannot compare -----------------------------------------------------------------------------------


def wrong_with(conditions: Conditions) -> str:
    """Return why one entry's conditions cannot be written, "" if they can."""
    return next((sentence for sentence in _wrong(conditions) if sentence), "")


def _wrong(conditions: Conditions) -> Iterator[str]:
    for host in conditions.hosts:
        if len(host) > MAX_TEXT:
            yield f"hostname {host} is longer than {MAX_TEXT} characters"
    for path in conditions.paths:
        yield _wrong_path(path)
    for header in conditions.headers:
        yield _wrong_header(header)
    for parameter in conditions.query:
        yield _wrong_parameter(parameter)


def _wrong_path(path: Path) -> str:
    if len(path_regex(path)) > MAX_TEXT and not (_is_plain(path) and len(_plain_path(path)[-1]) <= MAX_TEXT):
        return f"path {path.value!r}: longer than the {MAX_TEXT} characters of an ALB condition"
    if path.kind is Kind.REGEX and (wrong := wrong_regex(path.value)):
        return f"path {path.value!r}: {wrong}"
    if not _is_ascii(path.value):
        return f"path {path.value!r}: an ALB compares visible ASCII characters only; write others as %XX"
    return ""


def _wrong_header(header: ValueMatch) -> str:
    if len(header.name) > MAX_HEADER_NAME or not _HEADER_NAME.fullmatch(header.name):
        return f"header {header.name}: an ALB compares header names of up to {MAX_HEADER_NAME} characters"
    if header.name == "host":
        return "header host: use hostnames; an ALB does not compare Host as a header"
    if len(_value_regex(header)) > MAX_TEXT:
        return f"header {header.name}: its value is longer than the {MAX_TEXT} characters of an ALB condition"
    if header.type is ValueType.REGULAR_EXPRESSION and (wrong := wrong_regex(header.value)):
        return f"header {header.name}: {wrong}"
    if not _is_ascii(header.value):
        return f"header {header.name}: an ALB compares visible ASCII characters only"
    return ""


def _wrong_parameter(parameter: ValueMatch) -> str:
    if parameter.type is ValueType.REGULAR_EXPRESSION:
        return f"query parameter {parameter.name}: an ALB has no regular expressions for query parameters"
    if not _is_ascii(parameter.name + parameter.value):
        return f"query parameter {parameter.name}: an ALB compares visible ASCII characters only"
    if max(len(_escaped(parameter.name)), len(_escaped(parameter.value))) > MAX_TEXT:
        return f"query parameter {parameter.name}: longer than the {MAX_TEXT} characters of an ALB condition"
    return ""


def _is_ascii(text: str) -> bool:
    return all(" " <= char <= "~" for char in text)


# --- how they are written ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cost:
    """What conditions take of a rule's limits."""

    values: int
    wildcards: int


def cost(written: Sequence[Mapping[str, Json]]) -> Cost:
    """Return the cost of conditions as `write` wrote them."""
    values = [value for item in written for value in _values(item)]
    wildcards = sum(
        text.count("*") + text.count("?") for item in written if "Values" in item for text in _plain_values(item)
    )
    return Cost(len(values), wildcards)


def unwritable(written: Sequence[Mapping[str, Json]]) -> str:
    """Return why AWS refuses conditions as `write` wrote them, whatever their cost; "" if it takes them."""
    for item in written:
        field, alphabet = str(item["Field"]), _ALPHABETS.get(str(item["Field"]))
        for text in _texts(item):
            if len(text) > MAX_TEXT:
                return f"{field} has to be written as {text}, longer than the {MAX_TEXT} characters of an ALB condition"
            if "Values" in item and alphabet is not None and not alphabet.fullmatch(text):
                return f"{field} {text!r}: an ALB does not take its characters"
    return ""


def write(conditions: Conditions, limit: int, *, alternation: bool = False) -> list[dict[str, Json]]:
    """Return the canonical conditions of a rule, sorted; paths as plain values where these fit into `limit`.

    With `alternation` what would not fit is written with as many hosts or paths in an expression as it holds.
    """
    written = _written(conditions, limit)
    if not alternation or cost(written).values <= limit:
        return written
    hosts, paths = _joined_hosts(conditions.hosts), _joined_paths(conditions.paths)
    joined: dict[str, list[Json]] = {"host-header": hosts, "path-pattern": paths}
    short = (
        {"Field": item["Field"], "RegexValues": joined[str(item["Field"])]} if joined.get(str(item["Field"])) else item
        for item in written
    )
    return sorted(short, key=_sort_key)


def _written(conditions: Conditions, limit: int) -> list[dict[str, Json]]:
    rest = len(conditions.hosts) + len(conditions.methods) + len(conditions.headers) + len(conditions.query)
    items = [*_hosts(conditions.hosts), *_methods(conditions.methods)]
    items += [_header(header) for header in conditions.headers]
    items += [_parameter(parameter) for parameter in conditions.query]
    items += _paths(conditions.paths, limit - rest) if conditions.paths or items else [_any_path()]
    return sorted(items, key=_sort_key)


def _sort_key(item: dict[str, Json]) -> tuple[str, str]:
    return (str(item["Field"]), repr(sorted(item.items())))


def _values(item: Mapping[str, Json]) -> Sequence[Json]:
    values = item.get("Values") or item.get("RegexValues")
    return values if isinstance(values, list) else ()


def _texts(item: Mapping[str, Json]) -> Iterator[str]:
    """Yield all texts that a condition compares with, of a query parameter its name and its value."""
    for value in _values(item):
        yield from map(str, value if isinstance(value, list) else [value])


def _plain_values(item: Mapping[str, Json]) -> Iterator[str]:
    """Yield the texts in which `*` and `?` are wildcards; those of query strings are escaped."""
    return (re.sub(r"\\.", "", text) for text in _texts(item))


def _any_path() -> dict[str, Json]:
    return {"Field": "path-pattern", "Values": ["/*"]}


def _hosts(hosts: tuple[str, ...]) -> list[dict[str, Json]]:
    if not hosts:
        return []
    if all(takes_port(host) for host in hosts):
        return [{"Field": "host-header", "RegexValues": _sorted(_host_regex(host) for host in hosts)}]
    return [{"Field": "host-header", "Values": _sorted(hosts)}]  # the port in a Host header is then not taken


def takes_port(host: str) -> bool:
    """Return whether a hostname can be compared with a Host header that carries a port: not if it is too long."""
    return len(_host_regex(host)) <= MAX_TEXT


def _host_regex(host: str) -> str:
    """Return the expression of a hostname; a Host header may carry a port, which plain values would miss."""
    rest = host.removeprefix("*.")
    return f"^{'.+[.]' if rest != host else ''}{escape(rest)}{_PORT}$"


def _methods(methods: tuple[str, ...]) -> list[dict[str, Json]]:
    return [{"Field": "http-request-method", "Values": _sorted(methods)}] if methods else []


def _header(header: ValueMatch) -> dict[str, Json]:
    return {"Field": "http-header", "HttpHeaderName": header.name, "RegexValues": [_value_regex(header)]}


def _value_regex(header: ValueMatch) -> str:
    if header.type is ValueType.REGULAR_EXPRESSION:
        return anchored(header.value)
    return f"^{escape(header.value)}$"


def _parameter(parameter: ValueMatch) -> dict[str, Json]:
    return {"Field": "query-string", "Values": [[_escaped(parameter.name), _escaped(parameter.value)]]}


def _escaped(text: str) -> str:
    return re.sub(r"([*?\\])", r"\\\1", text)


def _paths(paths: tuple[Path, ...], limit: int) -> list[dict[str, Json]]:
    """Return the path condition: all plain values, or all regular expressions, never mixed."""
    if not paths:
        return []
    if all(_is_plain(path) for path in paths):
        plain = [value for path in paths for value in _plain_path(path)]
        if len(plain) <= limit:
            return [{"Field": "path-pattern", "Values": _sorted(plain)}]
    return [{"Field": "path-pattern", "RegexValues": _sorted(path_regex(path) for path in paths)}]


def _is_plain(path: Path) -> bool:
    if path.kind is Kind.REGEX:
        return False
    return path == ROOT or _PLAIN_PATH.fullmatch(path.value) is not None


def _plain_path(path: Path) -> list[str]:
    if path.kind is Kind.EXACT:
        return [path.value]
    return [f"{path.value}/*"] if path.kind is Kind.SUBTREE or path == ROOT else [path.value, f"{path.value}/*"]


def path_regex(path: Path) -> str:
    """Return the anchored expression of a path."""
    if path.kind is Kind.REGEX:
        return anchored(path.value)
    return f"^{escape(path.value)}{_ENDS[path.kind]}"


def _joined_hosts(hosts: tuple[str, ...]) -> list[Json]:
    """Return the expressions of hostnames, as few as there can be; none where one is too long for an expression."""
    if not all(takes_port(host) for host in hosts):
        return []
    wild = [escape(host.removeprefix("*.")) for host in hosts if host.startswith("*.")]
    exact = [escape(host) for host in hosts if not host.startswith("*.")]
    return _sorted([*_joined(exact, "^", f"{_PORT}$"), *_joined(wild, "^.+[.]", f"{_PORT}$")])


def _joined_paths(paths: tuple[Path, ...]) -> list[Json]:
    """Return the expressions of paths, as few as there can be."""
    found = [path_regex(path) for path in paths if path.kind is Kind.REGEX]
    for kind, end in _ENDS.items():
        found += _joined([escape(path.value) for path in paths if path.kind is kind], "^", end)
    return _sorted(found)


def _joined(texts: Sequence[str], start: str, end: str) -> Iterator[str]:
    """Yield expressions that take any of these texts, each with as many of them as a value of a condition holds."""
    group: list[str] = []
    for text in sorted(texts):
        if group and len(start) + len(_either([*group, text])) + len(end) > MAX_TEXT:
            yield f"{start}{_either(group)}{end}"
            group = []
        group.append(text)
    if group:
        yield f"{start}{_either(group)}{end}"


def _either(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else f"(?:{'|'.join(texts)})"


def escape(text: str) -> str:
    """Return a text as a regular expression, with no more escapes than any dialect needs."""
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)


def _sorted(values: Sequence[str] | Iterator[str]) -> list[Json]:
    return list[Json](sorted(set(values)))
