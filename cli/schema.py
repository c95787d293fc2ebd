"""The CRDs' own schema checks, offline: what the API server would refuse, by file and field.

Structural schemas only; the CEL rules in the CRDs are the API server's business and are not evaluated here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from cli.manifests import Manifest, ManifestError

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The CRDs are megabytes; the C loader reads them ten times faster where it was built."""
type Schemas = Mapping[tuple[str, str], Mapping[str, Any]]
"""openAPIV3Schema by (apiVersion, kind)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What the API server would refuse."""

    place: str
    name: str
    field: str
    message: str


def default_crds() -> Path | None:
    """Return the CRD folder of the build cache, None if nothing was built here yet."""
    cache = Path(os.environ.get("ROUTEWRIGHT_CACHE") or Path.home() / ".cache" / "routewright")
    found = sorted(cache.glob("**/gateway.networking.k8s.io_gateways.yaml"))
    standard = [path for path in found if "standard" in str(path)] or found
    return standard[-1].parent if standard else None


@cache
def read_schemas(folder: Path) -> Schemas:
    """Return the schemas of all CRDs in a folder. Raises ManifestError for a folder without any."""
    schemas: dict[tuple[str, str], Mapping[str, Any]] = {}
    for file in sorted(folder.rglob("*.yaml")):
        for crd in yaml.load_all(file.read_text(encoding="utf-8"), Loader=_LOADER):
            if isinstance(crd, dict) and crd.get("kind") == "CustomResourceDefinition":
                spec = crd["spec"]
                for version in spec["versions"]:
                    key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
                    schemas[key] = _as_json_schema(version["schema"]["openAPIV3Schema"])
    if not schemas:
        raise ManifestError(f"{folder}: no CustomResourceDefinition in it")
    return schemas


def check(manifests: Sequence[Manifest], schemas: Schemas) -> Iterator[Finding]:
    """Yield what the schemas refuse, in the order of the manifests."""
    for manifest in manifests:
        schema = schemas.get((str(manifest.body.get("apiVersion")), str(manifest.body.get("kind"))))
        if schema is None:
            continue
        for error in sorted(Draft202012Validator(schema).iter_errors(manifest.body), key=lambda e: e.json_path):
            yield Finding(manifest.place, manifest.name, error.json_path.removeprefix("$."), _short(error.message))


def _short(message: str, limit: int = 300) -> str:
    return message if len(message) <= limit else message[:limit] + " ..."


def _as_json_schema(node: Any) -> Any:
    """Return a structural schema in JSON Schema's words: nullable and int-or-string are Kubernetes' own."""
    if isinstance(node, list):
        return [_as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    plain = {key: _as_json_schema(value) for key, value in node.items() if not key.startswith("x-kubernetes-")}
    plain.pop("format", None)
    if node.get("x-kubernetes-int-or-string"):
        plain.pop("type", None)
        plain.pop("anyOf", None)
        plain["type"] = ["integer", "string"]
    if node.get("nullable") and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    return plain
