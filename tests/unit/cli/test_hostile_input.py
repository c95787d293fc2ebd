"""Files that were not written by friends: bombs, bad encodings, terminal escapes, secrets. Clear words, no harm."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from cli import documents
from cli.documents import MAX_DEPTH, DocumentError, read_documents
from cli.main import app
from cli.plan import document, make_plan
from tests.builders import gateway, gateway_class, route, with_service
from tests.canary import canary_of, canary_secret

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}\n" for n in range(1, 12))
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 300))
BOMBS = {
    "billion laughs": LAUGHS,
    "merge keys": MERGES,
    "an alias in its own anchor": "a: &a [*a]",
    "a long chain of aliases": CHAIN,
    "deep YAML": "[" * 50_000,
    "deep JSON": '{"a":' * 5_000,
    "deep and closed": "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
    "a number without end": "a: " + "9" * 5_000,
    "a hexadecimal number without end": "a: 0x" + "f" * 5_000,
    "sixties": "a: " + ":".join(["59"] * 20_000),
    "not a number": "a: .nan",
    "a call": '!!python/object/apply:os.system ["id"]',
    "bytes": "a: !!binary aGVsbG8=",
    "a set": "a: !!set {x, y}",
    "half a surrogate pair": 'a: "\\ud800"',
    "a key that is no text": "? [a, b]\n: c",
    "a null key": "{null: a}",
    "a NUL": "a: \0",
}


def run(*arguments: str, given: str | bytes | None = None) -> Any:
    return CliRunner().invoke(app, list(arguments), input=given)


def words(answer: Any) -> str:
    """Return what was said, however the terminal broke its lines."""
    return " ".join(answer.stderr.split())


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_with_a_clear_word_before_it_grows(bomb: str, tmp_path: Path) -> None:
    (tmp_path / "bomb.yaml").write_text(bomb)
    started = time.process_time()
    answer = run("plan", "-f", str(tmp_path))

    assert 1 == answer.exit_code
    assert isinstance(answer.exception, SystemExit)
    assert "bomb.yaml" in answer.stderr.replace("\n", "")
    assert "Traceback" not in answer.output
    assert time.process_time() - started < 10


@pytest.mark.parametrize("bomb", [LAUGHS, MERGES, CHAIN])
def test_what_would_grow_is_refused_before_it_takes_memory(bomb: str) -> None:
    tracemalloc.start()
    with pytest.raises(DocumentError):
        read_documents(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 8_000_000


def test_aliases_that_stay_small_are_read() -> None:
    assert [{"a": [1], "b": {"c": [1], "d": [1]}}] == read_documents("a: &a [1]\nb: {c: *a, d: *a}")


def test_keys_and_texts_are_taken_as_the_api_server_takes_them() -> None:
    assert [{"2": "a", "true": "b", "t": "2020-01-01", "e": "😀"}] == read_documents(
        '{2: a, true: b, t: 2020-01-01, e: "\\ud83d\\ude00"}'
    )


def test_a_file_or_input_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text("kind: x\n" * 100)

    with patch("cli.manifests.MAX_BYTES", 100), patch.object(documents, "MAX_BYTES", 100):
        assert "longer than" in words(run("plan", "-f", str(tmp_path)))
        assert "longer than" in words(run("plan", "-f", "-", given="kind: x\n" * 100))


@pytest.mark.parametrize("content", [gzip.compress(b"kind: Gateway", mtime=0), b"\xff\xfe\x00", b"kind: \xed\xa0\x80"])
def test_what_is_not_utf8_text_is_refused_also_when_it_is_compressed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(content)

    answer = run("plan", "-f", str(tmp_path))

    assert 1 == answer.exit_code
    assert "cannot be read as UTF-8 text" in words(answer)


def test_no_character_of_a_manifest_reaches_the_terminal_as_a_command_and_no_markup_is_obeyed(tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J[/red][link=http://x]y[/link]\u202e\x9b31m"
    header = {"name": "x-a", "value": evil, "type": "RegularExpression"}
    named = route(rules=[{"name": "[/]", "matches": [{"headers": [header]}]}])
    named["metadata"]["name"] = "[bold]w[/bold]\x1b[31m"
    objects = [gateway_class(), gateway(), named, {"kind": f"Odd{evil}", "apiVersion": "x/v1", "metadata": {}}]
    (tmp_path / "a.json").write_text(json.dumps({"kind": "List", "items": objects}))

    for answer in (run("plan", "-f", str(tmp_path)), run("plan", "-f", str(tmp_path), "--output", "yaml")):
        shown = answer.stdout + answer.stderr
        assert answer.exception is None or isinstance(answer.exception, SystemExit), answer.exception
        assert [] == [char for char in shown if not char.isprintable() and char != "\n"]


def test_a_secret_in_the_input_is_never_shown_whatever_goes_wrong(tmp_path: Path) -> None:
    item, canary = canary_secret("tls")
    broken, garbage = json.loads(json.dumps(item)), "hunter2-" * 12
    broken["metadata"]["name"] = "broken"
    broken["stringData"] = {"tls.key": garbage}
    texts = {
        "good": yaml.safe_dump_all([item, broken, gateway_class(), gateway()]),
        "tag": f"kind: Secret\ndata: {{tls.key: !!int {item['data']['tls.key']}}}",
        "float": f"kind: Secret\ndata: {{tls.key: !!float {garbage}}}",
        "binary": f"kind: Secret\ndata: {{tls.key: !!binary {garbage}}}",
        "cut": f'kind: Secret\ndata: {{tls.key: "{item["data"]["tls.key"]}',
        "list": yaml.safe_dump({**item, "data": [item["data"]], "metadata": [1]}),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
        for form in ("table", "yaml"):
            answer = run("plan", "-f", str(tmp_path / f"{name}.yaml"), "--output", form)
            shown = answer.stdout + answer.stderr + repr(answer.exception)
            assert [] == canary.sings(shown) + canary_of(garbage).sings(shown)


def test_an_unexpected_failure_of_the_command_shows_no_local_variables() -> None:
    assert app.pretty_exceptions_show_locals is False


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 2**40)
    | st.text(max_size=4)
    | st.sampled_from(("gw", "infra", "Gateway")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def _spoilt(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw a good world with parts of it replaced by anything."""
    objects: list[Any] = [gateway_class(), gateway(), route(), *with_service(), canary_secret("tls")[0]]
    for _ in range(draw(st.integers(1, 4))):
        holder, key = draw(st.sampled_from(list(_places(objects))))
        holder[key] = draw(_values)
    return [one for one in objects if isinstance(one, dict) and isinstance(one.get("kind"), str)]


def _places(value: Any) -> list[tuple[Any, Any]]:
    if not isinstance(value, (dict, list)):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [(value, key) for key in keys] + [place for key in keys for place in _places(value[key])]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(_spoilt())
def test_objects_of_any_shape_are_planned_without_a_crd_to_check_them(
    tmp_path_factory: pytest.TempPathFactory, objects: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("spoilt")
    (folder / "a.json").write_text(json.dumps({"kind": "List", "items": objects}))

    with patch("cli.plan.default_crds", return_value=None):
        assert {"status", "resources"} == set(document(make_plan([str(folder)])))
        answer = run("plan", "-f", str(folder))
    assert answer.exception is None, answer.exception


def test_an_error_says_where_and_never_what() -> None:
    with pytest.raises(DocumentError, match="line 2"):
        read_documents("a: 1\nb: [")
