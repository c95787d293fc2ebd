"""The demo's clients and the Pods' echo servers, without anything between them: who answers, and how that is told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.certificates import key_pair
from demo.wire import Told, line

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]

ROOT = Path(__file__).parents[2]


@contextmanager
def _serving(server: str, **environment: str) -> Iterator[tuple[str, int]]:
    """Run an echo server of Pod `a/web` as a process of its own; yield where it listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    identity = {"POD_NAME": "web", "POD_NAMESPACE": "a", "PORT": str(port), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", f"emulators.cluster.{server}"]
    with subprocess.Popen(command, env=os.environ | identity | environment) as process:  # noqa: S603 - ours
        try:
            _wait_until_open(port)
            yield "127.0.0.1", port
        finally:
            process.terminate()
            assert 0 == process.wait(10)


def _wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def test_a_line_in_clear_is_answered_by_the_pod_that_heard_it() -> None:
    with _serving("echo_stream", TEAM="a") as place:
        assert Told({"pod": "web", "namespace": "a", "team": "a", "tls": False, "heard": "hello"}) == line(place)


def test_a_pod_with_a_key_ends_tls_by_itself(tmp_path: Path) -> None:
    own, other = key_pair("vault.example.com"), key_pair("vault.example.com")
    for name, text in (("crt", own.certificate), ("key", own.key)):
        (tmp_path / name).write_text(text)
    with _serving("echo_stream", TLS_CERT=str(tmp_path / "crt"), TLS_KEY=str(tmp_path / "key")) as place:
        assert line(place, "vault.example.com", own.certificate).body["tls"] is True
        assert line(place, "vault.example.com", other.certificate).error.startswith("SSLCertVerificationError")
        assert line(place, "safe.example.com", own.certificate).error.startswith("SSLCertVerificationError")
        assert line(place).error


def test_a_stream_that_ends_without_an_answer_is_told_as_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        place = nobody.getsockname()
    assert line(place).error.startswith("ConnectionRefusedError")
