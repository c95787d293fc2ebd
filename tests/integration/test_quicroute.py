"""QUICRoute on real parts: API server, watcher, queues, functions, emulated AWS, Envoy, and real datagrams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.extension import ROOT, install
from tests.integration.quic_server import own_id
from tests.integration.quicroute_story import CHOSEN

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("stage"), pytest.mark.timeout(240)]


@pytest.fixture(scope="module", name="told")
def _told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the story saw, in a process that has the extension from its start, as a deployment would."""
    folder: Path = install(tmp_path_factory.mktemp("extension"))
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"}
    command = [sys.executable, "-m", "tests.integration.quicroute_story"]
    done = subprocess.run(  # noqa: S603 - our own module
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert 0 == done.returncode, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_api_server_takes_the_kind_and_its_status_tells_of_the_attachment(told: dict[str, Any]) -> None:
    assert {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"} == told["conditions"]
    assert 1 == told["attached"]


def test_a_client_s_first_datagram_reaches_the_server_through_a_quic_listener(told: dict[str, Any]) -> None:
    assert [["QUIC", 443]] == told["listeners"]
    assert [] == told["security groups"]
    assert CHOSEN.hex() == told["answer"].split()[0]


def test_the_server_knows_the_id_by_which_it_is_registered(told: dict[str, Any]) -> None:
    assert told["target"]["QuicServerId"] == told["answer"].split()[1] == own_id(told["target"]["Id"])


def test_deleting_the_route_ends_the_answers_and_the_gateway_leaves_nothing(told: dict[str, Any]) -> None:
    assert {"load balancers": 0, "target groups": 0, "security groups": 0, "certificates": 0} == told["left"]
