"""The data plane as a process of its own, which follows the emulator by HTTP."""

from __future__ import annotations

import os
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from emulators.aws.account import Account
from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from emulators.cluster.processes import Child, free_port
from tests.integration.dataplane_world import eventually, fixed

pytestmark = pytest.mark.integration

_ROOT = Path(__file__).parents[2]


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server chose
        """Stay silent."""


@contextmanager
def served(account: Account) -> Iterator[str]:
    """Serve an account on loopback; the value is the URL of its state."""
    with make_server("127.0.0.1", 0, account, handler_class=_Silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield urllib.parse.urlunsplit(("http", f"127.0.0.1:{server.server_port}", "/_emulator/state", "", ""))
        server.shutdown()
        thread.join(10)


@contextmanager
def running(url: str, folder: Path) -> Iterator[Child]:
    """Run the data plane as a process."""
    options = ["--state", url, "--addresses", str(folder / "addresses.json"), "--folder", str(folder / "plane")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT)}
    command = [sys.executable, "-m", "emulators.dataplane", *options]
    child = Child("dataplane", command, folder / "dataplane.log", environment)
    try:
        yield child
    finally:
        child.stop()


def open_web(account: Account) -> None:
    """Make a load balancer with one listener."""
    network, elbv2 = account.prepare_network(), account.client("elbv2")
    made = elbv2.create_load_balancer(Name="web", Subnets=list(network.subnet_ids))["LoadBalancers"][0]
    options = {"Protocol": "HTTP", "Port": free_port(), "DefaultActions": fixed(404)}
    elbv2.create_listener(LoadBalancerArn=made["LoadBalancerArn"], **options)


def test_the_process_tells_which_version_it_has_applied_and_ends_when_asked(tmp_path: Path) -> None:
    with strict_aws(Settings()) as account, served(account) as url, running(url, tmp_path) as child:
        open_web(account)
        version = account.state()["version"]
        assert eventually(lambda: f"applied {version}\n" in child.log.read_text()), child.tail()
        child.stop()
        assert 0 == child.exit_code


def test_the_process_waits_for_an_emulator_that_comes_later(tmp_path: Path) -> None:
    nobody = urllib.parse.urlunsplit(("http", f"127.0.0.1:{free_port()}", "/_emulator/state", "", ""))
    with running(nobody, tmp_path) as child:
        assert eventually(lambda: "ready: " in child.log.read_text()), child.tail()
        assert child.running
