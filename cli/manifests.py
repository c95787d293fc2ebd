"""Manifests from files: many documents, in any order, with the place each came from."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.documents import MAX_BYTES, DocumentError, read_documents

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


class ManifestError(Exception):
    """A file that cannot be read as Kubernetes manifests; says which, where and why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object with the file it stands in; `number` counts documents from 1."""

    source: str
    number: int
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """Return kind/namespace/name for messages."""
        meta = self.body.get("metadata")
        meta = meta if isinstance(meta, dict) else {}
        parts = (str(self.body.get("kind")), meta.get("namespace"), meta.get("name"))
        return "/".join(str(part) for part in parts if part)

    @property
    def place(self) -> str:
        """Return where it stands."""
        return f"{self.source} (document {self.number})"


def read_manifests(where: Iterable[str]) -> list[Manifest]:
    """Return the objects of files, of folders (recursively, .yaml .yml .json), or of standard input (`-`).

    Lists are opened. Raises ManifestError for a missing file, broken YAML, or a document that is no Kubernetes object.
    """
    return [manifest for item in where for file in _files(item) for manifest in _documents(*file)]


def _files(where: str) -> Iterator[tuple[str, str]]:
    if where == "-":
        yield "standard input", _standard_input()
        return
    path = Path(where)
    if not path.exists():
        raise ManifestError(f"{where}: no such file or folder")
    found = sorted(p for p in path.rglob("*") if p.suffix in _SUFFIXES and p.is_file()) if path.is_dir() else [path]
    if not found:
        raise ManifestError(f"{where}: no .yaml, .yml or .json file in it")
    for file in found:
        try:
            if file.stat().st_size > MAX_BYTES:
                raise ManifestError(f"{file}: longer than {MAX_BYTES} bytes")
            yield str(file), file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise ManifestError(f"{file}: cannot be read as UTF-8 text") from None


def _standard_input() -> str:
    try:
        return sys.stdin.read(MAX_BYTES + 1)
    except UnicodeDecodeError:
        raise ManifestError("standard input: cannot be read as UTF-8 text") from None


def _documents(source: str, text: str) -> Iterator[Manifest]:
    try:
        bodies = read_documents(text)
    except DocumentError as error:
        raise ManifestError(f"{source}{error}") from None
    for number, body in enumerate(bodies, start=1):
        if body is None:
            continue
        if not isinstance(body, dict) or not isinstance(body.get("kind"), str):
            raise ManifestError(f"{source} (document {number}): not a Kubernetes object: it has no kind")
        yield from _open_list(source, number, body)


def _open_list(source: str, number: int, body: dict[str, Any]) -> Iterator[Manifest]:
    items = body.get("items")
    if body["kind"].endswith("List") and isinstance(items, list):
        for item in items:
            if not isinstance(item, dict) or not isinstance(item.get("kind"), str):
                raise ManifestError(f"{source} (document {number}): an item of the {body['kind']} has no kind")
            yield Manifest(source, number, item)
    else:
        yield Manifest(source, number, body)
