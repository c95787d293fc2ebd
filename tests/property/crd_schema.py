"""Objects drawn from an OpenAPI v3 schema, as an API server would let them in: the CRDs say what may come.

CEL rules are not obeyed, so that more is drawn than a cluster would take. Fields whose value refers to something come
mostly from pools of few names (`Pools`), so that references often meet; now and then the schema alone decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

type Schema = Mapping[str, Any]
type Drawn = st.SearchStrategy[Any]
type Pools = Mapping[str, Sequence[Any]]
"""Values by the end of a field's path, e.g. `parentRefs.name` or `port`; the longest end that fits counts."""

_BORDERS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
_MOST = (3, 3, 3, 2, 2, 2, 1)
"""Items of a list and keys of a map at most, by depth: what is deep inside is rarely many."""


@cache
def read_crd(file: Path, version: str) -> Schema:
    """Return the schema of one version of a CRD."""
    crd = yaml.safe_load(file.read_text(encoding="utf-8"))
    versions = {one["name"]: one["schema"]["openAPIV3Schema"] for one in crd["spec"]["versions"]}
    found: Schema = versions[version]
    return found


@dataclass(frozen=True)
class FromSchema:
    """Makes strategies of schemas, one for each path."""

    pools: Pools = field(default_factory=dict)

    def draw(self, schema: Schema, path: tuple[str, ...] = ()) -> Drawn:
        """Return a strategy for the values that a schema allows at a path."""
        own = self._own(schema, path)
        pool = self._pool(path)
        if pool is None or schema.get("type") == "array":
            return own
        return st.integers(0, 9).flatmap(lambda chance: own if chance == 0 else st.sampled_from(pool))

    def _pool(self, path: tuple[str, ...]) -> Sequence[Any] | None:
        names = [name for name in path if name != "[]"]
        ends = (".".join(names[place:]) for place in range(len(names)))
        return next((self.pools[end] for end in ends if end in self.pools), None)

    def _own(self, schema: Schema, path: tuple[str, ...]) -> Drawn:
        if "enum" in schema:
            return st.sampled_from(schema["enum"])
        if schema.get("x-kubernetes-int-or-string"):
            return st.integers(0, 2**31 - 1) | st.text(max_size=20)
        if schema["type"] == "object":
            return self._object(schema, path)
        return self._array(schema, path) if schema["type"] == "array" else _SCALARS[schema["type"]](schema)

    def _object(self, schema: Schema, path: tuple[str, ...]) -> Drawn:
        if "additionalProperties" in schema:
            keys = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True)
            values = self.draw(schema["additionalProperties"], (*path, "*"))
            most = min(_most(path), schema.get("maxProperties", 9))
            return st.dictionaries(keys, values, max_size=most)
        properties: Mapping[str, Schema] = schema.get("properties", {})
        required = set(schema.get("required", ()))
        drawn = {name: self.draw(one, (*path, name)) for name, one in properties.items()}
        return st.fixed_dictionaries(
            {name: one for name, one in drawn.items() if name in required},
            optional={name: one for name, one in drawn.items() if name not in required},
        )

    def _array(self, schema: Schema, path: tuple[str, ...]) -> Drawn:
        least = schema.get("minItems", 0)
        most = max(least, min(_most(path), schema.get("maxItems", 9)))
        items = self.draw(schema["items"], (*path, "[]"))
        match schema.get("x-kubernetes-list-type"):
            case "map":
                keys = tuple(schema["x-kubernetes-list-map-keys"])
                return st.lists(
                    items,
                    min_size=least,
                    max_size=most,
                    unique_by=lambda one: tuple(one.get(key) for key in keys),
                )
            case "set":
                return st.lists(items, min_size=least, max_size=most, unique=True)
            case _:
                return st.lists(items, min_size=least, max_size=most)


def _most(path: tuple[str, ...]) -> int:
    return _MOST[min(sum(part == "[]" for part in path) * 2, len(_MOST) - 1)]


def _integer(schema: Schema) -> Drawn:
    least, most = _BORDERS[schema.get("format", "int64")]
    low, high = max(least, schema.get("minimum", least)), min(most, schema.get("maximum", most))
    return st.sampled_from((low, high)) | st.integers(low, high)


@cache
def _pattern(pattern: str, low: int, high: int) -> Drawn:
    """Texts that a pattern finds; where it is not anchored, anything may stand around it."""
    drawn = st.from_regex(re.compile(pattern)).map(lambda text: text.removesuffix("\n"))
    return drawn.filter(lambda text: low <= len(text) <= high and re.search(pattern, text) is not None)


def _string(schema: Schema) -> Drawn:
    low, high = schema.get("minLength", 0), schema.get("maxLength", 64)
    match schema.get("format"):
        case "date-time":
            return st.sampled_from(("2026-01-01T00:00:00Z", "2026-03-01T12:00:00Z"))
        case "ipv4":
            return st.ip_addresses(v=4).map(str)
        case "ipv6":
            return st.ip_addresses(v=6).map(str)
    if "pattern" in schema:
        return _pattern(schema["pattern"], low, high)
    letters = st.characters(codec="utf-8")
    short = st.text(letters, min_size=low, max_size=min(high, low + 12))
    long = st.sampled_from("a(*é\x1b").map(lambda char: char * high)
    return st.integers(0, 19).flatmap(lambda chance: long if chance == 0 else short)


_SCALARS: Mapping[str, Callable[[Schema], Drawn]] = {
    "string": _string,
    "integer": _integer,
    "number": lambda _: st.floats(allow_nan=False, allow_infinity=False),
    "boolean": lambda _: st.booleans(),
}


def with_defaults(value: Any, schema: Schema) -> Any:
    """Return a value with the defaults that the API server would fill in."""
    if isinstance(value, list):
        return [with_defaults(item, schema.get("items", {})) for item in value]
    if not isinstance(value, dict):
        return value
    properties: Mapping[str, Schema] = schema.get("properties", {})
    more = schema.get("additionalProperties")
    filled = {name: one["default"] for name, one in properties.items() if "default" in one} | value
    inner = more if isinstance(more, dict) else {}
    return {name: with_defaults(one, properties.get(name, inner)) for name, one in filled.items()}
