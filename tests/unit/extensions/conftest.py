"""The QUICRoute extension, installed for the tests of this folder alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.extension import install, installed


@pytest.fixture(scope="session", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the extension is installed."""
    return install(tmp_path_factory.mktemp("extension"))


@pytest.fixture(name="quicroute")
def _quicroute(folder: Path) -> Iterator[None]:
    with installed(folder):
        yield
