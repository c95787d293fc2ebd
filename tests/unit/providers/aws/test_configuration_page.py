"""docs/configuration.md names every field that there is, and none else: held against the CRD and the code's tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from providers.aws.attributes import BOTH, KNOWN
from providers.aws.backend_settings import FIELDS as AWS_FIELDS
from providers.aws.config import OF_THE_CLASS
from providers.aws.listener_settings import HEADERS
from providers.aws.resources import ALB
from reconciler.gatewayapi.backend_config import FIELDS, HEALTH
from reconciler.gatewayapi.config import CLASS_ONLY

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "configuration.md").read_text()
CONFIGS, ATTRIBUTES, BACKENDS = (
    [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| `")]
    for part in re.split(r"^(?:### `attributes`|## BackendConfig)$", PAGE, flags=re.MULTILINE)
)


def leaves(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the paths of a schema's fields that have no fields of their own."""
    for name, field in schema.get("properties", {}).items():
        inner = tuple(leaves(field, f"{path}{name}."))
        yield from inner or (f"{path}{name}",)


def spec_of(plural: str) -> Any:
    """Return the schema of a kind's spec in its CRD."""
    crd = yaml.safe_load((ROOT / "infra" / "crds" / f"{plural}.yaml").read_text())
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]


def test_every_field_of_a_load_balancer_config_is_on_the_page_and_in_the_crd() -> None:
    assert sorted(leaves(spec_of("loadbalancerconfigs"))) == sorted(row[0].strip("`") for row in CONFIGS)


def test_the_page_says_what_is_the_classs_alone() -> None:
    known = {*CLASS_ONLY, *(f"aws.{name}" for name in OF_THE_CLASS)}
    said = {row[0].strip("`") for row in CONFIGS if row[1] == "class"}

    assert {one for one in said if one in known or one.rpartition(".")[0] in known} == said
    assert {one for one in known if any(row == one or row.startswith(f"{one}.") for row in said)} == known


def test_every_attribute_is_on_the_page_with_its_values_and_default() -> None:
    kept = {"secondary_ips.auto_assigned.per_subnet": "as it is: AWS lets it grow only"}
    rows = [
        [
            f"`{name}`",
            "both" if one.of == BOTH else "ALB" if one.of == (ALB,) else "NLB",
            one.words.replace("the name of a bucket", "a bucket"),
            one.default
            or kept.get(name, "off again if we turned it on" if one.words == "true or false" else "as it is"),
        ]
        for name, one in KNOWN.items()
    ]

    assert sorted(rows) == ATTRIBUTES


@pytest.mark.parametrize("header", HEADERS)
def test_every_header_is_on_the_page(header: str) -> None:
    assert f"`{header}`" in PAGE


def test_every_field_of_a_backend_config_is_on_the_page() -> None:
    parts = {"healthCheck": HEALTH, "aws": AWS_FIELDS}
    inner = {f"{name}.{field}" for name, table in parts.items() for field in table}
    fields = inner | FIELDS.keys() - parts.keys()

    assert sorted(fields) == sorted(row[0].strip("`") for row in BACKENDS)


def test_the_crd_of_a_backend_config_has_the_fields_that_are_read() -> None:
    assert sorted(row[0].strip("`") for row in BACKENDS) == sorted(leaves(spec_of("backendconfigs")))


def test_the_page_says_which_fields_are_for_requests_or_streams_only() -> None:
    said = {row[0].strip("`"): row[1] for row in BACKENDS}

    assert {f"aws.{name}": only for name, (_, _, only) in AWS_FIELDS.items()} == {
        name: only for name, only in said.items() if name.startswith("aws.")
    }
