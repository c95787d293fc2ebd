"""`routewright` as people use it: files in any shape in, tables or one stable document out, clear words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.classes import SHIPPED
from cli.main import app
from cli.manifests import ManifestError, read_manifests

ROOT = Path(__file__).parents[3]
CASE = ROOT / "tests" / "golden" / "one-gateway-one-route" / "in"
CRD = {
    "kind": "CustomResourceDefinition",
    "spec": {
        "group": "gateway.networking.k8s.io",
        "names": {"kind": "Gateway"},
        "versions": [
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "required": ["gatewayClassName"],
                                "properties": {"listeners": {"type": "array", "maxItems": 1}},
                            }
                        },
                    }
                },
            }
        ],
    },
}


def run(*arguments: str, given: str | None = None) -> Any:
    return CliRunner().invoke(app, list(arguments), input=given)


def plan(where: Path | str, *more: str) -> dict[str, Any]:
    answer = run("plan", "-f", str(where), "--output", "yaml", *more)
    assert 0 == answer.exit_code, answer.output
    found: dict[str, Any] = yaml.safe_load(answer.stdout)
    return found


def test_the_bucket_of_a_deployment_is_an_option_or_its_setting() -> None:
    case = ROOT / "tests" / "golden" / "bucket" / "clients-need-a-certificate-by-port" / "in"

    def modes(*more: str, **environment: str) -> list[str]:
        arguments = ["plan", "-f", str(case), "--output", "yaml", *more]
        found = yaml.safe_load(CliRunner().invoke(app, arguments, env=environment).stdout)["resources"]
        return sorted(one["spec"].get("MutualAuthentication", {}).get("Mode", "") for one in found)[-3:]

    assert ["passthrough", "verify", "verify"] == modes("--trust-store-bucket", "mine")
    assert modes("--trust-store-bucket", "mine") == modes(ROUTEWRIGHT_TRUST_STORE_BUCKET="mine")
    assert ["", "", "passthrough"] == modes()


def test_a_folder_a_file_and_standard_input_give_the_same() -> None:
    file = CASE / "objects.yaml"
    piped = run("plan", "-f", "-", "--output", "yaml", given=file.read_text())

    assert plan(CASE) == plan(file) == yaml.safe_load(piped.stdout)


def test_json_and_lists_are_read_as_well(tmp_path: Path) -> None:
    bodies = [one.body for one in read_manifests([str(CASE)])]
    (tmp_path / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": bodies}))

    assert plan(CASE) == plan(tmp_path)


def test_two_runs_give_the_same_bytes() -> None:
    first, second = (run("plan", "-f", str(CASE), "--output", "yaml").stdout for _ in range(2))

    assert first == second


def test_the_document_has_statuses_and_resources_with_origin_and_reason() -> None:
    found = plan(CASE)

    assert {"status", "resources"} == set(found)
    (rule,) = [one for one in found["resources"] if one["resource"].startswith("rule/")]
    assert ["httproute/a/shop/rule/0/match/0/*"] == rule["origins"]
    assert rule["why"]


def test_the_table_names_calls_reasons_and_conditions() -> None:
    answer = run("plan", "-f", str(CASE))

    assert 0 == answer.exit_code
    for word in ("CreateLoadBalancer", "CreateRule", "Programmed", "httproute/a/shop"):
        assert word in answer.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [", "not YAML"),
        ("- 1\n", "it has no kind"),
        ("just text", "it has no kind"),
        ("kind: List\nitems: [1]\n", "has no kind"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "broken.yaml").write_text(text)

    answer = run("plan", "-f", str(tmp_path))

    assert 1 == answer.exit_code
    assert "broken.yaml" in answer.stderr.replace("\n", "")
    assert told in answer.stderr.replace("\n", " ")


@pytest.mark.parametrize("where", ["nowhere", "empty"])
def test_a_place_without_manifests_is_named(tmp_path: Path, where: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(ManifestError, match=where):
        read_manifests([str(tmp_path / where)])


def test_the_same_object_twice_is_refused(tmp_path: Path) -> None:
    text = (CASE / "objects.yaml").read_text()
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(text)

    answer = run("plan", "-f", str(tmp_path))

    assert 1 == answer.exit_code
    assert "stands already" in answer.stderr.replace("\n", " ")


def test_what_a_schema_refuses_is_named_by_field_and_the_rest_is_planned(tmp_path: Path) -> None:
    (tmp_path / "crds").mkdir()
    (tmp_path / "crds" / "crd.yaml").write_text(yaml.safe_dump(CRD))
    bad = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "bad"}, "spec": {}}
    (tmp_path / "in").mkdir()
    good = (CASE / "objects.yaml").read_text()
    (tmp_path / "in" / "all.yaml").write_text(good + "\n---\n" + yaml.safe_dump(bad))

    answer = run("plan", "-f", str(tmp_path / "in"), "--output", "yaml", "--crds", str(tmp_path / "crds"))

    assert 1 == answer.exit_code
    assert "gatewayClassName" in answer.stderr
    assert "Gateway/bad" in answer.stderr
    assert "shared-gw" in answer.stdout


def test_kinds_that_we_do_not_know_are_noted(tmp_path: Path) -> None:
    body = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "x"}}
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(body))

    answer = run("plan", "-f", str(tmp_path), "--output", "yaml")

    assert 0 == answer.exit_code
    assert "LimitRange" in answer.stderr


def test_a_gateway_of_a_class_that_is_not_there_is_noted() -> None:
    answer = run("plan", "-f", str(ROOT / "tests/golden/class-that-does-not-exist/in"))

    assert "its class is not in the input" in answer.stdout


def test_no_output_holds_anything_of_a_private_key() -> None:
    where = ROOT / "tests/golden/https-by-secret/in"
    (secret,) = [one.body for one in read_manifests([str(where)]) if one.body["kind"] == "Secret"]
    key = secret["data"]["tls.key"]

    for output in ("table", "yaml"):
        answer = run("plan", "-f", str(where), "--output", output)
        assert key[:40] not in answer.output
        assert "PRIVATE KEY" not in answer.output


def test_the_shipped_classes_are_those_of_the_cluster_manifests() -> None:
    held = list(yaml.safe_load_all((ROOT / "infra" / "gatewayclasses.yaml").read_text()))
    shipped = [item for items in SHIPPED.values() for item in items]

    assert shipped == [one for one in held if one["kind"] != "Namespace"]


def test_help_tells_the_commands() -> None:
    answer = run("--help")

    assert {"plan", "backfill"} <= set(answer.stdout.split())
